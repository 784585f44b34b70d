//go:build chaos

package e2e

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"linkstart/bench/stat"
	"linkstart/pkg/camera"
)

var (
	minutes = flag.Float64("minutes", 5, "how long things are made to fail")
	seed    = flag.Uint64("seed", 1, "of the random choices")
)

// TestChaosLong makes things fail at random for minutes, with twenty cameras and viewers of all kinds, then takes the figures of
// single promises, and writes both into docs/reliability.md.
func TestChaosLong(t *testing.T) {
	var report report
	t.Run("chaos", func(t *testing.T) { report.faults = chaosFor(t, time.Duration(*minutes*float64(time.Minute))) })
	for _, f := range figures {
		t.Run(f.name, func(t *testing.T) { report.figures = append(report.figures, f.take(t)) })
	}
	if !t.Failed() {
		report.write(t)
	}
}

// chaosFor returns the rows of the table of faults.
func chaosFor(t *testing.T, length time.Duration) (rows []string) {
	c := startChaos(t, 20, *seed)
	page := open(t, chrome(t), c.url("/"), look{width: 1280, height: 800})
	page.shows(c.ids[0])
	parts := c.multipart(t, c.ids[1])
	time.Sleep(5 * time.Second) // until all has settled
	before := c.belongings()
	for began := time.Now(); time.Since(began) < length; {
		time.Sleep(time.Duration(200+c.random.IntN(1500)) * time.Millisecond)
		f := faults[c.random.IntN(len(faults))]
		if c.inject(f) {
			t.Logf("%5.1f s  %s: %s", time.Since(began).Seconds(), f.name, c.took[f.name][len(c.took[f.name])-1].Round(time.Millisecond))
		}
	}
	c.whole(before, c.relayFaults())
	page.shows(c.ids[0])
	if n := int(parts.lost.Load()); n > c.relayFaults() {
		t.Errorf("the multipart viewer was cut off %d times", n)
	}
	disturbed := c.disturbed()
	for _, d := range disturbed {
		t.Logf("disturbed without a fault of its own: %s", d)
	}
	for _, f := range faults {
		if took := c.took[f.name]; len(took) > 0 {
			s := summary(took)
			if s.Max == 0 {
				rows = append(rows, fmt.Sprintf("| %s | %d | nobody waits | | |", f.name, s.N))
				continue
			}
			rows = append(rows, fmt.Sprintf("| %s | %d | %.2f s | %.2f s | %.2f s |", f.name, s.N, s.P50, s.P99, s.Max))
		}
	}
	rows = append(rows, "", fmt.Sprintf("In all %d faults in %s, seed %d. Cameras without a fault of their own whose pictures paused for more than 2 s: %d. "+
		"Every camera was live at the end; processes and open files were as before, no viewer was lost.",
		c.injected, length, *seed, len(disturbed)))
	return rows
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
			time.Sleep(200 * time.Millisecond)
		}
	})
	return p
}

// figure is one promise and how it is measured: take returns the row of the table.
type figure struct {
	name string
	take func(*testing.T) string
}

func row(what, goal, value string, reached bool) string {
	verdict := "reached"
	if !reached {
		verdict = "**missed**"
	}
	return fmt.Sprintf("| %s | %s | %s | %s |", what, goal, value, verdict)
}

