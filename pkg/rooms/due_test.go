package rooms_test

import (
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/rooms"
	"linkstart/pkg/wire"
)

func TestDue(t *testing.T) {
	all := []camera.ID{"a", "b", "c", "d"}
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		cameras []camera.ID
		after   time.Duration
		want    camera.ID
	}{
		{nil, 0, "a"}, {nil, 9999 * time.Millisecond, "a"}, {nil, 10 * time.Second, "b"}, {nil, 39 * time.Second, "d"}, {nil, 40 * time.Second, "a"},
		{[]camera.ID{"c", "a"}, 0, "c"}, {[]camera.ID{"c", "a"}, 10 * time.Second, "a"}, {[]camera.ID{"c", "a"}, 20 * time.Second, "c"},
		{[]camera.ID{"c", "gone", "a"}, 10 * time.Second, "a"}, {[]camera.ID{"gone", "lost"}, 10 * time.Second, ""},
		{[]camera.ID{"a", "b", "a", "c"}, 20 * time.Second, "a"},
		{nil, 24 * 365 * time.Hour, "a"},
		{nil, -time.Millisecond, "d"}, {nil, -10 * time.Second, "d"}, {nil, -11 * time.Second, "c"}, // the clock was set back
		{nil, -time.Hour, "a"},
	} {
		p := &wire.Patrol{Cameras: c.cameras, EveryS: 10, Since: since}
		if got := rooms.Due(p, all, since.Add(c.after)); got != c.want {
			t.Errorf("%v after %s: %q is due, want %q", c.cameras, c.after, got, c.want)
		}
	}
	if got := rooms.Due(&wire.Patrol{EveryS: 10, Since: since}, nil, since); got != "" {
		t.Errorf("without cameras %q is due", got)
	}
}

func TestCheckPatrol(t *testing.T) {
	many := make([]camera.ID, 1001)
	for i := range many {
		many[i] = camera.ID(rune('a' + i%26))
	}
	for _, c := range []struct {
		p    wire.Patrol
		good bool
	}{
		{wire.Patrol{EveryS: 2}, true}, {wire.Patrol{EveryS: 3600}, true}, {wire.Patrol{EveryS: 1}, false}, {wire.Patrol{EveryS: 3601}, false},
		{wire.Patrol{EveryS: 10, Cameras: []camera.ID{"a", "b"}}, true}, {wire.Patrol{EveryS: 10, Cameras: many[:1000]}, true},
		{wire.Patrol{EveryS: 10, Cameras: many}, false}, {wire.Patrol{EveryS: 10, Cameras: []camera.ID{"a"}}, false},
		{wire.Patrol{EveryS: 10, Cameras: []camera.ID{"a", "a"}}, false}, {wire.Patrol{EveryS: 10, Cameras: []camera.ID{}}, false},
	} {
		if err := rooms.CheckPatrol(c.p); (err == nil) != c.good {
			t.Errorf("%d cameras every %d s: %v", len(c.p.Cameras), c.p.EveryS, err)
		}
	}
}
