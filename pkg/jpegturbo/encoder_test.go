package jpegturbo_test

import (
	"bytes"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"math"
	"testing"

	"linkstart/pkg/jpegturbo"
)

var formats = map[string]jpegturbo.Format{
	"I420": jpegturbo.I420, "I422": jpegturbo.I422, "I444": jpegturbo.I444, "Gray": jpegturbo.Gray,
}

// planes makes a smooth picture whose planes end with their last sample, and whose bytes between rows are 0 and 255 in turn.
func planes(format jpegturbo.Format, width, height, gap int, limited bool) *jpegturbo.Planes {
	p := &jpegturbo.Planes{Width: width, Height: height, Format: format, Limited: limited}
	for i := range 3 {
		w, h := width, height
		if i > 0 && format == jpegturbo.Gray {
			break
		}
		if i > 0 && format != jpegturbo.I444 {
			w = (w + 1) / 2
		}
		if i > 0 && format == jpegturbo.I420 {
			h = (h + 1) / 2
		}
		p.Stride[i] = w + gap
		p.Plane[i] = make([]byte, (h-1)*p.Stride[i]+w)
		for n := range p.Plane[i] {
			x, y := n%p.Stride[i], n/p.Stride[i]
			p.Plane[i][n] = byte(n % 2 * 255)
			if x < w {
				p.Plane[i][n] = sample(i, float64(x)/float64(w), float64(y)/float64(h), limited)
			}
		}
	}
	return p
}

func sample(plane int, x, y float64, limited bool) byte {
	v := 0.5 + 0.4*math.Sin(3*x+float64(plane))*math.Cos(2*y+float64(plane)) // 0..1
	if !limited {
		return byte(math.Round(255 * v))
	}
	if plane == 0 {
		return byte(math.Round(16 + 219*v))
	}
	return byte(math.Round(16 + 224*v))
}

// yuv returns sample x, y of a plane of img.
func yuv(t *testing.T, img image.Image, plane, x, y int) byte {
	t.Helper()
	switch img := img.(type) {
	case *image.Gray:
		return img.Pix[y*img.Stride+x]
	case *image.YCbCr:
		if plane == 0 {
			return img.Y[y*img.YStride+x]
		}
		return [][]byte{img.Cb, img.Cr}[plane-1][y*img.CStride+x]
	}
	t.Fatalf("decoded to %T", img)
	return 0
}

// psnr compares a decoded picture with the full-range planes it should show, plane by plane, in dB; the worst counts.
func psnr(t *testing.T, img image.Image, want *jpegturbo.Planes) float64 {
	t.Helper()
	worst := math.Inf(1)
	for i, plane := range want.Plane {
		if plane == nil {
			continue
		}
		w := want.Width
		if i > 0 && want.Format != jpegturbo.I444 {
			w = (w + 1) / 2
		}
		var sum, n float64
		for at, v := range plane {
			if x := at % want.Stride[i]; x < w {
				d := float64(v) - float64(yuv(t, img, i, x, at/want.Stride[i]))
				sum, n = sum+d*d, n+1
			}
		}
		worst = min(worst, 10*math.Log10(255*255/max(sum/n, 1e-9)))
	}
	return worst
}

var subsampling = map[jpegturbo.Format]image.YCbCrSubsampleRatio{
	jpegturbo.I420: image.YCbCrSubsampleRatio420, jpegturbo.I422: image.YCbCrSubsampleRatio422, jpegturbo.I444: image.YCbCrSubsampleRatio444,
}

func TestEncode(t *testing.T) {
	var e jpegturbo.Encoder // one for all, so that sizes and formats change under it
	defer e.Close()
	for name, format := range formats {
		for _, size := range []image.Point{{1, 1}, {2, 1}, {1, 3}, {7, 9}, {8, 8}, {9, 17}, {16, 16}, {17, 33}, {33, 17}, {40, 24}, {643, 359}} {
			for _, limited := range []bool{false, true} {
				for _, gap := range []int{0, 5} {
					t.Run(fmt.Sprint(name, size, limited, gap), func(t *testing.T) {
						b, err := e.Encode(planes(format, size.X, size.Y, gap, limited), 95)
						if err != nil {
							t.Fatal(err)
						}
						img, err := stdjpeg.Decode(bytes.NewReader(b))
						if err != nil || img.Bounds().Size() != size {
							t.Fatalf("decoded to %v, %v", img, err)
						}
						if c, ok := img.(*image.YCbCr); ok && c.SubsampleRatio != subsampling[format] {
							t.Errorf("sampled %v", c.SubsampleRatio)
						}
						if got := psnr(t, img, planes(format, size.X, size.Y, gap, false)); got < 40 {
							t.Errorf("%.1f dB from the original", got)
						}
					})
				}
			}
		}
	}
}

