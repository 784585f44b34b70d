//go:build attack

package attack

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// full is what make attack does.
var full = size{connections: 10_000, bytes: 100 << 20, repeats: 20}

// calm is how long honest viewers are measured before the attacks.
const calm = 10 * time.Second

// atLeast is how long each attack goes on: of less a rate says little.
const atLeast = 5 * time.Second

// TestAttackReport does every attack at full size, one after the other, and prints what three honest viewers have of it, as a table for
// docs/security.md. The attacks come from the same machine, so they take processor time from the viewers and from those who serve them.
func TestAttackReport(t *testing.T) {
	g := start(t)
	viewers := g.watch()
	door, from := g.pid("door"), time.Now()
	time.Sleep(calm)
	rate, gap := rates(t, viewers, from, time.Now())
	before, first := g.files(), g.memory()
	fmt.Fprintf(os.Stderr, "%d processors\n\n| attack | lasted | fps of the slowest viewer | longest gap | relay's memory | its files |\n|---|---|---|---|---|---|\n", runtime.NumCPU())
	row := func(name string, took time.Duration, rate float64, gap time.Duration) {
		fmt.Fprintf(os.Stderr, "| %s | %s | %.1f | %d ms | %.0f MiB | %d |\n", name, took.Round(100*time.Millisecond), rate, gap.Milliseconds(), g.memory(), g.files())
	}
	row("none", calm, rate, gap)
	for _, a := range attacks {
		from := time.Now()
		for time.Since(from) < atLeast {
			a.run(g, full)
		}
		to := time.Now()
		rate, gap := rates(t, viewers, from, to)
		row(a.name, to.Sub(from), rate, gap)
		g.alive()
		g.flows(viewers)
	}
	g.eventually("the relay has closed what was opened", func() error { return g.tidy(before) })
	from = time.Now()
	time.Sleep(calm)
	rate, gap = rates(t, viewers, from, time.Now())
	row("afterwards", calm, rate, gap)
	if now := g.memory(); now > first+256 {
		t.Errorf("the relay holds %.0f MiB, and held %.0f before", now, first)
	}
	if g.child("relay") != g.relay || g.pid("door") != door {
		t.Error("a process is another one")
	}
}

// figures are pictures per second and the longest wait between two of them, from one moment to another.
func (v *viewer) figures(from, to time.Time) (rate float64, gap time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	last, n := from, 0
	for _, at := range v.at {
		if at.Before(from) || at.After(to) {
			continue
		}
		n++
		gap, last = max(gap, at.Sub(last)), at
	}
	return float64(n) / to.Sub(from).Seconds(), max(gap, to.Sub(last))
}

// rates are the least pictures per second and the longest wait of all of them.
func rates(t testing.TB, all []*viewer, from, to time.Time) (least float64, gap time.Duration) {
	t.Helper()
	for n, v := range all {
		rate, g := v.figures(from, to)
		if n == 0 || rate < least {
			least = rate
		}
		gap = max(gap, g)
	}
	return least, gap
}
