package rooms_test

import (
	"context"
	"errors"
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
		if err := one.Select(t.Context(), "main", "old"); err != nil {
			t.Fatal(err)
		}
		w.await(there, "old is shown", func(s rooms.State) bool { return shows("old")(s) && s.Patrol == nil })
		if err := one.Patrol(t.Context(), "main", patrol()); err != nil {
			t.Fatal(err)
		}
		w.await(here, "it runs here", func(s rooms.State) bool { return s.Patrol != nil })
		w.await(there, "it runs there", func(s rooms.State) bool { return s.Patrol != nil })
		by := one.Select
		if n%2 == 1 { // by one who knows of no patrol
			by = func(ctx context.Context, room, id camera.ID) error { return rooms.Select(ctx, js, room, id) }
		}
		if err := by(t.Context(), "main", "new"); err != nil {
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
	if err := bus.MakeBuckets(t.Context(), js, jetstream.MemoryStorage); err != nil {
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
