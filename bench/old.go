package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"linkstart/bench/peer"
	"linkstart/bench/report"
	"linkstart/bench/rig"
	"linkstart/bench/simcam"
	"linkstart/bench/stat"
	"linkstart/bench/view"
)

const (
	unpublished = "not published"
	unmeasured  = "not measured in this run"
	jitterMost  = 80 * time.Millisecond
)

// old measures what the old framework's own table asks for and no other section measures, and puts the table together.
func old(ctx context.Context, l *lab) error {
	errs := []error{underLoad(ctx, l), resume(ctx, l), jitter(ctx, l)}
	fact := func(name string) string {
		if f := l.facts[name]; f != "" {
			return f
		}
		return unmeasured
	}
	for _, r := range []report.OldRow{
		{What: "first picture", Promised: "under 0.2 s", Measured: fact("first"), Method: "new connection to an H.264 1080p camera that nobody watches, to its first picture (section first)"},
		{What: "latency, low load", Promised: "under 0.5 s", Measured: fact("latency low"), Method: "picture handed to the camera's RTSP server to JPEG at the viewer, one camera (section rtsp)"},
		{What: "latency, four streams, CPU loaded", Promised: "under 0.5 s", Measured: fact("latency high"), Method: "the same with four H.264 1080p25 cameras watched at once and a program that works on every core"},
		{What: "switch, low load", Promised: "under 0.2 s (seen: 0.1 to 0.2 s)", Measured: fact("switch low"), Method: "message to the first picture captured after it, four H.264 1080p25 cameras (section switch)"},
		{What: "switch, high load", Promised: "under 0.2 s", Measured: fact("switch high"), Method: "the same with a program that works on every core"},
		{What: "bandwidth at 1080p", Promised: "4.5 Mbit/s, however many cameras", Measured: fact("bandwidth"), Method: "bytes that one viewer of one camera receives (section rtsp); every picture at quality 80, rate and quality can be set"},
		{What: "resume after a short interruption", Promised: "any interruption is recovered from", Measured: fact("resume short"), Method: "camera silent for 1 s with its connection open, then from its first sign to the first new picture"},
		{What: "resume after a long interruption", Promised: "any interruption is recovered from", Measured: fact("resume long"), Method: "camera off for a while, then from the moment it listens again to the first new picture; a keyframe comes every 2 s"},
		{What: "effect of jitter", Promised: "none", Measured: fact("jitter"), Method: "the way from a JPEG 1080p25 camera stops each 100 ms for 0 to 80 ms; age at the viewer without and with it"},
	} {
		r.V1, r.V2, r.RTMP = unpublished, unpublished, unpublished
		l.report.Old = append(l.report.Old, r)
	}
	return errors.Join(errs...)
}

// underLoad measures latency of four streams, and switching, while every core is busy with something else.
func underLoad(ctx context.Context, l *lab) error {
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
	stop, err := loaded()
	if err != nil {
		return err
	}
	defer stop()
	w, err := view.Open(ctx, r.Addr, "/ws", view.Options{Acks: true, Keep: view.Keep})
	if err != nil {
		return err
	}
	for i := range switchCameras {
		if err := w.Watch(i+1, name(i), "main"); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	four, err := l.collect(ctx, w, l.length(10*time.Second, 3*time.Second))
	if err != nil {
		return err
	}
	var all []float64
	for _, f := range four.frames {
		if at, ok := sentAt(f, cam, int(f.Stream)-1); ok {
			all = append(all, ms(f.At.Sub(at)))
		}
	}
	l.add(noted(sample("old-latency-high", "four H.264 1080p25 cameras watched, every core loaded: picture handed over to JPEG read", "", "ms", all, report.AtMost("p99", 500)),
		"%.1f pictures/s of 100", float64(len(four.frames))/four.seconds))
	l.facts["latency high"] = summary(all)
	return switchLoaded(ctx, l, r, cam)
}

func switchLoaded(ctx context.Context, l *lab, r *rig.Rig, cam *simcam.Camera) error {
	w, err := view.Open(ctx, r.Addr, "/ws", view.Options{Acks: true, Keep: view.Keep})
	if err != nil {
		return err
	}
	defer w.Close()
	stop := context.AfterFunc(ctx, func() { _ = w.Close() })
	defer stop()
	s := &switcher{w: w, cam: cam}
	w.Text = s.text
	if err := s.run(l.count(30, 4), 250*time.Millisecond, 200*time.Millisecond); err != nil {
		return err
	}
	l.add(sample("old-switch-high", "switch among 4 cameras H.264 1080p, every core loaded: message to first picture captured after it", "", "ms", s.fresh))
	l.facts["switch high"] = summary(s.fresh)
	return nil
}

// resume measures how soon pictures come again after a camera was silent, and after it was off.
func resume(ctx context.Context, l *lab) error {
	cam, err := l.rtspCameras(ctx, 1)
	if err != nil {
		return err
	}
	defer cam.Stop()
	r, err := l.linkstart(ctx, peer.Loopback, cam, 1)
	if err != nil {
		return err
	}
	defer r.Stop()
	v, err := viewer(ctx, r, name(0), view.Options{Acks: true, Keep: view.Keep})
	if err != nil {
		return err
	}
	defer v.Close()
	stop := context.AfterFunc(ctx, func() { _ = v.Close() })
	defer stop()
	if _, err := v.Picture(); err != nil {
		return err
	}
	for _, kind := range []struct {
		key, fact, what string
		n               int
		away            time.Duration
		leave, back     func() error
	}{
		{"resume-short", "resume short", "camera silent for 1 s: from its return to the first new picture", l.count(5, 1), time.Second, cam.Freeze, cam.Thaw},
		{"resume-long", "resume long", "camera off: from its return to the first new picture", l.count(2, 1), l.length(15*time.Second, 4*time.Second),
			func() error { cam.Stop(); return nil }, func() error { return cam.Restart(ctx) }},
	} {
		var took []float64
		for range kind.n {
			one, err := interrupted(ctx, v, cam, kind.away, kind.leave, kind.back)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.what, err)
			}
			took = append(took, one)
		}
		l.add(noted(sample(kind.key, kind.what, "", "ms", took), "away for %s", kind.away))
		l.facts[kind.fact] = fmt.Sprintf("%.2f s (largest of %d), away for %s", stat.Of(took).Max/1e3, len(took), kind.away)
	}
	return nil
}

