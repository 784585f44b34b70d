package hikvision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/film"
	"linkstart/pkg/gst"
	"linkstart/pkg/guard"
)

const (
	ahead       = 256             // units that may wait; more are thrown away
	askInterval = 2 * time.Second // between two requests for a keyframe, which is large
)

// feeds are what the units of a codec are, and what they are made into.
var feeds = map[codec]struct{ caps, words string }{
	h264: {"video/x-h264,stream-format=byte-stream,alignment=au", film.H264},
	h265: {"video/x-h265,stream-format=byte-stream,alignment=au", film.H265},
}

var (
	errChanged = errors.New("the codec has changed")
	errBoxes   = errors.New("too many streams at a time")
)

// origin gives package film the video of one stream of a camera.
type origin struct {
	target
	playing atomic.Pointer[stream] // nil: none
}

// stream is a camera's video on its way from the library to a pipeline.
type stream struct {
	*session
	box    mailbox
	handle cLong
	asks   chan struct{} // one slot: a keyframe is wanted

	pipe  *gst.Pipeline // of codec; to be read after begun or ended
	codec codec
	came  atomic.Bool           // something has come
	cause atomic.Pointer[error] // why it ends

	begun  chan struct{} // the first keyframe is in pipe
	ended  chan struct{} // nothing comes any more
	silent chan struct{} // nobody asks for keyframes any more
	stop   context.CancelFunc
}

