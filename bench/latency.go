package main

import (
	"context"
	"fmt"
	"time"

	"linkstart/bench/peer"
	"linkstart/bench/report"
	"linkstart/bench/rig"
	"linkstart/bench/simcam"
	"linkstart/bench/stat"
	"linkstart/bench/view"
)

// rtspLatency measures from the moment before a picture is handed to the camera's RTSP server to its JPEG at the viewer.
func rtspLatency(ctx context.Context, l *lab) error {
	cam, err := l.rtspCameras(ctx, 1)
	if err != nil {
		return err
	}
	defer cam.Stop()
	length := l.length(15*time.Second, 4*time.Second)
	what := "H.264 1080p25 over RTSP: picture handed to the camera's server to JPEG read"
	if err := oursRTSP(ctx, l, cam, length, what); err != nil {
		l.fail(err)
	}
	return l.eachPeer(ctx, "rtsp", what, "ms", rtspOf, func(p peer.Peer, start peer.Start) error {
		return l.peerLatency(ctx, p, start, cam, length, "rtsp", what, report.ChartRTSP)
	})
}

func oursRTSP(ctx context.Context, l *lab, cam *simcam.Camera, length time.Duration, what string) error {
	r, err := l.linkstart(ctx, peer.Loopback, cam, 1)
	if err != nil {
		return err
	}
	defer r.Stop()
	v, err := viewer(ctx, r, name(0), view.Options{Acks: true, Keep: view.Keep})
	if err != nil {
		return err
	}
	w, err := l.collect(ctx, v, length)
	if err != nil {
		return err
	}
	all, err := ages(w.frames, cam, 0)
	if err != nil {
		return err
	}
	l.add(noted(sample("rtsp", what, "", "ms", all, report.AtMost("p50", 12), report.AtMost("p99", 30)),
		"%.1f pictures/s of %.0f KB", float64(len(w.frames))/w.seconds, meanKB(w.frames)))
	l.curve(report.ChartRTSP, report.Ours, all)
	l.facts["latency low"] = summary(all)
	l.facts["bandwidth"] = fmt.Sprintf("%.1f Mbit/s at %.0f pictures/s, for the one that is watched", float64(w.bytes)*8/w.seconds/1e6, float64(len(w.frames))/w.seconds)
	l.add(noted(value("bandwidth", "what a viewer of the H.264 1080p25 camera receives", "", "Mbit/s", float64(w.bytes)*8/w.seconds/1e6),
		"quality %d, every picture", quality))
	return nil
}

// peerLatency measures one peer with camera 0.
func (l *lab) peerLatency(ctx context.Context, p peer.Peer, start peer.Start, cam *simcam.Camera, length time.Duration, key, what, chart string) error {
	running, err := start(ctx, peer.Loopback, cam.URL(0))
	if err != nil {
		return err
	}
	defer running.Stop()
	v, err := running.Open(ctx, 0, view.Keep)
	if err != nil {
		return err
	}
	w, err := l.collect(ctx, v, length, running.PIDs()...)
	if err != nil {
		return fmt.Errorf("%w: %s", err, running.Complaints())
	}
	w.frames = news(w.frames)
	all, err := ages(w.frames, cam, 0)
	if err != nil {
		return err
	}
	l.add(noted(sample(key, what, p.Name, "ms", all), "%.1f pictures/s of %.0f KB, %.1f ms of processor time each",
		float64(len(w.frames))/w.seconds, meanKB(w.frames), ms(w.cpu)/float64(len(w.frames))))
	l.curve(chart, p.Name, all)
	return nil
}

// jpegLatency measures from the mark that a Motion JPEG camera writes into its picture to that picture at the viewer.
func jpegLatency(ctx context.Context, l *lab) error {
	cam, err := l.jpegCameras(ctx, 1)
	if err != nil {
		return err
	}
	defer cam.Stop()
	length := l.length(10*time.Second, 3*time.Second)
	what := "Motion JPEG 1080p25, 65 KB: camera's mark to viewer"
	if err := oursJPEG(ctx, l, cam, length, what); err != nil {
		l.fail(err)
	}
	return l.eachPeer(ctx, "jpeg", what, "ms", jpegOf, func(p peer.Peer, start peer.Start) error {
		return l.peerLatency(ctx, p, start, cam, length, "jpeg", what, report.ChartJPEG)
	})
}

func oursJPEG(ctx context.Context, l *lab, cam *simcam.Camera, length time.Duration, what string) error {
	r, err := l.linkstart(ctx, peer.Loopback, cam, 1)
	if err != nil {
		return err
	}
	defer r.Stop()
	for _, way := range ways {
		v, err := way.open(ctx, r, name(0), view.Options{Keep: view.Keep})
		if err != nil {
			return err
		}
		w, err := l.collect(ctx, v, length)
		if err != nil {
			return err
		}
		all, err := ages(w.frames, cam, 0)
		if err != nil {
			return err
		}
		l.add(noted(sample("jpeg", what+", "+way.name, "", "ms", all, report.AtMost("p50", 1.5), report.AtMost("p99", 5)),
			"%.1f pictures/s", float64(len(w.frames))/w.seconds))
		l.curve(report.ChartJPEG, report.Ours+" "+way.name, all)
	}
	return nil
}

// ways are how Linkstart is viewed.
var ways = []struct {
	name string
	open func(context.Context, *rig.Rig, string, view.Options) (view.Viewer, error)
}{
	{"WebSocket with acks", func(ctx context.Context, r *rig.Rig, camera string, o view.Options) (view.Viewer, error) {
		o.Acks = true
		return viewer(ctx, r, camera, o)
	}},
	{"WebSocket without acks", func(ctx context.Context, r *rig.Rig, camera string, o view.Options) (view.Viewer, error) {
		return viewer(ctx, r, camera, o)
	}},
	{"multipart", func(ctx context.Context, r *rig.Rig, camera string, o view.Options) (view.Viewer, error) {
		return multipart(ctx, r, camera, o)
	}},
}

// curve adds a distribution to a chart.
func (l *lab) curve(chart, name string, values []float64) {
	x, y := stat.Curve(values, 100)
	l.report.Series = append(l.report.Series, report.Series{Chart: chart, Name: name, X: x, Y: y})
}

// summary is a distribution in words.
func summary(values []float64) string {
	s := stat.Of(values)
	return fmt.Sprintf("p50 %.3f s, p99 %.3f s", s.P50/1e3, s.P99/1e3)
}
