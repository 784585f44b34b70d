package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"linkstart/bench/delay"
	"linkstart/bench/proc"
	"linkstart/bench/report"
	"linkstart/bench/rig"
	"linkstart/bench/simcam"
	"linkstart/bench/stat"
	"linkstart/bench/view"
	"linkstart/pkg/camera"
)

const (
	linkDelay    = 20 * time.Millisecond // each way
	siteViewers  = 10
	benchSecret  = "for-the-bench-and-nothing-else"
	poolSize     = 3
	poolCameras  = 6
	poolPatience = time.Minute
)

// site measures cameras of one machine that are watched at another, over a link with a delay.
func site(ctx context.Context, l *lab) error {
	cam, err := l.jpegCameras(ctx, 1)
	if err != nil {
		return err
	}
	defer cam.Stop()
	clients, err := rig.Free("127.0.0.1")
	if err != nil {
		return err
	}
	leaves, err := rig.Free("127.0.0.1")
	if err != nil {
		return err
	}
	hub, err := rig.Join(ctx, l.bin, "127.0.0.1", "hub", fmt.Sprintf("listen: %q, leaves: %q, users: [{name: edge, password: %s, role: site}]", clients, leaves, benchSecret))
	if err != nil {
		return err
	}
	defer hub.Stop()
	video, err := delay.Open(clients, linkDelay)
	if err != nil {
		return err
	}
	defer video.Close()
	control, err := delay.Open(leaves, linkDelay)
	if err != nil {
		return err
	}
	defer control.Close()
	edge, err := rig.Join(ctx, l.bin, "127.0.0.1", "edge",
		fmt.Sprintf("hub: {url: %q, leaf_url: %q, user: edge, password: %s}", "nats://"+video.Addr(), "nats://"+control.Addr(), benchSecret),
		rig.Camera{ID: name(0), Source: cam.URL(0)})
	if err != nil {
		return err
	}
	defer edge.Stop()
	if err := errors.Join(edge.Live(ctx), hub.Await(ctx, name(0), camera.Live)); err != nil {
		return err
	}
	if err := siteLatency(ctx, l, cam, edge, hub); err != nil {
		return err
	}
	return siteBytes(ctx, l, edge, hub, video, control)
}

// siteLatency measures the same camera at its site and at the hub, in turns.
func siteLatency(ctx context.Context, l *lab, cam *simcam.Camera, edge, hub *rig.Rig) error {
	var here, there []float64
	for range 3 {
		for _, side := range []struct {
			r    *rig.Rig
			ages *[]float64
		}{{edge, &here}, {hub, &there}} {
			v, err := viewer(ctx, side.r, name(0), view.Options{Keep: view.Keep})
			if err != nil {
				return err
			}
			w, err := l.collect(ctx, v, l.length(5*time.Second, 2*time.Second))
			if err != nil {
				return err
			}
			all, err := ages(w.frames, cam, 0)
			if err != nil {
				return err
			}
			*side.ages = append(*side.ages, all...)
		}
	}
	what := "Motion JPEG 1080p25, 65 KB: camera's mark to viewer, "
	l.add(sample("site here", what+"at the camera's site", "", "ms", here))
	l.add(noted(sample("site", what+"at the hub, 20 ms away", "", "ms", there, report.AtMost("p50", ms(linkDelay)+10)),
		"of which the link takes 20 ms"))
	l.add(noted(value("site added", "p50 at the hub without the link", "", "ms", stat.Of(there).P50-ms(linkDelay), report.AtMost("value", 10)), "not above that at the site + 10 ms"))
	return nil
}

