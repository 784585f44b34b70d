package mjpeg_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"linkstart/pkg/camera"
	"linkstart/pkg/mjpeg"
)

// all reads until a final error.
func all(r io.Reader, contentType string, limit int) (bodies []string, err error) {
	m := mjpeg.NewReader(r, contentType, limit)
	for {
		body, _, err := m.Next()
		switch {
		case err == nil:
			bodies = append(bodies, string(body))
		case !errors.Is(err, camera.ErrTooLarge):
			return bodies, err
		}
	}
}

func TestReader(t *testing.T) {
	how := map[string]func(string) io.Reader{
		"at once":      func(s string) io.Reader { return strings.NewReader(s) },
		"byte by byte": func(s string) io.Reader { return iotest.OneByteReader(strings.NewReader(s)) },
		"by 7":         func(s string) io.Reader { return &chunks{s, 7} },
		"by 997":       func(s string) io.Reader { return &chunks{s, 997} },
		"EOF with it":  func(s string) io.Reader { return iotest.DataErrReader(strings.NewReader(s)) },
	}
	for _, tt := range cases {
		for name, reader := range how {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				got, err := all(reader(tt.stream), tt.contentType, maxBytes)
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("ends with %v", err)
				}
				if len(got) != len(tt.want) {
					t.Fatalf("%d parts, want %d", len(got), len(tt.want))
				}
				for i := range got {
					if got[i] != tt.want[i] {
						t.Errorf("part %d: %d bytes, want %d", i, len(got[i]), len(tt.want[i]))
					}
				}
			})
		}
	}
}

// chunks gives out n bytes a read.
type chunks struct {
	s string
	n int
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.s == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.n)], c.s)
	c.s = c.s[n:]
	return n, nil
}

func TestNextDoesNotWaitForWhatComesAfterThePicture(t *testing.T) {
	tests := []struct{ name, before, stream, want string }{
		{"counted", "", chomp(part(one)), one},
		{"not counted", "", chomp(unsized(one)), one},
		{"counted two short", "", chomp(sized(len(one)-2, one)), one},
		{"counted too long, as before", sized(len(one)+1000, one), chomp(sized(len(two)+1000, two)), two},
		{"counted without EOI, as before", part(noEOI), chomp(part(noEOI)), noEOI},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, w := io.Pipe()
			defer r.Close()
			go io.WriteString(w, tt.before+tt.stream) // and no more: a reader that wants more hangs
			m := mjpeg.NewReader(r, mixed, maxBytes)
			if tt.before != "" {
				if _, _, err := m.Next(); err != nil {
					t.Fatal(err)
				}
			}
			if got, _, err := m.Next(); err != nil || string(got) != tt.want {
				t.Errorf("%d bytes, %v; want %d", len(got), err, len(tt.want))
			}
		})
	}
}

func TestHeader(t *testing.T) {
	m := mjpeg.NewReader(strings.NewReader("--myboundary\r\nX-Timestamp:  12:30 \r\n"+typed+"\r\n"+one), mixed, maxBytes)
	_, h, err := m.Next()
	if err != nil || h.Get("x-timestamp") != "12:30" || h.Get("Content-Type") != "image/jpeg" || h.Get("None") != "" {
		t.Errorf("headers %q, %v", h, err)
	}
}

func TestReaderEndsOnEndlessNonsense(t *testing.T) {
	for name, b := range map[string]byte{"text": 'x', "line ends": '\n', "dashes": '-', "SOI": 0xFF, "zeros": 0} {
		t.Run(name, func(t *testing.T) {
			got, err := all(endless(b), mixed, maxBytes)
			if len(got) > 0 || err == nil || errors.Is(err, io.EOF) {
				t.Errorf("%d parts, %v", len(got), err)
			}
		})
	}
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func TestReaderTellsHowAStreamEnds(t *testing.T) {
	reset := errors.New("connection reset")
	tests := []struct {
		name string
		r    io.Reader
		want error
	}{
		{"between parts", strings.NewReader(part(one)), io.EOF},
		{"within a part", strings.NewReader(part(one)[:200]), io.ErrUnexpectedEOF},
		{"by an error", io.MultiReader(strings.NewReader(unsized(one)[:200]), iotest.ErrReader(reset)), reset},
		{"reader without end or bytes", nothing{}, io.ErrNoProgress},
	}
	for _, tt := range tests {
		if _, err := all(tt.r, mixed, maxBytes); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

func FuzzReader(f *testing.F) {
	for _, tt := range cases {
		if len(tt.stream) < 5000 {
			f.Add(tt.contentType, []byte(tt.stream), 7)
		}
	}
	f.Fuzz(func(t *testing.T, contentType string, stream []byte, chunk int) {
		const limit = 4096
		chunk = min(max(chunk, 1), 1<<16)
		got, err := all(&chunks{string(stream), chunk}, contentType, limit)
		if err == nil {
			t.Fatal("no end")
		}
		for i, body := range got {
			if len(body) == 0 || len(body) > limit || !bytes.Contains(stream, []byte(body)) {
				t.Fatalf("part %d has %d bytes that were not sent so", i, len(body))
			}
		}
	})
}

func BenchmarkNext(b *testing.B) {
	body := one[:len(one)-2] + strings.Repeat("0123456789abcde\xFF\x00", 65_000/17) + "\xFF\xD9"
	for _, how := range []struct {
		name string
		part string
	}{{"counted", part(body)}, {"not counted", unsized(body)}} {
		b.Run(how.name, func(b *testing.B) {
			m := mjpeg.NewReader(&repeat{s: how.part}, mixed, 1<<20)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if got, _, err := m.Next(); err != nil || len(got) != len(body) {
					b.Fatal(fmt.Sprint(len(got), err))
				}
			}
		})
	}
}

// repeat gives out s for ever, one at most a read.
type repeat struct {
	s   string
	pos int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.s[r.pos:])
	r.pos = (r.pos + n) % len(r.s)
	return n, nil
}
