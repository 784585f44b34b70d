package jpegturbo_test

import (
	"bytes"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"math"
	"os"
	"path/filepath"
	"testing"

	"linkstart/pkg/jpeg"
	"linkstart/pkg/jpegturbo"
)

const maxPixels = 16 << 20

// corpus returns every JPEG there is for tests: those that cameras and programs make, and those that are broken.
func corpus(t testing.TB) (whole, broken map[string][]byte) {
	t.Helper()
	read := func(pattern string) map[string][]byte {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("list %s: %v, %d found", pattern, err, len(names))
		}
		found := make(map[string][]byte)
		for _, name := range names {
			if found[filepath.Base(name)], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
		return found
	}
	whole, broken = read("../jpeg/testdata/*.jpg"), read("../jpeg/testdata/broken/*.jpg")
	for name, b := range read("testdata/*.jpg") {
		whole[name] = b
	}
	for name, format := range formats {
		whole["17x33 "+name] = encode(t, planes(format, 17, 33, 0, false))
		whole["401x203 "+name] = encode(t, planes(format, 401, 203, 0, false))
	}
	whole["RGB"] = rgb(t, encode(t, planes(jpegturbo.I444, 401, 203, 0, false)))
	return whole, broken
}

func encode(t testing.TB, p *jpegturbo.Planes) []byte {
	t.Helper()
	var e jpegturbo.Encoder
	defer e.Close()
	b, err := e.Encode(p, 95)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rgb declares the components of b to be red, green and blue, as T.81 decoders guess it: by their names, without JFIF.
func rgb(t testing.TB, b []byte) []byte {
	t.Helper()
	const jfif = 18
	out := append(bytes.Clone(b[:2]), b[2+jfif:]...)
	sof, sos := bytes.Index(out, []byte{0xFF, 0xC0}), bytes.Index(out, []byte{0xFF, 0xDA})
	if sof < 0 || sos < 0 {
		t.Fatal("no frame header or no scan")
	}
	for i, name := range []byte("RGB") {
		out[sof+10+3*i], out[sos+5+2*i] = name, name
	}
	return out
}

// decode is what image/jpeg makes of b, with missing tables added.
func decode(t testing.TB, b []byte) image.Image {
	t.Helper()
	b, _, err := jpeg.Repair(b, maxPixels)
	if err != nil {
		t.Fatal(err)
	}
	img, err := stdjpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// plane is one of Y, Cb and Cr, in floating point.
type plane struct {
	width, height int
	sample        []float64
}

// split returns the planes of img as they are, or as many as its pixels where it holds other colours.
func split(img image.Image) []plane {
	size := img.Bounds().Size()
	half := size
	at := func(x, y int) color.YCbCr { return color.YCbCrModel.Convert(img.At(x, y)).(color.YCbCr) }
	chroma := at
	switch img := img.(type) {
	case *image.Gray:
		return []plane{fill(size, func(x, y int) byte { return img.GrayAt(x, y).Y })}
	case *image.YCbCr:
		half = image.Pt(img.COffset(size.X-1, 0)+1, img.COffset(0, size.Y-1)/img.CStride+1)
		chroma = func(x, y int) color.YCbCr {
			return color.YCbCr{Cb: img.Cb[y*img.CStride+x], Cr: img.Cr[y*img.CStride+x]}
		}
	}
	return []plane{
		fill(size, func(x, y int) byte { return at(x, y).Y }),
		fill(half, func(x, y int) byte { return chroma(x, y).Cb }),
		fill(half, func(x, y int) byte { return chroma(x, y).Cr }),
	}
}

func fill(size image.Point, at func(x, y int) byte) plane {
	p := plane{size.X, size.Y, nil}
	for i := range size.X * size.Y {
		p.sample = append(p.sample, float64(at(i%size.X, i/size.X)))
	}
	return p
}

// scale returns p scaled by area.
func (p plane) scale(width, height int) plane {
	out, covered := make([]float64, width*height), make([]float64, width*height)
	for i, v := range p.sample {
		x, y := i%p.width, i/p.width
		for ty := y * height / p.height; ty*p.height < (y+1)*height; ty++ {
			for tx := x * width / p.width; tx*p.width < (x+1)*width; tx++ {
				area := overlap(x, tx, p.width, width) * overlap(y, ty, p.height, height)
				covered[ty*width+tx] += area
				out[ty*width+tx] += v * area
			}
		}
	}
	for i := range out {
		out[i] /= covered[i]
	}
	return plane{width, height, out}
}

// overlap is how much of sample x of n lies in sample tx of m.
func overlap(x, tx, n, m int) float64 {
	return float64(min((x+1)*m, (tx+1)*n)-max(x*m, tx*n)) / float64(m)
}

// psnr compares p with what it should be, in dB.
func (p plane) psnr(want plane) float64 {
	var sum float64
	for i, w := range want.sample {
		sum += (p.sample[i] - w) * (p.sample[i] - w)
	}
	return 10 * math.Log10(255*255/max(sum/float64(len(p.sample)), 1e-9))
}
