package pool_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/logtest"
	"linkstart/pkg/nodes"
	"linkstart/pkg/pool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var subjects = bus.Subjects{Prefix: "linkstart"}

const patience = 30 * time.Second

type rig struct {
	t      *testing.T
	server *broker.Server
	admin  *nats.Conn
	stops  func(context.Context, camera.ID) // how its machines stop cameras
}

func newRig(t *testing.T) *rig {
	t.Helper()
	s, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	r := &rig{t: t, server: s, stops: func(context.Context, camera.ID) {}}
	r.admin = r.join("admin")
	return r
}

func (r *rig) join(user string, further ...nats.Option) *nats.Conn {
	r.t.Helper()
	access := bus.Access{URL: r.server.URL(), User: user, Password: r.server.AddUser(user, broker.AllowAll)}
	nc, err := bus.Connect(r.t.Context(), access, slog.New(slog.DiscardHandler), further...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(nc.Close)
	return nc
}

// bucket makes the bucket of leases, where it is missing.
func (r *rig) bucket() jetstream.KeyValue {
	r.t.Helper()
	js, err := jetstream.New(r.admin)
	if err != nil {
		r.t.Fatal(err)
	}
	kv, err := bus.LeaseBucket(r.t.Context(), js, 1)
	if err != nil {
		r.t.Fatal(err)
	}
	return kv
}

func put(t *testing.T, kv jetstream.KeyValue, key, value string) {
	t.Helper()
	if _, err := kv.PutString(t.Context(), key, value); err != nil {
		t.Fatal(err)
	}
}

// machine is one supervisor's pool.
type machine struct {
	*pool.Pool
	board *nodes.Board
	log   logtest.Buffer
	had   int // cameras

	told, stopped atomic.Int64 // how often it has said what it runs, and that it runs fewer
}

func (r *rig) machine(node string, cameras ...pool.Camera) *machine {
	r.t.Helper()
	return r.machineAt(r.join(node), node, cameras...)
}

func (r *rig) machineAt(nc *nats.Conn, node string, cameras ...pool.Camera) *machine {
	t, m := r.t, new(machine)
	t.Helper()
	board, stop, err := nodes.Follow(nc, subjects, func(nodes.Node) {})
	if err != nil {
		t.Fatal(err)
	}
	m.board = board
	m.Pool, err = pool.New(pool.Options{
		Conn: nc, Subjects: subjects, Node: node, Replicas: 1, Board: board, Log: slog.New(slog.NewTextHandler(&m.log, nil)),
		Changed: func(held map[camera.ID]uint64) {
			m.told.Add(1)
			if len(held) < m.had {
				m.stopped.Add(1)
			}
			m.had = len(held)
		},
		Stopped: r.stops,
		Ask:     func(context.Context, string, camera.ID) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Set(cameras, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	running.Go(func() {
		nodes.Tell(ctx, nc, subjects, node, func() nodes.Beat { return nodes.Beat{Shares: m.Shares(), CutOff: m.CutOff()} })
	})
	t.Cleanup(func() { cancel(); running.Wait(); stop() })
	return m
}

// tell is a machine that only says that it is there, until stop.
func (r *rig) tell(node string, b nodes.Beat) (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		nodes.Tell(ctx, r.admin, subjects, node, func() nodes.Beat { return b })
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	r.t.Cleanup(stop)
	return stop
}

// silence has the bucket of leases take no changes until restore, as one that has no leader.
func (r *rig) silence() (restore func()) {
	t := r.t
	t.Helper()
	js, err := jetstream.New(r.admin)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "KV_lease")
	if err != nil {
		t.Fatal(err)
	}
	hears := func(subjects []string) {
		t.Helper()
		c := stream.CachedInfo().Config
		c.Subjects = subjects
		if _, err := js.UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	hears([]string{"nothing"})
	return func() { t.Helper(); hears(stream.CachedInfo().Config.Subjects) }
}

// late notes from now on how late this process gets its turn at most.
func (r *rig) late() func() time.Duration {
	var most atomic.Int64
	go func() {
		const step = 10 * time.Millisecond
		for r.t.Context().Err() == nil {
			began := time.Now()
			time.Sleep(step)
			most.Store(max(most.Load(), int64(time.Since(began)-step)))
		}
	}()
	return func() time.Duration { return time.Duration(most.Load()) }
}

// lose takes the bucket of leases away.
func (r *rig) lose() {
	r.t.Helper()
	js, err := jetstream.New(r.admin)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := js.DeleteKeyValue(r.t.Context(), "lease"); err != nil {
		r.t.Fatal(err)
	}
}

func only(ids string) func(string) bool {
	return func(node string) bool { return strings.Contains(ids, node) }
}

func (m *machine) holds(t *testing.T, within time.Duration, ids ...camera.ID) {
	t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		held := m.Held()
		missing := len(held) != len(ids)
		for _, id := range ids {
			missing = missing || held[id] == 0
		}
		if !missing {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it holds %v, not %v", held, ids)
		}
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not seen: " + what)
		}
	}
}

// TestCameraThatMayNotRunHereIsLetGo: a machine whose configuration has a camera no more, or not for itself, does not keep it from others;
// one that has it for itself alone does.
func TestCameraThatMayNotRunHereIsLetGo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.machine("a", pool.Camera{ID: "x", May: only("a")}, pool.Camera{ID: "y", May: only("a")}, pool.Camera{ID: "z", May: only("a")})
	a.holds(t, patience, "x", "y", "z")
	b := r.machine("b", pool.Camera{ID: "x", May: only("ab")}, pool.Camera{ID: "y", May: only("ab")}, pool.Camera{ID: "z", May: only("ab")})
	a.Set([]pool.Camera{{ID: "y", May: only("b")}}, []camera.ID{"z"})
	b.holds(t, patience, "x", "y")
	a.holds(t, patience)
	if !a.Shares() {
		t.Error("others do not know that it has kept one")
	}
	a.Set(nil, nil)
	b.holds(t, patience, "x", "y", "z")
	until(t, "it has nothing to share any more", func() bool { return !a.Shares() })
}

// TestWhoHasNoneToShareIsNoneOfThem: a machine without cameras that may run there proves nothing and is not waited for.
func TestWhoHasNoneToShareIsNoneOfThem(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.machine("b", pool.Camera{ID: "x", May: only("a")})
	a := r.machine("a", pool.Camera{ID: "x", May: only("ab")})
	a.holds(t, patience, "x")
	until(t, "a hears b", func() bool { return a.board.Here("b") })
	for _, n := range a.board.All() {
		if n.Name == "b" && n.Shares {
			t.Error("it says that it shares cameras")
		}
	}
	if _, err := r.bucket().Get(t.Context(), "node.b"); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("it proves that it is there: %v", err)
	}
	b.Set([]pool.Camera{{ID: "x", May: only("ab")}, {ID: "y", May: only("b")}}, nil)
	b.holds(t, patience, "y")
}

