package supervise

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// ward is a Watchdog with n processes that are not there: what it would end is only noted. busy is how much of the time each of
// them waits for a processor.
type ward struct {
	*Watchdog
	busy atomic.Value // float64
	kept []*Keeper
	done context.CancelFunc
	end  sync.WaitGroup
}

func newWard(t *testing.T, n int) *ward {
	w := &ward{Watchdog: NewWatchdog()}
	w.busy.Store(0.0)
	began := time.Now()
	w.queued = func(int) time.Duration {
		return time.Hour + time.Duration(float64(time.Since(began))*w.busy.Load().(float64))
	}
	for i := range n {
		k := NewKeeper(Options{Watchdog: w.Watchdog})
		w.kept = append(w.kept, k)
		w.started(k, i+1)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.done = cancel
	w.end.Go(func() { w.Run(ctx) })
	t.Cleanup(func() { cancel(); w.end.Wait() })
	return w
}

// pass lets a time go by in which those that are not silent give a sign of life each second.
func (w *ward) pass(t time.Duration, silent ...int) {
	for end := time.Now().Add(t); time.Now().Before(end); time.Sleep(BeatEvery) {
		for i, k := range w.kept {
			if !slices.Contains(silent, i) {
				k.Beat()
			}
		}
		synctest.Wait()
	}
}

// ended are those that were to be ended.
func (w *ward) ended() (list []int) {
	for i, k := range w.kept {
		k.mu.Lock()
		if len(k.orders) > 0 {
			list = append(list, i)
		}
		k.mu.Unlock()
	}
	return list
}

func (w *ward) expect(t *testing.T, when string, want ...int) {
	t.Helper()
	synctest.Wait()
	if got := w.ended(); !slices.Equal(got, want) {
		t.Errorf("%s: ended are %v, want %v", when, got, want)
	}
}

func TestSilentProcessIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, 5)
		w.pass(time.Minute)
		w.expect(t, "all beat")
		w.pass(2*time.Second, 2) // the last came a second before
		w.expect(t, "three beats are missing")
		w.pass(2*time.Second, 2)
		w.expect(t, "the fourth is late", 2)
	})
}

func TestFirstSignOfLifeMayTakeLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, 5)
		w.pass(FirstBeat-time.Second, 0)
		w.expect(t, "it loads its libraries")
		w.pass(3*time.Second, 0)
		w.expect(t, "it never came up", 0)
	})
}

// TestOverloadedMachine: where most are silent at once, to start them anew would make it worse.
func TestOverloadedMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, 10)
		w.pass(time.Minute)
		silent := []int{0, 1, 2, 3, 4, 5, 6, 7}
		w.pass(OverloadedAfter-2*time.Second, silent...)
		w.expect(t, "the machine is overloaded")
		w.pass(5*time.Second, silent...)
		w.expect(t, "it does not pass", silent...)
	})
}

// TestOverloadIsNoticedBeforeTheFirstIsEnded: not all give their signs of life at the same moment.
func TestOverloadIsNoticedBeforeTheFirstIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, 10)
		w.pass(time.Minute)
		for i, k := range w.kept {
			if i == 5 {
				time.Sleep(BeatEvery * 3 / 4)
			}
			k.Beat()
		}
		time.Sleep(OverloadedAfter - 2*time.Second)
		w.expect(t, "the machine is overloaded")
	})
}

// TestProcessThatWaitsForAProcessor does not hang, and is ended only where that goes on for long.
func TestProcessThatWaitsForAProcessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, 5)
		w.busy.Store(0.6)
		w.pass(time.Minute)
		w.pass(OverloadedAfter-2*time.Second, 2)
		w.expect(t, "it waits for a processor")
		w.pass(4*time.Second, 2)
		w.expect(t, "it waits for long", 2)
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, 5)
		w.busy.Store(0.6)
		w.pass(2*FirstBeat-time.Second, 2)
		w.expect(t, "it has not begun for want of a processor")
		w.pass(3*time.Second, 2)
		w.expect(t, "it never came up", 2)
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, 5)
		w.busy.Store(0.4)
		w.pass(time.Minute)
		w.pass(5*time.Second, 2)
		w.expect(t, "it had a processor most of the time", 2)
	})
}

// TestQueued has processes share one processor; the one that is stopped does not wait for it.
func TestQueued(t *testing.T) {
	pids := make([]int, 4)
	for i := range pids {
		cmd := exec.Command("sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		pids[i] = cmd.Process.Pid
		var allowed, one unix.CPUSet
		if err := unix.SchedGetaffinity(pids[i], &allowed); err != nil {
			t.Fatal(err)
		}
		for cpu := 0; one.Count() == 0; cpu++ {
			if allowed.IsSet(cpu) {
				one.Set(cpu)
			}
		}
		if err := unix.SchedSetaffinity(pids[i], &one); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Kill(pids[0], unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Wait4(pids[0], nil, unix.WUNTRACED, nil); err != nil { // it stops when it has a processor next
		t.Fatal(err)
	}
	before := queued(pids[0])
	for end := time.Now().Add(time.Minute); queued(pids[1]) < 300*time.Millisecond; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("three endless loops on one processor: one has waited for %s after a minute", queued(pids[1]))
		}
	}
	if after := queued(pids[0]); after-before > 100*time.Millisecond {
		t.Errorf("a process that is stopped waited for %s", after-before)
	}
	if got := queued(1 << 30); got != 0 {
		t.Errorf("no process waited for %s", got)
	}
}

// TestTimeThatTheWatchdogSlept counts for nobody: the supervisor may have been stopped.
func TestTimeThatTheWatchdogSlept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, 3)
		w.pass(10 * time.Second)
		w.done()
		w.end.Wait()
		last := time.Now()
		time.Sleep(time.Hour)
		w.look(time.Now(), time.Since(last)-lookEvery)
		w.expect(t, "after an hour of sleep")
	})
}

func TestEndedProcessIsNotLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, 2)
		w.pass(5 * time.Second)
		w.Watchdog.ended(w.kept[0])
		w.pass(time.Minute, 0)
		w.expect(t, "it has ended")
	})
}

// TestGateLetsFewStartAtATime: whoever cannot start holds up the others for two seconds at most.
func TestGateBoundsStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(Gate, 2)
		var mu sync.Mutex
		var at []string
		began := time.Now()
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				k := NewKeeper(Options{Gate: gate})
				r := &keeping{}
				if !k.enter(t.Context(), r) {
					t.Error("no place")
					return
				}
				mu.Lock()
				at = append(at, fmt.Sprint(time.Since(began)))
				mu.Unlock()
				time.Sleep(settleTime) // it shows no sign of life
				k.leave(r)
				k.leave(r) // does no harm
			})
		}
		all.Wait()
		if want := []string{"0s", "0s", "2s", "2s", "4s", "4s"}; !slices.Equal(at, want) {
			t.Errorf("started after %v, want %v", at, want)
		}
	})
}

func TestOrderEndsTheWaitAtTheGate(t *testing.T) {
	gate := make(Gate, 1)
	gate <- struct{}{}
	k := NewKeeper(Options{Gate: gate})
	k.Stop()
	r := &keeping{wanted: true}
	if k.enter(t.Context(), r) || r.wanted {
		t.Error("a stopped process waits on")
	}
}
