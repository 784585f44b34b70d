package main

import (
	"context"
	"fmt"
	"time"

	"linkstart/bench/peer"
	"linkstart/bench/proc"
	"linkstart/bench/report"
	"linkstart/bench/rig"
	"linkstart/bench/simcam"
	"linkstart/bench/view"
	"linkstart/pkg/camera"
)

const (
	fleetCameras = 64
	fleetFPS     = 10
	fleetBytes   = 30 << 10
	fleetLook    = 10 * time.Second // between two looks at all states
)

// fleet runs 64 JPEG cameras, one of them watched.
func fleet(ctx context.Context, l *lab) error {
	cam, err := simcam.StartHTTP(ctx, simcam.HTTPConfig{Cameras: fleetCameras, Width: 640, Height: 480, Bytes: fleetBytes, FPS: fleetFPS})
	if err != nil {
		return err
	}
	defer cam.Stop()
	began := time.Now()
	r, err := l.linkstart(ctx, peer.Loopback, cam, fleetCameras)
	if err != nil {
		return err
	}
	defer r.Stop()
	l.add(value("fleet-start", "64 JPEG cameras at 10 fps: from the start until all are live", "", "s", time.Since(began).Seconds()))
	v, err := viewer(ctx, r, name(0), view.Options{Acks: true, Keep: markOnly})
	if err != nil {
		return err
	}
	length := l.length(10*time.Minute, 12*time.Second)
	done := make(chan error, 1)
	var w watching
	watched, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		var err error
		w, err = l.collect(watched, v, length)
		done <- err
	}()
	f := &fleetState{r: r, used: map[string]time.Duration{}}
	err = f.follow(ctx, length)
	if err != nil {
		cancel()
	}
	if ended := <-done; err == nil {
		err = ended
	}
	if err != nil {
		return err
	}
	f.tell(l)
	all, err := ages(w.frames, cam, 0)
	if err != nil {
		return err
	}
	l.add(noted(sample("fleet-age", "the same: the one that is watched, camera's mark to viewer", "", "ms", all), "%.1f pictures/s", float64(len(w.frames))/w.seconds))
	return nil
}

// fleetState is what is seen of many cameras over time.
type fleetState struct {
	r       *rig.Rig
	looks   int
	seconds float64
	least   int // cameras that were live, at the worst look
	worst   string
	restart int
	used    map[string]time.Duration // by program
	pss     map[string]int64
	rss     map[string]int64
	count   map[string]int
}

func (f *fleetState) follow(ctx context.Context, length time.Duration) error {
	pids := append([]int{f.r.PID()}, proc.Descendants(f.r.PID())...)
	before := map[int]time.Duration{}
	for _, pid := range pids {
		before[pid], _ = proc.CPU(pid)
	}
	f.least = fleetCameras
	began := time.Now()
	for until := began.Add(length); time.Now().Before(until); {
		if err := sleep(ctx, min(fleetLook, time.Until(until))); err != nil {
			return err
		}
		if err := f.look(ctx); err != nil {
			return err
		}
	}
	f.seconds = time.Since(began).Seconds()
	f.pss, f.rss, f.count = map[string]int64{}, map[string]int64{}, map[string]int{}
	for _, pid := range pids {
		program := proc.Program(pid)
		used, err := proc.CPU(pid)
		if err != nil {
			continue // it was restarted: that is told by the row of restarts
		}
		m, err := proc.MemoryOf(pid)
		if err != nil {
			return err
		}
		f.used[program] += used - before[pid]
		f.pss[program] += m.PSS
		f.rss[program] += m.RSS
		f.count[program]++
	}
	return nil
}

func (f *fleetState) look(ctx context.Context) error {
	all, err := f.r.Cameras(ctx)
	if err != nil {
		return err
	}
	f.looks++
	live := 0
	f.restart = 0
	for _, c := range all {
		f.restart += c.Restarts
		if c.State == camera.Live {
			live++
		} else {
			f.worst = fmt.Sprintf("%s was %s: %s", c.ID, c.State, c.Error)
		}
	}
	f.least = min(f.least, live)
	return nil
}

func (f *fleetState) tell(l *lab) {
	l.add(noted(value("fleet-live", "the same: cameras that are live, the worst of all looks", "", "cameras", float64(f.least), report.AtLeast("value", fleetCameras)),
		"%d looks in %.0f s. %s", f.looks, f.seconds, f.worst))
	l.add(noted(value("fleet-restarts", "the same: restarts", "", "restarts", float64(f.restart), report.AtMost("value", 0)), "in %.0f s", f.seconds))
	for _, program := range []string{"supervisor", "relay", "grabber", "grabber-opencv"} {
		n := f.count[program]
		if n == 0 {
			continue
		}
		l.add(noted(value("fleet-cpu-"+program, fmt.Sprintf("the same: processor time of %d %s", n, program), "", "% of a core", f.used[program].Seconds()/f.seconds*100),
			"%.2f each", f.used[program].Seconds()/f.seconds*100/float64(n)))
		l.add(noted(value("fleet-memory-"+program, fmt.Sprintf("the same: memory of %d %s (PSS)", n, program), "", "MB", float64(f.pss[program])/mb),
			"%.1f each, %.1f resident", float64(f.pss[program])/mb/float64(n), float64(f.rss[program])/mb/float64(n)))
	}
}
