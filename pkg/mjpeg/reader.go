// Package mjpeg takes the pictures out of a multipart/x-mixed-replace stream as real cameras send it, which is seldom
// as RFC 2046 has it: each is handed out as soon as its last byte has come, whatever stands around it.
package mjpeg

import (
	"fmt"
	"io"

	"linkstart/pkg/camera"
)

const (
	readSize       = 64 << 10 // at least so much room for each read
	maxHeaderBytes = 16 << 10 // of one part
	maxHeaderLines = 64       // of one part
	maxPreamble    = 64 << 10 // before the first part
	maxEmptyReads  = 100
)

// Reader reads one stream. How a camera errs is the same in each of its parts, so Reader remembers it.
type Reader struct {
	r        io.Reader
	maxBytes int

	buf []byte
	pos int   // buf[pos:] is unread
	err error // of r, given out once buf is used up

	header   Header
	boundary boundary
	begun    bool // a part has come: the boundary is known for sure
	lost     bool // the reader stands within a part that it gave up

	exactLength bool // the last part without EOI was as long as its Content-Length said
	longLength  bool // a part was shorter than its Content-Length said
}

// NewReader reads parts of up to maxBytes each from r. contentType is that of the HTTP answer; where it names no
// boundary, or another than the stream has, the stream's first line tells.
func NewReader(r io.Reader, contentType string, maxBytes int) *Reader {
	return &Reader{r: r, maxBytes: maxBytes, boundary: parseBoundary(contentType)}
}

// Next returns the body of the next part that has one, in memory of its own, and its headers, which hold until the next
// call. A JPEG is handed out when its EOI and the bytes that Content-Length counts have come, without waiting for the
// boundary behind it. An error that wraps camera.ErrTooLarge costs one part, and Next may be called again; any other is
// final: io.EOF at the end, io.ErrUnexpectedEOF within a part, or what the reads say.
func (r *Reader) Next() ([]byte, Header, error) {
	for {
		if err := r.seek(); err != nil {
			return nil, nil, err
		}
		if err := r.readHeader(); err != nil {
			return nil, nil, err
		}
		body, err := r.readBody()
		if err != nil {
			return nil, nil, err
		}
		if len(body) > 0 {
			return body, r.header, nil
		}
	}
}

func (r *Reader) unread() []byte { return r.buf[r.pos:] }

// fill gets more bytes behind the unread ones.
func (r *Reader) fill() error {
	if r.pos > 0 {
		r.buf = r.buf[:copy(r.buf, r.unread())]
		r.pos = 0
	}
	if cap(r.buf)-len(r.buf) < readSize {
		grown := make([]byte, len(r.buf), max(2*cap(r.buf), len(r.buf)+readSize))
		copy(grown, r.buf)
		r.buf = grown
	}
	for range maxEmptyReads {
		if r.err != nil {
			return fmt.Errorf("read part: %w", r.err)
		}
		var n int
		n, r.err = r.r.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+n]
		if n > 0 {
			return nil
		}
	}
	return fmt.Errorf("read part: %w", io.ErrNoProgress)
}

// giveUp leaves the part at hand; the next call of Next looks for the next boundary.
func (r *Reader) giveUp(format string, args ...any) error {
	r.lost = true
	return fmt.Errorf("read part: %w: %s", camera.ErrTooLarge, fmt.Sprintf(format, args...))
}
