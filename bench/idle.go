package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/bench/peer"
	"linkstart/bench/proc"
	"linkstart/bench/report"
	"linkstart/bench/rig"
	"linkstart/bench/view"
)

const mb = 1 << 20

// idle measures what cameras cost that nobody watches, and what memory their grabbers hold before, during and after.
func idle(ctx context.Context, l *lab) error {
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
	r, err := l.start(ctx, peer.Loopback, rig.Camera{ID: "video", Source: video.URL(0)}, rig.Camera{ID: "stills", Source: stills.URL(0)})
	if err != nil {
		return err
	}
	defer r.Stop()
	pids := map[string]int{}
	for _, id := range []string{"video", "stills"} {
		info, err := r.Camera(ctx, id)
		if err != nil {
			return err
		}
		pids[id] = info.PID
	}
	if err := sleep(ctx, l.length(5*time.Second, 4*time.Second)); err != nil {
		return err
	}
	if err := unwatched(ctx, l, r, pids); err != nil {
		return err
	}
	return l.memories(ctx, r, pids)
}

// unwatched measures processor time, frames on the bus, and memory.
func unwatched(ctx context.Context, l *lab, r *rig.Rig, pids map[string]int) error {
	nc, subjects, err := r.Bus(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	var frames atomic.Int64
	if _, err := nc.Subscribe(subjects.Prefix+".frame.>", func(*nats.Msg) { frames.Add(1) }); err != nil {
		return fmt.Errorf("subscribe frames: %w", err)
	}
	if err := nc.FlushTimeout(5 * time.Second); err != nil {
		return err
	}
	before := map[string]time.Duration{}
	for id, pid := range pids {
		if before[id], err = proc.CPU(pid); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := sleep(ctx, l.length(30*time.Second, 6*time.Second)); err != nil {
		return err
	}
	for _, kind := range []struct {
		id, key, what string
		goal          float64
	}{
		{"video", "idle-h264", "H.264 1080p25 camera nobody watches: grabber's processor time", 1.5},
		{"stills", "idle-jpeg", "JPEG 1080p25 camera nobody watches: grabber's processor time", 1},
	} {
		used, err := proc.CPU(pids[kind.id])
		if err != nil {
			return err
		}
		l.add(value(kind.key, kind.what, "", "% of a core", (used-before[kind.id]).Seconds()/time.Since(began).Seconds()*100, report.AtMost("value", kind.goal)))
	}
	l.add(noted(value("bus-idle", "frames on the bus for cameras nobody watches", "", "frames", float64(frames.Load()), report.AtMost("value", 0)), "in %.0f s", time.Since(began).Seconds()))
	return nil
}

// memories measures grabbers before they are watched, then, and after.
func (l *lab) memories(ctx context.Context, r *rig.Rig, pids map[string]int) error {
	errs := []error{
		l.memory("memory-jpeg", "grabber of a JPEG camera, unwatched: memory", pids["stills"], 25),
		l.memory("memory-h264-unwatched", "grabber of an H.264 1080p camera, never watched: memory", pids["video"], 45),
	}
	for _, id := range []string{"video", "stills"} {
		watched := l.length(8*time.Second, 3*time.Second)
		v, err := viewer(ctx, r, id, view.Options{Acks: true})
		if err != nil {
			return err
		}
		gone := make(chan error, 1)
		go func() {
			_, err := l.collect(ctx, v, watched)
			gone <- err
		}()
		err = sleep(ctx, watched+l.settle()-500*time.Millisecond)
		if err == nil && id == "video" {
			err = l.memory("memory-h264-watched", "grabber of an H.264 1080p camera, watched: memory", pids[id], 80)
		} else if err == nil {
			err = l.memory("memory-jpeg-watched", "grabber of a JPEG camera, watched: memory", pids[id], 25)
		}
		if err := errors.Join(err, <-gone); err != nil {
			return err
		}
	}
	if err := sleep(ctx, l.length(8*time.Second, 5*time.Second)); err != nil {
		return err
	}
	errs = append(errs, l.memory("memory-h264-after", "grabber of an H.264 1080p camera, unwatched after having been watched: memory", pids["video"], 45))
	return errors.Join(errs...)
}

func (l *lab) memory(key, what string, pid int, goal float64) error {
	m, err := proc.MemoryOf(pid)
	if err != nil {
		return err
	}
	l.add(noted(value(key, what, "", "MB", float64(m.RSS)/mb, report.AtMost("value", goal)), "resident; %.0f MB where shared pages are divided (PSS); %s", float64(m.PSS)/mb, proc.Program(pid)))
	return nil
}
