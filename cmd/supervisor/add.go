package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"linkstart/pkg/access"
	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/config"
	"linkstart/pkg/control"
	"linkstart/pkg/discover"
	"linkstart/pkg/fleet"
	"linkstart/pkg/process"
	"linkstart/pkg/secret"
	"linkstart/pkg/tryout"
)

// addTime is what it may take to look up the hosts of a new camera. Then it is not added: whoever asked for it waits a little longer
// than that, and would not know that it was.
const addTime = 3 * time.Second

// testGrace is how long the process of a test may take to end by itself: nobody waits for its picture any more.
const testGrace = time.Second

// desk takes the orders of relay and command line: those about new cameras and about who is let in itself, the others
// are the fleet's.
type desk struct {
	*fleet.Fleet
	system *system
	tests  *tryout.Tester

	mu    sync.Mutex
	going map[string]context.CancelFunc // tests, by their tickets

	searching atomic.Bool
}

func (s *system) newDesk() *desk {
	return &desk{
		Fleet: s.fleet, system: s, going: make(map[string]context.CancelFunc),
		tests: tryout.New(tryout.Options{
			Conn: s.nc, Subjects: s.subjects(), Log: s.log, Start: s.startTest,
			Reachable: func() tryout.Reachable { return s.cfg().Server.Networks() },
		}),
	}
}

// Handle implements control.Handler.
func (d *desk) Handle(ctx context.Context, verb string, r control.Request) (reply control.Reply, err error) {
	switch verb {
	case control.Test:
		reply, err = d.test(ctx, r)
	case control.EndTest:
		d.mu.Lock()
		defer d.mu.Unlock()
		if end := d.going[r.Ticket]; end != nil {
			end()
		}
	case control.Add:
		reply, err = d.add(ctx, r)
	case control.Yield:
		if d.system.pool == nil {
			return reply, errors.New("this supervisor shares no cameras")
		}
		err = d.system.pool.Give(ctx, r.Camera, r.Node)
	case control.Discover:
		reply.Found, err = d.discover(ctx)
	case control.Access, control.Token, control.Tokens, control.Revoke, control.EndSession, control.Audit:
		reply, err = d.system.admit(verb, r)
	default:
		return d.Fleet.Handle(ctx, verb, r)
	}
	return reply, refusal(err)
}

// refusal puts a code to what is refused.
func refusal(err error) error {
	if err == nil {
		return nil
	}
	var problems config.Problems
	code := control.BadCamera
	switch {
	case errors.As(err, new(*control.Refusal)):
		return err
	case errors.As(err, &problems):
		code = control.BadConfig
	case errors.Is(err, tryout.ErrSource):
		code = control.SourceRefused
	case errors.Is(err, camera.ErrAuth):
		code = control.LoginRefused
	case errors.Is(err, tryout.ErrNoPicture):
		code = control.TestFailed
	case errors.Is(err, tryout.ErrBusy):
		code = control.TooManyTests
	case errors.Is(err, config.ErrIDTaken):
		code = control.CameraExists
	case errors.Is(err, config.ErrNotSaved):
		code = control.NotSaved
	case errors.Is(err, access.ErrNoToken):
		code = control.UnknownToken
	case errors.Is(err, access.ErrFull):
		code = control.TooManyTokens
	case !errors.As(err, new(*camera.Error)):
		return err
	}
	return &control.Refusal{Code: code, Say: camera.Say(err)}
}

