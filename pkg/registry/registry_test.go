package registry_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/registry"
)

// told is a registry and what it tells.
func told() (*registry.Registry, *[]string) {
	events := new([]string)
	say := func(format string, a ...any) { *events = append(*events, fmt.Sprintf(format, a...)) }
	return registry.New("here", registry.Events{
		Listed:  func() { say("listed") },
		Changed: func(i camera.Info) { say("%s %s", i.ID, i.State) },
		Figures: func(i camera.Info) { say("%s %g fps", i.ID, i.FPS) },
		Back:    func(id camera.ID) { say("%s back", id) },
		Refused: func(id camera.ID, has, too string) { say("%s is of %s, not of %s", id, has, too) },
	}, func(camera.ID) int { return 3 }), events
}

func info(id camera.ID, s camera.State) camera.Info {
	return camera.Info{ID: id, Node: "here", Place: strings.Index("bac", string(id)), State: s, PID: 7, AgeMs: -1}
}

func expect(t *testing.T, events *[]string, want ...string) {
	t.Helper()
	if !slices.Equal(*events, want) {
		t.Errorf("told %q, want %q", *events, want)
	}
	*events = nil
}

func TestChangesAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, events := told()
		if r.Ready() || !r.Known("any") || r.First() != "" {
			t.Error("an empty registry knows too much")
		}
		list := []camera.Info{info("b", camera.Live), info("a", camera.Starting)}
		r.SetAll("here", list, time.Now())
		expect(t, events, "b back", "b live", "a starting", "listed")
		if !r.Ready() || r.Known("any") || r.First() != "b" || !r.Live("b") || r.Live("a") {
			t.Error("the list was not taken")
		}
		r.SetAll("here", list, time.Now())
		expect(t, events)
		r.Announce(info("a", camera.Live))
		expect(t, events, "a back", "a live")
		r.Announce(info("c", camera.Starting))
		expect(t, events, "c starting", "listed")
		r.Remove("c", "here", false)
		r.Remove("c", "here", false)
		expect(t, events, "listed")
	})
}

func TestOldListChangesNothingThatIsNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, events := told()
		r.SetAll("here", []camera.Info{info("a", camera.Starting)}, time.Now())
		asked := time.Now()
		time.Sleep(time.Millisecond)
		r.Announce(info("a", camera.Live))
		r.Announce(info("b", camera.Live))
		*events = nil
		r.SetAll("here", []camera.Info{info("a", camera.Starting)}, asked)
		expect(t, events)
		if !r.Live("a") || !r.Live("b") {
			t.Error("an old list undid announcements")
		}
	})
}

func TestFiguresOfASilentGrabberCountNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, events := told()
		r.Beat("nobody", camera.Status{})
		r.SetAll("here", []camera.Info{info("a", camera.Live)}, time.Now())
		*events = nil
		beat := camera.Status{FPSIn: 25, Bitrate: 100, AgeMs: 40, Width: 16, Height: 9}
		r.Beat("a", beat)
		expect(t, events, "a back", "a 25 fps")
		r.SetAll("here", []camera.Info{info("a", camera.Live)}, time.Now()) // its figures are not the grabber's
		time.Sleep(time.Second)
		if i, _ := r.Get("a"); i.FPS != 25 || i.AgeMs != 40 || i.Width != 16 || i.Viewers != 3 {
			t.Errorf("camera is %+v", i)
		}
		r.Beat("a", beat)
		expect(t, events, "a 25 fps")
		time.Sleep(10 * time.Second)
		if i, _ := r.Get("a"); i.FPS != 0 || i.Bitrate != 0 || i.AgeMs != 10_040 || i.Width != 16 {
			t.Errorf("silent camera is %+v", i)
		}
		r.Beat("a", beat)
		expect(t, events, "a back", "a 25 fps")
	})
}

// TestWhatOthersSayIsBounded: nobody takes a camera of another node by a large term or a node's name that is none, and what is announced in
// the name of nodes that there are not does not stay.
func TestWhatOthersSayIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, events := told()
		mine := []camera.Info{info("a", camera.Live)}
		r.SetAll("here", mine, time.Now())
		*events = nil
		of := func(node string, id camera.ID, term uint64) camera.Info {
			i := info(id, camera.Stopped)
			i.Node, i.Term = node, term
			return i
		}
		r.Away("site", false)
		r.Announce(of("site", "a", math.MaxUint64))
		r.SetAll("site", []camera.Info{of("site", "a", math.MaxUint64), of("site", "a", 0)}, time.Now())
		r.Announce(of("*", "b", 0))
		r.Announce(of("site", "b.c", 0))
		strange := of("site", "b", 0)
		strange.State = "<b>"
		r.Announce(strange)
		expect(t, events, "a is of here, not of site")
		r.Announce(of("nobody", "b", 0))
		r.Announce(of("site", "c", 0))
		*events = nil
		time.Sleep(15 * time.Second)
		r.SetAll("here", mine, time.Now())
		expect(t, events, "listed")
		if ids := r.IDs(); !slices.Equal(ids, []camera.ID{"a", "c"}) || !r.Live("a") {
			t.Errorf("there are %v", ids)
		}
		var flood []camera.Info
		for n := range 20_000 {
			flood = append(flood, of("site", camera.ID(fmt.Sprint("flood-", n)), 0))
		}
		r.SetAll("site", flood, time.Now())
		if n := len(r.IDs()); n != 9_999 { // c has gone after the others had come
			t.Errorf("there are %d cameras", n)
		}
		r.SetAll("here", append(mine, info("b", camera.Live)), time.Now())
		if !r.Live("b") {
			t.Error("others have taken the place of a camera of this node")
		}
	})
}

// TestNodesThatAreGone: one that was silent for long is forgotten with its cameras; of one that has left they stay for a day, and it is
// forgotten as soon as it has none.
func TestNodesThatAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, events := told()
		of := func(node string, id camera.ID) camera.Info {
			i := info(id, camera.Live)
			i.Node = node
			return i
		}
		for node, id := range map[string]camera.ID{"silent": "s", "left": "l", "back": "b"} {
			r.Away(node, false)
			r.SetAll(node, []camera.Info{of(node, id)}, time.Now())
			r.Away(node, true)
		}
		r.Away("empty", false)
		r.Away("empty", true)
		for node, left := range map[string]bool{"silent": false, "left": true, "back": true, "empty": true} {
			r.Forget(node, left)
		}
		r.Away("back", false)
		check := func(wait time.Duration, nodes, cameras string) {
			t.Helper()
			time.Sleep(wait)
			*events = nil
			r.SetAll("here", nil, time.Now())
			r.SetAll("here", nil, time.Now())
			here := strings.Join(slices.Sorted(maps.Keys(r.Nodes())), " ")
			if ids := fmt.Sprint(r.IDs()); here != nodes || ids != cameras {
				t.Errorf("there are %s with the cameras %s, not %s with %s", here, ids, nodes, cameras)
			}
		}
		check(15*time.Second, "back here left", "[b l]")
		expect(t, events, "listed")
		check(23*time.Hour, "back here left", "[b l]")
		expect(t, events)
		check(2*time.Hour, "back here", "[b]")
		expect(t, events, "listed")
	})
}
