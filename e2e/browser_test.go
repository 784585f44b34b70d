package e2e

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"linkstart/pkg/camera"
)

// wall is what the browser tests show: three moving pictures, one that is pushed, and one that cannot be reached. Names
// and groups are hostile, and the address has a password that must not be seen.
const wall = `
cameras:
  - {id: clock, name: 钟, group: 一楼, source: "test:clock?size=640x360&fps=15"}
  - {id: ball, name: "<img src=x onerror=alert(1)>", group: 一楼, source: "test:ball?size=640x360&fps=15"}
  - {id: bars, name: "</button><script>alert(2)</script>", group: "<b>bold</b>", source: "test:bars?size=640x360&fps=15"}
  - {id: push, name: Pushed, source: "push:", read_timeout: 20s}
  - {id: gone, name: Gone, source: "http://admin:Geheim77@127.0.0.1:9/video"}
rooms: [{id: main, alarm_takeover: 60s}]
`

// stand is a system with a browser in front of it: one for all tests, which go on from where the one before has ended.
type stand struct {
	s        *system
	browser  context.Context
	p        *tab                   // the page that is open from the first test to the last
	pictures map[string]image.Image // of each camera, from the API
}

func TestBrowser(t *testing.T) {
	s := start(t, wall)
	b := &stand{s: s, pictures: make(map[string]image.Image)}
	for _, id := range []string{"clock", "ball", "bars"} {
		s.becomes(id, camera.Live)
		b.pictures[id] = s.snapshot(id)
	}
	b.browser = chrome(t)
	b.p = open(t, b.browser, s.url("/"), look{})
	for _, test := range []struct {
		what string
		run  func(*stand, *testing.T, *system, *tab)
	}{
		{"every camera has a tile and the stage moves", (*stand).moves},
		{"a click and a key switch without a blank between", (*stand).switches},
		{"names are text", (*stand).names},
		{"the room switches who follows it", (*stand).rooms},
		{"a restart shows its result", (*stand).restarts},
		{"a killed grabber is told and comes back", (*stand).killedGrabber},
		{"pushed pictures are shown, broken ones do no harm", (*stand).pushes},
		{"an alarm takes over until it is acknowledged", (*stand).alarms},
		{"a snapshot is a JPEG file", (*stand).snapshots},
		{"Chinese on a phone", (*stand).phone},
		{"a hidden page costs nothing", (*stand).hides},
		{"a killed relay is told and comes back", (*stand).killedRelay},
	} {
		ok := t.Run(test.what, func(t *testing.T) { test.run(b, t, s.with(t), b.p.with(t)) })
		if !ok {
			break // the others go on from where this one should have led
		}
	}
}

func (b *stand) moves(t *testing.T, _ *system, p *tab) {
	p.until("all tiles are there, with their states", func(v sight) bool {
		return len(v.Tiles) == 5 && v.Connection == "open" && v.tile("clock").Word == "Live" && v.tile("ball").Word == "Live" &&
			v.tile("bars").Picture == "live" && v.tile("push").Word == "Waiting" && v.tile("gone").Word == "Reconnecting"
	})
	began := time.Now()
	p.click(`button.tile[data-camera=clock]`)
	p.shows("clock")
	first := p.stamped()
	p.onStage("clock", b.pictures)
	second := p.stamped()
	if first.Before(began.Add(-time.Minute)) || !second.After(first) || second.After(time.Now()) {
		t.Errorf("the camera was chosen at %v, its pictures are of %v and %v", began, first, second)
	}
	t.Logf("the picture in a screenshot is %v old, screenshot included", time.Since(second).Round(time.Millisecond))
}

func (b *stand) switches(t *testing.T, _ *system, p *tab) {
	stop := p.record()
	p.key("2")
	p.shows("ball")
	before := p.onStage("ball", b.pictures)
	p.click(`button.tile[data-camera=bars]`)
	v := p.shows("bars")
	if d := difference(before, p.onStage("bars", b.pictures)); d < 10 {
		t.Errorf("after the switch the pixels differ by %.1f of 255", d)
	}
	if !v.tile("bars").Chosen || v.tile("clock").Chosen {
		t.Errorf("the tiles do not show what is chosen: %+v", v.Tiles)
	}
	t.Logf("from the click to its picture: %s ms", v.ClickMS)
	for _, m := range stop() {
		if m.blank() || m.Connection != "open" {
			t.Errorf("in between the stage was %+v", m)
		}
	}
}

