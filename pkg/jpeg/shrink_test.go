package jpeg_test

import (
	"bytes"
	"errors"
	stdjpeg "image/jpeg"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/pkg/jpeg"
)

func TestShrink(t *testing.T) {
	avi, _, err := jpeg.Repair(file(t, "no-huffman-tables.jpg"), maxPixels)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name          string
		in            []byte
		width, height int
	}{
		{"colour", encode(t, 320, 200, false), 64, 40},
		{"gray", encode(t, 320, 200, true), 64, 40},
		{"progressive", file(t, "progressive.jpg"), 64, 64},
		{"4:2:2", file(t, "yuv422.jpg"), 64, 48},
		{"motion JPEG", avi, 64, 48},
		{"very wide", encode(t, 3000, 8, false), 64, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, w, h, err := jpeg.Shrink(tt.in, 64, 80, maxPixels)
			if err != nil || w != tt.width || h != tt.height {
				t.Fatalf("got %d x %d, %v; want %d x %d", w, h, err, tt.width, tt.height)
			}
			cfg, err := stdjpeg.DecodeConfig(bytes.NewReader(out))
			if err != nil || cfg.Width != w || cfg.Height != h {
				t.Errorf("the shrunk picture is %d x %d, %v", cfg.Width, cfg.Height, err)
			}
		})
	}
}

func TestShrinkLeavesANarrowPictureAlone(t *testing.T) {
	in := encode(t, 64, 40, false)
	out, w, h, err := jpeg.Shrink(in, 64, 80, maxPixels)
	if err != nil || w != 64 || h != 40 || &out[0] != &in[0] {
		t.Errorf("got %d bytes, %d x %d, %v", len(out), w, h, err)
	}
}

func TestShrinkRefusesBeforeDecoding(t *testing.T) {
	if _, _, _, err := jpeg.Shrink(encode(t, 320, 200, false), 64, 80, 320*200-1); !errors.Is(err, camera.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestShrinkTruncated(t *testing.T) {
	whole := encode(t, 320, 200, false)
	for n := 0; n < len(whole); n += 97 {
		if out, _, _, err := jpeg.Shrink(whole[:n], 64, 80, maxPixels); err == nil && len(out) == 0 {
			t.Fatalf("the first %d bytes gave neither picture nor error", n)
		}
	}
}
