// Package fanout hands each camera's newest frame to every viewer of it, and asks for a camera's frames only while it has
// viewers.
package fanout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/pace"
)

// ErrClosed is what a hub says that is closed.
var ErrClosed = errors.New("the relay is stopping")

// ErrNoPicture is when a camera has had no picture, or none can be had of it now.
var ErrNoPicture = errors.New("there is no picture")

type key struct {
	camera    camera.ID
	rendition camera.Rendition
}

// Hub has one feed of the bus for each camera and rendition that is watched. Frames are shared by all viewers and never
// copied.
type Hub struct {
	nc       *nats.Conn
	subjects bus.Subjects
	cameras  Cameras
	log      *slog.Logger
	tail     []byte // of every sheet
	memory   memory

	mu       sync.Mutex // before channel.mu; never taken by the bus's goroutines
	channels map[key]*channel
	ending   sync.WaitGroup // feeds that were closed
	closed   bool
}

// channel is one feed and its viewers.
type channel struct {
	hub  *Hub
	key  key
	feed *bus.Feed // guarded by hub.mu

	mu    sync.Mutex
	slots []*Slot
	last  *camera.Frame
}

// fresh is the age up to which a frame of a running feed is given out as the newest: its rate may be low.
const fresh = 100 * time.Millisecond

// How long a snapshot waits for a live picture of a camera that sleeps, and of one that is not connected yet.
const (
	wakeTime    = time.Second
	connectTime = 5 * time.Second
)

// Cameras is what a hub has to know of them. It must not call the hub.
type Cameras interface {
	Live(camera.ID) bool // it is asked for every frame
	Get(camera.ID) (camera.Info, bool)
}

// New makes a hub on nc. tail follows the picture on every Sheet, for those who send it with the picture.
func New(nc *nats.Conn, s bus.Subjects, cameras Cameras, tail []byte, log *slog.Logger) *Hub {
	return &Hub{nc: nc, subjects: s, cameras: cameras, log: log, tail: tail, channels: make(map[key]*channel)}
}

func (h *Hub) live(id camera.ID) bool { return h.cameras.Live(id) }

// Watch makes a slot for the frames of a camera, at most fps per second (0: all). The newest picture known is in it at
// once where there is one; wake is called whenever there is something new, and must not block. owner is the viewer, who may
// hold several slots.
func (h *Hub) Watch(owner any, id camera.ID, r camera.Rendition, fps float64, wake func()) (*Slot, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, fmt.Errorf("watch %s: %w", id, ErrClosed)
	}
	k := key{id, r}
	ch := h.channels[k]
	if ch == nil {
		ch = &channel{hub: h, key: k}
		if !h.live(id) { // a live camera's grabber answers with a newer one within milliseconds
			ch.last = h.memory.get(k)
		}
		feed, err := bus.OpenFeed(h.nc, h.subjects, id, r, fps, h.log, ch.deliver)
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", id, err)
		}
		ch.feed = feed
		h.channels[k] = ch
	}
	s := &Slot{owner: owner, Camera: id, Rendition: r, channel: ch, fps: fps, limiter: pace.NewLimiter(fps), wake: wake}
	ch.join(s)
	ch.feed.SetFPS(ch.wanted())
	if f := s.Peek(); f != nil && !within(f, time.Second) { // the others want few
		ch.feed.Poke()
	}
	return s, nil
}

// join hands the newest picture over and adds s, in one step: no frame is lost or comes twice.
func (ch *channel) join(s *Slot) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if f := ch.last; f != nil {
		if !f.NotLive && !ch.hub.live(ch.key.camera) {
			known := *f
			known.NotLive = true
			f = &known
		}
		s.put(f, nil)
	}
	ch.slots = append(ch.slots, s)
}

// deliver is called by the feed with each frame.
func (ch *channel) deliver(f *camera.Frame) {
	now := time.Now()
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.last = f
	var sheet *Sheet
	if len(ch.slots) >= sheetViewers && len(f.JPEG) >= sheetBytes {
		sheet = NewSheet(f, ch.hub.tail)
		defer sheet.Release()
	}
	for _, s := range ch.slots {
		s.offer(f, sheet, now)
	}
}

