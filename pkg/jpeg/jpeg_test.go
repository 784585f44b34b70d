package jpeg_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/pkg/jpeg"
)

const maxPixels = 16 << 20

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func brokenFiles(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/broken/*.jpg")
	if err != nil || len(names) == 0 {
		t.Fatalf("list broken pictures: %v, %d found", err, len(names))
	}
	return names
}

// encode makes a picture with some texture, so that it has entropy-coded data worth cutting.
func encode(t testing.TB, width, height int, gray bool) []byte {
	t.Helper()
	var img image.Image
	rgba, y := image.NewRGBA(image.Rect(0, 0, width, height)), image.NewGray(image.Rect(0, 0, width, height))
	for i := range width * height {
		rgba.Set(i%width, i/width, color.RGBA{uint8(i * 7), uint8(i / 3), uint8(i % 251), 255})
		y.Pix[i] = uint8(i * i / 11)
	}
	if img = rgba; gray {
		img = y
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func segment(marker byte, payload []byte) []byte {
	n := len(payload) + 2
	return append([]byte{0xFF, marker, byte(n >> 8), byte(n)}, payload...)
}

// insert puts segment behind the SOI of b.
func insert(b, segment []byte) []byte {
	return bytes.Join([][]byte{b[:2], segment, b[2:]}, nil)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestInspect(t *testing.T) {
	small := encode(t, 48, 32, false)
	tests := []struct {
		name string
		in   []byte
		want jpeg.Info
		err  error
	}{
		{"plain", small, jpeg.Info{Width: 48, Height: 32, Huffman: true, Complete: true}, nil},
		{"gray", encode(t, 16, 8, true), jpeg.Info{Width: 16, Height: 8, Huffman: true, Complete: true}, nil},
		{"progressive", file(t, "progressive.jpg"), jpeg.Info{Width: 140, Height: 140, Progressive: true, Huffman: true, Complete: true}, nil},
		{"4:2:2", file(t, "yuv422.jpg"), jpeg.Info{Width: 128, Height: 96, Huffman: true, Complete: true}, nil},
		{"Exif", file(t, "exif.jpg"), jpeg.Info{Width: 320, Height: 240, Huffman: true, Complete: true}, nil},
		{"fill bytes before EOI", file(t, "fill-before-eoi.jpg"), jpeg.Info{Width: 640, Height: 480, Huffman: true, Complete: true}, nil},
		{"no Huffman tables", file(t, "no-huffman-tables.jpg"), jpeg.Info{Width: 960, Height: 720, Complete: true}, nil},
		{"thumbnail", insert(small, segment(0xE1, encode(t, 8, 8, false))), jpeg.Info{Width: 48, Height: 32, Huffman: true, Complete: true}, nil},
		{"comment holding EOI", insert(small, segment(0xFE, []byte{0xFF, 0xD9})), jpeg.Info{Width: 48, Height: 32, Huffman: true, Complete: true}, nil},
		{"trailing bytes", append(bytes.Clone(small), 0, 0, 0), jpeg.Info{Width: 48, Height: 32, Huffman: true, Complete: true}, nil},
		{"without EOI", small[:len(small)-2], jpeg.Info{Width: 48, Height: 32, Huffman: true}, nil},
		{"next picture within it", join(small[:len(small)-9], small), jpeg.Info{Width: 48, Height: 32, Huffman: true}, nil},
		{"empty", nil, jpeg.Info{}, camera.ErrNotJPEG},
		{"one byte", []byte{0xFF}, jpeg.Info{}, camera.ErrNotJPEG},
		{"text", []byte("<html>no such camera</html>"), jpeg.Info{}, camera.ErrNotJPEG},
		{"only SOI", small[:2], jpeg.Info{}, camera.ErrNotJPEG},
		{"SOI and EOI", []byte{0xFF, 0xD8, 0xFF, 0xD9}, jpeg.Info{}, camera.ErrNotJPEG},
		{"cut in the header", small[:40], jpeg.Info{}, camera.ErrNotJPEG},
		{"zero size", file(t, "broken/invalid-dimensions.jpg"), jpeg.Info{}, camera.ErrNotJPEG},
		{"65535 x 65535", file(t, "broken/max_size.jpg"), jpeg.Info{}, camera.ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := jpeg.Inspect(tt.in, maxPixels)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestInspectNeverMisjudgesAnyCut(t *testing.T) {
	whole := insert(encode(t, 48, 32, false), segment(0xE1, encode(t, 8, 8, false)))
	for n := range whole {
		info, err := jpeg.Inspect(whole[:n], maxPixels)
		if err == nil && (info.Complete || info.Width != 48) {
			t.Fatalf("the first %d of %d bytes: %+v", n, len(whole), info)
		}
		if got := jpeg.End(whole[:n]); got != -1 && n < len(whole)-1000 {
			t.Fatalf("the first %d of %d bytes seem to end at %d", n, len(whole), got)
		}
	}
}

func TestRepairLeavesAWholePictureAlone(t *testing.T) {
	for _, in := range [][]byte{
		encode(t, 48, 32, false), file(t, "progressive.jpg"), file(t, "exif.jpg"), file(t, "esp32.jpg"),
		append(encode(t, 48, 32, true), "trailing"...),
	} {
		out, _, err := jpeg.Repair(in, maxPixels)
		if err != nil || len(out) != len(in) || &out[0] != &in[0] {
			t.Errorf("a whole picture of %d bytes came back as %d bytes, %v", len(in), len(out), err)
		}
	}
}

func TestRepairMends(t *testing.T) {
	small, avi := encode(t, 48, 32, false), file(t, "no-huffman-tables.jpg")
	tests := []struct {
		name string
		in   []byte
	}{
		{"no EOI", small[:len(small)-2]},
		{"half an EOI", small[:len(small)-1]},
		{"no Huffman tables", avi},
		{"no Huffman tables, no EOI", avi[:len(avi)-2]},
		{"no Huffman tables, trailing bytes", append(bytes.Clone(avi), 0, 0)},
		{"progressive without EOI", trimEOI(file(t, "progressive.jpg"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := bytes.Clone(tt.in)
			out, info, err := jpeg.Repair(tt.in, maxPixels)
			if err != nil || !info.Complete || !info.Huffman {
				t.Fatalf("got %+v, %v", info, err)
			}
			img, err := stdjpeg.Decode(bytes.NewReader(out))
			if err != nil || img.Bounds().Dx() != info.Width || img.Bounds().Dy() != info.Height {
				t.Errorf("the mended picture does not decode: %v", err)
			}
			if !bytes.Equal(before, tt.in) {
				t.Error("Repair wrote into its input")
			}
			if again, _, err := jpeg.Repair(out, maxPixels); err != nil || &again[0] != &out[0] {
				t.Errorf("the mended picture is mended again: %v", err)
			}
		})
	}
}

func trimEOI(b []byte) []byte { return b[:len(b)-2] }

func TestEnd(t *testing.T) {
	small := encode(t, 48, 32, false)
	thumb := insert(small, segment(0xE1, join([]byte("Exif\x00\x00"), encode(t, 8, 8, false))))
	tests := []struct {
		name string
		in   []byte
		want int
	}{
		{"whole", small, len(small)},
		{"thumbnail", thumb, len(thumb)},
		{"two", join(thumb, small), len(thumb)},
		{"garbage before", join([]byte("\r\n--x\r\n\xFF\xD8\x00"), small), len(small) + 10},
		{"cut, then whole", join(small[:len(small)-20], small), 2*len(small) - 20},
		{"cut", small[:len(small)-1], -1},
		{"nothing", nil, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := jpeg.End(tt.in); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestBrokenPicturesGiveAnErrorOrAPicture(t *testing.T) {
	for _, name := range brokenFiles(t) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, info, err := jpeg.Repair(b, maxPixels); err == nil && (info.Width < 1 || info.Height < 1) {
			t.Errorf("%s: accepted as %+v", name, info)
		}
	}
}

func FuzzRepair(f *testing.F) {
	for _, name := range brokenFiles(f) {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	small := encode(f, 16, 16, false)
	f.Add(small)
	f.Add(small[:len(small)-2])
	f.Add(insert(small, segment(0xE1, small)))
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1 << 16 // small, so that decoding is quick
		info, err := jpeg.Inspect(b, limit)
		out, mended, repairErr := jpeg.Repair(b, limit)
		if (err == nil) != (repairErr == nil) {
			t.Fatalf("Inspect says %v, Repair %v", err, repairErr)
		}
		if end := jpeg.End(b); end > len(b) || end == 0 {
			t.Fatalf("end at %d of %d", end, len(b))
		}
		if err != nil {
			if !errors.Is(err, camera.ErrNotJPEG) && !errors.Is(err, camera.ErrTooLarge) {
				t.Fatalf("an error of neither kind: %v", err)
			}
			return
		}
		if info.Width*info.Height > limit || info.Width != mended.Width || info.Height != mended.Height {
			t.Fatalf("Inspect says %+v, Repair %+v", info, mended)
		}
		again, err := jpeg.Inspect(out, limit)
		if err != nil || !again.Complete {
			t.Fatalf("mended to %+v, %v", again, err)
		}
		if _, derr := stdjpeg.Decode(bytes.NewReader(b)); derr == nil {
			if _, derr = stdjpeg.Decode(bytes.NewReader(out)); derr != nil {
				t.Fatalf("mending broke it: %v", derr)
			}
		}
	})
}
