package relay

import (
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/pace"
	"linkstart/pkg/relay/fanout"
	"linkstart/pkg/wire"
)

// quiet is how long no picture of a rendition may come before another one is shown instead.
const quiet = 3 * time.Second

// view is what one stream shows of one camera: a slot, and where the relay chooses the rendition, for a while that of the other
// one beside it: it is shown from its first new picture on, so the change loses none. Who uses it holds a lock or is alone.
type view struct {
	open   func(camera.Rendition) (*fanout.Slot, error)
	slot   *fanout.Slot
	choice *pace.Choice // nil where the client has chosen

	other  *fanout.Slot // opened, not shown yet; nil for none
	opened time.Time    // when other was
	last   *camera.Frame
	taken  time.Time // when last was
}

// newView opens a view of r, which may be wire.Auto.
func newView(r camera.Rendition, fps float64, now time.Time, open func(camera.Rendition) (*fanout.Slot, error)) (*view, error) {
	v := &view{open: open, taken: now}
	if r == wire.Auto {
		v.choice, r = pace.NewChoice(fps), camera.Main
	}
	var err error
	v.slot, err = open(r)
	return v, err
}

// ready reports whether there is a new picture.
func (v *view) ready() bool { return v.slot.Ready() }

// take returns the new picture, nil for none, its sheet, which the caller releases, and how many were passed over before it.
func (v *view) take(now time.Time) (*camera.Frame, *fanout.Sheet, uint32) {
	f, sheet, skipped := v.slot.TakeSheet()
	if f != nil && v.choice != nil {
		v.last, v.taken = f, now
		v.choice.Took(now, skipped)
	}
	return f, sheet, skipped
}

// settle has the rendition shown that is right for the viewer, and reports whether it has changed.
func (v *view) settle(now time.Time) (changed bool) {
	if v.choice == nil {
		return false
	}
	small := v.slot.Rendition == camera.Sub
	if small && now.Sub(v.taken) > quiet {
		v.choice.Lost(now)
	}
	if v.other == nil {
		if v.choice.Small(now) == small {
			return false
		}
		slot, err := v.open(opposite(v.slot.Rendition))
		if err != nil {
			v.choice.Refused(!small, now)
			return false
		}
		v.other, v.opened = slot, now
	}
	switch f := v.other.Peek(); {
	case f != nil && !f.NotLive && (v.last == nil || f.Captured.After(v.last.Captured) || v.last.Captured.After(now)): // the clock was set back
		v.slot.Close()
		v.slot, v.other = v.other, nil
		v.choice.Shown(!small, now)
		v.taken = now
		return true
	case now.Sub(v.opened) > quiet:
		v.other.Close()
		v.other = nil
		v.choice.Refused(!small, now)
		v.taken = now
	}
	return false
}

func opposite(r camera.Rendition) camera.Rendition {
	if r == camera.Main {
		return camera.Sub
	}
	return camera.Main
}

func (v *view) close() {
	for _, s := range []*fanout.Slot{v.slot, v.other} {
		if s != nil {
			s.Close()
		}
	}
}
