//go:build chaos

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkstart/bench/proc"
	"linkstart/pkg/camera"
)

// figures are promises with a number, by the name of the test that measures them; each returns rows of a table.
var figures = map[string]func(*testing.T) []string{"fifty": fifty, "page": relayInPage, "idle": idle, "away": away}

func row(what, goal, value string, reached bool) string {
	verdict := "reached"
	if !reached {
		verdict = "**missed**"
	}
	return fmt.Sprintf("| %s | %s | %s | %s |", what, goal, value, verdict)
}

// named returns the fault of that name.
func named(name string) fault {
	return faults[slices.IndexFunc(faults, func(f fault) bool { return f.name == name })]
}

// fifty cameras are watched while one is changed, while grabbers are killed, and while some hang.
func fifty(t *testing.T) []string {
	c := startChaos(t, 50, *seed, nil)
	pids := make(map[string]int)
	for _, id := range c.ids {
		pids[id] = c.becomes(id, camera.Live).PID
	}
	const reloads = 5
	for range reloads {
		c.inject(named(changes))
	}
	time.Sleep(longGap) // what it has disturbed shows by then
	bothered := len(c.disturbed()[changes])
	for _, id := range c.ids {
		changed := slices.ContainsFunc(c.hits, func(h hit) bool { return slices.Contains(h.who, id) })
		if now := c.becomes(id, camera.Live); (now.PID == pids[id]) == changed {
			bothered++
		}
	}
	var killed, hung []time.Duration
	for _, id := range c.ids {
		if id[0] == 'h' {
			pid := c.becomes(id, camera.Live).PID
			from := time.Now()
			kill(t, pid)
			killed = append(killed, c.viewers.anew(t, "killed", id, from))
		}
	}
	began := make(map[string]time.Time)
	for _, id := range c.ids[:20] { // fewer than half: more are taken for a machine that is overloaded
		if id[0] == 't' {
			began[id] = time.Now()
			if err := syscall.Kill(c.becomes(id, camera.Live).PID, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
	}
	for id, from := range began {
		hung = append(hung, c.viewers.anew(t, "hung", id, from))
	}
	for _, lost := range c.viewers.lost {
		bothered += lost
	}
	k, h := summary(killed), summary(hung)
	return []string{
		row("grabber of a JPEG camera killed, to the first new picture at a viewer", "p99 ≤ 1.5 s",
			fmt.Sprintf("p50 %.3f s, p99 %.3f s (%d)", k.P50, k.P99, k.N), k.P99 <= 1.5),
		row("grabber that hangs (SIGSTOP), to the first new picture at a viewer", "≤ 8 s",
			fmt.Sprintf("p50 %.2f s, longest %.2f s (%d)", h.P50, h.Max, h.N), h.Max <= 8),
		row(fmt.Sprintf("reload that changes one camera of 50, %d times: others with another process or a pause, viewers cut off", reloads), "0", fmt.Sprint(bothered), bothered == 0),
	}
}

// relayInPage: each time with another supervisor, since a second failure of a relay waits.
func relayInPage(t *testing.T) []string {
	browser := chrome(t)
	var took []time.Duration
	for i := range 5 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s := start(t, twoCameras)
			p := open(t, browser, s.url("/"), look{})
			seen := p.shows("a")
			from := time.Now()
			kill(t, s.relay())
			p.until("the page has lost the relay", func(v sight) bool { return !v.Live })
			p.until("pictures again", func(v sight) bool { return v.Live && v.Seq != seen.Seq && v.Connection == "open" })
			took = append(took, time.Since(from))
		})
	}
	s := summary(took)
	return []string{row("relay killed, to pictures again in an open page (Chromium)", "≤ 2 s",
		fmt.Sprintf("p50 %.2f s, longest %.2f s (%d)", s.P50, s.Max, s.N), s.Max <= 2)}
}

const many = 64

// farmed starts many JPEG cameras that nobody watches.
func farmed(t *testing.T, farm *cameraFarm) *system {
	t.Helper()
	var b strings.Builder
	b.WriteString("cameras:\n")
	for i := range many {
		fmt.Fprintf(&b, "  - {id: c%d, source: %q}\n", i, farm.url(i))
	}
	s := start(t, b.String())
	s.live()
	return s
}

// live waits until all of many cameras are.
func (s *system) live() {
	s.t.Helper()
	for i := range many {
		s.becomes(fmt.Sprintf("c%d", i), camera.Live)
	}
}

func idle(t *testing.T) []string {
	s := farmed(t, startFarm(t))
	time.Sleep(5 * time.Second) // until the start is over
	const length = 30 * time.Second
	share := busy(t, length, s.cmd.Process.Pid)
	memory, err := proc.MemoryOf(s.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	mb := float64(memory.RSS) / 1e6
	began := time.Now()
	s.stop()
	stopped := time.Since(began)
	return []string{
		row("supervisor of 64 live JPEG cameras that nobody watches: processor time", "≤ 3 % of a core", fmt.Sprintf("%.1f %%", share), share <= 3),
		row("the same: resident memory of the supervisor", "≤ 80 MB", fmt.Sprintf("%.0f MB", mb), mb <= 80),
		row("stop of 64 cameras, until no process is left", "≤ 10 s", fmt.Sprintf("%.2f s", stopped.Seconds()), stopped <= 10*time.Second),
	}
}

func away(t *testing.T) []string {
	farm := startFarm(t)
	s := farmed(t, farm)
	farm.away()
	var grabbers []int
	for _, pid := range s.children() {
		if proc.Program(pid) == "grabber" {
			grabbers = append(grabbers, pid)
		}
	}
	share := busy(t, time.Minute, grabbers...)
	farm.back(t)
	began := time.Now()
	s.live()
	back := time.Since(began)
	return []string{
		row("64 JPEG cameras whose server is away for a minute: processor time of all grabbers together", "≤ 10 % of a core", fmt.Sprintf("%.1f %%", share), share <= 10),
		row("the same: from its return until all are live", "≤ 10 s", fmt.Sprintf("%.1f s", back.Seconds()), back <= 10*time.Second),
	}
}

// busy is the processor time that processes take together, in % of a core.
func busy(t *testing.T, length time.Duration, pids ...int) float64 {
	t.Helper()
	from, err := proc.CPUs(pids...)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	time.Sleep(length)
	to, err := proc.CPUs(pids...)
	if err != nil {
		t.Fatal(err)
	}
	return 100 * (to - from).Seconds() / time.Since(began).Seconds()
}
