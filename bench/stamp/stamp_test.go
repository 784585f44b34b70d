package stamp_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"
	"time"

	"linkstart/bench/stamp"
)

func picture(t *testing.T, w, h, quality int, n uint16) []byte {
	t.Helper()
	img := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	for i := range img.Y {
		img.Y[i] = byte(rand.N(256))
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = 128, 128
	}
	stamp.Paint(img.Y, img.YStride, w, h, n)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMarkIsFound(t *testing.T) {
	plain := picture(t, 64, 48, 80, 0)
	at := time.Unix(1700000000, 123456789)
	mark := stamp.Mark(4000000001, at)
	marked := append(append(append([]byte{}, plain[:2]...), mark[:]...), plain[2:]...)
	if n, sent, ok := stamp.Find(marked); !ok || n != 4000000001 || !sent.Equal(at) {
		t.Errorf("found %d %s %v", n, sent, ok)
	}
	if _, err := jpeg.Decode(bytes.NewReader(marked)); err != nil {
		t.Errorf("the marked picture cannot be decoded: %v", err)
	}
	if _, _, ok := stamp.Find(plain); ok {
		t.Error("a mark was found where there is none")
	}
	for n := range 2 + stamp.MarkSize {
		if _, _, ok := stamp.Find(marked[:n]); ok {
			t.Errorf("a mark was found in the first %d bytes", n)
		}
	}
}

func TestNumberIsRead(t *testing.T) {
	for _, c := range []struct{ w, h, quality int }{{1920, 1080, 80}, {640, 480, 30}, {640, 360, 50}, {320, 180, 80}} {
		numbers := []uint16{0, 1, 249, 32768, 65535}
		if c.w > 1000 {
			numbers = numbers[2:3] // noise of that size takes its time
		}
		for _, n := range numbers {
			whole := picture(t, c.w, c.h, c.quality, n)
			if got, ok := stamp.Read(whole); !ok || got != n {
				t.Errorf("%+v: read %d %v, want %d", c, got, ok, n)
			}
			if got, ok := stamp.Read(whole[:min(len(whole), 48<<10)]); !ok || got != n {
				t.Errorf("%+v, first part: read %d %v, want %d", c, got, ok, n)
			}
		}
	}
}

func TestNoNumberIsMadeUp(t *testing.T) {
	whole := picture(t, 640, 480, 80, 7)
	for n := 0; n < 600; n += 7 {
		if got, ok := stamp.Read(whole[:n]); ok {
			t.Errorf("read %d from the first %d bytes", got, n)
		}
	}
	img := image.NewGray(image.Rect(0, 0, 640, 480))
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	if got, ok := stamp.Read(b.Bytes()); ok {
		t.Errorf("read %d from a black picture", got)
	}
}
