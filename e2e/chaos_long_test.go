//go:build chaos

package e2e

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"linkstart/bench/stat"
	"linkstart/pkg/rtsptest"
)

var (
	minutes = flag.Float64("minutes", 5, "how long things are made to fail")
	seed    = flag.Uint64("seed", 1, "of the random choices")
)

// TestChaosLong makes things fail at random for minutes, with twenty cameras and viewers of all kinds, then takes the figures of
// single promises, and writes both into docs/reliability.md.
func TestChaosLong(t *testing.T) {
	page := newPage(t)
	t.Run("chaos", func(t *testing.T) { page.faults = chaosFor(t, time.Duration(*minutes*float64(time.Minute))) })
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		t.Run(name, func(t *testing.T) {
			rows := figures[name](t)
			t.Log(strings.Join(rows, "\n"))
			page.figures[name] = rows
		})
	}
	if !t.Failed() && len(page.faults) > 0 && len(page.figures) == len(figures) { // -run may have left some out
		page.write(t)
	}
}

// chaosFor returns the rows of the table of faults.
func chaosFor(t *testing.T, length time.Duration) []string {
	rtsp := rtsptest.Start(t, rtsptest.Mount{Path: "/cam", Width: 320, Height: 180, FPS: 10})
	c := startChaos(t, 18, *seed, map[string]string{
		"exec": "exec:ffmpeg -loglevel error -re -f lavfi -i testsrc=size=320x180:rate=5 -f mjpeg -", "rtsp": rtsp.URL("/cam"),
	})
	page := open(t, chrome(t), c.url("/"), look{})
	page.shows(c.ids[0])
	parts := c.multipart(t, c.ids[1])
	time.Sleep(5 * time.Second) // until all has settled
	before, err := c.belongings()
	if err != nil {
		t.Fatal(err)
	}
	began, sockets := time.Now(), page.opened()
	over := func() bool { return time.Since(began) >= length }
	for !over() {
		c.round(1500*time.Millisecond, over, func(h hit) {
			t.Logf("%5.1f s  %s: %s", time.Since(began).Seconds(), h.name, h.took.Round(time.Millisecond))
			if h.relay {
				page.until("the page has connected again", func(v sight) bool { return v.Connection == "open" && v.Live })
			} else if page.opened() != sockets {
				t.Errorf("%s: the page has lost its connection", h.name)
			}
			sockets = page.opened()
		})
	}
	c.whole(before)
	page.shows(c.ids[0])
	if n := int(parts.lost.Load()); n != c.relayFaults() {
		t.Errorf("the multipart viewer was cut off %d times, by %d faults of the relay", n, c.relayFaults())
	}
	return c.table(length)
}

// table has a row for each kind of fault.
func (c *chaos) table(length time.Duration) []string {
	rows := []string{"| fault | times | p50 | p99 | longest | others disturbed |", "|---|---|---|---|---|---|"}
	disturbed, all := c.disturbed(), 0
	for _, f := range faults {
		var took []time.Duration
		for _, h := range c.hits {
			if h.name == f.name {
				took = append(took, h.took)
			}
		}
		if len(took) == 0 {
			continue
		}
		s := summary(took)
		rows = append(rows, fmt.Sprintf("| %s | %d | %.3f s | %.3f s | %.3f s | %d |", f.name, s.N, s.P50, s.P99, s.Max, len(disturbed[f.name])))
	}
	for name, list := range disturbed {
		all += len(list)
		c.t.Logf("disturbed without a fault of their own, %s: %s", name, strings.Join(list, ", "))
	}
	return append(rows, "", fmt.Sprintf("In all %d faults in %s, seed %d; pauses of more than 2 s in the pictures of cameras without a fault of their own: %d. "+
		"At the end every camera was live, processes and open files were as before, and no viewer was lost.", len(c.hits), length, *seed, all))
}

func summary(took []time.Duration) stat.Summary {
	seconds := make([]float64, len(took))
	for i, d := range took {
		seconds[i] = d.Seconds()
	}
	return stat.Of(seconds)
}

// parts is a viewer of Motion JPEG who asks again when it is cut off.
type parts struct{ lost atomic.Int32 }

func (c *chaos) multipart(t *testing.T, id string) *parts {
	p := new(parts)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	t.Cleanup(func() { cancel(); done.Wait() })
	done.Go(func() {
		for ctx.Err() == nil {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url("/api/v1/cameras/"+id+"/stream.mjpeg"), nil)
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := http.DefaultClient.Do(req)
			if err == nil && resp.StatusCode == http.StatusOK {
				_, _ = io.Copy(io.Discard, bufio.NewReader(resp.Body))
				p.lost.Add(1)
			}
			if err == nil {
				_ = resp.Body.Close()
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	return p
}
