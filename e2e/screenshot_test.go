//go:build screenshot

package e2e

import (
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"linkstart/pkg/camera"
	"linkstart/pkg/nettest"
)

// gallery is where the pictures of docs/viewer.md stand.
const gallery = "../docs/screenshots"

// street is what the pictures show: a clip of a street, and pictures that are made here.
func street() string {
	var b strings.Builder
	b.WriteString("defaults: {fps: 10}\ncameras:\n")
	camera := func(id, name, group, source string) {
		fmt.Fprintf(&b, "  - {id: %s, name: %s, group: %s, source: %q}\n", id, name, group, source)
	}
	camera("gate", "Gate", "Yard", "deploy/footage/street.mp4")
	for i, name := range []string{"Car park", "Ramp", "Dock 1", "Dock 2", "Fence"} {
		camera(fmt.Sprintf("yard%d", i+1), name, "Yard", pattern(i))
	}
	for i := range 10 {
		camera(fmt.Sprintf("cab%02d", i+1), fmt.Sprintf("机柜%02d", i+1), "一楼", pattern(i+2))
	}
	camera("roof", "Roof", "Yard", "http://127.0.0.1:9/video.mjpg")
	b.WriteString("rooms: [{id: main, alarm_takeover: 60s}]\n")
	return b.String()
}

func pattern(i int) string {
	return "test:" + []string{"clock", "ball", "bars"}[i%3] + "?size=640x360&fps=10"
}

// shot is one picture: of this page, once before has brought it there.
type shot struct {
	name, address string
	look          look
	before        func(*testing.T, *tab)
}

var (
	desktop = look{width: 1440, height: 900}
	light   = look{width: 1440, height: 900, light: true}
	phone   = look{width: 390, height: 844, phone: true, picture: 2}
)

// shoot starts a system with that configuration for the pictures.
func shoot(t *testing.T, config string) *system {
	t.Helper()
	s := &system{t: t, dir: t.TempDir(), addr: nettest.FreeAddr(), client: http.DefaultClient, exec: exec.Command}
	s.config = filepath.Join(s.dir, "cameras.yaml")
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, "deploy"), filepath.Join(s.dir, "deploy")); err != nil { // where the clip is
		t.Fatal(err)
	}
	s.configure(config)
	s.launch()
	t.Cleanup(s.stop)
	return s
}

// live is that so many tiles show what is there now.
func live(tiles int) func(sight) bool {
	return func(v sight) bool {
		n := 0
		for _, tile := range v.Tiles {
			if tile.Picture == "live" {
				n++
			}
		}
		return n >= tiles && v.Connection == "open"
	}
}

// TestScreenshots makes the pictures of the documentation.
func TestScreenshots(t *testing.T) {
	s := shoot(t, street())
	s.becomes("gate", camera.Live)
	s.becomes("cab10", camera.Live)
	browser := chrome(t)
	shots := []shot{
		{"stage", "/#/camera/gate", desktop, func(_ *testing.T, p *tab) {
			p.shows("gate")
			p.until("the figures have settled", func(v sight) bool { return v.Rate > 8 && v.Bitrate != "–" })
		}},
		{"wall", "/#/wall/16", look{width: 1920, height: 1080}, func(_ *testing.T, p *tab) { p.until("15 pictures, one camera is away", live(15)) }},
		{"light", "/#/wall/4?group=Yard", light, func(_ *testing.T, p *tab) { p.until("4 pictures", live(4)) }},
		{"phone", "/#/camera/gate", phone, func(_ *testing.T, p *tab) { p.shows("gate"); p.until("pictures", live(4)) }},
		{"phone-wall", "/?lang=zh#/wall/4?group=%E4%B8%80%E6%A5%BC", phone, func(_ *testing.T, p *tab) { p.until("4 pictures", live(4)) }},
		{"away", "/#/camera/roof", desktop, func(_ *testing.T, p *tab) {
			p.until("when it is tried again", func(v sight) bool { return strings.Contains(v.Plate, "Reconnecting") })
		}},
		{"details", "/#/camera/gate", desktop, func(t *testing.T, p *tab) {
			p.shows("gate")
			p.click(`[data-action=details]`)
			eventually(t, "charts", func() error {
				if n := eval[int](p, `document.querySelectorAll("#panel-charts canvas").length`); n < 3 {
					return fmt.Errorf("%d charts", n)
				}
				return nil
			})
			time.Sleep(20 * time.Second) // of curves
		}},
		{"room", "/", desktop, func(_ *testing.T, p *tab) { p.until("pictures", live(6)); p.click(`[data-action=room]`) }},
		{"add", "/", desktop, func(_ *testing.T, p *tab) {
			p.until("pictures", live(6))
			p.click(`[data-action=add]`)
			p.do("type", chromedp.SendKeys(chromedp.CSS(`dialog.add [name=source]`), "test:clock?size=640x360"))
			p.click(`.add-test`)
			p.do("wait for the picture", chromedp.WaitVisible(chromedp.CSS(`.add-picture`)))
		}},
		{"keys", "/#/wall/4", desktop, func(_ *testing.T, p *tab) { p.until("4 pictures", live(4)); p.key("?") }},
		{"alarm", "/", desktop, func(_ *testing.T, p *tab) {
			s.request("POST", "/api/v1/cameras/cab01/alarm", strings.NewReader(`{"kind":"smoke","level":"high","text":"Rack 3, row 2"}`), "Content-Type", "application/json")
			p.shows("cab01")
			p.until("the alarm", func(v sight) bool { return len(v.Alarms) == 1 })
		}},
		{"alarm-phone", "/?lang=zh", phone, func(_ *testing.T, p *tab) {
			p.shows("cab01")
			p.until("the alarm", func(v sight) bool { return len(v.Alarms) == 1 })
		}},
	}
	for _, shot := range shots {
		t.Run(shot.name, func(t *testing.T) { // whose page is closed at its end
			p := open(t, browser, s.url(shot.address), shot.look).with(t)
			shot.before(t, p)
			time.Sleep(time.Second) // for what fades in
			save(t, filepath.Join(gallery, shot.name+".jpg"), p.screenshot(nil))
			if shot.name == "stage" {
				save(t, "../docs/screenshot.png", p.busiest())
			}
		})
	}
}

