// Package supervise keeps child processes running by the policy of package restart, and tells what they are doing.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/process"
	"linkstart/pkg/restart"
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
	PID      int           // 0 unless Running
	Restarts int           // since the Keeper was made
	Exit     *process.Exit // how it last ended, nil before that
	Err      error         // why it could not be started
	RetryAt  time.Time     // in Waiting and Loop
}

// Why says in a sentence why the process does not run; "" where there is nothing to say.
func (r Report) Why() string {
	switch {
	case r.Err != nil:
		return r.Err.Error()
	case r.Exit != nil:
		return "its process ended: " + r.Exit.String()
	}
	return ""
}

// Grace is how long a process may take to end by itself.
const Grace = 4 * time.Second

// dumpTime is how long a hung process may take to print its stacks before it is killed.
const dumpTime = time.Second

// Keeper keeps one process running until its context ends. Its methods may be called from any goroutine, before Run as
// well; they return at once.
type Keeper struct {
	report func(Report)

	mu     sync.Mutex
	orders []func(*keeping)
	news   chan struct{} // one slot: there are orders
}

// NewKeeper makes a Keeper whose news go to report, one at a time; report must not block.
func NewKeeper(report func(Report)) *Keeper {
	return &Keeper{report: report, news: make(chan struct{}, 1)}
}

// Restart ends the process, if it runs, and starts it without any wait; earlier failures are forgotten.
func (k *Keeper) Restart() {
	k.order(func(r *keeping) { r.wanted, r.again = true, true; r.policy.Reset() })
}

// Stop ends the process until Start or Restart.
func (k *Keeper) Stop() { k.order(func(r *keeping) { r.wanted, r.again = false, true }) }

// Start starts the process if it does not run.
func (k *Keeper) Start() {
	k.order(func(r *keeping) {
		if !r.wanted || r.proc == nil {
			r.wanted, r.again = true, true
			r.policy.Reset()
		}
	})
}

// Update gives the process a new specification and restarts it, unless it is stopped.
func (k *Keeper) Update(s process.Spec) {
	k.order(func(r *keeping) { r.spec, r.again = s, true; r.policy.Reset() })
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

// Hung ends a process that no longer answers: its stacks first, then the process. That counts as a failure.
func (k *Keeper) Hung(pid int) {
	k.order(func(r *keeping) {
		if r.proc == nil || r.proc.PID() != pid {
			return
		}
		p := r.proc
		p.Dump()
		time.AfterFunc(dumpTime, p.Kill)
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

// keeping is the state of Run, touched by its goroutine only.
type keeping struct {
	spec   process.Spec
	policy restart.Policy
	wanted bool // the process shall run
	again  bool // what is shall be ended, and begun anew if wanted
	proc   *process.Process
	starts int
	exit   *process.Exit
}

func (r *keeping) restarts() int { return max(0, r.starts-1) }

// Run keeps the process that s describes until ctx ends, then stops it.
func (k *Keeper) Run(ctx context.Context, s process.Spec) {
	r := &keeping{spec: s, wanted: true}
	for ctx.Err() == nil {
		r.again = false
		if !r.wanted {
			k.report(Report{Phase: Stopped, Restarts: r.restarts(), Exit: r.exit})
			k.wait(ctx, r, nil)
			continue
		}
		next, err := k.once(ctx, r)
		if ctx.Err() != nil || r.again {
			continue
		}
		next.Restarts, next.Exit, next.Err = r.restarts(), r.exit, err
		var timer <-chan time.Time
		if next.Phase != Misconfigured {
			wait, loop := r.policy.Failed(time.Now())
			if loop {
				next.Phase = Loop
			}
			next.RetryAt = time.Now().Add(wait)
			timer = time.After(wait)
		}
		k.report(next)
		k.wait(ctx, r, timer)
	}
}

// once runs the process until it ends or is ended, and says what is to be reported of a failure.
func (k *Keeper) once(ctx context.Context, r *keeping) (Report, error) {
	if _, err := os.Stat(r.spec.Path); errors.Is(err, os.ErrNotExist) {
		return Report{Phase: Misconfigured}, fmt.Errorf("the program %s is not there: `make build opencv` builds all", r.spec.Path)
	}
	r.policy.Unhealthy()
	p, err := process.Start(r.spec)
	if err != nil {
		return Report{Phase: Waiting}, err
	}
	r.proc = p
	r.starts++
	k.report(Report{Phase: Running, PID: p.PID(), Restarts: r.restarts(), Exit: r.exit})
	for !r.again {
		select {
		case <-p.Done():
			return r.ended(p), nil
		case <-ctx.Done():
			p.Stop(context.Background()) // bounded by Grace
			return r.ended(p), nil
		case <-k.news:
			k.obey(r)
		}
	}
	p.Stop(ctx)
	return r.ended(p), nil
}

func (r *keeping) ended(p *process.Process) Report {
	exit := p.Exit()
	r.proc, r.exit = nil, &exit
	if exit.Code == camera.ExitConfig {
		return Report{Phase: Misconfigured}
	}
	return Report{Phase: Waiting}
}

// wait returns when the timer fires or an order calls for a new beginning.
func (k *Keeper) wait(ctx context.Context, r *keeping, timer <-chan time.Time) {
	for !r.again {
		select {
		case <-ctx.Done():
			return
		case <-timer:
			return
		case <-k.news:
			k.obey(r)
		}
	}
}
