// Package grab runs one camera: it keeps its source connected, holds the newest picture, and publishes frames while, and
// only while, somebody wants them.
package grab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
)

// Options is what a Grabber is made of.
type Options struct {
	Spec        camera.Spec
	FrozenAfter time.Duration  // the same picture for so long is a fault; 0: never
	Standby     camera.Standby // what goes on while nobody watches; "": camera.Warm
	MinChange   float64        // percent of the picture that must differ from the last frame sent; 0: any difference
	Source      camera.Source
	Substream   camera.Source // what sub is made from while it is live; nil: always from Source
	Conn        *nats.Conn
	Subjects    bus.Subjects
	Log         *slog.Logger
	Scrub       func(string) string // takes secrets out of what users are told
}

// Grabber runs one camera. Frames never wait in it: a picture that is not wanted by the time it comes is replaced by
// the next one without ever being encoded.
type Grabber struct {
	Options
	leases bus.Leases
	news   chan struct{} // one slot: the state of an input is another

	arousing sync.Mutex

	whole *input // the camera's stream
	small *input // its substream, nil where there is none

	main, sub *output
}

// New returns a Grabber that does nothing until Run.
func New(o Options) *Grabber {
	g := &Grabber{Options: o, news: make(chan struct{}, 1)}
	g.whole = g.input("", o.Source)
	if o.Substream != nil {
		g.small = g.input("substream", o.Substream)
	}
	g.main = g.output(camera.Main, o.Spec.FPS)
	g.sub = g.output(camera.Sub, min(o.Spec.FPS, camera.SubFPS))
	return g
}

// inputs are those there are.
func (g *Grabber) inputs() []*input {
	if g.small == nil {
		return []*input{g.whole}
	}
	return []*input{g.whole, g.small}
}

// from returns what a rendition is made from now.
func (g *Grabber) from(r camera.Rendition) *input {
	if r == camera.Sub && g.small != nil && g.small.state.live() {
		return g.small
	}
	return g.whole
}

// Run grabs until ctx ends (nil) or the camera cannot be grabbed by this process any more: errors.Is camera.ErrConfig or
// camera.ErrStuck.
func (g *Grabber) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	heard, err := g.Conn.Subscribe(g.Subjects.Want(g.Spec.ID, bus.All), g.answer)
	if err != nil {
		return fmt.Errorf("offer frames: %w", err)
	}
	g.arouse()
	var tasks []<-chan struct{}
	start := func(task func(context.Context)) {
		done := make(chan struct{})
		tasks = append(tasks, done)
		go func() { defer close(done); task(ctx) }()
	}
	start(g.scale)
	start(g.beat)
	if g.small != nil {
		start(func(ctx context.Context) {
			if err := g.keepStreaming(ctx, g.small); errors.Is(err, camera.ErrStuck) {
				cancel(err) // only a new process helps
			}
		})
	}
	err = g.keepStreaming(ctx, g.whole)
	if cause := context.Cause(ctx); err == nil && errors.Is(cause, camera.ErrStuck) {
		err = cause
	}
	cancel(nil)
	for _, done := range tasks {
		<-done
	}
	if e := heard.Unsubscribe(); e != nil && !errors.Is(e, nats.ErrConnectionClosed) {
		err = errors.Join(err, fmt.Errorf("withdraw frames: %w", e))
	}
	return err
}

// arouse tells each source whether somebody watches it. What wants a substream that is not live watches the camera's stream too.
func (g *Grabber) arouse() {
	g.arousing.Lock() // so that what is told last is what was found last
	defer g.arousing.Unlock()
	now := time.Now()
	if g.Standby == camera.Hot {
		for _, in := range g.inputs() {
			in.watch(true)
		}
		return
	}
	_, main := g.leases.Wanted(camera.Main, now)
	_, sub := g.leases.Wanted(camera.Sub, now)
	g.whole.watch(main || sub && g.from(camera.Sub) == g.whole)
	if g.small != nil {
		g.small.watch(sub)
	}
}
