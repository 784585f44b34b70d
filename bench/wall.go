package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/chromedp"

	"linkstart/bench/peer"
	"linkstart/bench/proc"
	"linkstart/bench/report"
	"linkstart/bench/simcam"
)

const (
	wallCameras = 16
	wallFPS     = 10
	wallBytes   = 25 << 10
)

// beats notes how far apart the page's animation frames are, and how long its main thread is busy without a pause.
const beats = `(() => {
	const beats = (window.beats = { frames: [], long: 0 });
	let last = 0;
	const beat = (now) => {
		if (last) beats.frames.push(now - last);
		last = now;
		requestAnimationFrame(beat);
	};
	requestAnimationFrame(beat);
	new PerformanceObserver((list) => (beats.long += list.getEntries().length)).observe({ entryTypes: ["longtask"] });
})()`

// wall measures what a wall of 16 costs in the browser, and whether its memory grows while one goes from view to view.
func wall(ctx context.Context, l *lab) error {
	path, err := findBrowser()
	if err != nil {
		return err
	}
	cam, err := simcam.StartHTTP(ctx, simcam.HTTPConfig{Cameras: wallCameras, Width: 640, Height: 360, Bytes: wallBytes, FPS: wallFPS})
	if err != nil {
		return err
	}
	defer cam.Stop()
	r, err := l.linkstart(ctx, peer.Loopback, cam, wallCameras)
	if err != nil {
		return err
	}
	defer r.Stop()
	p, done, err := openPage(ctx, path, "http://"+r.Addr+"/#/wall/16")
	if err != nil {
		return err
	}
	defer done()
	if err := p.until(`document.querySelectorAll("button.tile[data-picture=live]").length`, func(n float64) bool { return n == wallCameras }); err != nil {
		return fmt.Errorf("see all tiles live: %w", err)
	}
	if err := p.cost(ctx, l, r.Addr); err != nil {
		return err
	}
	return p.roam(ctx, l)
}

// cost adds what the browser's processes use while the wall stands, beside what they use for the same page with nothing on it.
func (p *page) cost(ctx context.Context, l *lab, address string) error {
	length := l.length(30*time.Second, 5*time.Second)
	share, err := p.used(ctx, length)
	if err != nil {
		return err
	}
	l.add(noted(value("wall-renderer", "16 tiles of 640×360 at 10 fps in Chromium: processor time of the page (all its threads)", "", "% of a core", share["renderer"],
		report.AtMost("value", 50)), "the page's process: network, decoding, drawing"))
	l.add(noted(value("wall-browser", "the same: all processes of the browser", "", "% of a core", share["all"]),
		"%.0f of them compose the screen, which a graphics processor would do", share["gpu-process"]))
	if err := p.run(beats); err != nil {
		return err
	}
	if err := sleep(ctx, length); err != nil {
		return err
	}
	late, err := p.number(`window.beats.frames.filter((ms) => ms > 25).length / window.beats.frames.length * 100`)
	if err != nil {
		return err
	}
	long, err := p.number(`window.beats.long`)
	if err != nil {
		return err
	}
	l.add(noted(value("wall-late-frames", "the same: animation frames of the page that came later than 25 ms after the one before", "", "%", late),
		"composed by the processor, on the cores of cameras and server"))
	l.add(value("wall-long-tasks", "the same: times that the main thread was busy for more than 50 ms", "", "tasks", long, report.AtMost("value", 0)))
	return nil
}

// used is the processor time of the browser's processes by their kind, and of all of them, in % of a core.
func (p *page) used(ctx context.Context, length time.Duration) (map[string]float64, error) {
	browser := chromedp.FromContext(p.ctx).Browser.Process().Pid
	before := map[int]time.Duration{}
	for _, pid := range append(proc.Descendants(browser), browser) {
		before[pid], _ = proc.CPU(pid)
	}
	began := time.Now()
	if err := sleep(ctx, length); err != nil {
		return nil, err
	}
	seconds := time.Since(began).Seconds()
	share := map[string]float64{}
	for pid, from := range before {
		to, err := proc.CPU(pid)
		if err != nil {
			continue // it has ended
		}
		used := (to - from).Seconds() / seconds * 100
		share["all"] += used
		share[kind(pid)] += used
	}
	return share, nil
}

