package grab

import (
	"bytes"
	"sync"
	"time"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/jpegturbo"
)

// newest is the slot for a camera's newest picture, and makes frames of it only when they are asked for.
type newest struct {
	quality   int
	maxPixels int

	mu          sync.Mutex
	picture     camera.Picture
	fingerprint uint64
	seq         uint32
	made        map[camera.Rendition]*camera.Frame // of seq
	encoded     int                                // frames that cost an encode, since encodeStats
	encodeTime  time.Duration
}

// put makes p the newest picture and reports whether it differs from the one before. The zero Picture says that the
// buffers of the present one go away: it is then kept as a JPEG.
func (n *newest) put(p camera.Picture) (changed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.JPEG == nil && p.Encode == nil {
		n.settle()
		return false
	}
	switch {
	case n.seq == 0:
		changed = true
	case p.Fingerprint != 0 || n.fingerprint != 0:
		changed = p.Fingerprint != n.fingerprint
	default:
		changed = !bytes.Equal(p.JPEG, n.picture.JPEG)
	}
	n.picture, n.fingerprint = p, p.Fingerprint
	n.seq++
	clear(n.made)
	return changed
}

// settle replaces a picture that still has to be encoded by its JPEG, or by nothing where that fails.
func (n *newest) settle() {
	if n.picture.Encode == nil {
		return
	}
	f := n.made[camera.Main]
	var err error
	if f == nil {
		f, err = n.encode(camera.Main)
	}
	n.picture.Encode = nil
	if err == nil {
		n.picture.JPEG, n.picture.Width, n.picture.Height = f.JPEG, f.Width, f.Height
	}
}

// frame returns the newest picture as a frame of rendition r: bus.ErrNoFrame before the first.
func (n *newest) frame(r camera.Rendition) (*camera.Frame, error) {
	n.mu.Lock()
	if f := n.made[r]; f != nil {
		n.mu.Unlock()
		return f, nil
	}
	p, seq := n.picture, n.seq
	if p.Encode != nil {
		defer n.mu.Unlock()
		return n.encode(r)
	}
	n.mu.Unlock() // scaling a JPEG is slow and needs nothing but its bytes
	if p.JPEG == nil {
		return nil, bus.ErrNoFrame
	}
	f := &camera.Frame{JPEG: p.JPEG, Seq: seq, Captured: p.Captured, Width: p.Width, Height: p.Height}
	if r == camera.Sub && p.Width > camera.SubWidth {
		began := time.Now()
		var err error
		if f.JPEG, f.Width, f.Height, err = jpegturbo.Shrink(p.JPEG, camera.SubWidth, n.quality, n.maxPixels); err != nil {
			return nil, err
		}
		n.mu.Lock()
		n.encoded++
		n.encodeTime += time.Since(began)
		n.mu.Unlock()
	}
	n.keep(r, f)
	return f, nil
}

// encode makes a frame of a picture that is not a JPEG yet. The caller holds n.mu.
func (n *newest) encode(r camera.Rendition) (*camera.Frame, error) {
	maxWidth := 0
	if r == camera.Sub {
		maxWidth = camera.SubWidth
	}
	began := time.Now()
	b, w, h, err := n.picture.Encode(maxWidth)
	if err != nil {
		return nil, err
	}
	n.encoded++
	n.encodeTime += time.Since(began)
	f := &camera.Frame{JPEG: b, Seq: n.seq, Captured: n.picture.Captured, Width: w, Height: h}
	n.keepLocked(r, f)
	return f, nil
}

func (n *newest) keep(r camera.Rendition, f *camera.Frame) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keepLocked(r, f)
}

func (n *newest) keepLocked(r camera.Rendition, f *camera.Frame) {
	if f.Seq != n.seq {
		return
	}
	if n.made == nil {
		n.made = make(map[camera.Rendition]*camera.Frame)
	}
	n.made[r] = f
}

// figures are what a heartbeat tells of the newest picture.
type figures struct {
	seq           uint32
	captured      time.Time
	width, height int
	encodeMs      float64 // mean since the last call
}

func (n *newest) figures() figures {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := figures{seq: n.seq, captured: n.picture.Captured, width: n.picture.Width, height: n.picture.Height}
	if n.encoded > 0 {
		f.encodeMs = float64(n.encodeTime.Microseconds()) / 1000 / float64(n.encoded)
	}
	n.encoded, n.encodeTime = 0, 0
	return f
}