func (d *desk) test(ctx context.Context, r control.Request) (control.Reply, error) {
	if r.New == nil {
		return control.Reply{}, errors.New("the request names no source")
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	if r.Ticket != "" {
		d.mu.Lock()
		d.going[r.Ticket] = end
		d.mu.Unlock()
		defer func() {
			d.mu.Lock()
			delete(d.going, r.Ticket)
			d.mu.Unlock()
		}()
	}
	found, err := d.tests.Try(ctx, tryout.Wanted{Source: r.New.Source, User: r.New.User, Password: r.New.Password, TLSPin: strings.TrimSpace(r.New.TLSPin)})
	if err != nil {
		return control.Reply{}, err
	}
	f := found.Frame
	return control.Reply{Source: found.Source, Width: f.Width, Height: f.Height, Picture: f.JPEG}, nil
}

// discover searches the network, once at a time, and says which cameras are there already. Loopback is searched where cameras may be
// added from there.
func (d *desk) discover(ctx context.Context) ([]control.Found, error) {
	if d.searching.Swap(true) {
		return nil, &control.Refusal{Code: control.TooManyTests, Say: "the network is being searched already: try again in a few seconds"}
	}
	defer d.searching.Store(false)
	cfg := d.system.cfg()
	here := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback := slices.ContainsFunc(cfg.Server.Networks(), func(n netip.Prefix) bool { return n.Contains(here) })
	cameras, err := discover.Search(ctx, discover.Options{Loopback: loopback})
	if err != nil {
		return nil, fmt.Errorf("search network: %w", err)
	}
	known := knownHosts(cfg)
	found := make([]control.Found, len(cameras))
	for i, c := range cameras {
		found[i] = control.Found{Camera: c, Known: known[c.Address]}
	}
	return found, nil
}

// knownHosts are the cameras of a configuration by the hosts of their sources.
func knownHosts(cfg *config.Config) map[string]camera.ID {
	known := make(map[string]camera.ID)
	for _, c := range cfg.Cameras {
		if u, err := url.Parse(c.Source.Reveal()); err == nil && u.Hostname() != "" {
			known[u.Hostname()] = c.ID
		}
	}
	return known
}

// add writes a camera into the configuration and brings that into force.
func (d *desk) add(ctx context.Context, r control.Request) (control.Reply, error) {
	if r.New == nil {
		return control.Reply{}, errors.New("the request names no camera")
	}
	ctx, cancel := context.WithTimeout(ctx, addTime)
	defer cancel()
	a := config.Addition{
		ID: r.New.ID, Name: strings.TrimSpace(r.New.Name), Group: strings.TrimSpace(r.New.Group), TLSPin: strings.TrimSpace(r.New.TLSPin), FPS: r.New.FPS, Quality: r.New.Quality,
	}
	for _, one := range []struct {
		written string
		to      *string
	}{{r.New.Source, &a.Source}, {r.New.Substream, &a.Substream}} {
		if one.written == "" && one.to == &a.Substream {
			continue
		}
		var err error
		if *one.to, err = d.complete(ctx, tryout.Wanted{Source: one.written, User: r.New.User, Password: r.New.Password}); err != nil {
			return control.Reply{}, err
		}
	}
	s := d.system
	id, err := config.Add(s.file, a)
	if err != nil {
		return control.Reply{}, err
	}
	s.log.Info("a camera was added to the configuration", "camera", id, "source", secret.Redact(a.Source))
	if _, err := s.reloader.Reload(true); err != nil {
		say := fmt.Sprintf("%s is written into the configuration, which is not in force: %s", id, camera.Say(err))
		return control.Reply{}, &control.Refusal{Code: control.BadConfig, Say: say}
	}
	for _, info := range d.Cameras() {
		if info.ID == id {
			return control.Reply{Cameras: []camera.Info{info}}, nil
		}
	}
	return control.Reply{}, fmt.Errorf("%s is written, but somebody has taken it out again", id)
}

// complete returns a source that a page may have.
func (d *desk) complete(ctx context.Context, w tryout.Wanted) (string, error) {
	source, bare, err := w.Complete()
	if err != nil {
		return "", err
	}
	if bare {
		say := "nothing is known of this host but its name: write the whole address, e.g. rtsp://" + source + "/…"
		return "", &camera.Error{Say: say, Err: tryout.ErrSource}
	}
	if _, err := d.tests.Reachable().Check(ctx, source); err != nil {
		return "", err
	}
	return source, held(d.system.cfg(), source)
}

// held refuses what leads to further addresses, which nobody has checked.
func held(base *config.Config, source string) error {
	cam, err := config.Addition{Source: source}.Check(base)
	if err != nil {
		return err
	}
	if cam.Kind() == config.Video && strings.HasPrefix(source, "http") {
		return &camera.Error{
			Say: "a video file or playlist over HTTP can lead to any other address, so it is not added from a page: write it into the configuration file",
			Err: tryout.ErrSource,
		}
	}
	return nil
}

// startTest starts a grabber that opens source as the configuration in force would have it.
func (s *system) startTest(id camera.ID, source, tlsPin string, pin netip.Addr) (*process.Process, func(), error) {
	cfg := s.cfg()
	if err := held(cfg, source); err != nil {
		return nil, nil, err
	}
	cam, err := config.Addition{Source: source, TLSPin: tlsPin}.Check(cfg)
	if err != nil {
		return nil, nil, err
	}
	spec := cfg.Spec(cam)
	spec.ID, spec.OpenTimeout = id, tryout.Limit
	if pin.IsValid() {
		spec.Pin = pin.String()
	}
	joins, ended := s.testAccess(cfg, id)
	secrets := secret.Secrets(source)
	document, err := json.Marshal(child.Grabber{
		Bus:  joins,
		Kind: string(cam.Kind()), Camera: spec, Standby: camera.Hot, MemoryLimit: int64(cam.MemoryLimit), Secrets: secrets,
		Hide: []string{cfg.StateDir},
	})
	if err != nil {
		ended()
		return nil, nil, fmt.Errorf("describe a test to its grabber: %w", err)
	}
	scrub := secret.NewScrubber(append(secrets, joins.Password)...).Scrub
	start := process.Spec{
		Path: filepath.Join(s.bin, "grabber"), Document: document, Grace: testGrace,
		Line: func(line string) {
			s.testLine(id, child.ParseLine(line, func(t string) string { return s.scrub.Scrub(scrub(t)) }))
		},
	}
	if s.holds != nil {
		if hold, err := s.holds(id, int64(cam.MemoryLimit)); err != nil {
			s.log.Warn("a test is not bounded by the kernel", "err", err)
		} else {
			start.Cgroup = hold
			leave := ended
			ended = func() { leave(); _ = hold.Close() }
		}
	}
	p, err := process.Start(start)
	if err != nil {
		ended()
		return nil, nil, err
	}
	return p, ended, nil
}

// testAccess lets the grabber of a test onto the bus until ended is called.
func (s *system) testAccess(cfg *config.Config, id camera.ID) (a bus.Access, ended func()) {
	if s.external != nil {
		return *s.external, func() {}
	}
	user := broker.GrabberUser(id)
	password := s.server.AddUser(user, broker.GrabberPermissions(s.subjects(), id))
	return bus.Access{
		URL: s.server.URL(), User: user, Password: password, Prefix: cfg.Bus.Prefix, Node: string(cfg.Node),
	}, func() { s.server.RemoveUser(user) }
}

// testLine logs what the process of a test prints, for developers only: its end is told to who asked for it.
func (s *system) testLine(id camera.ID, r slog.Record) {
	s.log.Debug(r.Message, "test", id, "said", r.Level)
}