func (b *stand) names(t *testing.T, s *system, p *tab) {
	v := p.until("the names", func(v sight) bool { return len(v.Tiles) == 5 })
	if v.tile("ball").Name != "<img src=x onerror=alert(1)>" || v.tile("bars").Name != "</button><script>alert(2)</script>" {
		t.Errorf("names are %q and %q", v.tile("ball").Name, v.tile("bars").Name)
	}
	if n := eval[int](p, `document.querySelectorAll("img:not(.add-picture), .group b, body script").length`); n != 0 {
		t.Errorf("%d elements were made of names", n)
	}
	alarm := `{"kind":"<img src=x onerror=alert(3)>","level":"high","text":"<img src=x onerror=alert(4)>\u001b[31m"}`
	if status, _, body := s.request(http.MethodPost, "/api/v1/cameras/push/alarm", strings.NewReader(alarm)); status != http.StatusAccepted {
		t.Fatalf("alarm: %d %s", status, body)
	}
	eventually(t, "the alarm is told as text", func() error {
		if !eval[bool](p, `document.body.textContent.includes("<img src=x onerror=alert(4)>")`) {
			return errors.New("it is not there")
		}
		return nil
	})
	if n := eval[int](p, `document.querySelectorAll("img[src=x]").length`); n != 0 {
		t.Errorf("%d elements were made of an alarm", n)
	}
	if status, _, _ := s.request(http.MethodDelete, "/api/v1/cameras/push/alarm", nil); status != http.StatusNoContent {
		t.Errorf("acknowledging: %d", status)
	}
	p.click(`button.tile[data-camera=gone]`)
	v = p.until("why there is no picture", func(v sight) bool { return strings.Contains(v.Plate, "Reconnecting: ") })
	if text := eval[string](p, `document.documentElement.outerHTML`); strings.Contains(text, "Geheim77") {
		t.Error("the page holds a password")
	}
	if v.Live {
		t.Error("a camera without pictures is shown as live")
	}
	t.Logf("the stage says %q", v.Plate)
}

func (b *stand) rooms(t *testing.T, s *system, p *tab) {
	other := open(t, b.browser, s.url("/#/camera/ball"), look{}).with(t)
	if v := other.shows("ball"); v.Follow {
		t.Error("a page with a camera in its address follows the room")
	}
	b.room(t, s, "clock")
	p.shows("clock")
	p.key("3")
	p.shows("bars")
	if v := other.shows("ball"); v.Camera != "ball" {
		t.Errorf("an own choice was switched by the room to %s", v.Camera)
	}
	other.key("1")
	other.shows("clock")
	p.shows("bars")
	other.click(`[data-action=follow]`)
	other.shows("bars")
	other.onStage("bars", b.pictures)
	b.room(t, s, "ball")
	p.shows("ball")
	other.shows("ball")
}

// room switches a room as another program would.
func (b *stand) room(t *testing.T, s *system, id string) {
	t.Helper()
	status, _, body := s.request(http.MethodPut, "/api/v1/rooms/main", strings.NewReader(`{"camera":"`+id+`"}`), "Content-Type", "application/json")
	if status/100 != 2 {
		t.Fatalf("switch room: %d %s", status, body)
	}
}

func (b *stand) snapshots(t *testing.T, _ *system, p *tab) {
	dir := t.TempDir()
	callBrowser(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir,
		BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	})
	p.gets(`[data-action=snapshot]`, "Saved clock_", "No snapshot of ")
	eventually(t, "the file is there", func() error {
		files, err := filepath.Glob(filepath.Join(dir, "clock_*.jpg"))
		if err != nil || len(files) != 1 {
			return os.ErrNotExist
		}
		f, err := os.Open(files[0])
		if err != nil {
			return err
		}
		defer f.Close()
		img, err := jpeg.Decode(f)
		if err == nil && img.Bounds().Dx() != 640 {
			t.Errorf("the picture is %v", img.Bounds())
		}
		return err
	})
}

func (b *stand) phone(t *testing.T, s *system, p *tab) {
	q := open(t, b.browser, s.url("/"), look{language: "zh-CN", width: 390, height: 844, phone: true}).with(t)
	q.until("the page in Chinese", func(v sight) bool {
		return v.Words == "已连接" && v.tile("clock").Word == "实时" && v.tile("push").Name == "Pushed"
	})
	q.shows("clock")
	type layout struct{ Width, Content, Top, Bottom, Tile float64 }
	got := eval[layout](q, `(() => {
		const frame = document.querySelector(".frame").getBoundingClientRect();
		return {
			Width: innerWidth, Content: document.documentElement.scrollWidth, Top: frame.top, Bottom: frame.bottom,
			Tile: document.querySelector("button.tile").getBoundingClientRect().top,
		};
	})()`)
	if got.Width != 390 || got.Content > got.Width || got.Bottom > 500 || got.Tile < got.Bottom || got.Tile > 844 {
		t.Errorf("on a phone the page is laid out so: %+v", got)
	}
	if lang := eval[string](q, `document.documentElement.lang`); lang != "zh-CN" {
		t.Errorf("the page's language is %q", lang)
	}
	p.shows("clock")
}

func (b *stand) hides(t *testing.T, s *system, p *tab) {
	watched := func(yes bool) func() error {
		return func() error {
			info, err := s.camera("clock")
			if err == nil && (info.Viewers > 0) != yes {
				err = fmt.Errorf("%d viewers", info.Viewers)
			}
			return err
		}
	}
	s.eventually("the camera is watched", watched(true))
	show := p.hide()
	s.eventually("nobody watches any more", watched(false))
	show()
	p.shows("clock")
	s.eventually("the camera is watched again", watched(true))
}
