package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/camera"
)

// Want is a request for frames. It holds a lease of LeaseTime; the reply is the newest frame at once. A want published
// without a reply subject renews the lease and is not answered.
type Want struct {
	FPS float64 `json:"fps"` // at most so many frames per second; 0: as many as the camera gives
}

// LeaseTime is how long a grabber publishes after the last want.
const LeaseTime = 3 * time.Second

const (
	renewEvery  = time.Second
	wantTimeout = 2 * time.Second
	snapshotFPS = 5

	// pendingFrames bounds what waits for the handler. It never blocks, so this is for bursts: the client would drop the
	// newest of one that does not fit.
	pendingFrames = 64
)

// Feed is one camera's rendition as a consumer gets it: the subscription, the lease and the newest frame.
//
// Frames are handed to the function given to OpenFeed one at a time and in order, on a goroutine of the bus; it must
// neither block nor call the feed. What it has not taken when the client's small buffer (pendingFrames) is full is dropped.
type Feed struct {
	nc      *nats.Conn
	subject string // of Want
	log     *slog.Logger
	handle  func(*camera.Frame)

	cancel context.CancelFunc
	done   chan struct{}
	poke   chan struct{}

	mu   sync.Mutex
	fps  float64
	last *camera.Frame
}

// OpenFeed subscribes to the frames and asks for them until Close. It returns at once; the first frame comes as soon as the
// grabber answers, the last one known first where the camera is away. Nothing is wrong with a camera that has no grabber yet:
// it is asked again each second, and at once after Poke.
func OpenFeed(nc *nats.Conn, s Subjects, id camera.ID, r camera.Rendition, fps float64, log *slog.Logger, handle func(*camera.Frame)) (*Feed, error) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Feed{
		nc: nc, subject: s.Want(id, r), log: log, handle: handle, fps: fps,
		cancel: cancel, done: make(chan struct{}), poke: make(chan struct{}, 1),
	}
	sub, err := nc.Subscribe(s.Frame(id, r), func(m *nats.Msg) { f.take(m, false) })
	if err != nil {
		cancel()
		return nil, fmt.Errorf("subscribe to frames of %s: %w", id, err)
	}
	if err := sub.SetPendingLimits(pendingFrames, -1); err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("limit frames of %s: %w", id, err), sub.Unsubscribe())
	}
	go f.run(ctx, sub)
	return f, nil
}

// SetFPS changes what is asked for, at once.
func (f *Feed) SetFPS(fps float64) {
	f.mu.Lock()
	changed := f.fps != fps
	f.fps = fps
	f.mu.Unlock()
	if changed {
		f.Poke()
	}
}

// Poke asks again now: for when the camera's process is known to be back.
func (f *Feed) Poke() {
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

// Last returns the newest frame so far, nil before the first.
func (f *Feed) Last() *camera.Frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// Close ends the subscription and lets the lease run out. It does not wait: the handler may run once more.
func (f *Feed) Close() { f.cancel() }

// Done is closed when nothing of the feed runs any more.
func (f *Feed) Done() <-chan struct{} { return f.done }

func (f *Feed) run(ctx context.Context, sub *nats.Subscription) {
	defer close(f.done)
	defer func() {
		if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			f.log.Debug("end subscription", "subject", sub.Subject, "err", err)
		}
	}()
	renew := time.NewTicker(renewEvery)
	defer renew.Stop()
	answered := f.ask(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.poke:
			answered = f.ask(ctx)
		case <-renew.C:
			if !answered {
				answered = f.ask(ctx)
			} else {
				f.renew()
			}
		}
	}
}

func (f *Feed) want() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return encodeWant(f.fps)
}

func encodeWant(fps float64) []byte {
	b, err := json.Marshal(Want{FPS: fps})
	if err != nil { // NaN or infinity
		return []byte("{}")
	}
	return b
}

// ask requests the newest frame and reports whether a grabber answered, with or without a picture.
func (f *Feed) ask(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, wantTimeout)
	defer cancel()
	m, err := f.nc.RequestWithContext(ctx, f.subject, f.want())
	if err != nil {
		return false
	}
	f.take(m, true)
	return true
}

func (f *Feed) renew() {
	if err := f.nc.Publish(f.subject, f.want()); err != nil {
		f.log.Debug("renew lease", "subject", f.subject, "err", err)
	}
}

// take hands a message's frame on. Answers and published frames may overtake each other: whichever is older, or the same as the
// one before, is dropped.
func (f *Feed) take(m *nats.Msg, answer bool) {
	frame, err := DecodeFrame(m)
	if err != nil {
		if !errors.Is(err, ErrNoFrame) {
			f.log.Debug("frame dropped", "err", err)
		}
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last != nil { // a clock that was set back by more than a second is believed
		if ahead := f.last.Captured.Sub(frame.Captured); ahead >= 0 && (answer || ahead < time.Second) {
			return
		}
	}
	f.last = frame
	f.handle(frame)
}

// Ask gets one frame: the newest there is, without staying subscribed. errors.Is(err, ErrNoFrame) when the camera has
// had no picture yet, nats.ErrNoResponders when it has no grabber.
func Ask(ctx context.Context, nc *nats.Conn, s Subjects, id camera.ID, r camera.Rendition) (*camera.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, wantTimeout)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, s.Want(id, r), encodeWant(1))
	if err != nil {
		return nil, fmt.Errorf("ask %s for a frame: %w", id, err)
	}
	return DecodeFrame(m)
}

// AskLive is Ask for a camera that may have to be woken: where the answer is none or an old picture, it waits so long for the
// first live one, and returns the old one if none comes.
func AskLive(ctx context.Context, nc *nats.Conn, s Subjects, id camera.ID, r camera.Rendition, wait time.Duration, log *slog.Logger) (*camera.Frame, error) {
	first, err := Ask(ctx, nc, s, id, r)
	if wait <= 0 || err != nil && !errors.Is(err, ErrNoFrame) || err == nil && !first.NotLive {
		return first, err
	}
	live := make(chan *camera.Frame, 1)
	feed, openErr := OpenFeed(nc, s, id, r, snapshotFPS, log, func(f *camera.Frame) {
		if f.NotLive {
			return
		}
		select {
		case live <- f:
		default:
		}
	})
	if openErr != nil {
		return first, err
	}
	defer func() { feed.Close(); <-feed.Done() }()
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case f := <-live:
		return f, nil
	case <-ctx.Done():
		return first, err
	}
}
