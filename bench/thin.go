package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"linkstart/bench/peer"
	"linkstart/bench/report"
	"linkstart/bench/rig"
	"linkstart/bench/simcam"
	"linkstart/bench/view"
	"linkstart/pkg/thinlink"
)

const (
	thinRate  = 6_000_000       // bit/s
	thinGrace = 5 * time.Second // for queues to fill
)

// thin measures viewers behind a link that takes less than half of what the camera sends.
func thin(ctx context.Context, l *lab) error {
	link, err := thinlink.Open(ctx, thinRate)
	if err != nil {
		return err
	}
	defer link.Close()
	cam, err := l.jpegCameras(ctx, 1)
	if err != nil {
		return err
	}
	defer cam.Stop()
	if err := oursThin(ctx, l, cam, link); err != nil {
		l.fail(err)
	}
	what := "behind 6 Mbit/s, JPEG 1080p25 (13 Mbit/s): age of the pictures"
	return l.eachPeer(ctx, "thin", what, "ms", jpegOf, func(p peer.Peer, start peer.Start) error {
		if p.Name != "go2rtc" && p.Name != "motion" {
			return nil // no server
		}
		running, err := start(ctx, link.Host(), cam.URL(0))
		if err != nil {
			return err
		}
		defer running.Stop()
		v, err := running.OpenBehind(ctx, link.DialContext, 0, view.Keep)
		if err != nil {
			return err
		}
		return behind(ctx, l, cam, link, v, what+", multipart", p.Name)
	})
}

func oursThin(ctx context.Context, l *lab, cam *simcam.Camera, link *thinlink.Link) error {
	r, err := l.start(ctx, link.Host(), rig.Camera{ID: name(0), Source: cam.URL(0)})
	if err != nil {
		return err
	}
	defer r.Stop()
	for _, way := range ways {
		v, err := way.open(ctx, r, name(0), view.Options{Dial: link.DialContext, Keep: view.Keep})
		if err != nil {
			return err
		}
		what := "behind 6 Mbit/s, JPEG 1080p25 (13 Mbit/s): age of the pictures, " + way.name
		if err := behind(ctx, l, cam, link, v, what, report.Ours, report.AtMost("p99", 400)); err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
	}
	return nil
}

// behind measures one viewer behind the link.
func behind(ctx context.Context, l *lab, cam *simcam.Camera, link *thinlink.Link, v view.Viewer, what, who string, goal ...report.Limit) error {
	stop := context.AfterFunc(ctx, func() { _ = v.Close() })
	defer stop()
	defer v.Close()
	frames := make(chan []view.Frame, 1)
	var failed error
	go func() {
		var all []view.Frame
		all, failed = watchMarks(v)
		frames <- all
	}()
	began := time.Now()
	err := sleep(ctx, l.length(thinGrace, 3*time.Second))
	from := time.Now()
	before, errBefore := link.Sent()
	err = errors.Join(err, errBefore, sleep(ctx, l.length(12*time.Second, 4*time.Second)))
	sent, errSent := link.Sent()
	to := time.Now()
	_ = v.Close()
	all := <-frames
	if err := errors.Join(err, errSent); err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("no picture: %w", failed)
	}
	var measured []view.Frame
	line := report.Series{Chart: report.ChartThin, Name: what[len("behind 6 Mbit/s, JPEG 1080p25 (13 Mbit/s): age of the pictures, "):]}
	if who != report.Ours {
		line.Name = who
	}
	for _, f := range all {
		if at, ok := sentAt(f, cam, 0); ok {
			line.X, line.Y = append(line.X, f.At.Sub(began).Seconds()), append(line.Y, ms(f.At.Sub(at)))
		}
		if f.At.After(from) && f.At.Before(to) {
			measured = append(measured, f)
		}
	}
	l.report.Series = append(l.report.Series, line)
	age, err := ages(measured, cam, 0)
	if err != nil {
		return err
	}
	l.add(noted(sample("thin", what, who, "ms", age, goal...), "%.1f pictures/s", float64(len(measured))/to.Sub(from).Seconds()))
	var share []report.Limit
	if len(goal) > 0 {
		share = append(share, report.AtLeast("value", 85))
	}
	l.add(value("thin-share", "the same: share of the link used", who, "%", float64(sent-before)*8/to.Sub(from).Seconds()/thinRate*100, share...))
	return nil
}
