package film

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/gst"
	"linkstart/pkg/jpeg"
)

// longestCatch is how long the way to the newest picture may be before one on the way is shown.
const longestCatch = time.Second

// take deals with a unit, which it frees or keeps.
func (p *player) take(ctx context.Context, pipe *gst.Pipeline, u *gst.Unit) error {
	if p.units++; p.units == 1 {
		p.recorded = p.origin.Recorded != nil && p.origin.Recorded(pipe)
		p.step = step(u.FPS())
		p.log.Debug("video comes", "kind", u.Kind(), "recorded", p.recorded, "step", p.step)
	}
	p.unitAt = time.Now()
	if p.recorded {
		if err := p.await(ctx, p.clock.Next(p.unitAt, u.Stamp, p.step)); err != nil {
			u.Free()
			return err
		}
		u.At = time.Now()
		p.unitAt = u.At
	}
	kind := u.Kind()
	switch kind {
	case "image/jpeg":
		defer u.Free()
		return p.passOn(u)
	case "video/x-raw":
		defer u.Free()
		return p.raw(u)
	case "video/mpeg":
		if p.origin.Unmarked {
			u.Key = startsWithIntra(u.Bytes(2000))
		}
	}
	if u.Key {
		if err := p.prepare(u); err != nil {
			u.Free()
			return err
		}
	}
	p.keep(u)
	return nil
}

// step is the time between two pictures at a speed that a stream claims.
func step(fps float64) time.Duration {
	if math.IsNaN(fps) || fps < 0.01 || fps > 240 {
		fps = 25
	}
	return time.Duration(float64(time.Second) / fps)
}

// await returns at due, or when ctx ends. Watch is obeyed meanwhile.
func (p *player) await(ctx context.Context, due time.Time) error {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return ctx.Err()
		case <-ctx.Done():
			return ctx.Err()
		case <-p.turned:
			p.turn()
			if p.awake {
				if err := p.develop(ctx, nil); err != nil {
					return err
				}
			}
		}
	}
}

// startsWithIntra tells whether an MPEG-4 picture, whose packets do not say so, can be decoded by itself: its
// vop_coding_type (ISO/IEC 14496-2, section 6.2.5) is intra.
func startsWithIntra(b []byte) bool {
	i := bytes.Index(b, []byte{0, 0, 1, 0xB6})
	return i >= 0 && i+4 < len(b) && b[i+4]>>6 == 0
}

// prepare looks at a keyframe before it is kept. With the first one it loads the decoder's library, so that whoever
// watches first need not wait for that, and gives back what of it is not needed.
func (p *player) prepare(u *gst.Unit) error {
	if err := p.fits(u.Dimensions()); err != nil {
		return err
	}
	if p.ready {
		return nil
	}
	begun := time.Now()
	decoder, err := gst.Preload(u)
	if err != nil {
		return p.noDecoder(err)
	}
	p.ready = true
	p.log.Debug("decoder is loaded", "decoder", decoder, "took", time.Since(begun))
	if !p.awake {
		p.tidy()
	}
	return nil
}

// keep adds a unit to the film. While nobody watches it offers what it is.
func (p *player) keep(u *gst.Unit) {
	at, key := u.At, u.Key
	width, height := u.Dimensions()
	if width == 0 {
		width, height = p.width, p.height
	}
	width, height = size(width, height, p.spec.Width)
	counts, torn := p.film.add(u)
	if torn {
		p.log.Warn("too much comes between two keyframes to be kept: who begins to watch waits for the next one", "limit", p.film.limit)
	}
	switch {
	case p.awake || !counts:
	case key:
		group, unit := p.film.want()
		f := &frame{
			source: p.Source,
			load:   func() (*gst.Picture, error) { return p.film.keyframe(group, unit) },
			onFree: func() { p.film.forget(group); unit.Free() },
		}
		p.show(camera.Picture{
			Captured: at, Width: width, Height: height, Encode: f.encode, Luma: f.luma,
			Fingerprint: max(1, maphash.Bytes(p.seed, unit.Bytes(0))),
		}, f)
		if p.film.working() { // for the keyframe before
			p.tidy()
		}
	default:
		p.offer(camera.Picture{Captured: at, Width: width, Height: height, Kept: true})
		p.counted()
	}
}