// siteBytes measures what crosses for each picture, and what that costs.
func siteBytes(ctx context.Context, l *lab, edge, hub *rig.Rig, video, control *delay.Proxy) error {
	if err := sleep(ctx, 5*time.Second); err != nil { // the leases of before have run out
		return err
	}
	length := l.length(10*time.Second, 3*time.Second)
	before, orders := video.Sent(), control.Sent()
	if err := sleep(ctx, length); err != nil {
		return err
	}
	l.add(noted(value("site idle", "bytes per second that cross while nobody watches", "", "B/s", float64(video.Sent()-before)/length.Seconds()),
		"beside %.0f B/s of orders and how cameras fare", float64(control.Sent()-orders)/length.Seconds()))
	uplink, err := edge.Uplink()
	if err != nil {
		return err
	}
	for _, viewers := range []int{1, siteViewers} {
		for range viewers - 1 {
			v, err := viewer(ctx, hub, name(0), view.Options{})
			if err != nil {
				return err
			}
			defer v.Close()
			go func() { // until it is closed
				for {
					if _, err := v.Picture(); err != nil {
						return
					}
				}
			}()
		}
		v, err := viewer(ctx, hub, name(0), view.Options{})
		if err != nil {
			return err
		}
		if _, err := v.Picture(); err != nil {
			return errors.Join(err, v.Close())
		}
		relay, err := hub.Relay()
		if err != nil {
			return err
		}
		before := video.Sent()
		costs := []cost{{"the site's uplink", uplink, 0}, {"the hub's supervisor, which holds NATS", hub.PID(), 0}, {"the hub's relay", relay, 0}}
		if err := add(costs, -1); err != nil {
			return err
		}
		pictures, jpeg := 0, 0
		for until := time.Now().Add(length); time.Now().Before(until); pictures++ {
			f, err := v.Picture()
			if err != nil {
				return errors.Join(err, v.Close())
			}
			jpeg += f.Bytes
		}
		if err := errors.Join(add(costs, 1), v.Close()); err != nil {
			return err
		}
		l.add(noted(value("site bytes", fmt.Sprintf("bytes on the way to the hub for each byte of a picture, %d viewers", viewers), "", "", float64(video.Sent()-before)/float64(jpeg),
			report.AtMost("value", 1.03)), "as TCP carries them, without its own headers; %.1f pictures/s", float64(pictures)/length.Seconds()))
		for _, c := range costs {
			l.add(value("site cpu", fmt.Sprintf("processor time of %s for each picture that crosses, %d viewers", c.what, viewers), "", "ms", ms(c.cpu)/float64(pictures)))
		}
	}
	return nil
}

// cost is what a process uses.
type cost struct {
	what string
	pid  int
	cpu  time.Duration
}

func add(costs []cost, sign time.Duration) error {
	for i := range costs {
		used, err := proc.CPUs(costs[i].pid)
		if err != nil {
			return err
		}
		costs[i].cpu += sign * used
	}
	return nil
}

// takeover measures how long cameras are away when one of three machines that share them is killed.
func takeover(ctx context.Context, l *lab) error {
	var routes, nodes, buses []string
	for range poolSize {
		a, err := rig.Free("127.0.0.1")
		if err != nil {
			return err
		}
		routes = append(routes, a)
	}
	for i := range poolSize {
		nodes = append(nodes, fmt.Sprintf("n%d", i))
		buses = append(buses, fmt.Sprintf("cluster: {listen: %q, routes: [%q, %q], password: %s}", routes[i], routes[(i+1)%poolSize], routes[(i+2)%poolSize], benchSecret))
	}
	cam, err := simcam.StartHTTP(ctx, simcam.HTTPConfig{Cameras: poolCameras, Width: 640, Height: 480, Bytes: 30 << 10, FPS: 10})
	if err != nil {
		return err
	}
	defer cam.Stop()
	var cameras []rig.Camera
	for i := range poolCameras {
		cameras = append(cameras, rig.Camera{ID: name(i), Source: cam.URL(i), Extra: "nodes: any"})
	}
	all, err := rig.JoinAll(ctx, l.bin, "127.0.0.1", nodes, buses, cameras...)
	defer func() {
		for _, r := range all {
			r.Stop()
		}
	}()
	if err != nil {
		return err
	}
	var away []float64
	for n := range l.count(24, 2) {
		victim, witness := all[n%poolSize], all[(n+1)%poolSize]
		if err := shared(ctx, witness, nodes...); err != nil {
			return err
		}
		began := time.Now()
		if err := victim.Kill(); err != nil {
			return err
		}
		if err := shared(ctx, witness, nodes[(n+1)%poolSize], nodes[(n+2)%poolSize]); err != nil {
			return err
		}
		away = append(away, time.Since(began).Seconds())
		if err := victim.Again(); err != nil {
			return err
		}
		if err := victim.Ready(ctx); err != nil {
			return err
		}
	}
	l.add(noted(sample("takeover", "one of three machines killed, to all its cameras live on the others", "", "s", away, report.AtMost("p99", 10)),
		"%d cameras; the longest where the server that led the store was killed", poolCameras))
	return nil
}

// shared waits until all cameras are live on these nodes, and each has some.
func shared(ctx context.Context, r *rig.Rig, nodes ...string) error {
	ctx, cancel := context.WithTimeout(ctx, poolPatience)
	defer cancel()
	for {
		all, err := r.Cameras(ctx)
		count := map[string]int{}
		for _, c := range all {
			if c.State == camera.Live {
				count[c.Node]++
			}
		}
		whole, fair := 0, true
		for _, node := range nodes {
			whole += count[node]
			fair = fair && count[node] >= poolCameras/len(nodes)-1 && count[node] > 0
		}
		if err == nil && whole == poolCameras && fair {
			return nil
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("cameras are not all live on %v: %v: %w", nodes, count, err)
		}
	}
}
