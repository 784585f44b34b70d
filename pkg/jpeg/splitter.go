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
	pos      int     // buf[pos:] is unread
	found    bool    // a picture begins at buf[pos]
	scanner  Scanner // of that picture
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
			if end > s.maxBytes {
				s.drop(end)
				return nil, s.tooLarge()
			}
			picture := bytes.Clone(s.unread()[:end])
			s.drop(end)
			return picture, nil
		}
		if s.found && len(s.unread()) > s.maxBytes {
			s.drop(len(s.unread()))
			return nil, s.tooLarge()
		}
		if s.err != nil {
			return nil, s.err
		}
		s.read()
	}
}

// find returns the end of the first complete picture, which then begins at buf[pos], or 0.
func (s *Splitter) find() int {
	for {
		if !s.found {
			i := bytes.Index(s.unread(), soiMarker)
			if i < 0 {
				s.drop(max(0, len(s.unread())-len(soiMarker)+1))
				return 0
			}
			s.drop(i)
			s.found = true
		}
		end, err := s.scanner.End(s.unread())
		if err == nil {
			return max(end, 0)
		}
		s.drop(max(s.scanner.last, len(soiMarker)-1))
	}
}

func (s *Splitter) unread() []byte { return s.buf[s.pos:] }

// drop forgets the first n bytes and what was known of a picture there.
func (s *Splitter) drop(n int) {
	s.pos += n
	s.scanner = Scanner{}
	s.found = false
}

func (s *Splitter) read() {
	if s.pos > 0 {
		s.buf = s.buf[:copy(s.buf, s.unread())]
		s.pos = 0
	}
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
