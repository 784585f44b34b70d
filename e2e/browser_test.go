package e2e

import (
	"image"
	"testing"
	"time"

	"linkstart/pkg/camera"
)

// wall is what the browser tests show: three moving pictures, one that is pushed, and one that cannot be reached. Names
// and groups are hostile, and the address has a password that must not be seen.
const wall = `
cameras:
  - {id: clock, name: 钟, group: 一楼, source: "test:clock?size=640x360&fps=15"}
  - {id: ball, name: "<img src=x onerror=alert(1)>", group: 一楼, source: "test:ball?size=640x360&fps=15"}
  - {id: bars, name: "</button><script>alert(2)</script>", group: "<b>bold</b>", source: "test:bars?size=640x360&fps=15"}
  - {id: push, name: Pushed, source: "push:"}
  - {id: gone, name: Gone, source: "http://admin:Geheim77@127.0.0.1:9/video"}
rooms: [{id: main, alarm_takeover: 60s}]
`

func TestBrowser(t *testing.T) {
	s := start(t, wall)
	for _, id := range []string{"clock", "ball", "bars"} {
		s.becomes(id, camera.Live)
	}
	pictures := map[string]image.Image{"clock": s.snapshot("clock"), "ball": s.snapshot("ball"), "bars": s.snapshot("bars")}
	browser := chrome(t)
	began := time.Now()
	p := open(t, browser, s.url("/"), look{})

	t.Run("every camera has a tile, the stage moves", func(t *testing.T) {
		p := p.with(t)
		p.until("all tiles are there, with their states", func(v sight) bool {
			return len(v.Tiles) == 5 && v.Connection == "open" && v.tile("clock").Word == "Live" && v.tile("ball").Word == "Live" &&
				v.tile("bars").Picture == "live" && v.tile("push").Word == "Waiting" && v.tile("gone").Word == "Reconnecting"
		})
		p.click(`button.tile[data-camera=clock]`)
		p.shows("clock")
		first := p.stamped()
		p.onStage(t, "clock", pictures)
		p.until("time passes", func(v sight) bool { return v.Live })
		second := p.stamped()
		if first.Before(began.Add(-time.Minute)) || !second.After(first) || second.After(time.Now()) {
			t.Errorf("the page was opened at %v, its pictures are of %v and %v", began, first, second)
		}
		t.Logf("the picture in a screenshot is %v old, screenshot included", waitTime(second))
	})

	t.Run("a click and a key switch, without a blank between", func(t *testing.T) {
		p := p.with(t)
		stop := p.record()
		p.key("2")
		p.shows("ball")
		before := p.onStage(t, "ball", pictures)
		p.click(`button.tile[data-camera=bars]`)
		v := p.shows("bars")
		after := p.onStage(t, "bars", pictures)
		if d := difference(before, after); d < 10 {
			t.Errorf("after the switch the pixels differ by %.1f of 255", d)
		}
		if !v.tile("bars").Chosen || v.tile("clock").Chosen {
			t.Errorf("the tiles do not show what is chosen: %+v", v.Tiles)
		}
		t.Logf("from the click to its picture: %s ms", v.ClickMS)
		for _, m := range stop() {
			if m.Dark || m.Covered || m.Connection != "open" {
				t.Errorf("in between the stage was %+v", m)
			}
		}
	})
}
