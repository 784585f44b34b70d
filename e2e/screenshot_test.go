//go:build screenshot

package e2e

import (
	"flag"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
)

// more is a folder for pictures of the page in other states, to be looked at.
var more = flag.String("more", "", "write screenshots of other looks into this folder")

// shipped starts the system with the shipped cameras.yaml, at another address and with a state of its own.
func shipped(t *testing.T) *system {
	t.Helper()
	text, err := os.ReadFile("../cameras.yaml")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	_, cameras, ok := strings.Cut(string(text), "\ndefaults:")
	if !ok {
		t.Fatal("cameras.yaml has no defaults")
	}
	cameras = "defaults:" + cameras
	if !strings.Contains(cameras, "\nrooms:") {
		cameras += "\nrooms: [{id: main, alarm_takeover: 60s}]\n"
	}
	s := &system{t: t, dir: t.TempDir(), addr: freeAddr(t)}
	s.config = filepath.Join(s.dir, "cameras.yaml")
	if err := os.Symlink(filepath.Join(root, "deploy"), filepath.Join(s.dir, "deploy")); err != nil { // it names the footage from there
		t.Fatal(err)
	}
	s.configure(cameras)
	s.launch()
	t.Cleanup(s.stop)
	return s
}

// TestScreenshot makes the picture in the README.
func TestScreenshot(t *testing.T) {
	s := shipped(t)
	ids := []string{"clock", "ball", "bars", "noise", "street", "cab01"}
	for _, id := range ids {
		s.becomes(id, camera.Live)
	}
	browser := chrome(t)
	p := open(t, browser, s.url("/"), look{width: 1440, height: 900})
	p.click(`button.tile[data-camera=street]`)
	p.shows("street")
	p.until("all tiles are live, and the figures have settled", func(v sight) bool {
		for _, tile := range v.Tiles {
			if tile.State != "live" || tile.Picture != "live" {
				return false
			}
		}
		return len(v.Tiles) == len(ids) && v.Bitrate != "–" && v.Rate > 11
	})
	p.quiet()
	save(t, "../docs/screenshot.png", p.busiest())
	if *more == "" {
		return
	}
	out := func(name string, p *tab) { save(t, filepath.Join(*more, name+".png"), p.screenshot(nil)) }
	for name, l := range map[string]look{
		"phone": {width: 390, height: 844, phone: true, picture: 2}, "light": {width: 1440, height: 900, light: true},
		"chinese": {width: 1440, height: 900, language: "zh-CN"}, "phone-chinese-light": {width: 390, height: 844, phone: true, picture: 2, light: true, language: "zh-CN"},
		"lying": {width: 844, height: 390, phone: true, picture: 2}, "large": {width: 1920, height: 1080},
	} {
		t.Run(name, func(t *testing.T) { // whose page is closed at its end
			q := open(t, browser, s.url("/"), l)
			q.shows("street")
			q.until("the figures have settled", func(v sight) bool { return v.Rate > 11 })
			out(name, q)
		})
	}
	if _, err := s.command("stop", "street"); err != nil {
		t.Fatal(err)
	}
	p.until("the camera is away", func(v sight) bool { return v.State == "Stopped" && v.Plate != "" })
	out("away", p)
	if _, err := s.command("start", "street"); err != nil {
		t.Fatal(err)
	}
	p.shows("street")
	p.click(`[data-action=restart]`)
	p.click(`[data-action=confirm]`)
	p.until("the restart", func(v sight) bool { return strings.Contains(strings.Join(v.Messages, " "), "Picture back after") })
	out("restarted", p)
	s.request("POST", "/api/v1/cameras/cab01/alarm", strings.NewReader(`{"kind":"smoke","level":"high","text":"Rack 3, row 2"}`), "Content-Type", "application/json")
	p.shows("cab01")
	p.until("the alarm", func(v sight) bool { return len(v.Alarms) == 1 })
	out("alarm", p)
	q := open(t, browser, s.url("/"), look{width: 390, height: 844, phone: true, picture: 2, language: "zh-CN"})
	q.shows("cab01")
	q.until("the alarm on a phone", func(v sight) bool { return len(v.Alarms) == 1 })
	out("alarm-phone", q)
	kill(t, s.relay())
	p.until("lost", func(v sight) bool { return v.Connection == "lost" })
	out("lost", p)
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
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
