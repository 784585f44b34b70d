package testpattern

import (
	"image"
	"image/color"
	"math"
)

// Scenes are laid out on a stage of stageW x stageH units, which is scaled to the picture and centred above its strip.
const (
	stageW = 1280
	stageH = 688
)

// canvas is a 4:2:0 picture, the form that image/jpeg encodes without a conversion.
type canvas struct {
	img        *image.YCbCr
	w, h       int     // px, even
	scale      float64 // px per stage unit
	left, top  float64 // px, where the stage starts
	label      string  // the camera's ID
	big, small *font   // of the clock, of all else
}

func newCanvas(w, h int, label string) *canvas {
	free := float64(h - stripHeight(w, h))
	scale := min(float64(w)/stageW, free/stageH)
	return &canvas{
		img: image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420),
		w:   w, h: h,
		scale: scale,
		left:  (float64(w) - stageW*scale) / 2,
		top:   (free - stageH*scale) / 2,
		label: shorten(label),
		big:   newFont(96 * scale),
		small: newFont(34 * scale),
	}
}

// maxLabel is what fits beside the number of the picture, in letters.
const maxLabel = 25

func shorten(label string) string {
	if len(label) <= maxLabel {
		return label
	}
	return label[:maxLabel-2] + ".."
}

// twin is an empty canvas of the same layout.
func (c *canvas) twin() *canvas {
	t := *c
	t.img = image.NewYCbCr(c.img.Rect, image.YCbCrSubsampleRatio420)
	return &t
}

func (c *canvas) copyFrom(o *canvas) {
	copy(c.img.Y, o.img.Y)
	copy(c.img.Cb, o.img.Cb)
	copy(c.img.Cr, o.img.Cr)
}

type colour = color.YCbCr

func rgb(r, g, b uint8) colour {
	y, cb, cr := color.RGBToYCbCr(r, g, b)
	return colour{Y: y, Cb: cb, Cr: cr}
}

// at turns stage units into px.
func (c *canvas) at(x, y float64) (px, py float64) { return c.left + x*c.scale, c.top + y*c.scale }

// mix goes from a to b as alpha goes from 0 to 256.
func mix(a, b uint8, alpha int32) uint8 { return uint8(int32(a) + (int32(b)-int32(a))*alpha>>8) }

// paint lays col over the px within x0..x1, y0..y1, each as far as cover says (0 to 1), which is asked with the px' middle.
func (c *canvas) paint(x0, y0, x1, y1 float64, col colour, cover func(x, y float64) float64) {
	// Whole 2x2 groups: one chroma sample each.
	ax, ay := max(int(x0)&^1, 0), max(int(y0)&^1, 0)
	bx, by := min(int(x1)+2, c.w), min(int(y1)+2, c.h)
	for y := ay; y < by; y++ {
		row := c.img.Y[y*c.img.YStride:][:c.w]
		for x := ax; x < bx; x++ {
			if a := cover(float64(x)+0.5, float64(y)+0.5); a > 0 {
				row[x] = mix(row[x], col.Y, int32(min(a, 1)*256))
			}
		}
	}
	for y := ay; y < by; y += 2 {
		for x := ax; x < bx; x += 2 {
			if a := cover(float64(x)+1, float64(y)+1); a > 0 {
				i, alpha := y/2*c.img.CStride+x/2, int32(min(a, 1)*256)
				c.img.Cb[i] = mix(c.img.Cb[i], col.Cb, alpha)
				c.img.Cr[i] = mix(c.img.Cr[i], col.Cr, alpha)
			}
		}
	}
}

// gradient fills the whole picture; shade gives the colour at x, y from 0 to 1 across it.
func (c *canvas) gradient(shade func(x, y float64) colour) {
	for y := range c.h {
		for x := range c.w {
			col := shade((float64(x)+0.5)/float64(c.w), (float64(y)+0.5)/float64(c.h))
			c.img.Y[y*c.img.YStride+x] = col.Y
			c.img.Cb[y/2*c.img.CStride+x/2] = col.Cb
			c.img.Cr[y/2*c.img.CStride+x/2] = col.Cr
		}
	}
}

// blend is the colour a share f (0 to 1) of the way from a to b.
func blend(a, b colour, f float64) colour {
	alpha := int32(math.Max(0, math.Min(1, f)) * 256)
	return colour{Y: mix(a.Y, b.Y, alpha), Cb: mix(a.Cb, b.Cb, alpha), Cr: mix(a.Cr, b.Cr, alpha)}
}

// disc paints a circle with a soft edge of soft units, to the share alpha. Units are the stage's.
func (c *canvas) disc(x, y, r, soft, alpha float64, col colour) {
	px, py := c.at(x, y)
	r *= c.scale
	soft = max(soft*c.scale, 1)
	edge := r + soft/2
	inner := max(r-soft/2, 0)
	inner *= inner
	c.paint(px-edge, py-edge, px+edge, py+edge, col, func(x, y float64) float64 {
		d := (x-px)*(x-px) + (y-py)*(y-py)
		switch {
		case d <= inner:
			return alpha
		case d >= edge*edge:
			return 0
		}
		return (edge - math.Sqrt(d)) / soft * alpha
	})
}

// line paints a straight stroke with round ends, width units wide.
func (c *canvas) line(x0, y0, x1, y1, width float64, col colour) {
	ax, ay := c.at(x0, y0)
	bx, by := c.at(x1, y1)
	dx, dy := bx-ax, by-ay
	length := max(dx*dx+dy*dy, 1e-9)
	r := max(width*c.scale/2, 0.5)
	c.paint(min(ax, bx)-r-1, min(ay, by)-r-1, max(ax, bx)+r+1, max(ay, by)+r+1, col, func(x, y float64) float64 {
		t := max(0, min(1, ((x-ax)*dx+(y-ay)*dy)/length))
		ex, ey := x-ax-t*dx, y-ay-t*dy
		d := ex*ex + ey*ey
		if d >= (r+0.5)*(r+0.5) {
			return 0
		}
		return r + 0.5 - math.Sqrt(d)
	})
}

// box paints a rectangle with rounded corners, to the share alpha.
func (c *canvas) box(x, y, w, h, round, alpha float64, col colour) {
	ax, ay := c.at(x, y)
	bx, by := c.at(x+w, y+h)
	r := round * c.scale
	c.paint(ax, ay, bx, by, col, func(x, y float64) float64 {
		dx, dy := max(ax+r-x, x-bx+r, 0), max(ay+r-y, y-by+r, 0)
		return min(r+0.5-math.Hypot(dx, dy), 1) * alpha
	})
}

// rect fills px x0..x1, y0..y1 outright.
func (c *canvas) rect(x0, y0, x1, y1 int, col colour) {
	for y := max(y0, 0); y < min(y1, c.h); y++ {
		for x := max(x0, 0); x < min(x1, c.w); x++ {
			c.img.Y[y*c.img.YStride+x] = col.Y
			c.img.Cb[y/2*c.img.CStride+x/2] = col.Cb
			c.img.Cr[y/2*c.img.CStride+x/2] = col.Cr
		}
	}
}
