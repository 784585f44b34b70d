package jpeg

import (
	"bytes"
	"fmt"
	"io"

	"linkstart/pkg/camera"
)

const readSize = 32 << 10 // at least so much room for each read

// Splitter takes concatenated JPEGs from a byte stream, as programs write them to a pipe. Bytes between pictures and
// pictures that break off are passed over.
type Splitter struct {
	r        io.Reader
	maxBytes int
	buf      []byte
	found    bool
	scanner  Scanner // of the picture at buf[0], where found
	err      error   // of r, given out once buf holds no picture more
}

// NewSplitter reads pictures of up to maxBytes each from r.
func NewSplitter(r io.Reader, maxBytes int) *Splitter {
	return &Splitter{r: r, maxBytes: maxBytes}
}

// Next returns the next complete picture, in memory of its own, as soon as its EOI has been read. An error that wraps
// camera.ErrTooLarge costs one picture, and Next may be called again; any other is r's, and final.
func (s *Splitter) Next() ([]byte, error) {
	for {
		if end := s.find(); end > 0 {
			picture := bytes.Clone(s.buf[:end])
			s.drop(end)
			if len(picture) > s.maxBytes {
				return nil, s.tooLarge()
			}
			return picture, nil
		}
		if s.found && len(s.buf) > s.maxBytes {
			s.drop(len(s.buf))
			return nil, s.tooLarge()
		}
		if s.err != nil {
			return nil, s.err
		}
		s.read()
	}
}

// find returns the end of the first complete picture, which then begins at buf[0], or 0.
func (s *Splitter) find() int {
	for {
		if !s.found {
			i := bytes.Index(s.buf, soiMarker)
			if i < 0 {
				s.drop(max(0, len(s.buf)-len(soiMarker)+1))
				return 0
			}
			s.drop(i)
			s.found = true
		}
		end, err := s.scanner.End(s.buf)
		if err == nil {
			return max(end, 0)
		}
		s.drop(max(s.scanner.last, len(soiMarker)-1))
	}
}

// drop forgets the first n bytes and what was known of a picture there.
func (s *Splitter) drop(n int) {
	s.buf = s.buf[:copy(s.buf, s.buf[n:])]
	s.scanner = Scanner{}
	s.found = false
}

func (s *Splitter) read() {
	if cap(s.buf)-len(s.buf) < readSize {
		grown := make([]byte, len(s.buf), max(2*cap(s.buf), len(s.buf)+readSize))
		copy(grown, s.buf)
		s.buf = grown
	}
	n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	if err != nil {
		s.err = fmt.Errorf("read pictures: %w", err)
	}
}

func (s *Splitter) tooLarge() error {
	return fmt.Errorf("%w: a picture of more than %d bytes", camera.ErrTooLarge, s.maxBytes)
}
