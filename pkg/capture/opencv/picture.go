//go:build opencv

package opencv

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"image"
	"sync"

	"gocv.io/x/gocv"

	"linkstart/pkg/camera"
)

// errGone answers an Encode that comes after the next offer has begun or after Stream has returned.
var errGone = errors.New("encode picture: it is gone")

// buffer is the memory of one decoded picture.
type buffer struct {
	mu   sync.Mutex // held while turn changes and while the picture is encoded
	turn uint64     // counts the pictures that were in it
	mat  gocv.Mat
}

// claim takes the buffer back from whoever was offered the picture in it, waiting for an Encode that is under way.
func (b *buffer) claim() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
}

func (b *buffer) close() error {
	b.claim()
	return b.mat.Close()
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

// check refuses what OpenCV's encoder would answer with a C++ exception, which ends the process.
func check(m *gocv.Mat, maxPixels int) error {
	w, h, channels := m.Cols(), m.Rows(), m.Channels()
	switch {
	case w <= 0 || h <= 0:
		return errors.New("it is empty")
	case channels != 1 && channels != 3 && channels != 4:
		return fmt.Errorf("it has %d channels", channels)
	case maxPixels > 0 && w > maxPixels/h:
		return fmt.Errorf("%d×%d px are more than the limit of %d: %w", w, h, maxPixels, camera.ErrTooLarge)
	}
	return nil
}

// encoder returns the Encode of the picture that is in b now.
func (s *Source) encoder(b *buffer) func(int) ([]byte, int, int, error) {
	turn := b.turn
	return func(maxWidth int) ([]byte, int, int, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.turn != turn {
			return nil, 0, 0, errGone
		}
		w, h := s.size(b.mat.Cols(), b.mat.Rows(), maxWidth)
		jpeg, err := encode(b.mat, w, h, s.quality)
		return jpeg, w, h, err
	}
}

// size applies the configured width and then the one asked for.
func (s *Source) size(w, h, maxWidth int) (int, int) {
	if limit := s.spec.Width; limit > 0 && (maxWidth <= 0 || limit < maxWidth) {
		maxWidth = limit
	}
	return size(w, h, maxWidth)
}

// encode makes a JPEG of w×h px from m, in memory of Go's own.
func encode(m gocv.Mat, w, h, quality int) ([]byte, error) {
	if m.Cols() != w || m.Rows() != h {
		scaled := gocv.NewMat()
		defer scaled.Close()
		gocv.Resize(m, &scaled, image.Pt(w, h), 0, 0, gocv.InterpolationArea)
		m = scaled
	}
	native, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, m, []int{gocv.IMWriteJpegQuality, quality})
	if err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	defer native.Close()
	if native.Len() == 0 {
		return nil, fmt.Errorf("encode picture: OpenCV makes no JPEG of %d×%d px", w, h)
	}
	return bytes.Clone(native.GetBytes()), nil
}

// fingerprint is equal for equal pictures and never 0. It looks at every fourth row: whatever a camera writes into its
// picture is higher than that, and all rows would take four times as long.
func fingerprint(seed maphash.Seed, m *gocv.Mat) uint64 {
	if !m.IsContinuous() {
		whole := m.Clone()
		defer whole.Close()
		m = &whole
	}
	pixels, err := m.DataPtrUint8()
	if err != nil {
		return 1 // cannot be: it is continuous
	}
	var h maphash.Hash
	h.SetSeed(seed)
	row := m.Step()
	for i := 0; i+row <= len(pixels); i += 4 * row {
		_, _ = h.Write(pixels[i : i+row]) // cannot fail
	}
	return max(1, h.Sum64())
}