// kind is what one of Chromium's processes is for: renderer, gpu-process and others; "" for the first one.
func kind(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	_, rest, _ := strings.Cut(string(b), "--type=")
	word, _, _ := strings.Cut(strings.ReplaceAll(rest, "\x00", " "), " ")
	return word
}

// memory is what the page's processes hold for themselves, MB.
func (p *page) memory() (float64, error) {
	sum := 0.0
	for _, pid := range proc.Descendants(chromedp.FromContext(p.ctx).Browser.Process().Pid) {
		if kind(pid) != "renderer" {
			continue
		}
		m, err := proc.MemoryOf(pid)
		if err != nil {
			return 0, err
		}
		sum += float64(m.Own) / mb
	}
	return sum, nil
}

// collect has the page throw away what it does not use any more.
func (p *page) collect() error {
	ctx, cancel := context.WithTimeout(p.ctx, pageLimit)
	defer cancel()
	_, err := chromedp.Call(ctx, heapprofiler.CollectGarbage, cdp.Empty{})
	return err
}

func (p *page) run(script string) error {
	ctx, cancel := context.WithTimeout(p.ctx, pageLimit)
	defer cancel()
	return chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](script))
}

func (p *page) number(script string) (float64, error) {
	ctx, cancel := context.WithTimeout(p.ctx, pageLimit)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[float64](script))
}

func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// roam goes from view to view for a long time and looks at the page's memory.
func (p *page) roam(ctx context.Context, l *lab) error {
	views := []string{"#/wall/16", "#/camera/" + name(3), "#/wall/4", "#/wall/4?page=3", "#/wall/all", "#/camera/" + name(9), "#/wall/1?page=7", "#/wall/25"}
	const heap = `performance.memory.usedJSHeapSize / 1e6`
	var early, late []float64
	most := 0.0
	length := l.length(5*time.Minute, 12*time.Second)
	switches := 0
	for began := time.Now(); time.Since(began) < length; switches++ {
		if err := p.run(fmt.Sprintf(`location.hash = %q`, views[switches%len(views)])); err != nil {
			return err
		}
		if err := sleep(ctx, 700*time.Millisecond); err != nil {
			return err
		}
		if switches%len(views) != 0 {
			continue // always look at the same view
		}
		before, err := p.memory()
		if err != nil {
			return err
		}
		// Chromium lets garbage lie for as long as there is room. What the page holds shows only once that is gone.
		if err := p.collect(); err != nil {
			return err
		}
		held, err := p.memory()
		if err != nil {
			return err
		}
		most = max(most, before)
		switch passed := float64(time.Since(began)) / float64(length); {
		case passed > 0.8:
			late = append(late, held)
		case passed > 0.2 && passed < 0.5:
			early = append(early, held)
		}
	}
	if len(early) == 0 || len(late) == 0 {
		return nil // a quick run
	}
	js, err := p.number(heap)
	if err != nil {
		return err
	}
	nodes, err := p.number(`document.querySelectorAll("*").length`)
	if err != nil {
		return err
	}
	growth := (median(late)/median(early) - 1) * 100
	l.add(noted(value("wall-memory-growth", "memory that the page holds while it goes from view to view, garbage collected: the last fifth beside the third tenth", "", "%", growth, report.AtMost("value", 10)),
		"%d views in %.0f s; %.0f MB of its own, then %.0f MB, at most %.0f MB with garbage; heap %.1f MB, %.0f elements",
		switches, length.Seconds(), median(early), median(late), most, js, nodes))
	return nil
}
