package supervise

import (
	"context"
	"runtime"
	"time"
)

// settleTime is how long a process may hold its place in a Gate.
const settleTime = 2 * time.Second

// Gate lets only so many processes be starting at a time, so that a hundred of them do not fall on a machine that has just
// booted. A start is over with the first sign of life, with the end of the process, or after 2 s: no process that cannot
// start holds up another for longer. Whoever waits does so in turn.
type Gate chan struct{}

// NewGate makes a Gate with two places for each processor.
func NewGate() Gate { return make(Gate, 2*runtime.NumCPU()) }

// enter waits for a place. Without one, false, an order has come or ctx has ended.
func (k *Keeper) enter(ctx context.Context, r *keeping) bool {
	for k.gate != nil && !r.again {
		select {
		case k.gate <- struct{}{}:
			r.starting = true
			return true
		case <-ctx.Done():
			return false
		case <-k.news:
			k.obey(r)
		}
	}
	return !r.again
}

// leave gives the place back.
func (k *Keeper) leave(r *keeping) {
	if r.starting {
		r.starting = false
		<-k.gate
	}
}
