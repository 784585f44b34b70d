package grab

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/resident"
)

// BeatEvery is the time between two heartbeats.
const BeatEvery = time.Second

// beat publishes the status each second, and whenever the state changes, until ctx ends, looks for a frozen picture, and lets
// sources rest that nobody watches any more.
func (g *Grabber) beat(ctx context.Context) {
	tick := time.NewTicker(BeatEvery)
	defer tick.Stop()
	last := camera.Starting
	for now := time.Now(); ; {
		g.arouse()
		for _, in := range g.inputs() {
			in.state.thaw(now, g.FrozenAfter)
			if g.Standby == camera.Cold {
				in.rest(now)
			}
		}
		s := g.status(now)
		if s.State != last {
			g.Log.Info("camera is "+string(s.State), "was", last)
		}
		last = s.State
		g.report(s)
		select {
		case <-ctx.Done():
			return
		case now = <-tick.C:
		case <-g.news:
			now = time.Now()
		}
	}
}

// rest ends a connection that nobody has watched for a while. It is for the goroutine of beat.
func (in *input) rest(now time.Time) {
	if in.watched.Load() {
		in.restAt = now.Add(coldLinger)
		return
	}
	if now.After(in.restAt) {
		in.state.unwatched()
	}
}

func (g *Grabber) report(s camera.Status) {
	b, err := json.Marshal(s)
	if err != nil {
		g.Log.Error("encode status", "err", err)
		return
	}
	_ = g.Conn.Publish(g.Subjects.Status(g.Spec.ID), b) // a bus that is away says so itself
}

// status is that of the camera's own stream, or of its substream while only that is connected.
func (g *Grabber) status(now time.Time) camera.Status {
	mainFPS, mainBytes := g.main.sent.Rates(now)
	subFPS, subBytes := g.sub.sent.Rates(now)
	s := g.whole.status(now)
	if g.small != nil {
		small := g.small.status(now)
		switch {
		case s.State == camera.Waiting && small.State == camera.Live:
			s = small
		case s.Error == "" && small.State == camera.Reconnecting:
			s.Error = g.small.say(small.Error)
		}
	}
	s.FPSOut, s.Bitrate, s.RSS = mainFPS+subFPS, 8*(mainBytes+subBytes), g.memory()
	s.Error = g.Scrub(s.Error)
	return s
}

func (in *input) status(now time.Time) camera.Status {
	n := in.newest.figures()
	s := camera.Status{Seq: n.seq, Width: n.width, Height: n.height, EncodeMs: n.encodeMs, AgeMs: -1}
	if n.seq > 0 {
		s.AgeMs = max(0, now.Sub(n.captured).Milliseconds()) // a picture may be newer than the tick
	}
	in.state.tell(&s, now)
	return s
}

// tell fills in what the state knows.
func (s *state) tell(to *camera.Status, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to.State, to.Error = s.now, s.said(now)
	if s.now == camera.Reconnecting {
		to.RetryAt, to.LoginRefused = s.retryAt, s.refused
	}
	to.FPSIn, _ = s.in.Rates(now)
	if s.decoded > 0 {
		to.DecodeMs = float64(s.decode.Microseconds()) / 1000 / float64(s.decoded)
	}
	s.decode, s.decoded = 0, 0
}

// memory is what this process and all that its sources have started hold, bytes.
func (g *Grabber) memory() int64 {
	sum := resident.Bytes(os.Getpid())
	for _, in := range g.inputs() {
		if m, ok := in.source.(camera.MemoryUser); ok {
			sum += m.Memory()
		}
	}
	return sum
}