// open logs in, plays, and returns with the first keyframe.
func (o *origin) open(ctx context.Context, limit time.Duration) (*gst.Pipeline, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	login, err := o.login(ctx)
	if err != nil {
		return nil, err
	}
	s, err := login.play(ctx)
	if err != nil {
		return nil, login.end(err)
	}
	select {
	case <-s.begun:
	case <-s.ended:
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = s.nothing(limit)
	}
	if err == nil && s.pipe == nil {
		err = s.lost()
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	o.playing.Store(s)
	return s.pipe, nil
}

// close ends what open has begun.
func (o *origin) close(*gst.Pipeline) error { return o.playing.Swap(nil).close() }

// explain says why the pipeline has ended: because the stream has.
func (o *origin) explain(_ context.Context, _ bool, err error) error {
	if s := o.playing.Load(); s != nil && errors.Is(err, gst.ErrEnd) {
		return s.lost()
	}
	return &camera.Error{Say: fmt.Sprintf("the video of the camera at %s cannot be used", o.name), Err: err}
}

func (o *origin) silent(context.Context) error { return nil } // open waits for the first picture

func (o *origin) askKeyframe() {
	if s := o.playing.Load(); s != nil {
		s.askKeyframe()
	}
}

// play has the camera send.
func (s *session) play(ctx context.Context) (*stream, error) {
	p := &stream{
		session: s, asks: make(chan struct{}, 1),
		begun: make(chan struct{}), ended: make(chan struct{}), silent: make(chan struct{}),
	}
	if p.box = openMailbox(); p.box == 0 {
		return nil, errBoxes
	}
	err := s.call(ctx, "play the video of", func() (err error) {
		p.handle, err = s.sdk.play(s.id, s.address, p.box)
		return err
	})
	if err != nil {
		p.box.close()
		return nil, cmp.Or(ctx.Err(), s.notPlayed("play the video of", err))
	}
	asking, stop := context.WithCancel(context.Background())
	p.stop = stop
	go p.pump()
	go p.ask(asking)
	return p, nil
}

// close undoes play and the login. After an error that wraps camera.ErrStuck some of it is left, and the process must end.
func (s *stream) close() error {
	s.stop()
	s.box.close()
	<-s.ended
	<-s.silent
	if err := s.stuck(); err != nil {
		return err
	}
	err := s.call(context.Background(), "end the video of", func() error { return s.sdk.stop(s.handle) })
	if errors.Is(err, camera.ErrStuck) {
		return err
	}
	if err != nil {
		s.log.Debug("video not ended", "err", err)
	}
	if s.pipe != nil {
		if err := guard.Call(context.Background(), guard.Grace, s.pipe.Close); errors.Is(err, guard.ErrStuck) {
			return &camera.Error{Say: fmt.Sprintf("the video library hangs in what the camera at %s has sent, so its process is started again", s.name), Err: err}
		}
	}
	return s.session.close()
}

// fail ends the stream because of err, unless it has ended before.
func (s *stream) fail(err error) {
	s.cause.CompareAndSwap(nil, &err)
	s.box.close()
}

func (s *stream) stuck() error {
	if cause := s.cause.Load(); cause != nil && errors.Is(*cause, camera.ErrStuck) {
		return *cause
	}
	return nil
}

// lost says why the stream has ended.
func (s *stream) lost() error {
	cause := errClosed
	if c := s.cause.Load(); c != nil {
		cause = *c
	}
	var e exception
	var missing *gst.Missing
	say := fmt.Sprintf("the camera at %s has ended the stream", s.name)
	switch {
	case errors.Is(cause, camera.ErrStuck), errors.As(cause, &missing):
		return cause
	case errors.Is(cause, errChanged):
		say = fmt.Sprintf("the camera at %s sends other video than before, and is connected anew", s.name)
	case errors.As(cause, &e) && e == loggedInAnew:
		say = fmt.Sprintf("the camera at %s has started anew", s.name)
	case errors.As(cause, &e):
		say = fmt.Sprintf("the connection to the camera at %s was lost", s.name)
	}
	return &camera.Error{Say: say, Err: cause}
}

// nothing says what has not come within limit.
func (s *stream) nothing(limit time.Duration) error {
	say := fmt.Sprintf("the camera at %s sends no video of channel %d: nothing came within %v", s.name, s.channel, limit)
	if s.came.Load() {
		say = fmt.Sprintf("the camera at %s sends no keyframe of H.264 or H.265 within %v: set its video to one of these, with a keyframe (I frame) each 2 seconds", s.name, limit)
	}
	return &camera.Error{Say: say, Err: guard.ErrLimit}
}

// pump brings units from the mailbox into the pipeline, beginning with a keyframe, and after a gap with the next.
func (s *stream) pump() {
	defer close(s.ended)
	var a assembler
	whole := false // nothing is missing since the last keyframe
	for {
		packet, gap, err := s.box.wait()
		if err != nil {
			s.fail(err)
			break
		}
		s.came.Store(true)
		if gap {
			a.drop()
		}
		u, ok, torn := a.add(packet)
		whole = whole && !gap && !torn
		switch {
		case a.codec == unknown, ok && !whole && !u.key:
			s.askKeyframe()
		case ok:
			if whole, err = s.push(u, a.codec); err != nil {
				s.fail(err)
			}
		}
	}
	if s.pipe != nil {
		s.pipe.End()
	}
}

// push gives a unit to the pipeline, which it makes for the first one. It tells whether the unit was taken.
func (s *stream) push(u unit, c codec) (bool, error) {
	if s.pipe == nil {
		pipe, err := gst.NewPushed(feeds[c].caps, feeds[c].words, ahead)
		if err != nil {
			return false, err
		}
		pipe.Start()
		s.pipe, s.codec = pipe, c
		defer close(s.begun)
	}
	if c != s.codec {
		return false, errChanged
	}
	return s.pipe.Push(u.bytes), nil
}

func (s *stream) askKeyframe() {
	select {
	case s.asks <- struct{}{}:
	default:
	}
}

// ask asks the camera for keyframes. Whoever wants one need not wait for the answer.
func (s *stream) ask(ctx context.Context) {
	defer close(s.silent)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.asks:
		}
		err := s.call(ctx, "ask for a keyframe of", func() error { return s.sdk.keyframe(s.id, s.channel) })
		if errors.Is(err, camera.ErrStuck) {
			s.fail(err)
			return
		}
		if err != nil {
			s.log.Debug("no keyframe was asked for", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(askInterval):
		}
	}
}
