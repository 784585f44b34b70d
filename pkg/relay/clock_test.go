package relay_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"linkstart/pkg/camera"
)

// A clock that is set, by an hour to either side and back, stops no picture.
func TestClockIsSet(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	g := w.grab("a")
	g.small = 2000
	g.flow(t, 10*time.Millisecond, 4000)
	plain, auto := w.view(), w.view()
	plain.say(`{"type":"watch","stream":1,"camera":"a"}`)
	auto.say(`{"type":"watch","stream":1,"camera":"a","rendition":"auto"}`)
	for _, ahead := range []time.Duration{0, -time.Hour, time.Hour, 0, time.Hour, -time.Hour} {
		g.set(ahead)
		for _, v := range []*viewer{plain, auto} {
			for n := 0; n < 5; {
				m := v.untilKind("frame")
				off := time.Since(m.head.Captured.Add(-ahead)).Abs()
				if off > patience { // from before
					n = 0
					continue
				}
				n++
				if m.head.NotLive {
					t.Errorf("with a clock %s ahead picture %d is not live", ahead, m.head.Seq)
				}
				if m.head.Age < 0 || ahead >= 0 && m.head.Age > patience {
					t.Errorf("with a clock %s ahead a picture is %s old", ahead, m.head.Age)
				}
			}
		}
		before := g.newest()
		resp, _ := w.do("GET", "/api/v1/cameras/a/snapshot.jpg", nil)
		seq, err := strconv.ParseUint(resp.Header.Get("X-Frame-Seq"), 10, 32)
		if resp.StatusCode != http.StatusOK || err != nil || uint32(seq)+100 < before {
			t.Errorf("with a clock %s ahead the snapshot is %d, picture %d of %d", ahead, resp.StatusCode, seq, before)
		}
		if age := resp.Header.Get("X-Frame-Age-Ms"); age == "" || age[0] == '-' {
			t.Errorf("with a clock %s ahead the snapshot is %q ms old", ahead, age)
		}
	}
}

// The last picture of a camera that is away is not taken for a present one because it is ahead of the clock.
func TestPictureAheadOfTheClockIsNotLive(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	g := w.grab("a")
	g.set(time.Hour)
	v := w.view()
	v.say(`{"type":"watch","stream":1,"camera":"a"}`)
	stop := g.flow(t, 10*time.Millisecond, 4000)
	v.untilKind("frame")
	w.announce(info("a", camera.Reconnecting))
	v.until(func(m message) bool { return m.kind() == "frame" && m.head.NotLive })
	stop()
}
