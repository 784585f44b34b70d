package rooms_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/rooms"
	"linkstart/pkg/wire"
)

var cameras = []camera.ID{"a", "b", "c"}

// patrols tells of a state with a patrol whose camera is due.
func patrols(id camera.ID) func(rooms.State) bool {
	return func(s rooms.State) bool {
		return s.Patrol != nil && s.Alarm == nil && rooms.Due(s.Patrol, cameras, time.Now()) == id
	}
}

// insist does again what the store did not answer.
func insist(do func() error) (err error) {
	for end := time.Now().Add(patience); ; {
		if err = do(); !errors.Is(err, rooms.ErrUnavailable) || time.Now().After(end) {
			return err
		}
	}
}

func patrol() wire.Patrol { return wire.Patrol{EveryS: 2, Since: time.Now()} }

// Every relay makes each step known by itself, an alarm comes before it, and it goes on afterwards.
func TestPatrolStepsEverywhere(t *testing.T) {
	w := newWorld(t)
	w.buckets()
	one, here := w.open(child.Room{ID: "main", AlarmTakeover: time.Hour})
	_, there := w.open(child.Room{ID: "main", AlarmTakeover: time.Hour})
	if err := one.Patrol(t.Context(), "main", patrol()); err != nil {
		t.Fatal(err)
	}
	for _, id := range cameras[:2] {
		w.await(here, string(id)+" is due here", patrols(id))
		w.await(there, string(id)+" is due there", patrols(id))
	}
	w.raise("x", "high")
	w.await(there, "x takes over, and the patrol is known", func(s rooms.State) bool { return alarmed("x")(s) && s.Patrol != nil })
	if err := one.Acknowledge(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	w.await(there, "it goes on", func(s rooms.State) bool { return s.Alarm == nil && s.Patrol != nil })
	w.await(there, "c is due", patrols("c"))
	_, late := w.open()
	w.await(late, "who comes late sees it", func(s rooms.State) bool { return s.Patrol != nil })
}

// Nobody sees the camera that was selected before the patrol, when another one is selected while it runs.
func TestSelectEndsPatrol(t *testing.T) {
	w := newWorld(t)
	w.buckets()
	one, here := w.open(child.Room{ID: "main"})
	_, there := w.open(child.Room{ID: "main"})
	js, err := jetstream.New(w.admin)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 30 {
		if err := insist(func() error { return one.Select(t.Context(), "main", "old") }); err != nil {
			t.Fatal(err)
		}
		w.await(there, "old is shown", func(s rooms.State) bool { return shows("old")(s) && s.Patrol == nil })
		if err := insist(func() error { return one.Patrol(t.Context(), "main", patrol()) }); err != nil {
			t.Fatal(err)
		}
		w.await(here, "it runs here", func(s rooms.State) bool { return s.Patrol != nil })
		w.await(there, "it runs there", func(s rooms.State) bool { return s.Patrol != nil })
		by := one.Select
		if n%2 == 1 { // by one who knows of no patrol
			by = func(ctx context.Context, room, id camera.ID) error { return rooms.Select(ctx, js, room, id) }
		}
		if err := insist(func() error { return by(t.Context(), "main", "new") }); err != nil {
			t.Fatal(err)
		}
		for _, changes := range []<-chan rooms.State{here, there} {
			w.await(changes, "new is shown", func(s rooms.State) bool {
				if s.Patrol == nil && s.Camera != "new" {
					t.Errorf("shown is %+v", s)
				}
				return s.Patrol == nil
			})
		}
	}
}

func TestPatrolOutlivesABucket(t *testing.T) {
	w := newWorld(t)
	w.buckets()
	r, changes := w.open(child.Room{ID: "main"})
	if err := r.Patrol(t.Context(), "main", patrol()); err != nil {
		t.Fatal(err)
	}
	w.await(changes, "b is due", patrols("b"))
	js, err := jetstream.New(w.admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(t.Context(), bus.SelectionBucket); err != nil {
		t.Fatal(err)
	}
	w.await(changes, "it goes on without the bucket", patrols("c"))
	if err := bus.MakeBuckets(t.Context(), js, jetstream.MemoryStorage, 1); err != nil {
		t.Fatal(err)
	}
	if err := r.Select(t.Context(), "main", "z"); err != nil { // also where the bucket knows of none
		t.Fatal(err)
	}
	w.await(changes, "z is shown", func(s rooms.State) bool { return shows("z")(s) && s.Patrol == nil })
}

func TestOddPatrolsAreIgnored(t *testing.T) {
	w := newWorld(t)
	w.buckets()
	r, changes := w.open(child.Room{ID: "main"})
	if err := r.Patrol(t.Context(), "main", wire.Patrol{EveryS: 1}); !errors.Is(err, rooms.ErrBadPatrol) {
		t.Errorf("error is %v", err)
	}
	js, err := jetstream.New(w.admin)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), bus.SelectionBucket)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"main.patrol": `{"every_s":0}`, "x.patrol": "{", "UP.patrol": `{"every_s":9}`, "a.b.patrol": `{"every_s":9}`} {
		if _, err := kv.PutString(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Select(t.Context(), "main", "z"); err != nil {
		t.Fatal(err)
	}
	w.await(changes, "z is shown", func(s rooms.State) bool {
		if s.Patrol != nil {
			t.Errorf("shown is %+v", s)
		}
		return shows("z")(s)
	})
	most := wire.Patrol{EveryS: 2, Since: time.Now()}
	for range rooms.MaxPatrolled {
		most.Cameras = append(most.Cameras, camera.ID(strings.Repeat("x", 63)))
	}
	most.Cameras[0] = "a"
	if err := r.Patrol(t.Context(), "main", most); err != nil {
		t.Errorf("the largest patrol that is allowed: %v", err)
	}
	w.await(changes, "it runs", func(s rooms.State) bool { return s.Patrol != nil })
}

// Rooms and patrols can be made up without end by whoever reaches the page.
func TestRoomsAndPatrolsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.buckets()
	r, changes := w.open(child.Room{ID: "main"})
	long := wire.Patrol{EveryS: 3600, Since: time.Now()}
	for n := range rooms.MaxPatrolled {
		long.Cameras = append(long.Cameras, cameras[n%2])
	}
	n := 0
	use := func(do func(room camera.ID) error) (refused error) {
		t.Helper()
		for ; n < 2*rooms.MaxRooms; n++ {
			id := camera.ID(fmt.Sprint("r", n))
			if err := insist(func() error { return do(id) }); err != nil {
				return err
			}
			w.await(changes, "it is known", func(s rooms.State) bool { return s.Room == id })
		}
		return nil
	}
	begin := func(p wire.Patrol) func(camera.ID) error {
		return func(room camera.ID) error { return r.Patrol(t.Context(), room, p) }
	}
	for _, p := range []wire.Patrol{long, {EveryS: 3600, Since: time.Now()}} {
		if err := use(begin(p)); !errors.Is(err, rooms.ErrTooMany) {
			t.Errorf("after %d patrols: %v", n, err)
		}
	}
	if n != rooms.MaxPatrols {
		t.Errorf("%d patrols run", n)
	}
	if err := use(func(room camera.ID) error { return r.Select(t.Context(), room, "a") }); !errors.Is(err, rooms.ErrTooMany) || n != rooms.MaxRooms {
		t.Errorf("after %d rooms: %v", n, err)
	}
	for _, room := range []camera.ID{"main", "r0"} { // what is in use stays so
		if err := insist(func() error { return r.Select(t.Context(), room, "a") }); err != nil {
			t.Error(err)
		}
	}
	w.await(changes, "a patrol has ended", func(s rooms.State) bool { return s.Room == "r0" && s.Patrol == nil })
	if err := insist(func() error { return r.Patrol(t.Context(), "main", long) }); err != nil {
		t.Error(err)
	}
}
