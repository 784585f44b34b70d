package e2e

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linkstart/pkg/camera"
)

func (b *stand) restarts(t *testing.T, s *system, p *tab) {
	before := s.becomes("ball", camera.Live)
	sockets := p.opened()
	p.shows("ball")
	p.listen()
	p.click(`[data-action=restart]`)
	p.click(`[data-action=confirm]`)
	said := p.says("Picture back after")
	after := s.becomes("ball", camera.Live)
	if after.PID == before.PID || !strings.Contains(said, "pid") {
		t.Errorf("process %d before, %d after; the page says %q", before.PID, after.PID, said)
	}
	p.shows("ball")
	if p.opened() != sockets {
		t.Error("the page has connected again")
	}
	t.Logf("the page says %q", said)
}

func (b *stand) killedGrabber(t *testing.T, s *system, p *tab) {
	before := s.becomes("ball", camera.Live)
	sockets := p.opened()
	stop := p.record()
	p.note()
	kill(t, before.PID)
	p.noted("the page says that the camera is away", func(v sight) bool { return !v.Live && v.Plate != "" && v.State != "Live" })
	s.eventually("another process", func() error {
		_, err := s.another("ball", before.PID)
		return err
	})
	p.shows("ball")
	for _, m := range stop() {
		if m.Dark || m.Connection != "open" {
			t.Errorf("in between the stage was %+v", m)
		}
		if !m.Live {
			t.Logf("the stage said %q", m.Plate)
		}
	}
	if p.opened() != sockets {
		t.Error("the page has connected again")
	}
}

func (b *stand) pushes(t *testing.T, s *system, p *tab) {
	const samples = "../pkg/jpeg/testdata/"
	good, err := os.ReadFile(samples + "esp32.jpg")
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	push := func(b []byte) int {
		status, _, _ := s.insist(http.MethodPost, "/api/v1/cameras/push/frames", b, "Content-Type", "image/jpeg")
		return status
	}
	p.click(`button.tile[data-camera=push]`)
	p.until("nothing was pushed yet", func(v sight) bool { return strings.HasPrefix(v.Plate, "Waiting") })
	p.until("the pushed picture", func(v sight) bool {
		push(good)
		return v.Camera == "push" && v.Live && v.tile("push").Picture == "live"
	})
	r := img.Bounds()
	shown := b.pictures
	shown["push"] = img
	drawn := func(what string) {
		t.Helper()
		s.eventually(what, func() error {
			push(good) // also in case that the one before is old by now, which is said over it
			if got := likest(p.picture(float64(r.Dx()), float64(r.Dy())), shown); got != "push" {
				return fmt.Errorf("the stage shows %s", got)
			}
			return nil
		})
	}
	drawn("what was pushed")
	hostile, _ := filepath.Glob(samples + "*/*.jpg")
	odd, _ := filepath.Glob(samples + "*.jpg")
	if len(hostile) == 0 || len(odd) == 0 {
		t.Fatal("no samples")
	}
	for _, name := range append(hostile, odd...) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if status := push(b); status >= http.StatusInternalServerError {
			t.Errorf("push %s: %d", name, status)
		}
	}
	push(good[:len(good)/2])
	before := p.until("the page goes on", func(v sight) bool { return v.Connection == "open" })
	p.until("another good picture", func(v sight) bool {
		push(good)
		return v.Camera == "push" && v.Seq > before.Seq && v.Live
	})
	// What the half picture left may be drawn just now: the good one follows it.
	drawn("the good picture after the broken ones")
	p.key("1")
	p.shows("clock")
	delete(shown, "push")
}

func (b *stand) alarms(t *testing.T, s *system, p *tab) {
	status, _, body := s.request(http.MethodPost, "/api/v1/cameras/ball/alarm",
		strings.NewReader(`{"kind":"smoke","level":"high","text":"<i>row 3</i>"}`), "Content-Type", "application/json")
	if status/100 != 2 {
		t.Fatalf("alarm: %d %s", status, body)
	}
	p.shows("ball")
	v := p.until("the alarm is told", func(v sight) bool { return len(v.Alarms) == 1 && v.tile("ball").Alarm })
	if !strings.Contains(v.Alarms[0], "smoke · high") || !strings.Contains(v.Alarms[0], "<i>row 3</i>") {
		t.Errorf("the alarm says %q", v.Alarms)
	}
	p.key("3")
	p.until("why a click does not switch", func(v sight) bool {
		return len(v.Messages) > 0 && strings.Contains(v.Messages[len(v.Messages)-1], "alarm holds this room")
	})
	p.shows("ball")
	q := open(t, b.browser, s.url("/#/wall/4"), look{}).with(t)
	q.until("a page that is opened later knows of it", func(v sight) bool { return len(v.Alarms) == 1 && v.tile("ball").Alarm })
	p.click(`.alarm-acknowledge`)
	q.until("it is acknowledged for everybody", func(v sight) bool { return len(v.Alarms) == 0 && !v.tile("ball").Alarm })
	p.shows("clock")
	p.until("the alarm is over", func(v sight) bool { return len(v.Alarms) == 0 && !v.tile("ball").Alarm })
}

func (b *stand) killedRelay(t *testing.T, s *system, p *tab) {
	grabber := s.becomes("clock", camera.Live).PID
	p.shows("clock")
	sockets := p.opened()
	p.note()
	kill(t, s.relay())
	p.noted("the page says that the connection is lost", func(v sight) bool {
		return v.Connection == "lost" && v.Words == "Connection lost" && !v.Live && strings.Contains(v.Plate, "Connection lost")
	})
	v := p.shows("clock")
	if v.Connection != "open" || v.Words != "Connected" {
		t.Errorf("pictures are back, but the page says %q", v.Words)
	}
	if p.opened() == sockets {
		t.Error("nobody noticed that the page has connected again")
	}
	if s.becomes("clock", camera.Live).PID != grabber {
		t.Error("the grabber was restarted")
	}
	p.quietBut("WebSocket", "/api/v1/session") // that it could not connect, nor ask whether a login is needed, is the browser's own message
}
