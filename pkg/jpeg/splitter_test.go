package jpeg_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"linkstart/pkg/camera"
	"linkstart/pkg/jpeg"
)

func TestSplitter(t *testing.T) {
	a, b := encode(t, 48, 32, false), encode(t, 64, 16, true)
	thumb := insert(a, segment(0xE1, encode(t, 8, 8, false)))
	tests := []struct {
		name string
		in   []byte
		want [][]byte
	}{
		{"none", nil, nil},
		{"two", join(a, b), [][]byte{a, b}},
		{"thumbnails", join(thumb, b, thumb), [][]byte{thumb, b, thumb}},
		{"garbage between", join([]byte("warming up\n"), a, []byte("\xFF\xD8 \xFF\r\n"), b, []byte("bye")), [][]byte{a, b}},
		{"one breaks off", join(a, b[:len(b)-10], a), [][]byte{a, a}},
		{"the last breaks off", join(a, b[:len(b)-1]), [][]byte{a}},
	}
	readers := map[string]func(io.Reader) io.Reader{
		"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader,
		"halves": iotest.HalfReader, "error with data": iotest.DataErrReader,
	}
	for _, tt := range tests {
		for how, reader := range readers {
			t.Run(tt.name+" "+how, func(t *testing.T) {
				s := jpeg.NewSplitter(reader(bytes.NewReader(tt.in)), 1<<20)
				for i, want := range tt.want {
					got, err := s.Next()
					if err != nil || !bytes.Equal(got, want) {
						t.Fatalf("picture %d: %d bytes, %v; want %d bytes", i, len(got), err, len(want))
					}
				}
				if got, err := s.Next(); !errors.Is(err, io.EOF) {
					t.Errorf("after the last: %d bytes, %v", len(got), err)
				}
			})
		}
	}
}

func TestSplitterDoesNotWaitForTheNextPicture(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	want := encode(t, 48, 32, false)
	go w.Write(want)
	if got, err := jpeg.NewSplitter(r, 1<<20).Next(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestSplitterGoesOnAfterAPictureThatIsTooLarge(t *testing.T) {
	small, large := encode(t, 16, 16, false), encode(t, 400, 400, false)
	s := jpeg.NewSplitter(iotest.HalfReader(bytes.NewReader(join(small, large, small))), len(large)-1)
	for i, want := range []error{nil, camera.ErrTooLarge, nil, io.EOF} {
		if got, err := s.Next(); !errors.Is(err, want) || err == nil && !bytes.Equal(got, small) {
			t.Fatalf("call %d: %d bytes, %v; want %v", i, len(got), err, want)
		}
	}
}

func FuzzSplitter(f *testing.F) {
	small := encode(f, 16, 16, false)
	f.Add(join(small, small), 7)
	f.Add(join([]byte("garbage\xFF"), small[:100], small), 64)
	f.Add(file(f, "broken/754664a12e36abff7950e796c906ae39.jpg"), 1)
	f.Fuzz(func(t *testing.T, b []byte, chunk int) {
		const limit = 4096
		all := split(t, bytes.NewReader(b), limit)
		chunked := split(t, &chunks{b, min(max(chunk, 1), 1<<16)}, limit)
		if len(b) <= limit && !bytes.Equal(join(all...), join(chunked...)) {
			t.Errorf("%d pictures at once, %d in chunks", len(all), len(chunked))
		}
	})
}

func split(t *testing.T, r io.Reader, limit int) (pictures [][]byte) {
	s := jpeg.NewSplitter(r, limit)
	for {
		p, err := s.Next()
		switch {
		case err == nil && len(p) <= limit && jpeg.End(p) == len(p):
			pictures = append(pictures, p)
		case err == nil:
			t.Fatalf("not one picture: %d bytes that end at %d", len(p), jpeg.End(p))
		case !errors.Is(err, camera.ErrTooLarge):
			return pictures
		}
	}
}

type chunks struct {
	b []byte
	n int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.n)], c.b)
	c.b = c.b[n:]
	return n, nil
}
