package grab

import (
	"context"
	"sync"
	"time"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/pace"
)

// sameEvery is how often a picture that does not change is published again: so a viewer's picture stays live, and who lost
// a frame is put right. A little below the second that is promised, as pictures come when they come.
const sameEvery = 900 * time.Millisecond

// output is the way out of one rendition.
type output struct {
	rendition camera.Rendition
	subject   string
	topFPS    float64 // whatever is asked for
	limiter   pace.Limiter
	sent      pace.Meter
	pending   chan struct{} // one slot: a picture waits to be made into this rendition

	mu       sync.Mutex // the inputs offer at the same time
	lastAt   time.Time  // of the last frame let out
	lastFrom *input
	lastLook uint32 // see newest.put
	reference
}

func (g *Grabber) output(r camera.Rendition, fps float64) *output {
	return &output{
		rendition: r, subject: g.Subjects.Frame(g.Spec.ID, r), topFPS: fps, pending: make(chan struct{}, 1),
		reference: reference{minChange: g.MinChange},
	}
}

// due tells whether a picture that came at now is to be published: somebody wants it, not faster than any of them asked
// for, and it shows something new. look is what newest.put said of it.
func (g *Grabber) due(o *output, in *input, now time.Time, look uint32) bool {
	fps, ok := g.leases.Wanted(o.rendition, now)
	o.mu.Lock()
	defer o.mu.Unlock()
	if !ok {
		o.lastFrom = nil
		return false
	}
	shown := in == o.lastFrom && now.Sub(o.lastAt) < sameEvery
	if shown && look == o.lastLook {
		return false
	}
	if fps == 0 || fps > o.topFPS {
		fps = o.topFPS
	}
	o.limiter.SetFPS(fps)
	if !o.limiter.Allow(now) {
		return false
	}
	if !o.differs(&in.newest) && shown {
		return false
	}
	o.lastAt, o.lastFrom, o.lastLook = now, in, look
	o.keep()
	return true
}

func (g *Grabber) publish(o *output, in *input) {
	f, err := in.newest.frame(o.rendition)
	if err != nil {
		in.state.damaged(err)
		return
	}
	if !in.state.live() {
		f = notLive(f)
	}
	if err := g.Conn.PublishMsg(bus.EncodeFrame(o.subject, f)); err != nil {
		return // the bus is away: it says so itself, and this frame is old by the time it is back
	}
	o.sent.Add(time.Now(), len(f.JPEG))
}

func notLive(f *camera.Frame) *camera.Frame {
	old := *f
	old.NotLive = true
	return &old
}

// scale makes sub from the pictures of the camera's own stream.
func (g *Grabber) scale(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.sub.pending:
			g.publish(g.sub, g.whole)
		}
	}
}
