package film

import (
	"cmp"
	"context"
	"errors"
	"runtime/debug"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/gst"
	"linkstart/pkg/replay"
)

// player is one Stream of a Source.
type player struct {
	*Source
	offer func(camera.Picture)
	clock replay.Pacer // of a recording
	film  film
	shown *frame // what was offered last, nil where that needs nothing from here

	awake    bool          // somebody watches
	ready    bool          // the decoder's library is loaded
	recorded bool          // it plays at its own speed and starts over at its end
	step     time.Duration // between two pictures of a recording whose stamps do not tell
	units    int           // that came since the opening
	unitAt   time.Time     // when the last of them did
	width    int           // px, of the last decoded picture; for streams that do not tell
	height   int
	pictures int       // that were offered since the opening, kept ones included
	deadline time.Time // of the next of them
}

func newPlayer(s *Source, offer func(camera.Picture)) *player {
	return &player{Source: s, offer: offer, film: film{decodes: &s.decodes, begun: time.Now(), limit: mostKept}}
}

// end lets go of all that was offered.
func (p *player) end() {
	p.settle()
	p.film.end()
	p.press.rest()
	gst.ReleaseHeap()
}

// settle gives the last chance to encode what was offered, and frees it.
func (p *player) settle() {
	if p.shown != nil {
		p.offer(camera.Picture{})
		p.shown.release()
		p.shown = nil
	}
}

// show offers a picture that can be encoded as long as f holds it; nil: for ever.
func (p *player) show(picture camera.Picture, f *frame) {
	p.offer(picture)
	p.counted()
	if p.shown != nil {
		p.shown.release()
	}
	p.shown = f
}

// counted notes that a picture was offered. Time counts from when something came: a picture may be decoded anew of what is kept.
func (p *player) counted() {
	p.pictures++
	p.deadline = p.unitAt.Add(p.reading)
}

// play shows the pictures of one opening. It returns nil at the end of a recording.
func (p *player) play(ctx context.Context) (err error) {
	p.units, p.pictures, p.recorded = 0, 0, false
	p.deadline = time.Now().Add(p.opening)
	pipe, err := p.origin.Open(ctx, p.opening)
	if err != nil {
		return p.failed(ctx, err)
	}
	p.waking(pipe)
	stop := context.AfterFunc(ctx, p.wake)
	defer func() {
		stop()
		p.waking(nil)
		err = cmp.Or(p.origin.Close(pipe), err)
	}()
	for {
		over, err := p.round(ctx, pipe)
		if over || err != nil {
			return err
		}
	}
}

// round deals with one unit, or with whatever else there is to do. It reports whether a recording is over.
func (p *player) round(ctx context.Context, pipe *gst.Pipeline) (over bool, err error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if p.turn(); p.awake && p.film.stranded() {
		if p.origin.AskKeyframe == nil {
			return true, nil // a new connection begins with a keyframe, which this one may never send
		}
		p.origin.AskKeyframe()
	}
	wait := time.Until(p.deadline)
	if wait <= 0 {
		return false, p.late(ctx)
	}
	if p.awake && p.film.pending() {
		wait = 0
	}
	u, err := pipe.Pull(wait)
	switch {
	case err == nil:
		err = p.take(ctx, pipe, u)
	case errors.Is(err, gst.ErrEnd) && p.recorded && p.pictures > 0:
		return true, nil
	case errors.Is(err, gst.ErrTimeout), errors.Is(err, gst.ErrWoken):
		err = nil
	default:
		err = p.failed(ctx, err)
	}
	if err == nil && p.awake {
		err = p.catchUp(ctx, pipe)
	}
	return false, err
}

// turn wakes up or falls asleep, as Watch has said.
func (p *player) turn() {
	watched := p.watched.Load()
	if watched == p.awake {
		return
	}
	p.awake = watched
	if limit := p.unitAt.Add(p.reading); watched && p.pictures > 0 && limit.After(p.deadline) {
		p.deadline = limit // what was kept is to be decoded first; who sends nothing gains nothing
	}
	if !watched && p.film.holds() {
		p.settle()
		p.tidy()
	}
}

// tidy gives all memory back that sleeping does not need.
func (p *player) tidy() {
	p.film.rest()
	p.press.rest()
	debug.FreeOSMemory()
	gst.ReleaseHeap()
	gst.ReleaseLibraries()
}
