package uplink_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/child"
	"linkstart/pkg/control"
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
	if bad := raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), 0) }); bad != nil || err != nil {
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

func (d *door) close() {
	_ = d.listener.Close()
	for _, c := range append(d.inside, d.queue...) {
		_ = c.Close()
	}
}

// TestLinkThatHangs: while a connection to the hub is being made, the supervisor hears how the uplink fares, or it would take it for
// one that hangs; and when it is made at last, it is used.
func TestLinkThatHangs(t *testing.T) {
	log, subjects := slog.New(slog.DiscardHandler), bus.Subjects{Prefix: "linkstart"}
	start := func(node string) (*broker.Server, *nats.Conn) {
		s, err := broker.Start(broker.Options{Log: log, Subjects: subjects, Network: broker.Network{Node: node}})
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
	hub, _ := start("hub")
	site, admin := start("edge1")
	d := newDoor(t, hub.URL()[len("nats://"):])
	defer d.close()

	said, err := admin.SubscribeSync(subjects.Uplink("edge1"))
	if err != nil {
		t.Fatal(err)
	}
	next := func() (u control.Uplink) {
		t.Helper()
		m, err := said.NextMsg(3500 * time.Millisecond) // or its process would be ended
		if err != nil {
			t.Fatal("the uplink is not heard: ", err)
		}
		if err := json.Unmarshal(m.Data, &u); err != nil {
			t.Fatal(err)
		}
		return u
	}
	becomes := func(connected bool) {
		t.Helper()
		for end := time.Now().Add(patience); next().Connected != connected; {
			if time.Now().After(end) {
				t.Fatalf("it does not become connected: %t", connected)
			}
		}
	}

	access := func(s *broker.Server, url, user string, p broker.Permissions) bus.Access {
		return bus.Access{URL: url, User: user, Password: s.AddUser(user, p), Prefix: "linkstart", Node: "edge1"}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- uplink.Run(ctx, uplink.Options{Log: log, Config: child.Uplink{
			Site: access(site, site.URL(), broker.UplinkUser, broker.UplinkPermissions(subjects, "edge1")),
			Hub:  access(hub, "nats://"+d.listener.Addr().String(), "edge1", broker.AllowAll), SubFPS: 5,
		}})
	}()
	d.admit()
	becomes(true)
	d.shut()
	becomes(false)
	for range 7 { // seconds: longer than one try to connect
		next()
	}
	d.admit()
	becomes(true)
	d.shut()
	becomes(false)
	stopped := time.Now()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(stopped); took > 4*time.Second {
		t.Errorf("it is connecting, and stops after %s: it would be killed", took)
	}
}