// TestEncodeExpandsEverySample puts each value of video range into a picture of its own colour.
func TestEncodeExpandsEverySample(t *testing.T) {
	var e jpegturbo.Encoder
	defer e.Close()
	for v := range 256 {
		flat := bytes.Repeat([]byte{byte(v)}, 23*8)
		b, err := e.Encode(&jpegturbo.Planes{
			Width: 23, Height: 8, Format: jpegturbo.I444, Limited: true,
			Plane: [3][]byte{flat, flat, flat}, Stride: [3]int{23, 23, 23},
		}, 100)
		if err != nil {
			t.Fatal(err)
		}
		img, err := stdjpeg.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for plane, span := range []float64{219, 224, 224} {
			want := min(max(255*(float64(v)-16)/span, 0), 255)
			for _, x := range []int{3, 20} { // a row of 23 is a step of 16 and a rest
				if got := float64(yuv(t, img, plane, x, 3)); math.Abs(got-want) > 1.2 {
					t.Errorf("sample %d of plane %d is shown as %v, want %.1f", v, plane, got, want)
				}
			}
		}
	}
}

func TestEncodeKeepsWhatItGaveOut(t *testing.T) {
	var e jpegturbo.Encoder
	first, err := e.Encode(planes(jpegturbo.I420, 64, 48, 0, false), 80)
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(first)
	if _, err := e.Encode(planes(jpegturbo.I444, 640, 480, 0, true), 100); err != nil {
		t.Fatal(err)
	}
	e.Close()
	e.Close()
	if !bytes.Equal(first, before) {
		t.Error("a later picture was written over an earlier one")
	}
	again, err := e.Encode(planes(jpegturbo.I420, 64, 48, 0, false), 80)
	if err != nil || !bytes.Equal(again, before) {
		t.Errorf("after Close: %v", err)
	}
	e.Close()
}

func TestEncodeRefuses(t *testing.T) {
	var e jpegturbo.Encoder
	defer e.Close()
	for name, spoil := range map[string]func(*jpegturbo.Planes){
		"no width":       func(p *jpegturbo.Planes) { p.Width = 0 },
		"negative":       func(p *jpegturbo.Planes) { p.Height = -1 },
		"too wide":       func(p *jpegturbo.Planes) { p.Width = 65501 },
		"format":         func(p *jpegturbo.Planes) { p.Format = 4 },
		"no stride":      func(p *jpegturbo.Planes) { p.Stride[1] = 0 },
		"short stride":   func(p *jpegturbo.Planes) { p.Stride[0] = 15 },
		"short luma":     func(p *jpegturbo.Planes) { p.Plane[0] = p.Plane[0][:16*16-1] },
		"short chroma":   func(p *jpegturbo.Planes) { p.Plane[2] = p.Plane[2][:63] },
		"without chroma": func(p *jpegturbo.Planes) { p.Plane[1] = nil },
		"huge stride":    func(p *jpegturbo.Planes) { p.Stride[0] = math.MaxInt },
	} {
		t.Run(name, func(t *testing.T) {
			p := planes(jpegturbo.I420, 16, 16, 0, false)
			spoil(p)
			if b, err := e.Encode(p, 80); err == nil {
				t.Errorf("made %d bytes of it", len(b))
			}
		})
	}
}

func FuzzEncode(f *testing.F) {
	f.Add(uint16(33), uint16(17), byte(0), byte(80), byte(3), true, []byte{1, 2, 3})
	f.Add(uint16(1), uint16(1), byte(3), byte(0), byte(0), false, []byte{255})
	f.Fuzz(func(t *testing.T, width, height uint16, format, quality, gap byte, limited bool, content []byte) {
		p := planes(jpegturbo.Format(format%4), int(width%300)+1, int(height%300)+1, int(gap), limited)
		for i := range p.Plane {
			copy(p.Plane[i], content)
		}
		var e jpegturbo.Encoder
		defer e.Close()
		b, err := e.Encode(p, int(quality))
		if err != nil {
			t.Fatal(err)
		}
		if cfg, err := stdjpeg.DecodeConfig(bytes.NewReader(b)); err != nil || cfg.Width != p.Width || cfg.Height != p.Height {
			t.Fatalf("%+v, %v", cfg, err)
		}
	})
}

// BenchmarkEncode1080p encodes the same picture from samples of video range and of full range.
func BenchmarkEncode1080p(b *testing.B) {
	limited := noisy(planes(jpegturbo.I420, 1920, 1080, 0, true))
	full := planes(jpegturbo.I420, 1920, 1080, 0, false)
	for i, span := range []float64{219, 224, 224} {
		for n, v := range limited.Plane[i] {
			full.Plane[i][n] = byte(math.Round(min(max(255*(float64(v)-16)/span, 0), 255)))
		}
	}
	for name, p := range map[string]*jpegturbo.Planes{"full": full, "limited": limited} {
		b.Run(name, func(b *testing.B) {
			var e jpegturbo.Encoder
			defer e.Close()
			b.ReportAllocs()
			for b.Loop() {
				out, err := e.Encode(p, 80)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(out)), "B/picture")
			}
		})
	}
}

// noisy adds the noise of a sensor, so that a picture costs what one of a camera does.
func noisy(p *jpegturbo.Planes) *jpegturbo.Planes {
	seed := uint32(1)
	for _, plane := range p.Plane {
		for i := range plane {
			seed = seed*1664525 + 1013904223
			plane[i] += byte(seed >> 29)
		}
	}
	return p
}