// TestSitesTakeNothingOver: those who share no cameras are not waited for.
func TestSitesTakeNothingOver(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	var telling sync.WaitGroup
	t.Cleanup(func() { cancel(); telling.Wait() })
	for n := range 60 {
		telling.Go(func() {
			nodes.Tell(ctx, r.admin, subjects, fmt.Sprint("site-", n), func() nodes.Beat { return nodes.Beat{} })
		})
	}
	a := r.machine("a", pool.Camera{ID: "x", May: only("a-site")}, pool.Camera{ID: "y", May: func(string) bool { return true }}, pool.Camera{ID: "z", May: func(string) bool { return true }})
	a.holds(t, 15*time.Second, "x", "y", "z") // 3 s; with the sites before it, up to 42
}

// TestWhoProvesKeepsItsCamera: a machine that is not heard and whose proofs come, as late as they may, keeps its camera; one whose proofs end
// loses it.
func TestWhoProvesKeepsItsCamera(t *testing.T) {
	t.Parallel()
	for !provesAndKeeps(t) {
		t.Log("a proof came too late here")
	}
}

// provesAndKeeps is false where a proof came so late that the camera may be taken over.
func provesAndKeeps(t *testing.T) bool {
	r := newRig(t)
	kv := r.bucket()
	put(t, kv, "camera.x", `{"node":"b"}`)
	last, longest := time.Now(), time.Duration(0) // since before the last proof was made, and between two at most
	put(t, kv, "node.b", "")
	a := r.machine("a", pool.Camera{ID: "x", May: only("ab")})
	tick := time.NewTicker(2500 * time.Millisecond) // what a proof every 2 s comes to with steps of half a second
	defer tick.Stop()
	for range 6 {
		<-tick.C
		now := time.Now()
		put(t, kv, "node.b", "")
		held := a.Held()
		longest, last = max(longest, time.Since(last)), now
		if len(held) == 0 {
			continue
		}
		if longest < 4*time.Second {
			t.Fatalf("it has taken over what runs elsewhere: %v", held)
		}
		return false
	}
	a.holds(t, patience, "x")
	return true
}

