package uplink_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/control"
	"linkstart/pkg/logtest"
	"linkstart/pkg/nodes"
	"linkstart/pkg/uplink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// door is an address that leads to the hub while it is open. Who comes while it is shut is neither let in nor refused, as by a link
// that is cut.
type door struct {
	t        *testing.T
	listener *net.TCPListener
	hub      string
	inside   []net.Conn
	queue    []net.Conn // that fill the place where others would wait
}

func newDoor(t *testing.T, hub string) *door {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := l.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if bad := raw.Control(func(fd uintptr) {
		err = errors.Join(unix.Listen(int(fd), 0), unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1)) // the least that there is
	}); bad != nil || err != nil {
		t.Fatal(bad, err)
	}
	return &door{t: t, listener: l, hub: hub}
}

// admit lets in who comes next, but for those who fill the queue.
func (d *door) admit() {
	d.t.Helper()
	if err := d.listener.SetDeadline(time.Now().Add(patience)); err != nil {
		d.t.Fatal(err)
	}
	for range d.queue {
		c, err := d.listener.Accept()
		if err != nil {
			d.t.Fatal(err)
		}
		_ = c.Close()
	}
	for _, c := range d.queue {
		_ = c.Close()
	}
	d.queue = nil
	outside, err := d.listener.Accept()
	if err != nil {
		d.t.Fatal("nobody comes: ", err)
	}
	inside, err := net.Dial("tcp", d.hub)
	if err != nil {
		d.t.Fatal(err)
	}
	d.inside = []net.Conn{outside, inside}
	go func() { _, _ = io.Copy(inside, outside) }()
	go func() { _, _ = io.Copy(outside, inside) }()
}

// shut has whoever comes from now on wait, and ends the connection that there is.
func (d *door) shut() {
	d.t.Helper()
	for {
		c, err := net.DialTimeout("tcp", d.listener.Addr().String(), 300*time.Millisecond)
		if err != nil {
			break
		}
		d.queue = append(d.queue, c)
	}
	for _, c := range d.inside {
		_ = c.Close()
	}
}

// stall reads nothing more of what is sent to the hub.
func (d *door) stall() {
	d.t.Helper()
	if err := d.inside[0].SetReadDeadline(time.Now()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *door) close() {
	_ = d.listener.Close()
	for _, c := range append(d.inside, d.queue...) {
		_ = c.Close()
	}
}

// link is an uplink between the buses of a site and of a hub.
type link struct {
	t         *testing.T
	subjects  bus.Subjects
	site, hub *nats.Conn // as admin
	door      *door
	said      *nats.Subscription // by the uplink
	log       logtest.Buffer     // of the uplink
	end       func() error       // what it returned; idempotent
}

func newLink(t *testing.T) *link {
	t.Helper()
	log, l := slog.New(slog.DiscardHandler), &link{t: t, subjects: bus.Subjects{Prefix: "linkstart"}}
	start := func(node string) (*broker.Server, *nats.Conn) {
		s, err := broker.Start(broker.Options{Log: log, Subjects: l.subjects, Network: broker.Network{Node: node}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Stop)
		nc, err := bus.Connect(t.Context(), bus.Access{URL: s.URL(), User: "admin", Password: s.AddUser("admin", broker.AllowAll)}, log)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return s, nc
	}
	var hub, site *broker.Server
	hub, l.hub = start("hub")
	site, l.site = start("edge1")
	l.door = newDoor(t, hub.URL()[len("nats://"):])
	t.Cleanup(l.door.close)
	var err error
	if l.said, err = l.site.SubscribeSync(l.subjects.Uplink("edge1")); err != nil {
		t.Fatal(err)
	}
	access := func(s *broker.Server, url, user string, p broker.Permissions) bus.Access {
		return bus.Access{URL: url, User: user, Password: s.AddUser(user, p), Prefix: "linkstart", Node: "edge1"}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- uplink.Run(ctx, uplink.Options{Log: slog.New(slog.NewTextHandler(&l.log, nil)), Config: child.Uplink{
			Site: access(site, site.URL(), broker.UplinkUser, broker.UplinkPermissions(l.subjects, "edge1")),
			Hub:  access(hub, "nats://"+l.door.listener.Addr().String(), "edge1", broker.AllowAll), SubFPS: 100,
		}})
	}()
	l.end = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = l.end() })
	return l
}

