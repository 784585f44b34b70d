package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/process"
	"linkstart/pkg/restart"
)

// keeping is the state of Run, touched by its goroutine only.
type keeping struct {
	spec     process.Spec
	policy   restart.Policy
	wanted   bool         // the process shall run
	again    bool         // what is shall be ended, and begun anew if wanted
	cause    camera.Cause // of again
	starting bool         // it holds a place in the gate
	proc     *process.Process
	failed   End // why it is being ended, where that is a failure
	last     *End
	starts   int
	restarts camera.Restarts
}

// Run keeps the process that s describes until ctx ends, then stops it.
func (k *Keeper) Run(ctx context.Context, s process.Spec) {
	r := &keeping{spec: s, wanted: true}
	k.obey(r) // what was ordered before
	for ctx.Err() == nil {
		r.again = false
		if !r.wanted {
			k.report(Report{Phase: Stopped, Restarts: r.restarts, Last: r.last})
			k.wait(ctx, r, nil)
			continue
		}
		next, err := k.once(ctx, r)
		if ctx.Err() != nil || r.again {
			continue
		}
		next.Restarts, next.Last, next.Err = r.restarts, r.last, err
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
		text := fmt.Sprintf("the program %s is not there: `make build` builds all but grabber-opencv, which `make opencv` builds", filepath.Base(r.spec.Path))
		return Report{Phase: Misconfigured}, &camera.Error{Say: text, Err: err}
	}
	if !k.enter(ctx, r) {
		return Report{Phase: Waiting}, nil // nobody is told: it was ordered
	}
	defer k.leave(r)
	r.policy.Unhealthy()
	began := time.Now()
	hold := k.held(r)
	defer func() {
		if hold != nil {
			_ = hold.Close() // what it could not end is in the kernel's hands
		}
	}()
	p, err := process.Start(r.spec)
	if err != nil {
		r.cause = camera.CauseStart
		return Report{Phase: Waiting}, err
	}
	r.proc, r.failed = p, End{}
	if r.starts++; r.starts > 1 {
		r.restarts.Count(r.cause)
	}
	k.watchdog.started(k, p.PID())
	k.report(Report{Phase: Running, PID: p.PID(), Restarts: r.restarts, Last: r.last})
	k.attend(ctx, r)
	k.watchdog.ended(k)
	if hold != nil && r.failed.Cause == "" && hold.OOMKilled() {
		r.failed = End{Cause: camera.CauseMemory, Text: "the kernel ended its process, which had used up its memory_limit or all memory of the machine"}
	}
	return r.ended(began), nil
}

// held makes the hold of the next start.
func (k *Keeper) held(r *keeping) Hold {
	r.spec.Cgroup = nil
	if k.hold == nil {
		return nil
	}
	hold, err := k.hold()
	if err != nil {
		r.spec.Line("started without limits of memory and number: " + err.Error())
		return nil
	}
	r.spec.Cgroup = hold
	return hold
}

// attend returns when the process has ended.
func (k *Keeper) attend(ctx context.Context, r *keeping) {
	settled := time.NewTimer(settleTime)
	defer settled.Stop()
	for !r.again {
		select {
		case <-r.proc.Done():
			return
		case <-ctx.Done():
			r.again, r.cause = true, camera.CauseOrder
			r.proc.Stop(context.Background()) // bounded by Grace
			return
		case <-settled.C:
			k.leave(r)
		case <-k.news:
			k.obey(r)
		}
	}
	r.proc.Stop(ctx)
}

// ended notes how the process ended.
func (r *keeping) ended(began time.Time) Report {
	p, exit := r.proc, r.proc.Exit()
	end := r.failed
	switch {
	case end.Cause != "":
	case r.again:
		end.Cause = r.cause
	case exit.Signal != 0:
		end.Cause = camera.CauseSignal
	default:
		end.Cause = camera.CauseExit
	}
	end.PID, end.Exit, end.Ran = p.PID(), exit, time.Since(began)
	r.proc, r.last = nil, &end
	if !r.again {
		r.cause = end.Cause
	}
	if exit.Code == camera.ExitConfig && !r.again {
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
