package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"linkstart/bench/bare"
	"linkstart/bench/peer"
	"linkstart/bench/proc"
	"linkstart/bench/report"
	"linkstart/bench/view"
)

// encode measures the processor time from H.264 to JPEG for a picture, beside the least that it can be.
func encode(ctx context.Context, l *lab) error {
	cam, err := l.rtspCameras(ctx, 1)
	if err != nil {
		return err
	}
	defer cam.Stop()
	what := "H.264 1080p to JPEG of quality 80: processor time a picture"
	least, err := bare.Measure(ctx, l.dir, l.video, quality, l.length(5*time.Second, 2*time.Second), 0)
	if err != nil {
		return err
	}
	paced, err := bare.Measure(ctx, l.dir, l.video, quality, l.length(5*time.Second, 3*time.Second), fullFPS)
	if err != nil {
		return err
	}
	bareMS, pacedMS := (least.Decode+least.Encode)/1e3, (paced.Decode+paced.Encode)/1e3
	l.cost(noted(value("encode", what, "bare C", "ms", bareMS), "libavcodec, one thread %.1f ms, libjpeg-turbo from planes %.1f ms, %.0f KB, n=%d",
		least.Decode/1e3, least.Encode/1e3, least.Bytes/1e3, least.Pictures))
	l.cost(noted(value("encode-paced", what, "bare C, 25 a second", "ms", pacedMS), "as the camera sends them: caches are cold after each pause, n=%d", paced.Pictures))
	if err := l.fileCost(ctx, "GStreamer", peer.GstFile(l.video, quality), what); err != nil {
		l.fail(err)
	}
	if err := l.fileCost(ctx, "ffmpeg", peer.FFmpegFile(l.video), what); err != nil {
		l.fail(err)
	}
	r, err := l.linkstart(ctx, peer.Loopback, cam, 1)
	if err != nil {
		return err
	}
	defer r.Stop()
	info, err := r.Camera(ctx, name(0))
	if err != nil {
		return err
	}
	v, err := viewer(ctx, r, name(0), view.Options{Acks: true})
	if err != nil {
		return err
	}
	w, err := l.collect(ctx, v, l.length(20*time.Second, 4*time.Second), info.PID)
	if err != nil {
		return err
	}
	ours := ms(w.cpu) / float64(len(w.frames))
	l.cost(noted(value("encode", what, report.Ours, "ms", ours), "the whole grabber: receiving, decoding, encoding, publishing; %.0f KB, n=%d",
		meanKB(w.frames), len(w.frames)))
	l.add(value("encode-ratio", "the same: grabber to bare C", "", "ratio", ours/bareMS, report.AtMost("value", 1.2)))
	l.add(value("encode-ratio-paced", "the same: grabber to bare C at 25 a second", "", "ratio", ours/pacedMS))
	return nil
}

// cost adds a row and its bar.
func (l *lab) cost(r report.Row) {
	l.add(r)
	l.report.Series = append(l.report.Series, report.Series{Chart: report.ChartCPU, Name: r.Who, Y: []float64{*r.Value}})
}

// fileCost runs a program over the clip, as often as there is time, and divides what it took by the pictures.
func (l *lab) fileCost(ctx context.Context, who string, args []string, what string) error {
	program := map[string]string{}
	for _, p := range l.peers {
		program[p.Name] = p.Path
	}
	if program[who] == "" {
		l.add(report.Row{Key: "encode", What: what, Who: who, Unit: "ms", Note: "not installed"})
		return nil
	}
	var used time.Duration
	passes := 0
	for until := time.Now().Add(l.length(5*time.Second, 2*time.Second)); time.Now().Before(until); passes++ {
		p, err := proc.Start(exec.Command(program[who], args...))
		if err != nil {
			return err
		}
		select {
		case <-p.Ended():
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
		p.Stop()
		if c := p.Complaints(); c != "" {
			return fmt.Errorf("%s: %s", who, c)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		used += p.Used()
	}
	l.cost(noted(value("encode", what, who, "ms", ms(used)/float64(passes*l.clipPictures())), "from the file, with start and end of the program, n=%d", passes*l.clipPictures()))
	return nil
}