// distant is a way to a server that is far away.
type distant struct{}

func (distant) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	return slow{c}, err
}

type slow struct{ net.Conn }

func (s slow) Write(b []byte) (int, error) {
	time.Sleep(25 * time.Millisecond)
	return s.Conn.Write(b)
}

// TestManyCamerasFromADistantServer: who takes many cameras over proves meanwhile that it is there, and starts them before it has the last
// one, though not each on its own.
func TestManyCamerasFromADistantServer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stored, err := r.bucket().WatchAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stored.Stop() }()
	const many = 100 // of two calls each, so more than 5 s
	var cameras []pool.Camera
	var ids []camera.ID
	for n := range many {
		ids = append(ids, camera.ID(fmt.Sprint("x", n)))
		cameras = append(cameras, pool.Camera{ID: ids[n], May: only("a")})
	}
	a := r.machineAt(r.join("a", nats.SetCustomDialer(distant{})), "a", cameras...)
	taken, proofs := 0, 0
	for taken < many {
		select {
		case e := <-stored.Updates():
			switch {
			case e == nil: // nothing was stored before
			case e.Key() == "node.a" && taken > 0:
				proofs++
			case strings.HasPrefix(e.Key(), "camera."):
				taken++
			}
		case <-time.After(patience):
			t.Fatalf("%d cameras are taken over", taken)
		}
	}
	if proofs == 0 {
		t.Error("meanwhile it has proven nothing")
	}
	a.holds(t, patience, ids...)
	if n := a.told.Load(); n < 2 || n > many/2 {
		t.Errorf("it has said %d times what it runs", n)
	}
}

// TestWhoIsCutOff: a machine that is heard and cannot reach the bucket loses its cameras, and is no help in finding out whether those who
// reach it no more are most of them. Those who were all cut off have what they had.
func TestWhoIsCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	kv := r.bucket()
	for id, node := range map[string]string{"v": "c", "x": "a", "y": "b", "z": "d"} {
		put(t, kv, "camera."+id, `{"node":"`+node+`"}`)
	}
	r.tell("c", nodes.Beat{Shares: true, CutOff: true})
	leave := r.tell("d", nodes.Beat{Shares: true})
	cameras := []pool.Camera{{ID: "v", May: only("ac")}, {ID: "x", May: only("ab")}, {ID: "y", May: only("ab")}, {ID: "z", May: only("bd")}}
	a, b := r.machine("a", cameras...), r.machine("b", cameras...)
	a.holds(t, patience, "v", "x")
	b.holds(t, patience, "y")
	restore := r.silence()
	leave()
	until(t, "both are cut off", func() bool { return a.CutOff() && b.CutOff() })
	a.holds(t, patience)
	b.holds(t, patience)
	restore()
	a.holds(t, patience, "v", "x")
	b.holds(t, patience, "y", "z")
	if a.CutOff() || b.CutOff() {
		t.Error("who reaches the bucket says that it does not")
	}
	for _, m := range []*machine{a, b} {
		for _, text := range []string{"to be confirmed", `taken over" camera=x`, `taken over" camera=y`} {
			if strings.Contains(m.log.String(), text) {
				t.Errorf("it says %q: %s", text, &m.log)
			}
		}
	}
}

