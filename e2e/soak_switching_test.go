//go:build soak

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/rtsptest"
)

// settles is when memory has stopped to grow if it ever does: libraries are loaded, pools are filled.
const settles = 0.2 // of the whole time

// TestSoakSwitching switches one stream at random among four 1080p RTSP cameras and holds that nothing grows: the memory of
// no process is, at the end, more than a tenth and 4 MB above what it was after a fifth of the time.
func TestSoakSwitching(t *testing.T) {
	mounts, cameras := []rtsptest.Mount{}, "cameras:\n"
	for n := range 4 {
		mounts = append(mounts, rtsptest.Mount{Path: fmt.Sprintf("/%d", n), Width: 1920, Height: 1080, FPS: 10, KeyInt: 20})
	}
	rtsp := rtsptest.Start(t, mounts...)
	for n := range mounts {
		cameras += fmt.Sprintf("  - {id: cam%d, source: %q}\n", n, rtsp.URL(mounts[n].Path))
	}
	s := start(t, cameras)
	for n := range mounts {
		s.becomes(fmt.Sprintf("cam%d", n), camera.Live)
	}
	v, _ := s.view(t)
	random := rand.New(rand.NewPCG(*seed, 0))
	samples := map[string][]int{} // process to kB
	var first, live []time.Duration
	began, sampled := time.Now(), time.Time{}
	for time.Since(began).Minutes() < *minutes {
		id := fmt.Sprintf("cam%d", random.IntN(len(mounts)))
		asked := time.Now()
		v.send(`{"type":"watch","stream":1,"camera":%q}`, id)
		watching, shown := false, false
		v.until(id, func(f *frame, m *message) bool {
			watching = watching || m != nil && m.Type == "watching" && m.Camera == id
			if f == nil || !watching {
				return false
			}
			if !shown {
				shown = true
				first = append(first, time.Since(asked))
			}
			return f.live && f.captured.After(asked)
		})
		live = append(live, time.Since(asked))
		stay := time.Duration(random.IntN(2000)) * time.Millisecond
		if random.IntN(20) == 0 {
			stay += 5 * time.Second // so that leases of the others run out
		}
		for end := time.Now().Add(stay); time.Now().Before(end); {
			v.frames(1, 1)
		}
		if progress := time.Since(began).Minutes() / *minutes; time.Since(sampled) > 10*time.Second && progress > settles {
			sampled = time.Now()
			for process, kb := range s.resident() {
				samples[process] = append(samples[process], kb)
			}
		}
	}
	for process, kb := range samples {
		third := len(kb) / 3
		if third == 0 {
			t.Errorf("%s was looked at %d times only: run for longer", process, len(kb))
			continue
		}
		from, to := median(kb[:third]), median(kb[len(kb)-third:])
		t.Logf("%-22s %6d kB in the first third, %6d kB in the last, most %6d kB", process, from, to, slices.Max(kb))
		if to > from+from/10+4096 {
			t.Errorf("%s grows: %d kB, later %d kB", process, from, to)
		}
	}
	t.Logf("%d switches; first picture: median %s, 99 %% %s; first captured after the switch: median %s, 99 %% %s (pictures every 100 ms)", len(live),
		quantile(first, 0.5), quantile(first, 0.99), quantile(live, 0.5), quantile(live, 0.99))
}

func quantile(all []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(q*float64(len(sorted)-1))].Round(time.Millisecond)
}

func median(all []int) int {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// resident returns the resident memory of each process in kB.
func (s *system) resident() map[string]int {
	all := map[string]int{}
	for _, pid := range append([]int{s.cmd.Process.Pid}, s.children()...) {
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, rss, _ := strings.Cut(string(status), "VmRSS:")
		fields := strings.Fields(rss)
		if len(fields) == 0 {
			continue // it has just ended
		}
		if kb, err := strconv.Atoi(fields[0]); err == nil {
			all[fmt.Sprintf("%s %d", filepath.Base(exe), pid)] = kb
		}
	}
	return all
}
