package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"time"

	"github.com/chromedp/chromedp"

	"linkstart/bench/peer"
	"linkstart/bench/report"
)

// browser measures what the viewer's own page says of a click: from the event to the picture that the browser has drawn.
func browser(ctx context.Context, l *lab) error {
	path, err := findBrowser()
	if err != nil {
		return err
	}
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
	page, done, err := openPage(ctx, path, "http://"+r.Addr+"/")
	if err != nil {
		return err
	}
	defer done()
	if err := page.until(`document.querySelectorAll("button.tile").length`, func(n float64) bool { return n == switchCameras }); err != nil {
		return fmt.Errorf("see the cameras' buttons: %w", err)
	}
	var took, fresh []float64
	for i := range l.count(40, 6) {
		ms, live, err := page.clicked(name((i + 1) % switchCameras))
		if err != nil {
			return fmt.Errorf("click: %w", err)
		}
		took, fresh = append(took, ms), append(fresh, live)
		if err := sleep(ctx, 600*time.Millisecond+rand.N(400*time.Millisecond)); err != nil {
			return err
		}
	}
	took, fresh = took[1:], fresh[1:] // the first one opens the stream
	l.add(noted(sample("click", "click to painted in Chromium, 4 cameras H.264 1080p and their small pictures", "", "ms", took, report.AtMost("p95", 100)),
		"drawn without a graphics processor, on the same cores"))
	l.add(sample("click-fresh", "the same: click to the first picture painted that was captured after it", "", "ms", fresh))
	return nil
}

func findBrowser() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no browser: install the package chromium")
}

// page is the viewer in a browser.
type page struct{ ctx context.Context }

const pageLimit = 30 * time.Second

// openPage starts a browser of its own, which done ends.
func openPage(ctx context.Context, path, address string) (p *page, done func(), err error) {
	// Not below the lab's folder: the browser's helpers may write for a moment after it has ended.
	dir, err := os.MkdirTemp("", "linkstart-bench-chrome-")
	if err != nil {
		return nil, nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-US"), chromedp.WindowSize(1280, 800))
	allocated, endBrowser := chromedp.NewExecAllocator(ctx, options...)
	tab, endTab := chromedp.NewContext(allocated)
	done = func() {
		endTab()
		endBrowser()
		for range 100 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	p = &page{tab}
	// The browser lives as long as the context it is started with, so that has no limit.
	if err := chromedp.Do(tab); err != nil {
		done()
		return nil, nil, fmt.Errorf("start browser: %w", err)
	}
	limited, cancel := context.WithTimeout(tab, pageLimit)
	defer cancel()
	if err := chromedp.Do(limited, chromedp.Navigate(address)); err != nil {
		done()
		return nil, nil, fmt.Errorf("load page: %w", err)
	}
	return p, done, nil
}

// until asks the page again and again.
func (p *page) until(script string, ok func(float64) bool) error {
	ctx, cancel := context.WithTimeout(p.ctx, pageLimit)
	defer cancel()
	for {
		v, err := chromedp.Run(ctx, chromedp.Evaluate[float64](script))
		if err == nil && ok(v) {
			return nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// clicked clicks on a camera and returns what the page says how long its picture took, and the first one that was taken after
// the click, ms.
func (p *page) clicked(camera string) (first, fresh float64, err error) {
	ctx, cancel := context.WithTimeout(p.ctx, pageLimit)
	defer cancel()
	const counted = `Number(document.querySelector("#switch-time").dataset.seq ?? 0)`
	before, err := chromedp.Run(ctx, chromedp.Evaluate[float64](counted))
	if err != nil {
		return 0, 0, err
	}
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(`button.tile[data-camera=`+camera+`]`))); err != nil {
		return 0, 0, err
	}
	for name, into := range map[string]*float64{"ms": &first, "liveMs": &fresh} {
		// -1 while the picture is awaited, and while the figure is of an earlier click.
		err = errors.Join(err, p.until(fmt.Sprintf(`(() => {
			const time = document.querySelector("#switch-time").dataset;
			return Number(time.seq ?? 0) > %v && document.querySelector("[data-stage]").dataset.camera === %q && time.%s !== undefined ? Number(time.%s) : -1;
		})()`, before, camera, name, name), func(v float64) bool { *into = v; return v >= 0 }))
	}
	return first, fresh, err
}
