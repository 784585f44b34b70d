package jpegturbo

import "fmt"

// Format says how the chroma of Planes is sampled.
type Format int

// The formats that Encode takes.
const (
	I420 Format = iota // chroma halved in both directions
	I422               // chroma halved in width
	I444               // chroma as large as luma
	Gray               // luma alone
)

// maxSide is what the JPEG library takes at most, px (JPEG_MAX_DIMENSION).
const maxSide = 65500

// Planes is a picture in planar YCbCr, BT.601, 8 bits a sample. Row r of plane i starts at Plane[i][r*Stride[i]]; a row of
// chroma holds half the width rounded up where it is halved, and so does a column. The last row may end with its last sample.
type Planes struct {
	Width, Height int // px, 1 to 65500
	Format        Format
	Plane         [3][]byte // Y, Cb, Cr; Gray has only the first
	Stride        [3]int    // bytes from row to row
	Limited       bool      // video range: luma 16 to 235, chroma 16 to 240; a JPEG has 0 to 255
}

// check returns an error unless every sample of p is there.
func (p *Planes) check() error {
	if p.Width < 1 || p.Height < 1 || p.Width > maxSide || p.Height > maxSide {
		return fmt.Errorf("%d x %d pixels: each side must be 1 to %d", p.Width, p.Height, maxSide)
	}
	if p.Format < I420 || p.Format > Gray {
		return fmt.Errorf("unknown format %d", p.Format)
	}
	for i := range p.Plane {
		w, h := p.size(i)
		if stride, have := p.Stride[i], len(p.Plane[i]); w > 0 && (stride < w || have < w || (have-w)/stride < h-1) {
			return fmt.Errorf("plane %d: %d bytes with stride %d do not hold %d x %d samples", i, have, stride, w, h)
		}
	}
	return nil
}

// size returns the samples in a row of plane i and its rows.
func (p *Planes) size(i int) (width, height int) {
	width, height = p.Width, p.Height
	if i == 0 {
		return width, height
	}
	if p.Format == Gray {
		return 0, 0
	}
	if p.Format == I420 || p.Format == I422 {
		width = (width + 1) / 2
	}
	if p.Format == I420 {
		height = (height + 1) / 2
	}
	return width, height
}
