package grab

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strconv"
	"time"

	"linkstart/pkg/camera"
)

// BeatEvery is the time between two heartbeats.
const BeatEvery = time.Second

// beat publishes the status each second, and whenever the state changes, until ctx ends, and looks for a frozen picture.
func (g *Grabber) beat(ctx context.Context) {
	tick := time.NewTicker(BeatEvery)
	defer tick.Stop()
	last := camera.Starting
	for now := time.Now(); ; {
		g.state.thaw(now, g.FrozenAfter)
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
		case <-g.state.news:
			now = time.Now()
		}
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

func (g *Grabber) status(now time.Time) camera.Status {
	n := g.newest.figures()
	mainFPS, mainBytes := g.main.sent.Rates(now)
	subFPS, subBytes := g.sub.sent.Rates(now)
	s := camera.Status{
		Seq: n.seq, Width: n.width, Height: n.height, EncodeMs: n.encodeMs, AgeMs: -1, RSS: rss(),
		FPSOut: mainFPS + subFPS, Bitrate: 8 * (mainBytes + subBytes),
	}
	if n.seq > 0 {
		s.AgeMs = max(0, now.Sub(n.captured).Milliseconds()) // a picture may be newer than the tick
	}
	g.state.mu.Lock()
	defer g.state.mu.Unlock()
	s.State, s.Error = g.state.now, g.Scrub(g.state.said(now))
	s.FPSIn, _ = g.state.in.Rates(now)
	if g.state.decoded > 0 {
		s.DecodeMs = float64(g.state.decode.Microseconds()) / 1000 / float64(g.state.decoded)
	}
	g.state.decode, g.state.decoded = 0, 0
	return s
}

// rss returns the resident memory of this process in bytes, 0 where it cannot be told (proc(5), statm).
func rss() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
