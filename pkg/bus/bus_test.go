package bus_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var subjects = bus.Subjects{Prefix: "linkstart"}

const patience = 30 * time.Second

func startBus(t *testing.T) *broker.Server {
	t.Helper()
	s, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func join(t *testing.T, s *broker.Server, user string, p broker.Permissions) *nats.Conn {
	t.Helper()
	nc, err := bus.Connect(t.Context(), bus.Access{URL: s.URL(), User: user, Password: s.AddUser(user, p)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestFrameTravels(t *testing.T) {
	sent := &camera.Frame{
		JPEG: []byte("\xff\xd8picture\xff\xd9"), Seq: 7, Captured: time.UnixMicro(1234567890), Width: 1920, Height: 1080, NotLive: true,
	}
	got, err := bus.DecodeFrame(bus.EncodeFrame("linkstart.frame.a.main", sent))
	if err != nil {
		t.Fatal(err)
	}
	if got.Seq != sent.Seq || !got.Captured.Equal(sent.Captured) || got.Width != 1920 || got.Height != 1080 || !got.NotLive || string(got.JPEG) != string(sent.JPEG) {
		t.Errorf("got %+v", got)
	}
}

func TestBadFramesAreErrors(t *testing.T) {
	good := func() *nats.Msg {
		return bus.EncodeFrame("x", &camera.Frame{JPEG: []byte("\xff\xd8\xff\xd9"), Seq: 1, Captured: time.UnixMicro(1), Width: 1, Height: 1})
	}
	for name, spoil := range map[string]func(*nats.Msg){
		"no JPEG":         func(m *nats.Msg) { m.Data = []byte("<html>") },
		"short":           func(m *nats.Msg) { m.Data = m.Data[:1] },
		"no seq":          func(m *nats.Msg) { m.Header.Del("Seq") },
		"negative seq":    func(m *nats.Msg) { m.Header.Set("Seq", "-1") },
		"seq overflows":   func(m *nats.Msg) { m.Header.Set("Seq", "4294967296") },
		"no captured":     func(m *nats.Msg) { m.Header.Del("Captured") },
		"captured no int": func(m *nats.Msg) { m.Header.Set("Captured", "now") },
		"size":            func(m *nats.Msg) { m.Header.Set("Size", "1920") },
		"size words":      func(m *nats.Msg) { m.Header.Set("Size", "bigxsmall") },
		"no headers":      func(m *nats.Msg) { m.Header = nil },
	} {
		t.Run(name, func(t *testing.T) {
			m := good()
			spoil(m)
			if f, err := bus.DecodeFrame(m); err == nil {
				t.Errorf("got %+v", f)
			}
		})
	}
	if _, err := bus.DecodeFrame(&nats.Msg{}); !errors.Is(err, bus.ErrNoFrame) {
		t.Errorf("an empty message gives %v", err)
	}
}

func FuzzDecodeFrame(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xd9"), "1", "1", "1x1")
	f.Add([]byte{}, "", "", "x")
	f.Fuzz(func(t *testing.T, data []byte, seq, captured, size string) {
		m := &nats.Msg{Data: data, Header: nats.Header{"Seq": {seq}, "Captured": {captured}, "Size": {size}}}
		if frame, err := bus.DecodeFrame(m); (frame == nil) == (err == nil) {
			t.Errorf("frame %v, error %v", frame, err)
		}
	})
}

func TestCameraOf(t *testing.T) {
	for subject, want := range map[string]camera.ID{
		"linkstart.status.cab01":     "cab01",
		"linkstart.frame.cab01.main": "cab01",
		"linkstart.status":           "",
		"other.status.cab01":         "",
		"":                           "",
	} {
		if got := subjects.CameraOf(subject); got != want {
			t.Errorf("CameraOf(%q) = %q, want %q", subject, got, want)
		}
	}
}

func TestWrongPasswordIsRefused(t *testing.T) {
	s := startBus(t)
	s.AddUser("relay", broker.AllowAll)
	for _, a := range [][2]string{{"relay", "guess"}, {"nobody", ""}, {"", ""}} {
		if nc, err := nats.Connect(s.URL(), nats.UserInfo(a[0], a[1])); err == nil {
			nc.Close()
			t.Errorf("%q with password %q got in", a[0], a[1])
		}
	}
}

// refused reports whether the server forbids nc to publish or subscribe subject.
func refused(t *testing.T, nc *nats.Conn, do func() error) bool {
	t.Helper()
	if err := do(); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return errors.Is(nc.LastError(), nats.ErrPermissionViolation)
}

func TestGrabberCanOnlyBeItself(t *testing.T) {
	s := startBus(t)
	admin := join(t, s, "admin", broker.AllowAll)
	if err := bus.CreateBuckets(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	publish := func(subject string) func(*nats.Conn) error {
		return func(nc *nats.Conn) error { return nc.Publish(subject, []byte("x")) }
	}
	subscribe := func(subject string) func(*nats.Conn) error {
		return func(nc *nats.Conn) error {
			_, err := nc.Subscribe(subject, func(*nats.Msg) {})
			return err
		}
	}
	for _, c := range []struct {
		name  string
		do    func(*nats.Conn) error
		allow bool
	}{
		{"its frames", publish(subjects.Frame("a", camera.Main)), true},
		{"its status", publish(subjects.Status("a")), true},
		{"its alarm", publish(subjects.Alarm("a")), true},
		{"wants for it", subscribe(subjects.Want("a", bus.All)), true},
		{"another's frames", publish(subjects.Frame("b", camera.Main)), false},
		{"another's status", publish(subjects.Status("b")), false},
		{"reading another", subscribe(subjects.Frame("b", camera.Main)), false},
		{"reading itself", subscribe(subjects.Frame("a", camera.Main)), false},
		{"reading all", subscribe(">"), false},
		{"another's wants", subscribe(subjects.Want("b", bus.All)), false},
		{"replies to others", subscribe(bus.InboxPrefix("relay") + ".>"), false},
		{"restarting", publish(subjects.Control("node", "restart")), false},
		{"selecting", publish("$KV." + bus.SelectionBucket + ".main"), false},
		{"being a relay with people", publish(subjects.People("x")), false},
		{"reading who is there", subscribe(subjects.People(bus.All)), false},
		{"administering", publish("$JS.API.STREAM.DELETE.KV_selection"), false},
		{"asking for another's pictures", publish(subjects.Want("b", camera.Main)), false},
		{"pushing to another", publish(subjects.Push("b")), false},
		{"another's alarm", publish(subjects.Alarm("b")), false},
		{"reading a selection", publish("$JS.API.DIRECT.GET.KV_" + bus.SelectionBucket + ".$KV." + bus.SelectionBucket + ".main"), false},
		{"reading selections", publish("$JS.API.STREAM.MSG.GET.KV_" + bus.SelectionBucket), false},
		{"following selections", publish("$JS.API.CONSUMER.CREATE.KV_" + bus.SelectionBucket), false},
		{"hearing selections", subscribe("$KV.>"), false},
		{"reading logs", subscribe(subjects.Log(bus.All)), false},
		{"reading orders", subscribe(subjects.Control(bus.All, ">")), false},
		{"the server's own subjects", publish("$SYS.REQ.SERVER.PING"), false},
		{"hearing the server's own subjects", subscribe("$SYS.>"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			nc := join(t, s, broker.GrabberUser("a"), broker.GrabberPermissions(subjects, "a"))
			if got := refused(t, nc, func() error { return c.do(nc) }); got == c.allow {
				t.Errorf("refused = %v", got)
			}
		})
	}
}

// TestRelayIsNoCamera: who takes the relay over can show nothing that no camera has sent, and change no more than a page can.
func TestRelayIsNoCamera(t *testing.T) {
	s := startBus(t)
	publish := func(subject string) func(*nats.Conn) error {
		return func(nc *nats.Conn) error { return nc.Publish(subject, []byte("x")) }
	}
	for _, c := range []struct {
		name  string
		do    func(*nats.Conn) error
		allow bool
	}{
		{"wants", publish(subjects.Want("a", camera.Main)), true},
		{"frames", publish(subjects.Frame("a", camera.Main)), false},
		{"small frames", publish(subjects.Frame("a", camera.Sub)), false},
		{"status", publish(subjects.Status("a")), false},
		{"what cameras there are", publish(subjects.Cameras()), false},
		{"the state of a camera", publish(subjects.Camera("a")), false},
		{"the state of the configuration", publish(subjects.Config()), false},
		{"logs", publish(subjects.Log("a")), false},
		{"deleting buckets", publish("$JS.API.STREAM.DELETE.KV_" + bus.SelectionBucket), false},
		{"making streams", publish("$JS.API.STREAM.CREATE.x"), false},
		{"the server's own subjects", publish("$SYS.REQ.SERVER.PING"), false},
		{"hearing everything", func(nc *nats.Conn) error { _, err := nc.Subscribe(">", func(*nats.Msg) {}); return err }, false},
		{"hearing a grabber's answers", func(nc *nats.Conn) error {
			_, err := nc.Subscribe(bus.InboxPrefix(broker.GrabberUser("a"))+".>", func(*nats.Msg) {})
			return err
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			nc := join(t, s, broker.RelayUser, broker.RelayPermissions(subjects))
			if got := refused(t, nc, func() error { return c.do(nc) }); got == c.allow {
				t.Errorf("refused = %v", got)
			}
		})
	}
}

// TestStrangersAreNotLetIn: there is no way onto the bus without a password that the supervisor has given.
func TestStrangersAreNotLetIn(t *testing.T) {
	s := startBus(t)
	password := s.AddUser("relay", broker.AllowAll)
	if host, _, err := net.SplitHostPort(strings.TrimPrefix(s.URL(), "nats://")); err != nil || host != "127.0.0.1" {
		t.Errorf("the bus is served at %s", s.URL())
	}
	for name, o := range map[string]nats.Option{
		"nobody": nats.Name("x"), "no password": nats.UserInfo("relay", ""), "another's password": nats.UserInfo("grabber-a", password),
		"a wrong one": nats.UserInfo("relay", password+"x"), "a token": nats.Token(password),
	} {
		if nc, err := nats.Connect(s.URL(), o); err == nil {
			nc.Close()
			t.Errorf("%s is let in", name)
		}
	}
	for end := time.Now().Add(patience); ; { // a server that was too busy to look at a password says that it is wrong
		nc, err := nats.Connect(s.URL(), nats.UserInfo("relay", password))
		if err == nil {
			nc.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func TestFeedAsksAndFollows(t *testing.T) {
	s := startBus(t)
	grabber := join(t, s, broker.GrabberUser("a"), broker.GrabberPermissions(subjects, "a"))
	consumer := join(t, s, broker.RelayUser, broker.RelayPermissions(subjects))
	frame := func(seq uint32) *camera.Frame {
		return &camera.Frame{JPEG: []byte("\xff\xd8\xff\xd9"), Seq: seq, Captured: time.UnixMicro(int64(seq)), Width: 1, Height: 1}
	}
	wants := make(chan string, 100)
	_, err := grabber.Subscribe(subjects.Want("a", bus.All), func(m *nats.Msg) {
		wants <- string(m.Data)
		if m.Reply != "" {
			_ = grabber.PublishMsg(bus.EncodeFrame(m.Reply, frame(1)))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := grabber.Flush(); err != nil {
		t.Fatal(err)
	}
	got := make(chan uint32, 100)
	feed, err := bus.OpenFeed(consumer, subjects, "a", camera.Main, 5, slog.New(slog.DiscardHandler), func(f *camera.Frame) { got <- f.Seq })
	if err != nil {
		t.Fatal(err)
	}
	if w := <-wants; w != `{"fps":5}` {
		t.Errorf("want = %s", w)
	}
	if seq := <-got; seq != 1 {
		t.Errorf("the answer is frame %d", seq)
	}
	if err := grabber.PublishMsg(bus.EncodeFrame(subjects.Frame("a", camera.Main), frame(2))); err != nil {
		t.Fatal(err)
	}
	if seq := <-got; seq != 2 {
		t.Errorf("then came frame %d", seq)
	}
	for _, seq := range []uint32{2, 1, 3} { // twice the same and an older one are dropped
		if err := grabber.PublishMsg(bus.EncodeFrame(subjects.Frame("a", camera.Main), frame(seq))); err != nil {
			t.Fatal(err)
		}
	}
	if seq := <-got; seq != 3 {
		t.Errorf("then came frame %d, want 3", seq)
	}
	feed.SetFPS(10)
	w := <-wants
	for w == `{"fps":5}` { // renewed before that
		w = <-wants
	}
	if w != `{"fps":10}` {
		t.Errorf("after SetFPS the want is %s", w)
	}
	<-wants // the lease is renewed by itself
	feed.Close()
	<-feed.Done()
	select {
	case seq := <-got:
		t.Errorf("an answer that was overtaken was handed on: %d", seq)
	default:
	}
}

func TestAsk(t *testing.T) {
	s := startBus(t)
	nc := join(t, s, "relay", broker.RelayPermissions(subjects))
	err := context.DeadlineExceeded
	for end := time.Now().Add(patience); errors.Is(err, context.DeadlineExceeded) && time.Now().Before(end); {
		_, err = bus.Ask(t.Context(), nc, subjects, "nobody", camera.Main)
	}
	if !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("asking a camera without grabber gives %v", err)
	}
}

// A bucket that an older version has made takes patrols as well, and keeps what is in it.
func TestOlderBucketTakesPatrols(t *testing.T) {
	s := startBus(t)
	admin := join(t, s, "admin", broker.AllowAll)
	js, err := jetstream.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{
		Bucket: bus.SelectionBucket, Storage: jetstream.FileStorage, History: 1, MaxBytes: 4 << 20, MaxValueSize: 4 << 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(t.Context(), "main", "a"); err != nil {
		t.Fatal(err)
	}
	if err := bus.CreateBuckets(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), bus.PatrolKey("main"), make([]byte, 66_000)); err != nil {
		t.Errorf("put a large patrol: %v", err)
	}
	if e, err := kv.Get(t.Context(), "main"); err != nil || string(e.Value()) != "a" {
		t.Errorf("main is %v, %v", e, err)
	}
}