// TestStoreThatDoesNotAnswer: what cannot be confirmed is stopped once, and not taken over again and again. It runs again when it turns out
// that the bucket is lost.
func TestStoreThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	kv := r.bucket()
	put(t, kv, "camera.y", `{"node":"a"}`)
	a := r.machine("a", pool.Camera{ID: "x", May: only("a")}, pool.Camera{ID: "y", May: only("a")})
	a.holds(t, patience, "y")
	if err := r.admin.Publish(subjects.Lease("x"), []byte(`{"node":"dead","term":1}`)); err != nil {
		t.Fatal(err)
	}
	r.silence()
	a.holds(t, patience, "x", "y")
	a.holds(t, patience) // it is let go
	time.Sleep(1500 * time.Millisecond)
	a.holds(t, 0)
	for _, text := range []string{"to be confirmed", "are stopped here"} {
		if n := strings.Count(a.log.String(), text); n != 1 {
			t.Errorf("%q is said %d times", text, n)
		}
	}
	r.lose()
	a.holds(t, patience, "x", "y")
	if e, err := kv.Get(t.Context(), "camera.y"); err != nil || e.Revision() > 5 { // a proof comes every 2 s
		t.Errorf("it has waited before it took its own one again: %v %v", e, err)
	}
}

// TestStoreThatIsLost: a bucket that is gone is made anew, and says again what it said; nothing is stopped for that.
func TestStoreThatIsLost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	kv := r.bucket()
	for range 100 { // so that terms begin lower in the next one
		put(t, kv, "camera.old", "")
	}
	for id, node := range map[string]string{"x": "a", "y": "b", "z": "c"} {
		put(t, kv, "camera."+id, `{"node":"`+node+`"}`)
	}
	leave := r.tell("c", nodes.Beat{Shares: true})
	var cameras []pool.Camera
	for _, id := range []camera.ID{"x", "y", "z"} {
		cameras = append(cameras, pool.Camera{ID: id, May: only("ab")})
	}
	a, b := r.machine("a", cameras...), r.machine("b", cameras...)
	a.holds(t, patience, "x")
	b.holds(t, patience, "y")
	r.lose()
	leave()
	says := func(id string) (node string, term uint64) {
		e, err := kv.Get(t.Context(), "camera."+id)
		if err != nil {
			return "", 0
		}
		return string(e.Value()), e.Revision()
	}
	until(t, "what ran goes on, and what the third one had runs elsewhere, and all is on record", func() bool {
		x, n := says("x")
		y, m := says("y")
		_, o := says("z")
		ha, hb := a.Held(), b.Held()
		return x == `{"node":"a"}` && y == `{"node":"b"}` && n == ha["x"] && m == hb["y"] && o == ha["z"]+hb["z"] && n > 0 && m > 0 && o > 0 && len(ha)+len(hb) == 3
	})
	if n := a.stopped.Load() + b.stopped.Load(); n > 0 {
		t.Errorf("cameras were stopped, %d times", n)
	}
}

// TestWhoIsBackKeepsItsCamera: what was taken over while the bucket did not answer is let go when whoever has it was only silent.
func TestWhoIsBackKeepsItsCamera(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	kv := r.bucket()
	defer r.tell("c", nodes.Beat{Shares: true})() // or a would be cut off
	stop := r.tell("b", nodes.Beat{Shares: true})
	a := r.machine("a", pool.Camera{ID: "x", May: only("ab")})
	until(t, "b is heard", func() bool { return a.board.Here("b") })
	until(t, "a has proven", func() bool {
		_, err := kv.Get(t.Context(), "node.a")
		return err == nil
	})
	restore := r.silence()
	if err := r.admin.Publish(subjects.Lease("x"), []byte(`{"node":"b","term":100}`)); err != nil {
		t.Fatal(err)
	}
	stop()
	a.holds(t, patience, "x")
	defer r.tell("b", nodes.Beat{Shares: true})()
	until(t, "b is heard again", func() bool { return a.board.Here("b") })
	restore()
	put(t, kv, "camera.x", `{"node":"b"}`)
	a.holds(t, 8*time.Second) // sooner than what is not proven runs out
}

