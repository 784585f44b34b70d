// Package grab runs one camera: it keeps its source connected, holds the newest picture, and publishes frames while, and
// only while, somebody wants them.
package grab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/pace"
)

// Options is what a Grabber is made of.
type Options struct {
	Spec        camera.Spec
	FrozenAfter time.Duration // the same picture for so long is a fault; 0: never
	Source      camera.Source
	Conn        *nats.Conn
	Subjects    bus.Subjects
	Log         *slog.Logger
	Scrub       func(string) string // takes secrets out of what users are told
}

// Grabber runs one camera. Frames never wait in it: a picture that is not wanted by the time it comes is replaced by
// the next one without ever being encoded.
type Grabber struct {
	Options
	newest newest
	leases leases
	state  state

	main, sub *output
}

// output is the way out of one rendition.
type output struct {
	rendition camera.Rendition
	subject   string
	topFPS    float64 // whatever is asked for
	limiter   pace.Limiter
	sent      pace.Meter
	pending   chan struct{} // one slot: a picture waits to be made into this rendition
}

// New returns a Grabber that does nothing until Run.
func New(o Options) *Grabber {
	g := &Grabber{Options: o}
	g.newest = newest{quality: o.Spec.Quality, maxPixels: o.Spec.MaxPixels}
	g.state = state{now: camera.Starting, news: make(chan struct{}, 1)}
	g.main = g.output(camera.Main, o.Spec.FPS)
	g.sub = g.output(camera.Sub, min(o.Spec.FPS, camera.SubFPS))
	return g
}

func (g *Grabber) output(r camera.Rendition, fps float64) *output {
	return &output{
		rendition: r, subject: g.Subjects.Frame(g.Spec.ID, r), topFPS: fps, pending: make(chan struct{}, 1),
	}
}

// Run grabs until ctx ends (nil) or the camera cannot be grabbed by this process any more: errors.Is camera.ErrConfig or
// camera.ErrStuck.
func (g *Grabber) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	sub, err := g.Conn.Subscribe(g.Subjects.Want(g.Spec.ID, bus.All), g.answer)
	if err != nil {
		cancel()
		return fmt.Errorf("offer frames: %w", err)
	}
	scaled := make(chan struct{})
	go func() { defer close(scaled); g.scale(ctx) }()
	beating := make(chan struct{})
	go func() { defer close(beating); g.beat(ctx) }()

	err = g.keepStreaming(ctx)
	cancel()
	<-scaled
	<-beating
	if e := sub.Unsubscribe(); e != nil && !errors.Is(e, nats.ErrConnectionClosed) {
		err = errors.Join(err, fmt.Errorf("withdraw frames: %w", e))
	}
	return err
}

// offer takes a picture from the source. Main is published before it returns, so that nothing waits for a wake-up; sub
// is scaled on its own goroutine.
func (g *Grabber) offer(p camera.Picture) {
	if p.Encode == nil && p.JPEG == nil {
		g.newest.put(p)
		return
	}
	now := time.Now()
	g.state.picture(now, g.newest.put(p), p.Decode)
	if g.due(g.main, now) {
		g.publish(g.main)
	}
	if g.due(g.sub, now) {
		select {
		case g.sub.pending <- struct{}{}:
		default:
		}
	}
}

// due tells whether a picture that came at now is to be published.
func (g *Grabber) due(o *output, now time.Time) bool {
	fps, ok := g.leases.wanted(o.rendition, now)
	if !ok {
		return false
	}
	if fps == 0 || fps > o.topFPS {
		fps = o.topFPS
	}
	o.limiter.SetFPS(fps)
	return o.limiter.Allow(now)
}

func (g *Grabber) publish(o *output) {
	f, err := g.newest.frame(o.rendition)
	if err != nil {
		g.state.damaged(err)
		return
	}
	if !g.state.live() {
		frozen := *f
		frozen.NotLive = true
		f = &frozen
	}
	if err := g.Conn.PublishMsg(bus.EncodeFrame(o.subject, f)); err != nil {
		return // the bus is away: it says so itself, and this frame is old by the time it is back
	}
	o.sent.Add(time.Now(), len(f.JPEG))
}

func (g *Grabber) scale(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.sub.pending:
			g.publish(g.sub)
		}
	}
}

// answer renews a lease and, where a reply is asked for, gives the newest frame at once.
func (g *Grabber) answer(m *nats.Msg) {
	r, err := camera.ParseRendition(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
	if err != nil {
		return
	}
	var w bus.Want
	if len(m.Data) > 0 && json.Unmarshal(m.Data, &w) != nil {
		w = bus.Want{}
	}
	g.leases.renew(r, w.FPS, time.Now())
	if m.Reply == "" {
		return
	}
	reply := &nats.Msg{Subject: m.Reply}
	f, err := g.newest.frame(r)
	switch {
	case err == nil:
		answer := *f
		answer.NotLive = !g.state.live()
		reply = bus.EncodeFrame(m.Reply, &answer)
	case !errors.Is(err, bus.ErrNoFrame):
		g.state.damaged(err)
	}
	if err := g.Conn.PublishMsg(reply); err != nil {
		g.Log.Debug("answer want", "err", err)
	}
}
