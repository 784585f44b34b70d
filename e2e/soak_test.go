//go:build soak

package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/rtsptest"
)

var (
	minutes = flag.Float64("minutes", 30, "how long the soak test runs")
	seed    = flag.Uint64("seed", 1, "of its random choices")
)

// watched counts what a viewer of one camera sees.
type watched struct {
	mu      sync.Mutex
	frames  int
	last    time.Time // a live frame came
	longest time.Duration
}

func (w *watched) saw(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.last.IsZero() {
		w.longest = max(w.longest, now.Sub(w.last))
	}
	w.frames++
	w.last = now
}

// after waits for a live frame later than t.
func (w *watched) after(t *testing.T, what string, since time.Time) time.Duration {
	t.Helper()
	var at time.Time
	eventually(t, what, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.last.After(since) {
			return fmt.Errorf("the newest frame came %s before", since.Sub(w.last))
		}
		at = w.last
		return nil
	})
	return at.Sub(since)
}

// streams are what is watched, by number.
var streams = []string{"rtsp", "http", "clock"}

// killEvery is the least time between two kills of a grabber: after 60 s of pictures the first is forgotten, so each is
// answered by a restart at once. More would measure the back-off.
const killEvery = 75 * time.Second

// TestSoakFaults runs an RTSP and an HTTP camera that are killed and brought back at random, kills a grabber in between, and
// watches all over one connection all the time.
func TestSoakFaults(t *testing.T) {
	rtsp := rtsptest.Start(t, rtsptest.Mount{Path: "/cam", Width: 1280, Height: 720, FPS: 25})
	other := startHTTPCamera(t)
	s := start(t, fmt.Sprintf("cameras:\n  - {id: rtsp, source: %q}\n  - {id: http, source: %q}\n  - {id: clock, source: 'test:clock'}\n", rtsp.URL("/cam"), other.url()))
	v, _ := s.view(t)
	seen := map[string]*watched{"rtsp": {}, "http": {}, "clock": {}}
	for i, id := range streams {
		v.send(`{"type":"watch","stream":%d,"camera":%q}`, i, id)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			kind, b, err := v.conn.Read(t.Context())
			if err != nil {
				return
			}
			if len(b) > 24 && kind == 2 && b[1]&1 == 0 {
				seen[streams[b[3]]].saw(time.Now())
			}
		}
	})
	t.Cleanup(func() { _ = v.conn.CloseNow(); reading.Wait() })
	s.becomes("rtsp", camera.Live)
	s.becomes("http", camera.Live)
	s.becomes("clock", camera.Live)

	random := rand.New(rand.NewPCG(*seed, 0))
	backAfter := map[string][]time.Duration{}
	memory := []string{s.memory()}
	began, killed := time.Now(), time.Now()
	for round := 0; time.Since(began).Minutes() < *minutes; round++ {
		pause(random, 5, 15)
		away := time.Duration(1+random.IntN(20)) * time.Second
		var what, id string
		fault := random.IntN(4)
		if fault == 3 && time.Since(killed) < killEvery {
			fault = random.IntN(3)
		}
		switch fault {
		case 0:
			what, id = "RTSP camera killed", "rtsp"
			rtsp.Kill()
			time.Sleep(away)
			rtsp.Restart()
		case 1:
			what, id = "RTSP camera stopped and restarted at once", "rtsp"
			rtsp.Restart()
		case 2:
			what, id = "HTTP camera killed", "http"
			other.kill()
			time.Sleep(away)
			other.start()
		case 3:
			what, id = "grabber killed", "clock"
			if info, err := s.camera(id); err == nil && info.PID != 0 {
				_ = syscall.Kill(info.PID, syscall.SIGKILL)
			}
			killed = time.Now()
		}
		took := seen[id].after(t, what, time.Now())
		backAfter[what] = append(backAfter[what], took)
		t.Logf("%6.1f min  %-42s  picture again after %s", time.Since(began).Minutes(), what, took.Round(time.Millisecond))
		if round%10 == 9 {
			memory = append(memory, s.memory())
		}
	}
	memory = append(memory, s.memory())
	for what, all := range backAfter {
		slices.Sort(all)
		t.Logf("%-42s  %3d times, picture again: median %s, longest %s", what, len(all),
			all[len(all)/2].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
	}
	for id, w := range seen {
		t.Logf("%s: %d frames on one connection, longest gap %s", id, w.frames, w.longest.Round(time.Millisecond))
	}
	t.Logf("resident memory and open files:\n%s", strings.Join(memory, "\n"))
}

func pause(random *rand.Rand, from, to int) {
	time.Sleep(time.Duration(from+random.IntN(to-from)) * time.Second)
}

// memory lists resident memory and open files of the supervisor and its children.
func (s *system) memory() string {
	var parts []string
	for _, pid := range append([]int{s.cmd.Process.Pid}, s.children()...) {
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, rss, _ := strings.Cut(string(status), "VmRSS:")
		rss, _, _ = strings.Cut(rss, "\n")
		files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		parts = append(parts, fmt.Sprintf("%s %s %d files", filepath.Base(exe), strings.Join(strings.Fields(rss), " "), len(files)))
	}
	return strings.Join(parts, ", ")
}
