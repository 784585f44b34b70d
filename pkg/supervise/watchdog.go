package supervise

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/procfs"
)

// Limits of a Watchdog.
const (
	// BeatEvery is the time between two signs of life that are expected of a process.
	BeatEvery = time.Second
	// SilentAfter is when a process hangs: three signs of life are missing, and the fourth is late.
	SilentAfter = 3*BeatEvery + BeatEvery/2
	// FirstBeat is how long the first sign of life may take after the start: libraries are loaded meanwhile.
	FirstBeat = 15 * time.Second
	// OverloadedAfter takes the place of SilentAfter where most of all processes are silent at once, and for a process that waits
	// for a processor most of the time: then the machine is overloaded, and to start anew would make it worse.
	OverloadedAfter = 15 * time.Second

	lookEvery = 500 * time.Millisecond
	lateAfter = BeatEvery + BeatEvery/2 // a sign of life is missing
	many      = 3
)

// Watchdog ends processes that show no sign of life. Only time in which the watchdog itself could look counts: a supervisor
// that was stopped, or a machine that was asleep, does not take the silence of that time for a hang.
type Watchdog struct {
	queued func(pid int) time.Duration
	mu     sync.Mutex
	kept   map[*Keeper]*pulse
}

// pulse is what is known of one process that runs.
type pulse struct {
	pid    int
	since  time.Time // the last sign of life, or the start
	beaten bool      // there was one
	late   time.Time // when it was first seen to be late, zero: it is not
	queued time.Duration
}

// NewWatchdog returns a Watchdog that does nothing until Run.
func NewWatchdog() *Watchdog {
	return &Watchdog{queued: queued, kept: make(map[*Keeper]*pulse)}
}

func (w *Watchdog) started(k *Keeper, pid int) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept[k] = &pulse{pid: pid, since: time.Now()}
}

func (w *Watchdog) ended(k *Keeper) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.kept, k)
}

// beat notes a sign of life and reports whether it is the first.
func (w *Watchdog) beat(k *Keeper) bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.kept[k]
	if p == nil {
		return false
	}
	first := !p.beaten
	p.beaten, p.since, p.late = true, time.Now(), time.Time{}
	return first
}

// Run looks at all processes until ctx ends.
func (w *Watchdog) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		w.look(now, now.Sub(last)-lookEvery)
		last = now
	}
}

// look ends what is silent for too long. late is for how long it could not look.
func (w *Watchdog) look(now time.Time, late time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	silent, soon := make(map[*Keeper]*pulse), 0
	for k, p := range w.kept {
		if late > lookEvery {
			p.since = p.since.Add(late)
		}
		quiet := now.Sub(p.since)
		if quiet > lateAfter && p.late.IsZero() {
			p.late, p.queued = now, w.queued(p.pid)
		}
		limit, _ := p.limits()
		if quiet > limit {
			silent[k] = p
		}
		if quiet > limit-BeatEvery {
			soon++ // not all beat at the same moment
		}
	}
	overloaded := soon > many && 2*soon > len(w.kept)
	for k, p := range silent {
		quiet := now.Sub(p.since)
		if _, limit := p.limits(); quiet < limit && (overloaded || 2*(w.queued(p.pid)-p.queued) > now.Sub(p.late)) {
			continue
		}
		text := fmt.Sprintf("its process showed no sign of life for %s", quiet.Round(100*time.Millisecond))
		if !p.beaten {
			text = fmt.Sprintf("its process showed no sign of life within %s of its start", quiet.Round(time.Second))
		}
		k.Hung(p.pid, text)
		delete(w.kept, k) // it is being ended
	}
}

// limits are for how long it may be silent, usually and on an overloaded machine.
func (p *pulse) limits() (usual, overloaded time.Duration) {
	if !p.beaten {
		return FirstBeat, 2 * FirstBeat
	}
	return SilentAfter, OverloadedAfter
}

// queued is how long the threads of a process, taken together, have been ready to run without a processor (the kernel's
// sched-stats.rst, /proc/PID/task/TID/schedstat); 0 where it cannot be told.
func queued(pid int) (sum time.Duration) {
	threads, err := procfs.AllThreads(pid)
	if err != nil {
		return 0
	}
	for _, t := range threads {
		if stat, err := t.Schedstat(); err == nil {
			sum += time.Duration(stat.WaitingNanoseconds)
		}
	}
	return sum
}
