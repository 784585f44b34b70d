package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"linkstart/bench/peer"
	"linkstart/bench/proc"
	"linkstart/bench/report"
	"linkstart/bench/rig"
	"linkstart/bench/simcam"
	"linkstart/bench/stat"
	"linkstart/bench/view"
)

const (
	manyViewers = 300
	markOnly    = 64 // bytes of a picture that hold its mark
)

// fanout measures one JPEG camera with 300 viewers.
func fanout(ctx context.Context, l *lab) error {
	cam, err := l.jpegCameras(ctx, 1)
	if err != nil {
		return err
	}
	defer cam.Stop()
	ours := map[string]float64{} // p99 by way
	if err := oursFanout(ctx, l, cam, ours); err != nil {
		l.fail(err)
	}
	what := fmt.Sprintf("Motion JPEG 1080p25 to %d viewers: camera's mark to viewer", manyViewers)
	return l.eachPeer(ctx, "fanout", what, "ms", jpegOf, func(p peer.Peer, start peer.Start) error {
		if p.Name != "go2rtc" {
			return nil // no server, or one that is not made for many viewers
		}
		running, err := start(ctx, peer.Loopback, cam.URL(0))
		if err != nil {
			return err
		}
		defer running.Stop()
		for _, way := range []struct {
			name, ours string
			open       func(context.Context, int, int) (view.Viewer, error)
		}{{"multipart", "multipart", running.Open}, {"WebSocket", "WebSocket without acks", running.OpenWS}} {
			c, err := crowded(ctx, l, running.PIDs(), func() (view.Viewer, error) { return way.open(ctx, 0, markOnly) })
			if err != nil {
				return err
			}
			c.tell(l, what+", "+way.name, p.Name)
			if p99, ok := ours[way.ours]; ok {
				l.add(value("fanout-ratio", "the same: p99 of Linkstart to go2rtc's, "+way.name, "", "ratio", p99/stat.Of(c.ages).P99, report.AtMost("value", 1)))
			}
		}
		return nil
	})
}

func oursFanout(ctx context.Context, l *lab, cam *simcam.Camera, p99 map[string]float64) error {
	r, err := l.start(ctx, peer.Loopback, rig.Camera{ID: name(0), Source: cam.URL(0)})
	if err != nil {
		return err
	}
	defer r.Stop()
	relay, err := r.Relay()
	if err != nil {
		return err
	}
	what := fmt.Sprintf("Motion JPEG 1080p25 to %d viewers: camera's mark to viewer", manyViewers)
	for _, way := range ways {
		c, err := crowded(ctx, l, []int{relay}, func() (view.Viewer, error) {
			return way.open(ctx, r, name(0), view.Options{Keep: markOnly})
		})
		if err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		c.tell(l, what+", "+way.name, report.Ours, report.AtMost("value", 20))
		p99[way.name] = stat.Of(c.ages).P99
	}
	return nil
}

// crowd is many viewers of one camera.
type crowd struct {
	ages []float64 // ms
	cpu  time.Duration
	fps  float64 // of a viewer, mean
}

// tell adds the two rows of a crowd; the goal is for the processor time.
func (c crowd) tell(l *lab, what, who string, goal ...report.Limit) {
	l.add(noted(sample("fanout", what, who, "ms", c.ages), "%.1f pictures/s for each viewer", c.fps))
	l.add(value("fanout-cpu", "the same: processor time of the server a delivered picture", who, "µs", float64(c.cpu.Nanoseconds())/1e3/float64(len(c.ages)), goal...))
}

// crowded opens all viewers, lets them settle, and measures for a while.
func crowded(ctx context.Context, l *lab, pids []int, open func() (view.Viewer, error)) (c crowd, err error) {
	var viewers []view.Viewer
	closeAll := func() {
		for _, v := range viewers {
			_ = v.Close()
		}
	}
	defer closeAll()
	for range manyViewers {
		v, err := open()
		if err != nil {
			return c, fmt.Errorf("viewer %d: %w", len(viewers), err)
		}
		viewers = append(viewers, v)
	}
	seen := make([][]view.Frame, manyViewers)
	errs := make([]error, manyViewers)
	var all sync.WaitGroup
	for i, v := range viewers {
		all.Go(func() { seen[i], errs[i] = watchMarks(v) })
	}
	from, cpu, ended := time.Now(), time.Duration(0), sleep(ctx, l.settle())
	if ended == nil {
		from = time.Now()
		if cpu, err = proc.CPUs(pids...); err == nil {
			ended = sleep(ctx, l.length(8*time.Second, 3*time.Second))
		}
	}
	after, errAfter := proc.CPUs(pids...)
	to := time.Now()
	closeAll()
	all.Wait()
	if err := errors.Join(ended, err, errAfter); err != nil {
		return c, err
	}
	c.cpu = after - cpu
	for i := range seen {
		if len(seen[i]) == 0 {
			return c, fmt.Errorf("viewer %d of %d got nothing: %w", i, manyViewers, errs[i])
		}
		for _, f := range seen[i] {
			if age, ok := f.Age(); ok && f.At.After(from) && f.At.Before(to) {
				c.ages = append(c.ages, ms(age))
			}
		}
	}
	if len(c.ages) == 0 {
		return c, errors.New("no picture with a mark")
	}
	c.fps = float64(len(c.ages)) / manyViewers / to.Sub(from).Seconds()
	return c, nil
}

// watchMarks takes pictures until the viewer is closed.
func watchMarks(v view.Viewer) (all []view.Frame, err error) {
	for {
		f, err := v.Picture()
		if err != nil {
			return all, err
		}
		all = append(all, f)
	}
}