// TestScreenshotsOfLogins makes those where somebody has to log in.
func TestScreenshotsOfLogins(t *testing.T) {
	s := shoot(t, "users:\n"+account(t, "anna", "admin", "")+account(t, "oskar", "operator", "")+account(t, "vera", "viewer", ", groups: [Yard]")+street())
	browser := chrome(t)
	access := func(p *tab) {
		p.inside("anna")
		p.until("pictures", live(6))
		p.key("u")
	}
	for _, shot := range []shot{
		{"login", "/", desktop, func(_ *testing.T, p *tab) { p.mustLogIn() }},
		{"login-phone", "/?lang=zh", phone, func(_ *testing.T, p *tab) { p.mustLogIn() }},
		{"viewer", "/#/camera/gate", light, func(_ *testing.T, p *tab) { p.inside("vera"); p.shows("gate"); p.until("pictures", live(6)) }},
		{"link", "/#/camera/gate", desktop, func(_ *testing.T, p *tab) {
			p.inside("vera")
			p.shows("gate")
			p.key("l")
			p.click(`#share [type=submit]`)
		}},
		{"access", "/", desktop, func(_ *testing.T, p *tab) {
			access(p)
			for _, name := range []string{"Recorder", "Door panel"} {
				p.do("type", chromedp.SendKeys(chromedp.CSS("[name=token-name]"), name))
				p.click("[name=token-which][value=group]")
				p.click("#token-groups input")
				p.click("#token-make")
				p.do("wait for the token", chromedp.WaitVisible(chromedp.CSS("#token-made")))
			}
		}},
		{"audit", "/?theme=light", desktop, func(_ *testing.T, p *tab) { access(p); p.click("#tab-audit") }},
	} {
		t.Run(shot.name, func(t *testing.T) {
			p := visit(t, person(t, browser), s.url(shot.address), shot.look).with(t)
			shot.before(t, p)
			time.Sleep(time.Second) // for what fades in
			save(t, filepath.Join(gallery, shot.name+".jpg"), p.screenshot(nil))
		})
	}
}

// busiest takes screenshots while the clip plays once, and returns the one in which most is to be seen on the stage.
func (p *tab) busiest() image.Image {
	p.t.Helper()
	var best image.Image
	most := -1.0
	for end := time.Now().Add(16 * time.Second); time.Now().Before(end); {
		shot := p.screenshot(nil)
		stage := shot.(interface {
			SubImage(image.Rectangle) image.Image
		}).SubImage(image.Rect(40, 220, 1000, 740))
		if v := contrast(stage); v > most {
			best, most = shot, v
		}
	}
	return best
}

// contrast is the mean distance of a picture's pixels from their mean, 0 to 255.
func contrast(img image.Image) float64 {
	pixels := thumbnail(img).Pix
	mean, sum := 0.0, 0.0
	for _, v := range pixels {
		mean += float64(v) / float64(len(pixels))
	}
	for _, v := range pixels {
		sum += math.Abs(float64(v) - mean)
	}
	return sum / float64(len(pixels))
}

func save(t *testing.T, name string, img image.Image) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if filepath.Ext(name) == ".png" {
		err = png.Encode(f, img)
	} else {
		err = jpeg.Encode(f, img, &jpeg.Options{Quality: 85})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