// TestWhoPresumesIsAlone: while the bucket does not answer, a camera of a machine that is gone is taken over by one of the others, which has
// that confirmed.
func TestWhoPresumesIsAlone(t *testing.T) {
	t.Parallel()
	for !presumesAlone(t) {
		t.Log("the machines got no turn in time")
	}
}

// presumesAlone is false where the machines were so late that one may have been stopped.
func presumesAlone(t *testing.T) bool {
	r := newRig(t)
	kv := r.bucket()
	put(t, kv, "camera.x", `{"node":"c"}`)
	leave := r.tell("c", nodes.Beat{Shares: true})
	x := pool.Camera{ID: "x", May: only("ab")}
	a, b := r.machine("a", x, pool.Camera{ID: "y", May: only("a")}), r.machine("b", x, pool.Camera{ID: "z", May: only("b")})
	a.holds(t, patience, "y")
	b.holds(t, patience, "z")
	said, err := r.admin.SubscribeSync(subjects.Lease("x"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*machine{a, b} {
		until(t, "the machines are heard", func() bool { return m.board.Here("a") && m.board.Here("b") && m.board.Here("c") })
	}
	began, late := time.Now(), r.late()
	restore := r.silence()
	leave()
	runs := func(m *machine) bool { return m.Held()["x"] > 0 }
	until(t, "one runs it", func() bool { return runs(a) || runs(b) })
	time.Sleep(3 * time.Second) // the other's turn comes in less than one
	one, other := a, b
	if runs(b) {
		one, other = b, a
	}
	ran, both := runs(one), runs(other)
	restore()
	took := time.Since(began)
	excused := func() bool { return took > 12*time.Second || late() > 150*time.Millisecond } // of the lease, and of what one leaves to the other beside its step
	if !ran || both {
		if excused() {
			return false
		}
		t.Errorf("a runs %v, b %v", a.Held(), b.Held())
	}
	until(t, "it is confirmed", func() bool {
		e, err := kv.Get(t.Context(), "camera.x")
		return err == nil && e.Revision() == one.Held()["x"]
	})
	if n := one.stopped.Load() + other.stopped.Load(); n > 0 {
		if excused() {
			return false
		}
		t.Errorf("it was stopped %d times", n)
	}
	if m, err := said.NextMsg(patience); err != nil || !strings.Contains(string(m.Data), `"presumed":true`) {
		t.Errorf("what is said of it first is %v, %v", m, err)
	}
	return true
}

// TestTwoPresume: if they do, for neither had heard the other, one goes on: the same for both.
func TestTwoPresume(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	kv := r.bucket()
	put(t, kv, "camera.x", `{"node":"c"}`)
	defer r.tell("a", nodes.Beat{Shares: true})()
	defer r.tell("d", nodes.Beat{Shares: true})()
	leave := r.tell("c", nodes.Beat{Shares: true})
	b := r.machine("b", pool.Camera{ID: "x", May: only("b")}, pool.Camera{ID: "y", May: only("b")})
	b.holds(t, patience, "y")
	until(t, "the machines are heard", func() bool { return b.board.Here("a") && b.board.Here("c") && b.board.Here("d") })
	r.silence()
	leave()
	b.holds(t, patience, "x", "y")
	for _, node := range []string{"d", "a"} {
		if err := r.admin.Publish(subjects.Lease("x"), []byte(`{"node":"`+node+`","term":2,"presumed":true}`)); err != nil {
			t.Fatal(err)
		}
		if node == "d" {
			if err := r.admin.Flush(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			b.holds(t, 0, "x", "y")
		}
	}
	b.holds(t, patience, "y")
}