// next is what the uplink says next of how it fares.
func (l *link) next() (u control.Uplink) {
	l.t.Helper()
	var m *nats.Msg
	err := nats.ErrTimeout
	for try := 0; errors.Is(err, nats.ErrTimeout) && try < 70; try++ { // in 3.5 s its process would be ended; those in which this one gets no turn do not count
		m, err = l.said.NextMsg(50 * time.Millisecond)
	}
	if err != nil {
		l.t.Fatal("the uplink is not heard: ", err)
	}
	if err := json.Unmarshal(m.Data, &u); err != nil {
		l.t.Fatal(err)
	}
	return u
}

// waiting is how much has been said that next has not returned.
func (l *link) waiting() int {
	l.t.Helper()
	n, _, err := l.said.Pending()
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

// until waits for what the uplink says of itself.
func (l *link) until(what string, ok func(control.Uplink) bool) (u control.Uplink) {
	l.t.Helper()
	for end := time.Now().Add(patience); ; {
		if u = l.next(); ok(u) {
			return u
		}
		if time.Now().After(end) {
			l.t.Fatalf("not %s: %+v", what, u)
		}
	}
}

func (l *link) becomes(connected bool) {
	l.t.Helper()
	l.until(fmt.Sprintf("connected: %t", connected), func(u control.Uplink) bool { return u.Connected == connected })
}

// supervisor has one camera.
type supervisor struct{}

// Handle implements control.Handler.
func (supervisor) Handle(context.Context, string, control.Request) (control.Reply, error) {
	return control.Reply{Cameras: []camera.Info{{ID: "gate", Node: "edge1", State: camera.Live}}}, nil
}

// supervise answers at the site, until the test ends.
func (l *link) supervise() {
	l.t.Helper()
	stop, err := control.Serve(l.t.Context(), l.site, l.subjects, "edge1", supervisor{})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := stop(); err != nil {
			l.t.Error(err)
		}
	})
}

