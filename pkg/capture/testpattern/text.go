package testpattern

import (
	"image"
	"math"

	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// font is a face of one size whose glyphs are drawn once each, all equally wide.
type font struct {
	face    xfont.Face
	glyphs  [128]*image.Alpha // nil: not needed yet
	advance float64           // px
	ascent  int               // px
	height  int               // px
}

// minText is the size in px under which letters are only dirt.
const minText = 5

// newFont makes the face of size px; nil where that is too small to read, or the built-in font is broken.
func newFont(size float64) *font {
	if size < minText {
		return nil
	}
	parsed, err := opentype.Parse(gomonobold.TTF)
	if err != nil {
		return nil
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: xfont.HintingFull})
	if err != nil {
		return nil
	}
	m := face.Metrics()
	advance, _ := face.GlyphAdvance('0')
	return &font{face: face, advance: float64(advance) / 64, ascent: m.Ascent.Ceil(), height: (m.Ascent + m.Descent).Ceil()}
}

func (f *font) glyph(r rune) *image.Alpha {
	if r < ' ' || r >= 127 {
		r = '?'
	}
	if f.glyphs[r] == nil {
		mask := image.NewAlpha(image.Rect(0, 0, int(math.Ceil(f.advance)), f.height))
		d := xfont.Drawer{Dst: mask, Src: image.Opaque, Face: f.face, Dot: fixed.P(0, f.ascent)}
		d.DrawString(string(r))
		f.glyphs[r] = mask
	}
	return f.glyphs[r]
}

// text writes s with its top at y and its left edge at x (stage units), or centred on x, or ending there.
func (c *canvas) text(f *font, x, y float64, align float64, s string, col colour) {
	if f == nil {
		return
	}
	px, py := c.at(x, y)
	px -= align * f.advance * float64(len(s))
	for i, r := range s {
		if r != ' ' {
			c.stencil(f.glyph(r), int(math.Round(px+float64(i)*f.advance)), int(math.Round(py)), col)
		}
	}
}

// How text lies to its x.
const (
	fromLeft = 0.0
	centred  = 0.5
	toRight  = 1.0
)

// stencil paints col through mask, whose corner lies at x0, y0 px.
func (c *canvas) stencil(mask *image.Alpha, x0, y0 int, col colour) {
	r := mask.Rect.Add(image.Pt(x0, y0)).Intersect(c.img.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := c.img.Y[y*c.img.YStride:]
		line := mask.Pix[(y-y0)*mask.Stride:]
		for x := r.Min.X; x < r.Max.X; x++ {
			a := int32(line[x-x0])
			if a == 0 {
				continue
			}
			a += a >> 7 // 255 becomes 256
			row[x] = mix(row[x], col.Y, a)
			// Four px share a chroma sample; half of each is enough together (15/16), and leaves the edges soft.
			i := y/2*c.img.CStride + x/2
			c.img.Cb[i] = mix(c.img.Cb[i], col.Cb, a/2)
			c.img.Cr[i] = mix(c.img.Cr[i], col.Cr, a/2)
		}
	}
}
