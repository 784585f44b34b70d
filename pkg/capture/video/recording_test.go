package video_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
)

func TestFileIsLoopedAtItsOwnSpeed(t *testing.T) {
	const pictures, round = 30, 20 // 25 a second
	prints := map[uint64]bool{}
	var captured []time.Time
	err := stream(t, newSource(t, spec("short.mp4")), func(p camera.Picture) bool {
		frame, w, h, err := p.Encode(0)
		if err != nil {
			t.Error(err)
			return false
		}
		decode(t, frame, w, h)
		if w != p.Width || h != p.Height {
			t.Errorf("Encode(0) gives %d×%d px, the picture says %d×%d", w, h, p.Width, p.Height)
		}
		prints[p.Fingerprint] = true
		captured = append(captured, p.Captured)
		return len(captured) < pictures
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if prints[0] || len(prints) != round {
		t.Errorf("%d fingerprints, want one for each of 20 pictures, the same ones in the second round", len(prints))
	}
	var took time.Duration // by the longest of all rounds: on a busy machine any picture may be late, which makes those from it on shorter
	for i := range pictures - round {
		took = max(took, captured[i+round].Sub(captured[i]))
	}
	if want := round * 40 * time.Millisecond; took < want-20*time.Millisecond {
		t.Errorf("%d pictures took %v, want %v or, on a busy machine, more", round, took, want)
	}
}

func TestChangeOfSizeMidway(t *testing.T) {
	for _, source := range []string{"larger.h264", "smaller.h264"} {
		t.Run(source, func(t *testing.T) {
			n := 0
			err := stream(t, newSource(t, spec(source)), func(p camera.Picture) bool {
				frame, w, h, err := p.Encode(0)
				if err != nil {
					t.Error(err)
				}
				decode(t, frame, w, h)
				n++
				return n < 30 && err == nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("after %d pictures: %v", n, err)
			}
		})
	}
}

func TestFileByEveryName(t *testing.T) {
	path, err := filepath.Abs(clip)
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{path, "file:" + path, "file://" + path, "file:../" + clip} {
		t.Run(source, func(t *testing.T) {
			p, frame := take(t, newSource(t, spec(source)), 2)
			decode(t, frame, 768, 432)
			if p.Encode == nil || p.Fingerprint == 0 {
				t.Error("a decoded picture is not complete")
			}
		})
	}
}

func TestFileBehindAnAddressIsLooped(t *testing.T) {
	server := httptest.NewServer(http.FileServer(http.Dir("testdata")))
	t.Cleanup(server.Close)
	prints := map[uint64]int{}
	n := 0
	err := stream(t, newSource(t, spec(server.URL+"/short.mp4")), func(p camera.Picture) bool {
		prints[p.Fingerprint]++
		n++
		return n < 25
	})
	if !errors.Is(err, context.Canceled) || len(prints) != 20 {
		t.Errorf("%d different pictures, %v; want 20 of 25, and the first ones twice", len(prints), err)
	}
}

func TestCorruptFileGoesOnOrFails(t *testing.T) {
	whole, err := os.ReadFile(clip)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"noise in the middle": func(b []byte) []byte {
			for i := len(b) / 3; i < len(b)/2; i += 7 {
				b[i] ^= byte(i)
			}
			return b
		},
		"cut short":   func(b []byte) []byte { return b[:len(b)/3] },
		"header only": func(b []byte) []byte { return b[:2000] },
		"empty":       func(b []byte) []byte { return nil },
		"no video":    func(b []byte) []byte { return []byte(strings.Repeat("text\n", 5000)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "clip.mp4")
			if err := os.WriteFile(path, spoil(append([]byte(nil), whole...)), 0o600); err != nil {
				t.Fatal(err)
			}
			n := 0
			err := stream(t, newSource(t, spec(path)), func(p camera.Picture) bool {
				n++
				if _, _, _, err := p.Encode(0); err != nil {
					t.Error(err)
				}
				return n < 12
			})
			var said *camera.Error
			if n < 12 && (!errors.As(err, &said) || !strings.Contains(said.Say, "clip.mp4")) {
				t.Errorf("after %d pictures: %v; want 12 pictures, or an error that names the file", n, err)
			}
		})
	}
}

func TestEncodeUntilTheNextOffer(t *testing.T) {
	var before camera.Picture
	var gone error
	n := 0
	s := newSource(t, spec(clip2()))
	err := stream(t, s, func(p camera.Picture) bool {
		if n++; n > 2 {
			if _, _, _, err := before.Encode(0); err != nil {
				t.Errorf("the picture before, as the next offer begins: %v", err)
			}
		}
		before = p
		return n < 6
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, _, _, gone = before.Encode(0); gone == nil {
		t.Error("Encode after Stream has returned: no error")
	}
}

func TestEncodeFromAnotherGoroutine(t *testing.T) {
	newest := make(chan camera.Picture, 1)
	done := make(chan int)
	go func() {
		encoded := 0
		for p := range newest {
			if _, _, _, err := p.Encode(200); err == nil {
				encoded++
			}
		}
		done <- encoded
	}()
	n := 0
	err := stream(t, newSource(t, spec("short.mp4")), func(p camera.Picture) bool {
		select {
		case newest <- p:
		default:
		}
		n++
		return n < 40
	})
	close(newest)
	if encoded := <-done; !errors.Is(err, context.Canceled) || encoded == 0 {
		t.Errorf("%d pictures encoded, %v", encoded, err)
	}
}

func TestLimits(t *testing.T) {
	sp := spec(clip2())
	sp.MaxPixels = 768*432 - 1
	err := stream(t, newSource(t, sp), func(camera.Picture) bool { return false })
	if !errors.Is(err, camera.ErrTooLarge) {
		t.Errorf("a picture over MaxPixels: %v, want ErrTooLarge", err)
	}
}

func TestMemoryOfEncodesStaysFlat(t *testing.T) {
	sp := spec(clip2())
	n, before := 0, 0
	err := stream(t, newSource(t, sp), func(p camera.Picture) bool {
		if n++; n < 3 {
			return true
		}
		for i := range 220 {
			if _, _, _, err := p.Encode(640 - i%2*100); err != nil {
				t.Error(err)
				return false
			}
			if i == 20 {
				before = resident(t)
			}
		}
		return false
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	// One forgotten scaled picture an encode would be over 100 MB.
	if grown := resident(t) - before; grown > 40<<20 {
		t.Errorf("200 encodes grew the process by %d MB", grown>>20)
	}
}
