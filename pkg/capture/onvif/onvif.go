// Package onvif finds the streams of a camera that speaks ONVIF, and has one of them played. It believes a camera nothing but paths,
// ports and names.
package onvif

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"linkstart/pkg/camera"
)

// Player makes the source that plays the stream at spec.Source: rtsp://, rtsps:// or http://.
type Player func(spec camera.Spec, log *slog.Logger) (camera.Source, error)

// Source is a camera.Watcher. One Stream at a time.
type Source struct {
	spec   camera.Spec
	device *device
	choose choice
	play   Player
	log    *slog.Logger

	uri string // that has brought pictures; "": the camera is asked

	mu      sync.Mutex
	watched bool
	playing camera.Source // nil while nothing is
}

// New makes the source of onvif://USER:PASSWORD@HOST:PORT/PATH, which plays the profile with the largest picture. Options are
//
//	profile=NAME        the profile of that name or token instead
//	substream=none      Smaller is nil
//	transport, latency  as play takes them with an rtsp: address
//
// Port is 80 and PATH /onvif/device_service unless written. Its errors wrap camera.ErrConfig.
func New(spec camera.Spec, play Player, log *slog.Logger) (*Source, error) {
	a, err := parse(spec.Source)
	if err != nil {
		return nil, &camera.Error{Say: err.Error(), Err: camera.ErrConfig}
	}
	d := newDevice(a, spec.Pin, max(cmp.Or(spec.OpenTimeout, 10*time.Second), 0))
	return &Source{spec: spec, device: d, choose: a.main, play: play, log: log}, nil
}

// NewSubstream is New, but it is the smaller stream that is played where no profile is named.
func NewSubstream(spec camera.Spec, play Player, log *slog.Logger) (*Source, error) {
	s, err := New(spec, play, log)
	if err == nil && s.device.profile == "" {
		s.choose = s.device.sub
	}
	return s, err
}

// Smaller returns the source of the camera's stream that fits camera.Sub best, smaller than that of s; nil where the address wants
// none. Where the camera has no smaller one, its Stream waits until its context ends. Both ask the camera together.
func (s *Source) Smaller() *Source {
	if s.device.alone {
		return nil
	}
	return &Source{spec: s.spec, device: s.device, choose: s.device.sub, play: s.play, log: s.log}
}

func (a address) main(all []profile) (profile, error) {
	if a.profile == "" {
		return largest(all), nil
	}
	return named(all, a.profile)
}

func (a address) sub(all []profile) (profile, error) {
	main, err := a.main(all)
	if err != nil {
		return profile{}, err
	}
	return smaller(all, main)
}

// Watch does what camera.Watcher promises.
func (s *Source) Watch(watched bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched = watched
	if w, ok := s.playing.(camera.Watcher); ok {
		w.Watch(watched)
	}
}

// Stream does what camera.Watcher promises. It asks the camera where its stream is, unless the last one has brought pictures.
func (s *Source) Stream(ctx context.Context, offer func(camera.Picture)) error {
	if s.uri == "" {
		uri, err := s.device.find(ctx, s.choose)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errNoneSmaller):
			<-ctx.Done()
			return ctx.Err()
		case err != nil:
			return s.device.explain(err)
		}
		s.uri = uri
	}
	spec := s.spec
	spec.Source = s.uri
	playing, err := s.play(spec, s.log)
	if err != nil {
		return err
	}
	s.now(playing)
	defer s.now(nil)
	var brought atomic.Bool
	err = playing.Stream(ctx, func(p camera.Picture) {
		if p.Kept || p.JPEG != nil || p.Encode != nil {
			brought.Store(true)
		}
		offer(p)
	})
	if !brought.Load() {
		s.uri = ""
	}
	return err
}

func (s *Source) now(playing camera.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.playing = playing
	if w, ok := playing.(camera.Watcher); ok {
		w.Watch(s.watched)
	}
}