// announce says at the site what its supervisor, or another one, says of a camera.
func (l *link) announce(id camera.ID, node string, state camera.State) {
	l.t.Helper()
	b, err := json.Marshal(camera.Info{ID: id, Node: node, State: state})
	if err == nil {
		err = l.site.Publish(l.subjects.Camera(id), b)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// TestLinkThatHangs: while a connection to the hub is being made, the supervisor hears how the uplink fares, or it would take it for
// one that hangs; and when it is made at last, it is used.
func TestLinkThatHangs(t *testing.T) {
	l := newLink(t)
	l.door.admit()
	l.becomes(true)
	l.door.shut()
	l.becomes(false)
	for range 7 { // seconds: longer than one try to connect
		l.next()
	}
	l.door.admit()
	l.becomes(true)
	l.door.shut()
	l.becomes(false)
	ended := make(chan error, 1)
	go func() { ended <- l.end() }()
	for step := 0; len(ended) == 0 && step < 80; step++ { // as in next
		time.Sleep(50 * time.Millisecond)
	}
	if len(ended) == 0 {
		t.Error("it is connecting, and has not stopped after 4 s: it would be killed")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestHubThatReadsNothing: what a link does not take stays where the next picture replaces it, or viewers would see it when it is old.
// The kernel's limit of what is unsent alone would hold a hundred of these pictures.
func TestHubThatReadsNothing(t *testing.T) {
	const picture = 1 << 10 // bytes
	l := newLink(t)
	l.supervise()
	l.door.admit()
	l.becomes(true)

	come, err := l.hub.SubscribeSync(l.subjects.Frame("gate", camera.Sub))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan struct{}, 1)
	feed, err := bus.OpenFeed(l.hub, l.subjects, "gate", camera.Sub, 0, slog.New(slog.DiscardHandler), func(*camera.Frame) {
		select {
		case seen <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { feed.Close(); <-feed.Done() }()
	jpeg := make([]byte, picture)
	copy(jpeg, "\xFF\xD8")
	var films sync.WaitGroup
	defer films.Wait()
	filming, cut := context.WithCancel(t.Context())
	defer cut()
	films.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for seq := uint32(0); filming.Err() == nil; seq++ {
			f := &camera.Frame{JPEG: jpeg, Seq: seq, Captured: time.Now(), Width: 640, Height: 360}
			if err := l.site.PublishMsg(bus.EncodeFrame(l.subjects.Frame("gate", camera.Sub), f)); err != nil {
				t.Error(err)
				return
			}
			<-tick.C
		}
	})
	for range 2 { // the second is not one that stood in the way
		select {
		case <-seen:
		case <-time.After(patience):
			t.Fatal("no picture comes to the hub")
		}
	}
	l.door.stall()
	for l.waiting() > 0 { // said before
		l.next()
	}
	before := l.next()
	after := l.until("filmed on", func(u control.Uplink) bool { return u.Frames+u.Shed > before.Frames+before.Shed+100 })
	under := func() int {
		n, _, err := come.Pending()
		if err != nil {
			t.Fatal(err)
		}
		return int(after.Frames) - n
	}
	for end := time.Now().Add(patience); under() > 20; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d pictures are on their way to a hub that reads nothing, %d were passed over", under(), after.Shed-before.Shed)
		}
	}
}

// TestPictureOfACameraThatIsAway: who asks at the hub gets the picture that the uplink has kept for others, and is told whether it is a
// present one.
func TestPictureOfACameraThatIsAway(t *testing.T) {
	l := newLink(t)
	l.supervise()
	l.door.admit()
	l.becomes(true)

	picture := &camera.Frame{JPEG: []byte("\xFF\xD8picture"), Seq: 1, Captured: time.Now().Add(-5 * time.Second), Width: 640, Height: 360}
	films, err := l.site.Subscribe(l.subjects.Want("gate", camera.Sub), func(m *nats.Msg) {
		if m.Reply != "" {
			_ = m.RespondMsg(bus.EncodeFrame("", picture)) // who asks fails without
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	feed, err := bus.OpenFeed(l.hub, l.subjects, "gate", camera.Sub, 0, slog.New(slog.DiscardHandler), func(*camera.Frame) {})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { feed.Close(); <-feed.Done() }()
	is := func(state camera.State, live bool) {
		t.Helper()
		for end := time.Now().Add(patience); ; {
			l.announce("gate", "edge1", state)
			f, err := bus.Ask(t.Context(), l.hub, l.subjects, "gate", camera.Sub)
			if err == nil && f.NotLive != live {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the camera is %s, and the answer is %+v, %v", state, f, err)
			}
		}
	}
	is(camera.Live, true)
	if err := films.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	is(camera.Reconnecting, false)
	is(camera.Live, true)
}

// TestSiteThatIsAHub: the sites behind it have cameras that its own hub does not know of, and supervisors that the uplink may not ask.
func TestSiteThatIsAHub(t *testing.T) {
	l := newLink(t)
	l.supervise()
	l.door.admit()
	l.becomes(true)
	behind, stop, err := nodes.Follow(l.site, l.subjects, func(nodes.Node) {})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	var telling sync.WaitGroup
	defer telling.Wait()
	defer cancel()
	telling.Go(func() { nodes.Tell(ctx, l.site, l.subjects, "edge2", func() nodes.Beat { return nodes.Beat{} }) })
	asked := func(id camera.ID) (err error) {
		for end := time.Now().Add(patience); ; {
			if _, err = bus.Ask(t.Context(), l.hub, l.subjects, id, camera.Sub); !errors.Is(err, context.DeadlineExceeded) || time.Now().After(end) {
				return err
			}
		}
	}
	for end := time.Now().Add(patience); !behind.Here("edge2") || errors.Is(asked("gate"), nats.ErrNoResponders); {
		if time.Now().After(end) {
			t.Fatal("the site's camera is not heard of at the hub, or the other supervisor not at the site")
		}
	}
	l.announce("yard", "edge2", camera.Live)
	l.announce("door", "edge1", camera.Live)
	for end := time.Now().Add(patience); errors.Is(asked("door"), nats.ErrNoResponders); {
		if time.Now().After(end) {
			t.Fatal("a camera that has come to the site is not heard of at the hub")
		}
	}
	if err := asked("yard"); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("the uplink answers for a camera of another supervisor: %v", err)
	}
	if said := l.log.String(); strings.Contains(said, "edge2") {
		t.Errorf("the uplink says\n%s", said)
	}
}
