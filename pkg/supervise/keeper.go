// Package supervise keeps child processes running by the policy of package restart, and tells what they are doing.
package supervise

import (
	"sync"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/process"
)

// Phase is what a kept process is doing.
type Phase int

// A process Runs, Waits to be started again after a failure, waits so in a crash Loop, waits for a new configuration
// because this one cannot work (Misconfigured), or was Stopped on purpose.
const (
	Running Phase = iota
	Waiting
	Loop
	Misconfigured
	Stopped
)

// Report is the news of one process.
type Report struct {
	Phase    Phase
	PID      int // 0 unless Running
	Restarts camera.Restarts
	Last     *End      // how it last ended, nil before that
	Err      error     // why it could not be started
	RetryAt  time.Time // in Waiting and Loop
}

// End is how a process ended.
type End struct {
	PID   int
	Cause camera.Cause
	Text  string // why it was ended, where the watchdog or a limit did that
	Exit  process.Exit
	Ran   time.Duration
}

// Asked tells whether the process was ended on purpose.
func (e End) Asked() bool {
	return e.Cause == camera.CauseOrder || e.Cause == camera.CauseSchedule || e.Cause == camera.CauseConfig
}

// Why says in a sentence why the process does not run; "" where there is nothing to say.
func (r Report) Why() string {
	switch {
	case r.Err != nil:
		return camera.Say(r.Err)
	case r.Last != nil && r.Last.Text != "":
		return r.Last.Text
	case r.Last != nil:
		return "its process ended: " + r.Last.Exit.String()
	}
	return ""
}

// Grace is how long a process may take to end by itself.
const Grace = 4 * time.Second

// dumpTime is how long a hung process may take to print its stacks before it is killed.
const dumpTime = 3 * time.Second

// Options is what a Keeper is made of.
type Options struct {
	Report   func(Report) // gets all news, one at a time; it must not block
	Gate     Gate         // bounds how many processes start at once; nil: no bound
	Watchdog *Watchdog    // ends the process when it shows no sign of life; nil: nobody looks

	// Hold makes what bounds the resources of one start of the process, and is closed after its end; nil: nothing bounds them.
	// Where it fails the process is started without.
	Hold func() (Hold, error)
}

// Hold is a cgroup for one process: a Group of package cgroup.
type Hold interface {
	process.Cgroup
	OOMKilled() bool // the kernel has ended processes in it for want of memory
	Close() error
}

// Keeper keeps one process running until its context ends. Its methods may be called from any goroutine, before Run as
// well; they return at once.
type Keeper struct {
	report   func(Report)
	gate     Gate
	watchdog *Watchdog
	hold     func() (Hold, error)
	mu       sync.Mutex
	orders   []func(*keeping)
	news     chan struct{} // one slot: there are orders
}

// NewKeeper makes a Keeper that does nothing until Run.
func NewKeeper(o Options) *Keeper {
	return &Keeper{report: o.Report, gate: o.Gate, watchdog: o.Watchdog, hold: o.Hold, news: make(chan struct{}, 1)}
}

// Restart ends the process, if it runs, and starts it without any wait; earlier failures are forgotten. cause is who wants
// it: camera.CauseOrder or camera.CauseSchedule.
func (k *Keeper) Restart(cause camera.Cause) {
	k.order(func(r *keeping) {
		if cause == camera.CauseSchedule && !r.wanted {
			return // it was stopped by a user, who comes first
		}
		r.wanted, r.again, r.cause = true, true, cause
		r.policy.Reset()
	})
}

// Stop ends the process until Start or Restart.
func (k *Keeper) Stop() {
	k.order(func(r *keeping) { r.wanted, r.again, r.cause = false, true, camera.CauseOrder })
}

// Start starts the process if it does not run.
func (k *Keeper) Start() {
	k.order(func(r *keeping) {
		if !r.wanted || r.proc == nil {
			r.wanted, r.again, r.cause = true, true, camera.CauseOrder
			r.policy.Reset()
		}
	})
}

// Update gives the process a new specification and restarts it, unless it is stopped.
func (k *Keeper) Update(s process.Spec) {
	k.order(func(r *keeping) {
		r.spec, r.again, r.cause = s, true, camera.CauseConfig
		r.policy.Reset()
	})
}

// Beat notes a sign of life of the process.
func (k *Keeper) Beat() {
	if k.watchdog.beat(k) && k.gate != nil {
		k.order(k.leave)
	}
}

// Healthy tells whether the process does its work: the policy forgets failures after enough of it.
func (k *Keeper) Healthy(ok bool) {
	k.order(func(r *keeping) {
		if r.proc == nil {
			return // a heartbeat that outlived its process
		}
		if ok {
			r.policy.Healthy(time.Now())
		} else {
			r.policy.Unhealthy()
		}
	})
}

// Hung ends a process that does not work any more: its stacks first, then the process. That counts as a failure; text says
// what was seen.
func (k *Keeper) Hung(pid int, text string) {
	k.fail(pid, camera.CauseHang, text, (*process.Process).Dump, dumpTime)
}

// Overweight ends a process that uses too much memory. That counts as a failure; text says how much.
func (k *Keeper) Overweight(pid int, text string) {
	k.fail(pid, camera.CauseMemory, text, (*process.Process).Terminate, Grace)
}

// fail ends a process as end does, and kills it where that has not helped after grace.
func (k *Keeper) fail(pid int, cause camera.Cause, text string, end func(*process.Process), grace time.Duration) {
	k.order(func(r *keeping) {
		if r.proc == nil || r.proc.PID() != pid || r.failed.Cause != "" {
			return
		}
		p := r.proc
		r.failed = End{Cause: cause, Text: text}
		end(p)
		time.AfterFunc(grace, p.Kill)
	})
}

// order never blocks: who orders may hold a lock that report takes.
func (k *Keeper) order(f func(*keeping)) {
	k.mu.Lock()
	k.orders = append(k.orders, f)
	k.mu.Unlock()
	select {
	case k.news <- struct{}{}:
	default:
	}
}

func (k *Keeper) obey(r *keeping) {
	k.mu.Lock()
	orders := k.orders
	k.orders = nil
	k.mu.Unlock()
	for _, f := range orders {
		f(r)
	}
}
