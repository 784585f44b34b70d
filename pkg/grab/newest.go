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
	captured    time.Time                          // of the newest, shown or not
	seq         uint32                             // pictures so far
	of          uint32                             // seq of picture
	look        uint32                             // counts the pictures that differ from the one before
	made        map[camera.Rendition]*camera.Frame // of picture
	encoded     int                                // frames that cost an encode, since encodeStats
	encodeTime  time.Duration
}

// put makes p the newest picture, and reports whether it differs from the one before; look is the same for pictures that do
// not. A picture that its source keeps undecoded counts, and the one before stays. The zero Picture says that the buffers
// of the present one go away: it is then kept as a JPEG.
func (n *newest) put(p camera.Picture) (look uint32, changed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case p.Kept:
		n.seq++
		n.captured = p.Captured
		return n.look, true // what nobody looks at is not taken for frozen
	case p.JPEG == nil && p.Encode == nil:
		n.settle()
		return n.look, false
	case n.of == 0:
		changed = true
	case p.Fingerprint != 0 || n.fingerprint != 0:
		changed = p.Fingerprint != n.fingerprint
	default:
		changed = !bytes.Equal(p.JPEG, n.picture.JPEG)
	}
	if changed {
		n.look++
	}
	n.picture, n.fingerprint, n.captured = p, p.Fingerprint, p.Captured
	n.seq++
	n.of = n.seq
	if p.Behind {
		n.seq++ // one of the newer ones
	}
	clear(n.made)
	return n.look, changed
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

// frame returns the newest picture as a frame of rendition r: bus.ErrNoFrame before the first. It is not live where its
// source has kept newer ones.
func (n *newest) frame(r camera.Rendition) (*camera.Frame, error) {
	n.mu.Lock()
	if f := n.made[r]; f != nil {
		defer n.mu.Unlock()
		return n.current(f), nil
	}
	p, of := n.picture, n.of
	if p.Encode != nil {
		defer n.mu.Unlock()
		f, err := n.encode(r)
		if err != nil {
			return nil, err
		}
		return n.current(f), nil
	}
	n.mu.Unlock() // scaling a JPEG is slow and needs nothing but its bytes
	if p.JPEG == nil {
		return nil, bus.ErrNoFrame
	}
	f := &camera.Frame{JPEG: p.JPEG, Seq: of, Captured: p.Captured, Width: p.Width, Height: p.Height}
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
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keep(r, f)
	return n.current(f), nil
}

// current marks f as not live where newer pictures are kept undecoded. The caller holds n.mu.
func (n *newest) current(f *camera.Frame) *camera.Frame {
	if f.Seq == n.seq || n.of != f.Seq {
		return f
	}
	return notLive(f)
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
	f := &camera.Frame{JPEG: b, Seq: n.of, Captured: n.picture.Captured, Width: w, Height: h}
	n.keep(r, f)
	return f, nil
}

func (n *newest) keep(r camera.Rendition, f *camera.Frame) {
	if f.Seq != n.of {
		return
	}
	if n.made == nil {
		n.made = make(map[camera.Rendition]*camera.Frame)
	}
	n.made[r] = f
}

// luma returns the brightness of the newest picture's blocks of 16 x 16 px, row by row, in dst[:0].
func (n *newest) luma(dst []byte) ([]byte, error) {
	n.mu.Lock()
	p := n.picture
	if p.Luma != nil {
		defer n.mu.Unlock()
		return p.Luma(dst)
	}
	n.mu.Unlock()
	return jpegturbo.Luma(dst, p.JPEG, n.maxPixels)
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
	f := figures{seq: n.seq, captured: n.captured, width: n.picture.Width, height: n.picture.Height}
	if n.encoded > 0 {
		f.encodeMs = float64(n.encodeTime.Microseconds()) / 1000 / float64(n.encoded)
	}
	n.encoded, n.encodeTime = 0, 0
	return f
}
