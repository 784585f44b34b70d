package jpegturbo_test

import (
	"image"
	"image/color"
	"testing"

	"linkstart/pkg/jpegturbo"
)

func TestLumaIsTheMeanOfEachBlock(t *testing.T) {
	whole, _ := corpus(t)
	for name, in := range whole {
		if name == "cmyk.jpg" || name == "ycck.jpg" {
			continue // see below
		}
		t.Run(name, func(t *testing.T) {
			got, err := jpegturbo.Luma(nil, in, maxPixels)
			if err != nil {
				t.Fatal(err)
			}
			want := blockMeans(decode(t, in))
			if len(got) != len(want) {
				t.Fatalf("%d values, want %d", len(got), len(want))
			}
			far := 0 // values at the edges count the pixels that the encoder added there
			for i := range got {
				if d := int(got[i]) - int(want[i]); d < -3 || d > 3 {
					far++
				}
			}
			if far > len(got)/6+1 {
				t.Errorf("%d of %d values are more than 3 off: %v, want %v", far, len(got), got, want)
			}
		})
	}
}

func blockMeans(img image.Image) (means []byte) {
	size := img.Bounds().Size()
	for y := 0; y < size.Y; y += 16 {
		for x := 0; x < size.X; x += 16 {
			sum, n := 0, 0
			for i := range 256 {
				if p := image.Pt(x+i%16, y+i/16); p.In(img.Bounds()) {
					sum += int(brightness(img.At(p.X, p.Y)))
					n++
				}
			}
			means = append(means, byte(sum/n))
		}
	}
	return means
}

// brightness does not go through RGB, which knows fewer colours than YCbCr.
func brightness(c color.Color) byte {
	if c, ok := c.(color.YCbCr); ok {
		return c.Y
	}
	return color.GrayModel.Convert(c).(color.Gray).Y
}

func TestLumaRefusesInk(t *testing.T) {
	whole, _ := corpus(t)
	if got, err := jpegturbo.Luma(nil, whole["cmyk.jpg"], maxPixels); err == nil {
		t.Errorf("got %v", got)
	}
}

func TestLumaWritesWhereItFits(t *testing.T) {
	in := encode(t, planes(jpegturbo.I420, 100, 50, 0, false))
	room := make([]byte, 3, 100)
	got, err := jpegturbo.Luma(room, in, maxPixels)
	if err != nil || len(got) != 7*4 || &got[0] != &room[0] {
		t.Errorf("%d values, %v", len(got), err)
	}
	if got, err = jpegturbo.Luma(room[:0:5], in, maxPixels); err != nil || len(got) != 7*4 {
		t.Errorf("%d values, %v", len(got), err)
	}
}

func FuzzLuma(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if means, err := jpegturbo.Luma(nil, b, 1<<16); err == nil && len(means) == 0 {
			t.Fatal("neither values nor an error")
		}
	})
}

func BenchmarkLuma1080p(b *testing.B) {
	in := encode80(b, noisy(planes(jpegturbo.I420, 1920, 1080, 0, false)))
	var means []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if means, err = jpegturbo.Luma(means, in, maxPixels); err != nil {
			b.Fatal(err)
		}
	}
}
