package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"linkstart/bench/peer"
	"linkstart/bench/report"
	"linkstart/bench/simcam"
	"linkstart/bench/view"
)

const switchCameras = 4

// switching measures the message that switches to the first picture of the other camera, and to the first picture that the
// camera took after the message.
func switching(ctx context.Context, l *lab) error {
	cam, err := l.rtspCameras(ctx, switchCameras)
	if err != nil {
		return err
	}
	defer cam.Stop()
	r, err := l.linkstart(ctx, peer.Loopback, cam, switchCameras)
	if err != nil {
		return err
	}
	defer r.Stop()
	w, err := view.Open(ctx, r.Addr, "/ws", view.Options{Acks: true, Keep: view.Keep})
	if err != nil {
		return err
	}
	defer w.Close()
	stop := context.AfterFunc(ctx, func() { _ = w.Close() })
	defer stop()
	s := &switcher{w: w, cam: cam}
	w.Text = s.text
	// Each camera again after about 1.4 s: the grabbers still encode, for leases last 3 s.
	if err := s.run(l.count(200, 12), 250*time.Millisecond, 200*time.Millisecond); err != nil {
		return errors.Join(err, ctx.Err())
	}
	l.add(noted(sample("switch", "switch among 4 cameras H.264 1080p: message to first picture", "", "ms", s.first, report.AtMost("p99", 40)),
		"%d flagged not live", s.notLive))
	l.add(sample("switch-fresh", "the same: message to first picture captured after it", "", "ms", s.fresh, report.AtMost("p99", 250)))
	l.facts["switch low"] = summary(s.fresh)

	// Each camera again after 4.4 s and more, unwatched for longer than leases last: it must wake.
	s = &switcher{w: w, cam: cam, turn: true}
	w.Text = s.text
	if err := s.run(l.count(30, 4), 1450*time.Millisecond, 100*time.Millisecond); err != nil {
		return errors.Join(err, ctx.Err())
	}
	l.add(noted(sample("switch-woken", "switch to a camera that slept: message to first picture", "", "ms", s.first, report.AtMost("p99", 40)),
		"%d flagged not live", s.notLive))
	l.add(sample("switch-woken-fresh", "the same: message to first picture captured after it", "", "ms", s.fresh, report.AtMost("p99", 250)))
	_ = w.Close()
	r.Stop()
	return switchPeers(ctx, l, cam)
}

// switcher switches one stream.
type switcher struct {
	w    *view.WebSocket
	cam  *simcam.Camera
	turn bool // cameras in turn, else at random

	current, awaited int
	answered         bool
	first, fresh     []float64 // ms
	notLive          int
}

func (s *switcher) text(t view.Text) {
	if t.Type == "watching" && t.Camera == name(s.awaited) {
		s.answered = true
	}
}

// run switches n times, each pause to pause+more after the one before, so that no phase is preferred.
func (s *switcher) run(n int, pause, more time.Duration) error {
	for range n + 1 {
		step := 1
		if !s.turn {
			step = 1 + rand.N(switchCameras-1)
		}
		s.awaited = (s.current + step) % switchCameras
		if err := s.once(pause + rand.N(more)); err != nil {
			return fmt.Errorf("switch to %s: %w", name(s.awaited), err)
		}
		s.current = s.awaited
	}
	s.first, s.fresh = s.first[1:], s.fresh[1:] // the first one opens the stream
	return nil
}

func (s *switcher) once(dwell time.Duration) error {
	s.answered = false
	began := time.Now()
	if err := s.w.Watch(1, name(s.awaited), "main"); err != nil {
		return err
	}
	any, fresh := false, false
	for until := began.Add(dwell); !fresh || time.Now().Before(until); {
		f, err := s.w.Picture()
		if err != nil {
			return err
		}
		if !s.answered {
			continue // still of the camera before
		}
		if !any {
			any = true
			s.first = append(s.first, ms(f.At.Sub(began)))
			if f.NotLive {
				s.notLive++
			}
		}
		if at, ok := sentAt(f, s.cam, s.awaited); !fresh && ok && at.After(began) {
			fresh = true
			s.fresh = append(s.fresh, ms(f.At.Sub(began)))
		}
		if !fresh && time.Since(began) > 20*time.Second {
			return errors.New("no picture captured after the message within 20 s")
		}
	}
	return nil
}

// switchPeers measures what a switch is for programs that have none: another stream is opened.
func switchPeers(ctx context.Context, l *lab, cam *simcam.Camera) error {
	what, key := "switch: another stream opened, to first whole picture", "switch"
	return l.eachPeer(ctx, key, what, "ms", rtspOf, func(p peer.Peer, start peer.Start) error {
		var took []float64
		switch p.Name {
		case "go2rtc":
			running, err := start(ctx, peer.Loopback, cam.URL(0), cam.URL(1), cam.URL(2), cam.URL(3))
			if err != nil {
				return err
			}
			defer running.Stop()
			for i := range l.count(8, 4) {
				began := time.Now()
				at, err := firstOf(ctx, running, i%switchCameras)
				if err != nil {
					return err
				}
				took = append(took, ms(at.Sub(began)))
			}
		case "ffmpeg", "GStreamer":
			for i := range l.count(5, 2) {
				began := time.Now()
				running, err := start(ctx, peer.Loopback, cam.URL(i%switchCameras))
				if err != nil {
					return err
				}
				at, err := firstOf(ctx, running, 0)
				took = append(took, ms(at.Sub(began)))
				running.Stop()
				if err != nil {
					return err
				}
			}
		default:
			return nil // has no stream of JPEGs for each camera on demand
		}
		l.add(noted(sample(key, what, p.Name, "ms", took), "waits for a keyframe, every 2 s here"))
		return nil
	})
}

// firstOf opens a peer's camera and returns when the first picture arrived that is whole: whose stamp can be read. What a
// decoder makes of a stream before its first keyframe is not.
func firstOf(ctx context.Context, r *peer.Running, camera int) (time.Time, error) {
	v, err := r.Open(ctx, camera, view.Keep)
	if err != nil {
		return time.Time{}, err
	}
	defer v.Close()
	stop := context.AfterFunc(ctx, func() { _ = v.Close() })
	defer stop()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		f, err := v.Picture()
		if err != nil {
			return time.Time{}, fmt.Errorf("%w: %s", err, r.Complaints())
		}
		if stamped(f) {
			return f.At, nil
		}
	}
	return time.Time{}, errors.New("no whole picture within 20 s")
}