// wanted is the largest rate that a viewer asked for.
func (ch *channel) wanted() float64 {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	var most float64
	for _, s := range ch.slots {
		if s.fps == 0 {
			return 0
		}
		most = max(most, s.fps)
	}
	return most
}

func (h *Hub) leave(s *Slot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ch := s.channel
	ch.mu.Lock()
	if i := slices.Index(ch.slots, s); i >= 0 {
		ch.slots = slices.Delete(ch.slots, i, i+1)
	}
	left, last := len(ch.slots), ch.last
	ch.mu.Unlock()
	if left > 0 {
		ch.feed.SetFPS(ch.wanted())
		return
	}
	if h.channels[ch.key] != ch {
		return
	}
	delete(h.channels, ch.key)
	h.memory.put(ch.key, last)
	h.end(ch.feed)
}

// end closes a feed without waiting for it; Close does wait. h.mu is held.
func (h *Hub) end(f *bus.Feed) {
	f.Close()
	h.ending.Go(func() { <-f.Done() })
}

// Poke asks for a camera's frames again now: for when its process is known to be back.
func (h *Hub) Poke(id camera.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, ch := range h.channels {
		if k.camera == id {
			ch.feed.Poke()
		}
	}
}

// Viewers counts who watches a camera, in whatever renditions.
func (h *Hub) Viewers(id camera.ID) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	owners := make(map[any]struct{})
	for _, r := range []camera.Rendition{camera.Main, camera.Sub} {
		ch := h.channels[key{id, r}]
		if ch == nil {
			continue
		}
		ch.mu.Lock()
		for _, s := range ch.slots {
			owners[s.owner] = struct{}{}
		}
		ch.mu.Unlock()
	}
	return len(owners)
}

// Newest returns the newest frame that can be had: the running feed's where the camera is live, else what its grabber
// answers, else the last one known. It waits for a camera that is about to have one, or has to be woken.
// errors.Is(err, ErrNoPicture) when there is none.
func (h *Hub) Newest(ctx context.Context, id camera.ID, r camera.Rendition) (*camera.Frame, error) {
	k := key{id, r}
	running := h.running(k)
	if running != nil && h.live(id) && within(running, fresh) {
		return running, nil
	}
	f, err := bus.AskLive(ctx, h.nc, h.subjects, id, r, h.patience(id), h.log)
	if err == nil {
		h.memory.put(k, f)
		return f, nil
	}
	if running != nil {
		return running, nil
	}
	if f := h.memory.get(k); f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("%w: %w", ErrNoPicture, err)
}

// patience is how long a live picture of a camera is waited for.
func (h *Hub) patience(id camera.ID) time.Duration {
	info, _ := h.cameras.Get(id)
	switch {
	case info.State == camera.Live:
		return wakeTime
	case info.State == camera.Starting, info.State == camera.Waiting && !strings.HasPrefix(info.Source, "push:"):
		return connectTime
	}
	return 0
}

func (h *Hub) running(k key) *camera.Frame {
	h.mu.Lock()
	defer h.mu.Unlock()
	ch := h.channels[k]
	if ch == nil {
		return nil
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.last
}

// within tells whether a frame is younger than age. One that is ahead of the clock is not: the clock was set back, and how old
// the frame is cannot be known.
func within(f *camera.Frame, age time.Duration) bool {
	since := time.Since(f.Captured)
	return since >= 0 && since < age
}

// Live tells whether f is to be shown as a present picture of a camera. A frame that has just been made is ahead of the news
// that the camera is live again.
func (h *Hub) Live(id camera.ID, f *camera.Frame) bool {
	return !f.NotLive && (h.live(id) || within(f, time.Second))
}

// Close ends every feed and waits until nothing of them runs; slots stay empty afterwards.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	for k, ch := range h.channels {
		delete(h.channels, k)
		h.end(ch.feed)
	}
	h.mu.Unlock()
	h.ending.Wait()
}
