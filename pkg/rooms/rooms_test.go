package rooms_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/rooms"
	"linkstart/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

var subjects = bus.Subjects{Prefix: "linkstart"}

type world struct {
	t      *testing.T
	server *broker.Server
	admin  *nats.Conn
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	w := &world{t: t, server: server}
	w.admin = w.join("admin", broker.AllowAll)
	return w
}

func (w *world) buckets() {
	w.t.Helper()
	if err := bus.CreateBuckets(w.t.Context(), w.admin); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) join(user string, p broker.Permissions) *nats.Conn {
	w.t.Helper()
	a := bus.Access{URL: w.server.URL(), User: user, Password: w.server.AddUser(user, p), Prefix: "linkstart"}
	nc, err := bus.Connect(w.t.Context(), a, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	return nc
}

// open starts rooms as a relay has them, with a relay's rights; the channel has each change.
func (w *world) open(configured ...child.Room) (*rooms.Rooms, <-chan rooms.State) {
	w.t.Helper()
	return w.follow(w.join(broker.RelayUser, broker.RelayPermissions(subjects)), configured...)
}

func (w *world) follow(nc *nats.Conn, configured ...child.Room) (*rooms.Rooms, <-chan rooms.State) {
	w.t.Helper()
	changes := make(chan rooms.State, 100)
	r, err := rooms.New(nc, subjects, configured,
		rooms.Events{Changed: func(s rooms.State) { changes <- s }, Acknowledged: func(camera.ID) {}}, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	w.t.Cleanup(func() { cancel(); wg.Wait() })
	return r, changes
}

func (w *world) await(changes <-chan rooms.State, what string, right func(rooms.State) bool) {
	w.t.Helper()
	if !within(patience, changes, right) {
		w.t.Fatalf("never: %s", what)
	}
}

// within tells whether a change that is right comes in time.
func within(limit time.Duration, changes <-chan rooms.State, right func(rooms.State) bool) bool {
	for late := time.After(limit); ; {
		select {
		case s := <-changes:
			if right(s) {
				return true
			}
		case <-late:
			return false
		}
	}
}

// raise raises an alarm.
func (w *world) raise(id camera.ID, level string) {
	w.t.Helper()
	b, err := json.Marshal(wire.Alarm{Kind: "smoke", Level: level})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.admin.Publish(subjects.Alarm(id), b); err != nil {
		w.t.Fatal(err)
	}
}

// takesOver raises an alarm until it takes a room over for a time so short that it may be over before it is seen.
func (w *world) takesOver(changes <-chan rooms.State, id camera.ID, level string, short time.Duration) {
	w.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		w.raise(id, level)
		if within(2*short, changes, alarmed(id)) {
			return
		}
	}
	w.t.Fatalf("%s never takes over", id)
}

func shows(id camera.ID) func(rooms.State) bool {
	return func(s rooms.State) bool { return s.Alarm == nil && s.Camera == id }
}

func alarmed(id camera.ID) func(rooms.State) bool {
	return func(s rooms.State) bool { return s.Alarm != nil && s.Alarm.Camera == id }
}

func TestSelectionIsKnownToLateComers(t *testing.T) {
	w := newWorld(t)
	w.buckets()
	one, changes := w.open(child.Room{ID: "main"})
	if err := one.Select(t.Context(), "main", "a"); err != nil {
		t.Fatal(err)
	}
	if err := one.Select(t.Context(), "elsewhere", "b"); err != nil {
		t.Fatal(err)
	}
	w.await(changes, "b is shown elsewhere", shows("b"))
	two, later := w.open()
	w.await(later, "the second relay shows b", shows("b"))
	if s := two.Get("main"); s.Camera != "a" {
		t.Errorf("main shows %+v", s)
	}
	if list := one.List(); len(list) != 2 || list[0].Room != "main" {
		t.Errorf("rooms are %+v", list)
	}
}

func TestOutageIsSurvived(t *testing.T) {
	w := newWorld(t) // without buckets
	r, changes := w.open(child.Room{ID: "main"})
	if err := r.Select(t.Context(), "main", "a"); !errors.Is(err, rooms.ErrUnavailable) {
		t.Errorf("error is %v, want ErrUnavailable", err)
	}
	w.buckets()
	if err := r.Select(t.Context(), "main", "a"); err != nil {
		t.Fatal(err)
	}
	w.await(changes, "the selection is followed", shows("a"))
}

// What is selected while nobody can be reached is not lost, and what is selected afterwards is seen.
func TestBusIsAwayForAWhile(t *testing.T) {
	dir := t.TempDir()
	serve := func(port int) *server.Server {
		s, err := server.NewServer(&server.Options{
			Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir,
			JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 64 << 20,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if !s.ReadyForConnections(patience) {
			t.Fatal("the bus does not start")
		}
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		return s
	}
	first := serve(server.RANDOM_PORT)
	port := first.Addr().(*net.TCPAddr).Port
	join := func(user string) *nats.Conn {
		nc, err := bus.Connect(t.Context(), bus.Access{URL: first.ClientURL(), User: user}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	w := &world{t: t, admin: join("admin")}
	w.buckets()
	r, changes := w.follow(join(broker.RelayUser), child.Room{ID: "main", AlarmTakeover: time.Hour})
	if err := r.Select(t.Context(), "main", "a"); err != nil {
		t.Fatal(err)
	}
	w.await(changes, "a is shown", shows("a"))
	away := w.admin.StatusChanged(nats.RECONNECTING)
	first.Shutdown()
	first.WaitForShutdown()
	<-away
	serve(port)
	js, err := jetstream.New(w.admin)
	if err != nil {
		t.Fatal(err)
	}
	for err := errors.New("not tried"); err != nil; { // the bucket of takeovers was in memory
		if err = bus.CreateBuckets(t.Context(), w.admin); err == nil {
			err = rooms.Select(t.Context(), js, "main", "b")
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	w.await(changes, "b is shown", shows("b"))
	w.raise("c", "low")
	w.await(changes, "c takes over", alarmed("c"))
}

// The bucket may be made anew, with other revisions and in memory, while it is followed.
func TestBucketsAreMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.buckets()
	r, changes := w.open(child.Room{ID: "main", AlarmTakeover: time.Hour})
	for _, id := range []camera.ID{"a", "b", "c"} {
		if err := r.Select(t.Context(), "main", id); err != nil {
			t.Fatal(err)
		}
		w.await(changes, string(id)+" is shown", shows(id))
	}
	w.raise("x", "high")
	w.await(changes, "x takes over", alarmed("x"))
	js, err := jetstream.New(w.admin)
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{bus.SelectionBucket, bus.TakeoverBucket} {
		if err := js.DeleteKeyValue(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
	}
	if err := bus.MakeBuckets(t.Context(), js, jetstream.MemoryStorage, 1); err != nil {
		t.Fatal(err)
	}
	if err := r.Select(t.Context(), "main", "d"); err != nil {
		t.Fatal(err)
	}
	w.await(changes, "d is selected, and x still shown", func(s rooms.State) bool { return s.Camera == "d" && alarmed("x")(s) })
	w.raise("y", "critical")
	w.await(changes, "y takes over", alarmed("y"))
}

// The clock was set back by an hour since an alarm was raised, or forward: it is over when its time is over.
func TestTakeoverWithAnotherClock(t *testing.T) {
	const short = 300 * time.Millisecond
	w := newWorld(t)
	w.buckets()
	js, err := jetstream.New(w.admin)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), bus.TakeoverBucket)
	if err != nil {
		t.Fatal(err)
	}
	value, err := json.Marshal(wire.Takeover{Camera: "a", Kind: "smoke", Level: "critical", Until: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "main", value); err != nil {
		t.Fatal(err)
	}
	_, changes := w.open(child.Room{ID: "main", AlarmTakeover: short})
	w.await(changes, "a takes over", alarmed("a"))
	w.await(changes, "it is over", shows(""))
	w.takesOver(changes, "b", "low", short) // what is over is in nobody's way, though it says that it is not
}

func TestGraverAlarmsReplaceLesserOnes(t *testing.T) {
	w := newWorld(t)
	w.buckets()
	r, changes := w.open(child.Room{ID: "main", AlarmTakeover: time.Hour}, child.Room{ID: "calm"})
	if err := r.Select(t.Context(), "main", "z"); err != nil {
		t.Fatal(err)
	}
	w.await(changes, "alarms are followed as well", shows("z"))
	for _, c := range []struct {
		camera, level, shown string
	}{
		{"a", "low", "a"}, {"b", "odd", "b"}, {"c", "low", "b"}, {"d", "medium", "d"}, {"e", "HIGH", "e"},
		{"f", "critical", "f"}, {"g", "high", "f"}, {"h", "critical", "h"},
	} {
		w.raise(camera.ID(c.camera), c.level)
		if c.camera == c.shown {
			w.await(changes, c.camera+" takes over", alarmed(camera.ID(c.camera)))
		} // the next one that takes over shows that this one did not: alarms are dealt with in order
	}
	if s := r.Get("main"); s.Alarm == nil || s.Alarm.Camera != "h" || s.Camera != "z" {
		t.Errorf("main shows %+v", s)
	}
	if s := r.Get("calm"); s.Alarm != nil {
		t.Errorf("calm shows %+v", s)
	}
	if err := r.Acknowledge(t.Context(), "h"); err != nil {
		t.Fatal(err)
	}
	w.await(changes, "acknowledged", shows("z"))
	w.raise("a", "low") // a takeover that was acknowledged is in nobody's way
	w.await(changes, "a takes over again", alarmed("a"))
}

func TestTakeoverExpires(t *testing.T) {
	const short = 300 * time.Millisecond
	w := newWorld(t)
	w.buckets()
	r, changes := w.open(child.Room{ID: "main", AlarmTakeover: short})
	if err := r.Select(t.Context(), "main", "z"); err != nil {
		t.Fatal(err)
	}
	w.await(changes, "z is shown", shows("z"))
	w.takesOver(changes, "a", "critical", short)
	w.await(changes, "it is over", shows("z"))
	w.takesOver(changes, "b", "low", short) // what is over is in nobody's way
}

func TestGarbageInTheBucketsIsIgnored(t *testing.T) {
	w := newWorld(t)
	w.buckets()
	r, changes := w.open(child.Room{ID: "main", AlarmTakeover: time.Hour})
	js, err := jetstream.New(w.admin)
	if err != nil {
		t.Fatal(err)
	}
	for bucket, value := range map[string]string{bus.SelectionBucket: "no camera!", bus.TakeoverBucket: "{"} {
		kv, err := js.KeyValue(t.Context(), bucket)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"main", "NOT.a=room"} {
			if _, err := kv.PutString(t.Context(), key, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, b := range []string{"", "null", "[]", `{"kind":7}`, `{"kind":"` + strings.Repeat("x", 65) + `"}`} {
		if err := w.admin.Publish(subjects.Alarm("a"), []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	if err := rooms.Select(t.Context(), js, "main", "a"); err != nil {
		t.Fatal(err)
	}
	w.await(changes, "a is shown", shows("a"))
	w.raise("b", "low")
	w.await(changes, "b takes over", alarmed("b"))
	if s := r.Get("main"); s.Camera != "a" {
		t.Errorf("main shows %+v", s)
	}
}

func TestCleanAlarm(t *testing.T) {
	for _, c := range []struct {
		in   wire.Alarm
		want string // kind, level and text
		bad  bool
	}{
		{in: wire.Alarm{Kind: "smoke"}, want: "smoke/medium/"},
		{in: wire.Alarm{Kind: "sm\x00ok\u202ee", Level: "hi\ngh", Text: "一楼\x1b[31m"}, want: "smoke/high/一楼[31m"},
		{in: wire.Alarm{Kind: strings.Repeat("火", 64), Text: strings.Repeat("火", 500)},
			want: strings.Repeat("火", 64) + "/medium/" + strings.Repeat("火", 500)},
		{in: wire.Alarm{}, bad: true},
		{in: wire.Alarm{Kind: "\x01"}, bad: true},
		{in: wire.Alarm{Kind: strings.Repeat("x", 65)}, bad: true},
		{in: wire.Alarm{Kind: "x", Level: strings.Repeat("x", 17)}, bad: true},
		{in: wire.Alarm{Kind: "x", Text: strings.Repeat("x", 501)}, bad: true},
	} {
		got, err := rooms.CleanAlarm(c.in)
		if errors.Is(err, rooms.ErrBadAlarm) != c.bad {
			t.Errorf("%+v: error is %v", c.in, err)
			continue
		}
		if s := got.Kind + "/" + got.Level + "/" + got.Text; !c.bad && (s != c.want || got.Time.IsZero()) {
			t.Errorf("%+v: got %s at %s, want %s", c.in, s, got.Time, c.want)
		}
	}
}
