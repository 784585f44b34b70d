package testpattern_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/image/draw"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/testpattern"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var kinds = []string{"clock", "bars", "ball", "noise", "still"}

func newSource(t testing.TB, spec camera.Spec) camera.Source {
	t.Helper()
	s, err := testpattern.New(spec, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// take streams n pictures and calls each with every one of them.
func take(t testing.TB, s camera.Source, n int, each func(camera.Picture)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := s.Stream(ctx, func(p camera.Picture) {
		if n--; n >= 0 {
			each(p)
		}
		if n <= 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Stream returned %v", err)
	}
}

func encode(t testing.TB, p camera.Picture, maxWidth int) (img image.Image, raw []byte) {
	t.Helper()
	raw, w, h, err := p.Encode(maxWidth)
	if err != nil {
		t.Fatal(err)
	}
	img, err = jpeg.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds() != image.Rect(0, 0, w, h) {
		t.Fatalf("the JPEG is %v, Encode said %dx%d", img.Bounds(), w, h)
	}
	return img, raw
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		source string
		spec   camera.Spec
	}{
		{source: "test:"},
		{source: "test:parrot"},
		{source: "test:clock?size=14x720"},
		{source: "test:clock?size=1280x8194"},
		{source: "test:clock?size=1281x720"},
		{source: "test:clock?size=big"},
		{source: "test:clock?size="},
		{source: "test:clock?size=1280x720x3"},
		{source: "test:clock?size=-1280x720"},
		{source: "test:clock?fps=0"},
		{source: "test:clock?fps=121"},
		{source: "test:clock?fps=-5"},
		{source: "test:clock?fps=NaN"},
		{source: "test:clock?fps=fast"},
		{source: "test:clock?fps=5&fps=6"},
		{source: "test:clock?colour=red"},
		{source: "test:clock?%zz"},
		{source: "test:clock", spec: camera.Spec{Quality: 101}},
		{source: "test:clock", spec: camera.Spec{FPS: 500}},
		{source: "test:clock", spec: camera.Spec{MaxPixels: 1000}},
	} {
		c.spec.Source = c.source
		_, err := testpattern.New(c.spec, slog.New(slog.DiscardHandler))
		var said *camera.Error
		if !errors.Is(err, camera.ErrConfig) || !errors.As(err, &said) || said.Say == "" {
			t.Errorf("New(%+v) = %v, want a camera.Error with ErrConfig", c.spec, err)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		query    string
		width    int // of the Spec
		maxWidth int
		w, h     int // offered
		ew, eh   int // encoded
	}{
		{"", 0, 0, 1280, 720, 1280, 720},
		{"", 0, 640, 1280, 720, 640, 360},
		{"", 0, 4000, 1280, 720, 1280, 720},
		{"", 960, 0, 960, 540, 960, 540},
		{"?size=320x240", 0, 640, 320, 240, 320, 240},
		{"?size=320x240", 0, 101, 320, 240, 100, 76},
		{"?size=16x16", 0, 0, 16, 16, 16, 16},
		{"?size=16x1024", 0, 1, 16, 1024, 2, 128},
		{"?size=1024x16", 0, 160, 1024, 16, 160, 2},
		{"?size=478x850", 0, 0, 478, 850, 478, 850},
	} {
		for i, kind := range kinds {
			if i > 0 && c.w > 1000 && c.h > 500 {
				break // large pictures take long with the race detector
			}
			t.Run(fmt.Sprintf("%s%s to %d", kind, c.query, c.maxWidth), func(t *testing.T) {
				s := newSource(t, camera.Spec{ID: "yard", Source: "test:" + kind + c.query, Width: c.width})
				take(t, s, 1, func(p camera.Picture) {
					if p.Width != c.w || p.Height != c.h {
						t.Errorf("offered %dx%d, want %dx%d", p.Width, p.Height, c.w, c.h)
					}
					if img, _ := encode(t, p, c.maxWidth); img.Bounds().Dx() != c.ew || img.Bounds().Dy() != c.eh {
						t.Errorf("encoded %v, want %dx%d", img.Bounds(), c.ew, c.eh)
					}
				})
			})
		}
	}
}

func TestMovesButStill(t *testing.T) {
	for _, kind := range kinds {
		var prints []uint64
		var jpegs [][]byte
		take(t, newSource(t, camera.Spec{ID: "yard", Source: "test:" + kind + "?size=320x240&fps=50"}), 3, func(p camera.Picture) {
			_, first := encode(t, p, 0)
			if _, again := encode(t, p, 0); !bytes.Equal(first, again) {
				t.Errorf("%s: the same picture encoded twice differs", kind)
			}
			prints, jpegs = append(prints, p.Fingerprint), append(jpegs, first)
		})
		for i := 1; i < len(jpegs); i++ {
			if same := bytes.Equal(jpegs[i-1], jpegs[i]); same != (kind == "still") || same != (prints[i-1] == prints[i]) {
				t.Errorf("%s: pictures %d and %d: equal %v, fingerprints %x %x", kind, i-1, i, same, prints[i-1], prints[i])
			}
		}
	}
}

func TestStampSurvives(t *testing.T) {
	scaled := func(img image.Image, w, h int) image.Image {
		dst := image.NewRGBA(image.Rect(5, 7, 5+w, 7+h)) // bounds need not start at 0
		draw.BiLinear.Scale(dst, dst.Rect, img, img.Bounds(), draw.Src, nil)
		return dst
	}
	for _, kind := range kinds {
		for _, size := range []string{"1280x720", "640x480", "1000x562", "162x90", "480x850"} {
			s := newSource(t, camera.Spec{ID: "yard", Source: "test:" + kind + "?size=" + size, Quality: 50})
			take(t, s, 1, func(p camera.Picture) {
				full, _ := encode(t, p, 0)
				sub, _ := encode(t, p, 640)
				images := map[string]image.Image{"full": full, "sub": sub}
				if p.Width > 640 {
					images["scaled"] = scaled(full, 640, 640*p.Height/p.Width)
				}
				for name, img := range images {
					got, ok := testpattern.Stamp(img)
					if ok != (kind != "still") || ok && !got.Equal(p.Captured) {
						t.Errorf("%s %s %s: Stamp = %v, %v, want %v", kind, size, name, got, ok, p.Captured)
					}
				}
			})
		}
	}
}

func TestStampRefuses(t *testing.T) {
	images := map[string]image.Image{
		"empty":  image.NewGray(image.Rectangle{}),
		"black":  image.NewGray(image.Rect(0, 0, 640, 480)),
		"white":  image.NewUniform(image.White),
		"narrow": image.NewGray(image.Rect(0, 0, 100, 100)),
	}
	take(t, newSource(t, camera.Spec{ID: "yard", Source: "test:bars?size=640x480"}), 1, func(p camera.Picture) {
		img, _ := encode(t, p, 0)
		ycc := img.(*image.YCbCr)
		images["without its strip"] = ycc.SubImage(image.Rect(0, 0, 640, 460))
		bit := *ycc
		bit.Y = bytes.Clone(ycc.Y)
		for y := 464; y < 480; y++ { // one block of the time turned round
			for x := 480; x < 488; x++ {
				bit.Y[bit.YOffset(x, y)] = 255 - bit.Y[bit.YOffset(x, y)]
			}
		}
		images["one bit wrong"] = &bit
	})
	for name, img := range images {
		if u, ok := img.(*image.Uniform); ok {
			g := image.NewGray(image.Rect(0, 0, 640, 480))
			draw.Draw(g, g.Rect, u, image.Point{}, draw.Src)
			img = g
		}
		if got, ok := testpattern.Stamp(img); ok {
			t.Errorf("%s: Stamp = %v, want none", name, got)
		}
	}
}

func TestTickNeitherDriftsNorCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fps = 29.97
		start := time.Now()
		n := 0
		var last time.Time
		take(t, newSource(t, camera.Spec{ID: "yard", Source: "test:clock?fps=29.97"}), 3000, func(p camera.Picture) {
			if last = p.Captured; n == 1000 {
				time.Sleep(10*time.Second + time.Millisecond) // a receiver that hangs: 299 ticks are lost
			}
			n++
		})
		want := time.Duration(math.Round(float64(2999+299) / fps * 1e9))
		if got := last.Sub(start); (got - want).Abs() > time.Millisecond {
			t.Errorf("the last picture came after %v, want %v", got, want)
		}
	})
}

func TestStreamAgain(t *testing.T) {
	s := newSource(t, camera.Spec{ID: "yard", Source: "test:ball?fps=120"})
	for range 2 {
		count := 0
		take(t, s, 2, func(camera.Picture) { count++ })
		if count != 2 {
			t.Errorf("%d pictures, want 2", count)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, size := range []string{"1280x720", "1920x1080"} {
		for _, kind := range kinds {
			b.Run(kind+"/"+size, func(b *testing.B) {
				take(b, newSource(b, camera.Spec{ID: "yard", Source: "test:" + kind + "?size=" + size}), 1, func(p camera.Picture) {
					img, _ := encode(b, p, 0)
					b.Run("all", func(b *testing.B) {
						for b.Loop() {
							if _, _, _, err := p.Encode(0); err != nil {
								b.Fatal(err)
							}
						}
					})
					b.Run("bare", func(b *testing.B) {
						var buf bytes.Buffer
						for b.Loop() {
							buf.Reset()
							if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 80}); err != nil {
								b.Fatal(err)
							}
						}
					})
				})
			})
		}
	}
}
