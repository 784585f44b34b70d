package jpegturbo_test

import (
	"bytes"
	"errors"
	"fmt"
	stdjpeg "image/jpeg"
	"strings"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/pkg/jpeg"
	"linkstart/pkg/jpegturbo"
)

func TestShrinkShowsTheSamePicture(t *testing.T) {
	whole, _ := corpus(t)
	for name, in := range whole {
		original := decode(t, in)
		size, want := original.Bounds().Size(), split(original)
		for _, to := range []int{1, 3, size.X / 8, size.X/8 + 1, size.X / 3, size.X / 2, size.X*2/3 + 1, size.X - 1} {
			if to < 1 {
				continue
			}
			t.Run(fmt.Sprint(name, " ", to), func(t *testing.T) {
				out, w, h, err := jpegturbo.Shrink(in, to, 95, maxPixels)
				if err != nil || w != to || h != max(1, size.Y*to/size.X) {
					t.Fatalf("%v to %d x %d, %v", size, w, h, err)
				}
				img, err := stdjpeg.Decode(bytes.NewReader(out))
				if err != nil || img.Bounds().Dx() != w || img.Bounds().Dy() != h {
					t.Fatalf("the shrunk picture does not decode: %v", err)
				}
				if size.X < 64 || to < 40 {
					return // a block of the DCT, or the rest of one at the edge, is much of such a picture
				}
				for i, got := range split(img) {
					if db := got.psnr(want[i].scale(got.width, got.height)); db < 30 {
						t.Errorf("plane %d is %.1f dB from the original", i, db)
					}
				}
			})
		}
	}
}

func TestShrinkKeepsGrayGray(t *testing.T) {
	small, _, _, err := jpegturbo.Shrink(encode(t, planes(jpegturbo.Gray, 320, 200, 0, false)), 64, 80, maxPixels)
	if err != nil {
		t.Fatal(err)
	}
	if sof := bytes.Index(small, []byte{0xFF, 0xC0}); sof < 0 || small[sof+9] != 1 {
		t.Error("more than one component")
	}
}

func TestShrinkVeryWide(t *testing.T) {
	out, w, h, err := jpegturbo.Shrink(encode(t, planes(jpegturbo.I420, 30000, 8, 0, false)), 64, 80, maxPixels)
	if err != nil || w != 64 || h != 1 || len(out) == 0 {
		t.Errorf("%d x %d, %v", w, h, err)
	}
}

func TestShrinkLeavesANarrowPictureAlone(t *testing.T) {
	in := encode(t, planes(jpegturbo.I420, 64, 40, 0, false))
	out, w, h, err := jpegturbo.Shrink(in, 64, 80, maxPixels)
	if err != nil || w != 64 || h != 40 || &out[0] != &in[0] {
		t.Errorf("got %d bytes, %d x %d, %v", len(out), w, h, err)
	}
}

func TestTooLargeIsRefusedBeforeDecoding(t *testing.T) {
	in := encode(t, planes(jpegturbo.I420, 320, 200, 0, false))
	if _, _, _, err := jpegturbo.Shrink(in, 64, 80, 320*200-1); !errors.Is(err, camera.ErrTooLarge) {
		t.Errorf("Shrink: %v", err)
	}
	if _, err := jpegturbo.Luma(nil, in, 320*200-1); !errors.Is(err, camera.ErrTooLarge) {
		t.Errorf("Luma: %v", err)
	}
}

// TestDamageGivesAnErrorOrAPicture covers what is broken by others, and each whole picture cut and with bytes changed.
func TestDamageGivesAnErrorOrAPicture(t *testing.T) {
	whole, broken := corpus(t)
	for name, in := range whole {
		for n := 1; n < 40; n++ {
			broken[fmt.Sprint(name, " cut ", n)] = in[:len(in)*n/40]
			changed := bytes.Clone(in)
			for at := 2 + n; at < len(in); at += 641 {
				changed[at] ^= byte(n)
			}
			broken[fmt.Sprint(name, " changed ", n)] = changed
		}
	}
	pictures := 0
	for name, in := range broken {
		if survives(t, name, in, maxPixels) {
			pictures++
		}
	}
	if pictures < len(broken)/10 {
		t.Errorf("only %d pictures of %d: damage that every decoder overcomes is refused", pictures, len(broken))
	}
}

// survives checks the promise of Shrink and Luma for any b, and reports whether there is a small picture.
func survives(t *testing.T, name string, b []byte, maxPixels int) bool {
	t.Helper()
	before := bytes.Clone(b)
	means, err := jpegturbo.Luma(nil, b, maxPixels)
	if info, inspectErr := jpeg.Inspect(b, maxPixels); err == nil && (inspectErr != nil || len(means) != (info.Width+15)/16*((info.Height+15)/16)) {
		t.Errorf("%s: %d mean values of %+v, %v", name, len(means), info, inspectErr)
	}
	out, w, h, err := jpegturbo.Shrink(b, 4, 80, maxPixels)
	if !bytes.Equal(b, before) {
		t.Errorf("%s: written to", name)
	}
	if err != nil {
		return false
	}
	if bytes.Equal(out, b) { // narrow already, and given back unseen
		return true
	}
	if img, err := stdjpeg.Decode(bytes.NewReader(out)); err != nil || img.Bounds().Dx() != w || img.Bounds().Dy() != h {
		t.Errorf("%s: shrunk to %d x %d that do not decode: %v", name, w, h, err)
	}
	return true
}

// TestScansAreLimited repeats the first scan of a progressive picture: few bytes each, and a pass over all pixels.
func TestScansAreLimited(t *testing.T) {
	whole, _ := corpus(t)
	in := whole["progressive.jpg"]
	first := bytes.Index(in, []byte{0xFF, 0xDA})
	n := bytes.IndexByte(in[first+12:], 0xFF)
	for n > 0 && in[first+12+n+1] == 0 {
		n += 2 + bytes.IndexByte(in[first+12+n+2:], 0xFF)
	}
	bomb := append(bytes.Repeat(in[first:first+12+n], 101), in[first:]...)
	bomb = append(bytes.Clone(in[:first]), bomb...)
	if _, _, _, err := jpegturbo.Shrink(bomb, 64, 80, maxPixels); err == nil || !strings.Contains(err.Error(), "too many scans") {
		t.Errorf("Shrink: %v", err)
	}
	if _, err := jpegturbo.Luma(nil, bomb, maxPixels); err == nil || !strings.Contains(err.Error(), "too many scans") {
		t.Errorf("Luma: %v", err)
	}
}

func fuzzSeeds(f *testing.F) {
	f.Helper()
	whole, broken := corpus(f)
	for _, files := range []map[string][]byte{whole, broken} {
		for _, b := range files {
			f.Add(b)
		}
	}
}

func FuzzShrink(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) { survives(t, "input", b, 1<<16) })
}

func BenchmarkShrink1080p(b *testing.B) {
	in := encode80(b, noisy(planes(jpegturbo.I420, 1920, 1080, 0, false)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := jpegturbo.Shrink(in, 640, 80, maxPixels); err != nil {
			b.Fatal(err)
		}
	}
}

func encode80(b *testing.B, p *jpegturbo.Planes) []byte {
	b.Helper()
	var e jpegturbo.Encoder
	defer e.Close()
	out, err := e.Encode(p, 80)
	if err != nil {
		b.Fatal(err)
	}
	return out
}
