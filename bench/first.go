package main

import (
	"context"
	"errors"
	"time"

	"linkstart/bench/peer"
	"linkstart/bench/report"
	"linkstart/bench/rig"
	"linkstart/bench/simcam"
	"linkstart/bench/view"
)

// asleep is longer than a lease lasts (3 s): then nothing is decoded or encoded for a camera.
const asleep = 3500 * time.Millisecond

// firstPicture measures from the first packet of a connection to the first picture on it.
func firstPicture(ctx context.Context, l *lab) error {
	video, err := l.rtspCameras(ctx, 1)
	if err != nil {
		return err
	}
	defer video.Stop()
	stills, err := l.jpegCameras(ctx, 1)
	if err != nil {
		return err
	}
	defer stills.Stop()
	if err := oursFirst(ctx, l, video, stills); err != nil {
		l.fail(err)
	}
	for _, kind := range []struct {
		key, what string
		cam       *simcam.Camera
		of        func(peer.Peer) peer.Start
	}{
		{"first-h264", "first picture of an H.264 1080p camera after opening the connection", video, rtspOf},
		{"first-jpeg", "first picture of a JPEG 1080p camera after opening the connection", stills, jpegOf},
	} {
		err := l.eachPeer(ctx, kind.key, kind.what, "ms", kind.of, func(p peer.Peer, start peer.Start) error {
			if p.Name != "go2rtc" && p.Name != "motion" {
				return nil // a pipeline has no viewers that come and go
			}
			return firstOfPeer(ctx, l, p, start, kind.cam, kind.key, kind.what)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func firstOfPeer(ctx context.Context, l *lab, p peer.Peer, start peer.Start, cam *simcam.Camera, key, what string) error {
	running, err := start(ctx, peer.Loopback, cam.URL(0))
	if err != nil {
		return err
	}
	defer running.Stop()
	if _, err := firstOf(ctx, running, 0); err != nil { // until it has the camera
		return err
	}
	var took []float64
	for range l.count(10, 2) {
		if err := sleep(ctx, 500*time.Millisecond); err != nil {
			return err
		}
		began := time.Now()
		at, err := firstOf(ctx, running, 0)
		if err != nil {
			return err
		}
		took = append(took, ms(at.Sub(began)))
	}
	l.add(sample(key, what, p.Name, "ms", took))
	return nil
}

func oursFirst(ctx context.Context, l *lab, video, stills *simcam.Camera) error {
	r, err := l.start(ctx, peer.Loopback, rig.Camera{ID: "video", Source: video.URL(0)}, rig.Camera{ID: "stills", Source: stills.URL(0)})
	if err != nil {
		return err
	}
	defer r.Stop()
	goal := report.AtMost("p99", 30)
	for _, kind := range []struct {
		id, key, what string
		n             int
		pause         time.Duration
	}{
		{"video", "first-h264", "first picture of an H.264 1080p camera after opening the connection", l.count(100, 8), 100 * time.Millisecond},
		{"video", "first-h264-woken", "the same, the camera unwatched for 3.5 s before", l.count(10, 2), asleep},
		{"stills", "first-jpeg", "first picture of a JPEG 1080p camera after opening the connection", l.count(100, 8), 100 * time.Millisecond},
		{"stills", "first-jpeg-woken", "the same, the camera unwatched for 3.5 s before", l.count(5, 1), asleep},
	} {
		var took []float64
		notLive := 0
		for range kind.n {
			if err := sleep(ctx, kind.pause); err != nil {
				return err
			}
			began := time.Now()
			f, err := opened(ctx, r, kind.id)
			if err != nil {
				return err
			}
			took = append(took, ms(time.Since(began)))
			if f.NotLive {
				notLive++
			}
		}
		l.add(noted(sample(kind.key, kind.what, "", "ms", took, goal), "%d flagged not live", notLive))
		if kind.key == "first-h264-woken" {
			l.facts["first"] = summary(took)
		}
	}
	return nil
}

// opened is the first picture on a new connection.
func opened(ctx context.Context, r *rig.Rig, camera string) (view.Frame, error) {
	v, err := viewer(ctx, r, camera, view.Options{Acks: true})
	if err != nil {
		return view.Frame{}, err
	}
	defer v.Close()
	stop := context.AfterFunc(ctx, func() { _ = v.Close() })
	defer stop()
	f, err := v.Picture()
	return f, errors.Join(err, ctx.Err())
}