// catchUp decodes all that is there, and offers the newest.
func (p *player) catchUp(ctx context.Context, pipe *gst.Pipeline) error {
	if p.recorded {
		return p.develop(ctx, nil)
	}
	return p.develop(ctx, pipe)
}

// develop decodes what is kept, and what comes from pipe meanwhile, and offers the newest.
func (p *player) develop(ctx context.Context, pipe *gst.Pipeline) error {
	begun := time.Now()
	var newest *gst.Picture
	var at time.Time
	var took time.Duration
	for p.film.pending() && ctx.Err() == nil && p.watched.Load() {
		picture, when, cost, err := p.film.develop()
		switch {
		case errors.Is(err, gst.ErrNoDecoder):
			return p.noDecoder(err)
		case err != nil:
			p.log.Debug("waiting for a keyframe", "err", err)
			if p.origin.AskKeyframe != nil {
				p.origin.AskKeyframe()
			}
		case picture != nil:
			if newest != nil {
				newest.Free()
			}
			newest, at, took = picture, when, cost
		}
		if newest != nil && time.Since(begun) > longestCatch {
			break
		}
		for pipe != nil {
			u, err := pipe.Pull(0)
			if err != nil {
				break // whatever it is, the next Pull that waits tells it again
			}
			if err := p.take(ctx, pipe, u); err != nil {
				if newest != nil {
					newest.Free()
				}
				return err
			}
		}
	}
	if newest == nil {
		return nil
	}
	return p.live(newest, at, took)
}

// live offers a decoded picture, which it takes over.
func (p *player) live(picture *gst.Picture, at time.Time, took time.Duration) error {
	if err := p.fits(picture.Width, picture.Height); err != nil {
		picture.Free()
		return err
	}
	if picture.Layout == gst.Other { // what a decoder in hardware may give: bytes that nobody here can read
		planar, err := p.press.planar(picture)
		picture.Free()
		if err != nil {
			p.log.Debug("picture is skipped", "err", err)
			return nil
		}
		picture = planar
	}
	p.width, p.height = picture.Width, picture.Height
	f := &frame{source: p.Source, picture: picture}
	w, h := size(picture.Width, picture.Height, p.spec.Width)
	p.show(camera.Picture{
		Captured: at, Width: w, Height: h, Encode: f.encode, Luma: f.luma,
		Fingerprint: fingerprint(p.seed, picture), Decode: took, Behind: p.film.pending(),
	}, f)
	return nil
}

// raw offers a picture that was never compressed.
func (p *player) raw(u *gst.Unit) error {
	picture := u.Picture()
	if picture == nil {
		p.log.Debug("picture is skipped: it cannot be looked into")
		return nil
	}
	return p.live(picture, u.At, 0)
}

// passOn offers a JPEG as the camera made it.
func (p *player) passOn(u *gst.Unit) error {
	if limit := p.spec.MaxBytes; limit > 0 && u.Size > limit {
		return &camera.Error{
			Say: fmt.Sprintf("a picture of %s has %d bytes, more than the limit of %d", p.origin.Name, u.Size, limit),
			Err: camera.ErrTooLarge,
		}
	}
	limit := p.spec.MaxPixels
	if limit <= 0 {
		limit = math.MaxInt
	}
	picture, info, err := jpeg.Repair(u.Bytes(0), limit)
	switch {
	case errors.Is(err, camera.ErrTooLarge):
		return &camera.Error{Say: fmt.Sprintf("a picture of %s cannot be used: %v", p.origin.Name, err), Err: err}
	case err != nil:
		p.log.Debug("picture is skipped", "err", err)
		return nil
	}
	p.show(camera.Picture{Captured: u.At, Width: info.Width, Height: info.Height, JPEG: picture}, nil)
	return nil
}

// fits refuses pictures that are larger than is allowed.
func (p *player) fits(w, h int) error {
	if limit := p.spec.MaxPixels; limit > 0 && h > 0 && w > limit/h {
		return &camera.Error{
			Say: fmt.Sprintf("a picture of %s has %d×%d px, more than the limit of %d", p.origin.Name, w, h, limit), Err: camera.ErrTooLarge,
		}
	}
	return nil
}
