package film

import (
	"errors"
	"fmt"
	"hash/maphash"
	"sync"

	"linkstart/pkg/gst"
	"linkstart/pkg/jpegturbo"
)

// errGone answers an Encode that comes after the next offer or after Stream has returned.
var errGone = errors.New("encode picture: it is gone")

var formats = map[gst.Layout]jpegturbo.Format{
	gst.I420: jpegturbo.I420, gst.I422: jpegturbo.I422, gst.I444: jpegturbo.I444, gst.Gray: jpegturbo.Gray,
}

// frame is a picture that was offered, and can be encoded until it is released.
type frame struct {
	source *Source
	load   func() (*gst.Picture, error) // decodes it, where that is left for later; nil otherwise
	onFree func()                       // nil: nothing

	mu      sync.Mutex // held while it is encoded
	picture *gst.Picture
	gone    bool
}

// look returns the picture for who holds f.mu.
func (f *frame) look() (*gst.Picture, error) {
	if f.gone {
		return nil, errGone
	}
	if f.picture == nil {
		p, err := f.load()
		if err != nil {
			return nil, err
		}
		f.picture = p
	}
	return f.picture, nil
}

// encode is camera.Picture's Encode.
func (f *frame) encode(maxWidth int) ([]byte, int, int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.look()
	if err != nil {
		return nil, 0, 0, err
	}
	return f.source.press.encode(p, f.source.spec.Width, maxWidth, f.source.quality)
}

// luma is camera.Picture's Luma.
func (f *frame) luma(dst []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.look()
	if err != nil {
		return nil, err
	}
	if p.Layout == gst.Other {
		if p, err = f.source.press.planar(p); err != nil {
			return nil, err
		}
		defer p.Free()
	}
	return blocks(dst[:0], p), nil
}

// release frees the picture, after an encode that is under way.
func (f *frame) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
	if f.picture != nil {
		f.picture.Free()
		f.picture = nil
	}
	if f.onFree != nil {
		f.onFree()
	}
}

// press makes JPEGs, one at a time.
type press struct {
	mu      sync.Mutex
	encoder jpegturbo.Encoder
	whole   gst.Scaler // for pictures as wide as is configured
	small   gst.Scaler // for those that are narrower
}

func (s *press) encode(p *gst.Picture, width, maxWidth, quality int) ([]byte, int, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scaler := &s.whole
	if maxWidth > 0 && (width <= 0 || maxWidth < width) {
		width, scaler = maxWidth, &s.small
	}
	w, h := size(p.Width, p.Height, width)
	if w != p.Width || h != p.Height || p.Layout == gst.Other {
		scaled, err := scaler.Scale(p, w, h)
		if err != nil {
			return nil, 0, 0, err
		}
		defer scaled.Free()
		p = scaled
	}
	format, ok := formats[p.Layout]
	if !ok {
		return nil, 0, 0, fmt.Errorf("encode picture: unknown layout %d", p.Layout)
	}
	planes := jpegturbo.Planes{Width: w, Height: h, Format: format, Limited: p.Limited}
	for i := range planes.Plane {
		planes.Plane[i], planes.Stride[i] = p.Plane(i)
	}
	jpeg, err := s.encoder.Encode(&planes, quality)
	return jpeg, w, h, err
}

func (s *press) planar(p *gst.Picture) (*gst.Picture, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.whole.Scale(p, p.Width, p.Height)
}

// rest frees its memory. It can be used again.
func (s *press) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.encoder.Close()
	s.whole.Close()
	s.small.Close()
}

// size returns what a picture of w×h px becomes when it may be maxWidth px wide (0: as it is). Scaled sizes are even,
// as chroma subsampling likes them.
func size(w, h, maxWidth int) (int, int) {
	if maxWidth <= 0 || w <= maxWidth {
		return w, h
	}
	even := func(n int) int { return max(2, n&^1) }
	return even(maxWidth), even((h*maxWidth + w/2) / w)
}

// fingerprint is equal for equal pictures and never 0. It looks at every fourth row: whatever a camera writes into its
// picture is higher than that, and all rows would take four times as long.
func fingerprint(seed maphash.Seed, p *gst.Picture) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for i := range 3 {
		samples, stride := p.Plane(i)
		for row := 0; row < len(samples); row += 4 * stride {
			_, _ = h.Write(samples[row:min(row+stride, len(samples))]) // cannot fail
		}
	}
	return max(1, h.Sum64())
}

// blocks appends the mean brightness of each block of 16 × 16 px to dst, row by row.
func blocks(dst []byte, p *gst.Picture) []byte {
	samples, stride := p.Plane(0)
	for top := 0; top < p.Height; top += 16 {
		for left := 0; left < p.Width; left += 16 {
			right, bottom := min(left+16, p.Width), min(top+16, p.Height)
			sum := 0
			for y := top; y < bottom; y++ {
				for _, v := range samples[y*stride+left : y*stride+right] {
					sum += int(v)
				}
			}
			mean := sum / ((right - left) * (bottom - top))
			if p.Limited {
				mean = min(max(0, (mean-16)*255/219), 255)
			}
			dst = append(dst, byte(mean))
		}
	}
	return dst
}