var figures = []figure{
	{"killed", func(t *testing.T) string {
		c := startChaos(t, 30, *seed)
		var took []time.Duration
		for _, id := range c.ids {
			info := c.becomes(id, camera.Live)
			now := time.Now()
			kill(t, info.PID)
			took = append(took, c.viewers.again(t, "killed", id, now))
		}
		s := summary(took)
		return row("grabber of a JPEG camera killed, to the first new picture at a viewer", "p99 ≤ 1.5 s",
			fmt.Sprintf("p50 %.2f s, p99 %.2f s (%d)", s.P50, s.P99, s.N), s.P99 <= 1.5)
	}},
	{"hung", func(t *testing.T) string {
		c := startChaos(t, 30, *seed)
		began := make(map[string]time.Time)
		for _, id := range c.ids[:10] {
			info := c.becomes(id, camera.Live)
			began[id] = time.Now()
			_ = syscall.Kill(info.PID, syscall.SIGSTOP)
		}
		var took []time.Duration
		for id, at := range began {
			took = append(took, c.viewers.again(t, "hung", id, at.Add(time.Second)))
		}
		s := summary(took)
		return row("grabber stopped (SIGSTOP), to the first new picture at a viewer", "≤ 8 s",
			fmt.Sprintf("p50 %.2f s, max %.2f s (%d)", s.P50+1, s.Max+1, s.N), s.Max+1 <= 8)
	}},
	{"relay", func(t *testing.T) string {
		browser := chrome(t)
		var took []time.Duration
		for i := range 5 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				s := start(t, twoCameras)
				p := open(t, browser, s.url("/"), look{width: 1280, height: 800})
				seen := p.shows("a")
				now := time.Now()
				kill(t, s.relay())
				p.until("the page has lost the relay", func(v sight) bool { return !v.Live })
				p.until("pictures again", func(v sight) bool { return v.Live && v.Seq != seen.Seq && v.Connection == "open" })
				took = append(took, time.Since(now))
			})
		}
		s := summary(took)
		return row("relay killed, to pictures again in an open page (Chromium)", "≤ 2 s",
			fmt.Sprintf("p50 %.2f s, max %.2f s (%d)", s.P50, s.Max, s.N), s.Max <= 2)
	}},
	{"reload", func(t *testing.T) string {
		c := startChaos(t, 50, *seed)
		pids := make(map[string]int)
		for _, id := range c.ids {
			pids[id] = c.becomes(id, camera.Live).PID
		}
		for range 3 {
			c.inject(faults[6])
		}
		moved := 0
		for _, id := range c.ids {
			if now := c.becomes(id, camera.Live); now.PID != pids[id] && !c.altered[id] {
				moved++
			}
		}
		moved += len(c.disturbed()) + c.viewers.lost
		return row("reload that changes one camera of 50, three times: others disturbed, viewers cut off", "0", fmt.Sprint(moved), moved == 0)
	}},
	{"idle", func(t *testing.T) string {
		s := start(t, pushed(64))
		awaitAll(s, 64, camera.Waiting)
		time.Sleep(3 * time.Second)
		const length = 20 * time.Second
		from := cpu(s.cmd.Process.Pid)
		time.Sleep(length)
		share := 100 * (cpu(s.cmd.Process.Pid) - from).Seconds() / length.Seconds()
		mb := float64(rss(s.cmd.Process.Pid)) / 1e6
		began := time.Now()
		s.stop()
		stopped := time.Since(began)
		return row("supervisor of 64 cameras, bus idle: processor time of a core", "≤ 3 %", fmt.Sprintf("%.1f %%", share), share <= 3) + "\n" +
			row("the same: resident memory", "≤ 80 MB", fmt.Sprintf("%.0f MB", mb), mb <= 80) + "\n" +
			row("stop of 64 cameras", "≤ 10 s", fmt.Sprintf("%.2f s", stopped.Seconds()), stopped <= 10*time.Second)
	}},
	{"away", func(t *testing.T) string {
		farm := startFarm(t)
		var b strings.Builder
		b.WriteString("defaults: {fps: 5}\ncameras:\n")
		for i := range 64 {
			fmt.Fprintf(&b, "  - {id: c%d, source: %q}\n", i, farm.url(i))
		}
		s := start(t, b.String())
		awaitAll(s, 64, camera.Live)
		for i := range 64 {
			farm.become(i, refuses, true)
		}
		time.Sleep(20 * time.Second)
		const length = 40 * time.Second
		used := func() (sum time.Duration) {
			for _, pid := range s.children() {
				sum += cpu(pid)
			}
			return sum
		}
		from := used()
		time.Sleep(length)
		share := 100 * (used() - from).Seconds() / length.Seconds()
		for i := range 64 {
			farm.become(i, sends, false)
		}
		began := time.Now()
		awaitAll(s, 64, camera.Live)
		back := time.Since(began)
		return row("64 cameras away for a minute: processor time of all grabbers and the relay together", "almost none", fmt.Sprintf("%.1f %% of a core", share), share <= 10) + "\n" +
			row("the same: from their return until all are live", "seconds", fmt.Sprintf("%.1f s", back.Seconds()), back <= 10*time.Second)
	}},
}

func pushed(n int) string {
	var b strings.Builder
	b.WriteString("cameras:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {id: c%d, source: 'push:'}\n", i)
	}
	return b.String()
}

func awaitAll(s *system, n int, state camera.State) {
	for i := range n {
		s.becomes(fmt.Sprintf("c%d", i), state)
	}
}

// cpu is the processor time that a process has used (proc(5), stat: utime and stime in clock ticks of 10 ms).
func cpu(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var user, kernel int
	_, _ = fmt.Sscan(fields[11]+" "+fields[12], &user, &kernel)
	return time.Duration(user+kernel) * 10 * time.Millisecond
}

// rss is the resident memory of a process in bytes.
func rss(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident int
	_, _ = fmt.Sscan(string(b), &size, &resident)
	return resident * os.Getpagesize()
}

// report is what is written into the page.
type report struct{ faults, figures []string }

const reportFile = "../docs/reliability.md"

func (r *report) write(t *testing.T) {
	t.Helper()
	page, err := os.ReadFile(reportFile)
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	version, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		version = []byte("unknown")
	}
	machine := fmt.Sprintf("Taken %s at commit %s on %d processors, Linux %s, %s.", time.Now().Format(time.DateOnly),
		strings.TrimSpace(string(version)), runtime.NumCPU(), strings.TrimSpace(string(kernel)), runtime.Version())
	text := machine + "\n\n| fault | times | half within | 99 % within | longest |\n|---|---|---|---|---|\n" + strings.Join(r.faults, "\n") +
		"\n\n| promise | goal | measured | |\n|---|---|---|---|\n" + strings.Join(r.figures, "\n") + "\n"
	const begin, end = "<!-- figures: written by make chaos -->\n", "<!-- end of figures -->"
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for figures", filepath.Base(reportFile))
	}
	if err := os.WriteFile(reportFile, []byte(before+begin+"\n"+text+"\n"+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