// interrupted is the time from the camera's return to the first picture that it sent afterwards, ms.
func interrupted(ctx context.Context, v view.Viewer, cam *simcam.Camera, away time.Duration, leave, back func() error) (float64, error) {
	type arrival struct {
		ms  float64
		err error
	}
	returned := make(chan time.Time, 1)
	arrived := make(chan arrival, 1)
	go func() {
		var since time.Time
		for {
			f, err := v.Picture()
			if err != nil {
				arrived <- arrival{err: err}
				return
			}
			if since.IsZero() {
				select {
				case since = <-returned:
				default:
					continue
				}
			}
			if at, ok := sentAt(f, cam, 0); ok && at.After(since) {
				arrived <- arrival{ms: ms(f.At.Sub(since))}
				return
			}
		}
	}()
	err := sleep(ctx, time.Second)
	if err == nil {
		err = leave()
	}
	if err == nil {
		err = sleep(ctx, away)
	}
	if err = errors.Join(err, back()); err != nil {
		_ = v.Close()
		<-arrived
		return 0, err
	}
	returned <- time.Now()
	a := <-arrived
	return a.ms, errors.Join(a.err, ctx.Err())
}

// jitter measures the age at the viewer without and with a restless network before the camera.
func jitter(ctx context.Context, l *lab) error {
	cam, err := l.jpegCameras(ctx, 1)
	if err != nil {
		return err
	}
	defer cam.Stop()
	address, err := url.Parse(cam.URL(0))
	if err != nil {
		return err
	}
	restless, err := simcam.StartJitter(ctx, address.Host, jitterMost)
	if err != nil {
		return err
	}
	defer restless.Close()
	r, err := l.start(ctx, peer.Loopback, rig.Camera{ID: "calm", Source: cam.URL(0)}, rig.Camera{ID: "restless", Source: "http://" + restless.Addr + address.Path})
	if err != nil {
		return err
	}
	defer r.Stop()
	told := map[string]string{}
	for _, id := range []string{"calm", "restless"} {
		v, err := viewer(ctx, r, id, view.Options{Acks: true, Keep: markOnly})
		if err != nil {
			return err
		}
		w, err := l.collect(ctx, v, l.length(10*time.Second, 3*time.Second))
		if err != nil {
			return err
		}
		all, err := ages(w.frames, cam, 0)
		if err != nil {
			return err
		}
		l.add(noted(sample("jitter-"+id, "JPEG 1080p25 camera behind a network that is "+id+": camera's mark to viewer", "", "ms", all), "%.1f pictures/s", float64(len(w.frames))/w.seconds))
		told[id] = fmt.Sprintf("%s at %.0f pictures/s", summary(all), float64(len(w.frames))/w.seconds)
	}
	l.facts["jitter"] = fmt.Sprintf("%s without, %s with", told["calm"], told["restless"])
	return nil
}
