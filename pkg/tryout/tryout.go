// Package tryout opens a source that a page has sent, in a process of its own that ends with its first picture, and says which
// sources may come from a page.
package tryout

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/process"
	"linkstart/pkg/secret"
)

// Errors that a test can end in, besides ErrSource and camera.ErrAuth.
var (
	ErrNoPicture = errors.New("no picture has come")
	ErrBusy      = errors.New("too many tests at a time")
)

// Limit is how long a test may take.
const Limit = 15 * time.Second

const (
	most = 2 // tests at a time
	// mostProcesses are there at a time, with those of tests that are over: whoever gives up one after the other could have any
	// number of them end.
	mostProcesses = most * (together + 1)
	fps           = 5
)

// Options is what a Tester is made of.
type Options struct {
	Conn      *nats.Conn
	Subjects  bus.Subjects
	Log       *slog.Logger
	Reachable func() Reachable
	// Start starts a grabber for source, which it checks, on the bus as id. tlsPin is that of Wanted, pin the address that the
	// source's host is connected at. What it returns beside the process is called when that has ended.
	Start func(id camera.ID, source, tlsPin string, pin netip.Addr) (p *process.Process, ended func(), err error)
}

// Tester tests sources.
type Tester struct {
	Options
	free    chan struct{} // holds one for each test
	room    chan struct{} // holds one for each process
	running sync.WaitGroup
}

// New returns a Tester.
func New(o Options) *Tester {
	return &Tester{Options: o, free: make(chan struct{}, most), room: make(chan struct{}, mostProcesses)}
}

// Result is what a source has shown.
type Result struct {
	Source string // that was found, without secrets
	Frame  *camera.Frame
}

// Try opens a source and returns its first picture. It ends with it, with ctx, or after Limit; the process ends a little later, see Close.
// Errors that errors.Is knows: ErrSource, ErrNoPicture, ErrBusy, camera.ErrAuth.
func (t *Tester) Try(ctx context.Context, w Wanted) (Result, error) {
	source, bare, err := w.Complete()
	if err != nil {
		return Result{}, err
	}
	if strings.HasPrefix(source, "push:") {
		return Result{}, refuse("nothing can be tested of push: — save it, and send pictures to it")
	}
	select {
	case t.free <- struct{}{}:
		defer func() { <-t.free }()
	default:
		return Result{}, &camera.Error{Say: fmt.Sprintf("%d addresses are being tested already: try again in a few seconds", most), Err: ErrBusy}
	}
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	var r Result
	if bare {
		r, err = t.search(ctx, w)
	} else {
		var pin netip.Addr
		if pin, err = t.Reachable().Check(ctx, source); err == nil {
			r, err = t.one(ctx, source, w.TLSPin, pin)
		}
	}
	if err != nil {
		return Result{}, err
	}
	r.Source = shown(r.Source, w)
	return r, nil
}

// shown is the source without secrets; without the user too, where that was given apart from it.
func shown(source string, w Wanted) string {
	if w.User != "" || w.Password != "" {
		if u, err := url.Parse(source); err == nil {
			u.User = nil
			source = u.String()
		}
	}
	return secret.Redact(source)
}

// Close waits until every process of a test has ended, which takes a few seconds at most.
func (t *Tester) Close() { t.running.Wait() }

func late() error {
	return &camera.Error{Say: fmt.Sprintf("no picture has come within %s", Limit), Err: ErrNoPicture}
}

// one tries one source. Its id on the bus is none that a camera can have.
func (t *Tester) one(ctx context.Context, source, tlsPin string, pin netip.Addr) (Result, error) {
	id := camera.ID("_test-" + strings.ToLower(rand.Text()[:16]))
	frames, ends := make(chan *camera.Frame, 1), make(chan error, 1)
	feed, err := bus.OpenFeed(t.Conn, t.Subjects, id, camera.Main, fps, t.Log, func(f *camera.Frame) {
		select {
		case frames <- f:
		default:
		}
	})
	if err != nil {
		return Result{}, err
	}
	defer func() { feed.Close(); <-feed.Done() }()
	status, err := t.Conn.Subscribe(t.Subjects.Status(id), func(m *nats.Msg) {
		feed.Poke() // it is there, and can be asked
		if err := failure(m.Data); err != nil {
			select {
			case ends <- err:
			default:
			}
		}
	})
	if err != nil {
		return Result{}, fmt.Errorf("listen to a test: %w", err)
	}
	defer func() { _ = status.Unsubscribe() }()
	select {
	case t.room <- struct{}{}:
	case <-ctx.Done():
		return Result{}, late()
	}
	p, ended, err := t.Start(id, source, tlsPin, pin)
	if err != nil {
		<-t.room
		return Result{}, err
	}
	t.running.Go(func() { <-p.Done(); ended(); <-t.room })
	defer t.running.Go(func() { p.Stop(context.Background()) }) // which its grace bounds
	select {
	case f := <-frames:
		return Result{source, f}, nil
	case err := <-ends:
		return Result{}, err
	case <-p.Done():
		select {
		case err := <-ends: // its last words
			return Result{}, err
		default:
			return Result{}, &camera.Error{Say: "the process that tests the address ended: " + p.Exit().String(), Err: ErrNoPicture}
		}
	case <-ctx.Done():
		return Result{}, late()
	}
}

// failure returns what a heartbeat says to be wrong, or nil.
func failure(heartbeat []byte) error {
	var s camera.Status
	if json.Unmarshal(heartbeat, &s) != nil || s.Error == "" || s.State != camera.Reconnecting && s.State != camera.Misconfigured {
		return nil
	}
	if s.LoginRefused {
		return &camera.Error{Say: s.Error, Err: camera.ErrAuth}
	}
	return &camera.Error{Say: s.Error, Err: ErrNoPicture}
}
