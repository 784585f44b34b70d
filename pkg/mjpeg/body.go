package mjpeg

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"linkstart/pkg/jpeg"
)

// part is what is known so far of the body at the start of the unread bytes. All are indexes into them.
type part struct {
	length   int // as Content-Length has it, 0 where it has none
	lead     int // line ends before the picture
	end      int // of the picture: behind its EOI; 0 while that has not come
	boundary int // where the next one begins, -1 while it has not come
	searched int
	scanner  jpeg.Scanner
	other    bool // it is no JPEG, or a damaged one: only its length and the boundary tell its end
}

// readBody returns a copy of the body, and stands behind it.
func (r *Reader) readBody() ([]byte, error) {
	r.begun = true
	p := part{length: r.header.length(), boundary: -1}
	if p.length > r.maxBytes {
		return nil, r.giveUp("a part of %d bytes, the limit is %d", p.length, r.maxBytes)
	}
	for {
		b := r.unread()
		p.look(b, r.boundary)
		if end, next, ok := r.decide(&p, b); ok {
			if end-p.lead > r.maxBytes {
				r.pos += next
				return nil, r.giveUp("a part of more than %d bytes", r.maxBytes)
			}
			body := bytes.Clone(b[min(p.lead, end):end])
			r.pos += next
			return body, nil
		}
		if len(b)-p.lead > r.maxBytes+maxLine { // with room for the boundary
			return nil, r.giveUp("a part of more than %d bytes", r.maxBytes)
		}
		if err := r.fill(); err != nil {
			return r.lastBody(&p, err)
		}
	}
}

// look searches what b has gained for the boundary and the end of the picture.
func (p *part) look(b []byte, boundary boundary) {
	p.boundary = boundary.index(b, p.searched)
	p.searched = len(b)
	if p.boundary >= 0 {
		b = b[:p.boundary]
	}
	if p.end > 0 || p.other {
		return
	}
	if p.lead < len(b) && isLineEnd(b[p.lead]) {
		p.lead = len(b) - len(bytes.TrimLeft(b[p.lead:], "\r\n"))
	}
	p.lead = min(p.lead, len(b))
	end, err := p.scanner.End(b[p.lead:])
	switch {
	case err != nil:
		p.other = true
	case end > 0:
		p.end = p.lead + end
	}
}

func isLineEnd(c byte) bool { return c == '\r' || c == '\n' }

// decide tells where the body ends and where to go on, or not yet. Content-Length is a hint: it may be wrong either
// way, and once it was, that is expected of the parts to come.
func (r *Reader) decide(p *part, b []byte) (end, next int, ok bool) {
	whole := p.length > 0 && len(b) >= p.length
	switch {
	case p.end > 0 && (p.length <= p.end || r.longLength):
		return p.end, p.end, true
	case p.end > 0 && p.boundary >= 0 && p.boundary < p.length:
		r.longLength = true
		return p.end, p.end, true
	case p.end > 0 && whole: // with bytes behind EOI, which are the camera's affair; a line end is none of them
		if len(bytes.Trim(b[p.end:p.length], "\r\n")) == 0 {
			return p.end, p.length, true
		}
		return p.length, p.length, true
	case p.end > 0:
		return 0, 0, false
	case p.boundary >= 0:
		end = trimEnd(b, p.boundary)
		r.exactLength = p.length > 0 && p.length >= end && p.length <= p.boundary
		if r.exactLength {
			end = p.length
		}
		return end, p.boundary, true
	case whole && r.exactLength:
		return p.length, p.length, true
	}
	return 0, 0, false
}

// trimEnd returns where a body ends that the boundary at i follows: before its dashes and one line end.
func trimEnd(b []byte, i int) int {
	b = bytes.TrimRight(b[:i], "-")
	b = bytes.TrimSuffix(b, []byte("\n"))
	return len(bytes.TrimSuffix(b, []byte("\r")))
}

// lastBody is the body where the stream ends with it, by err.
func (r *Reader) lastBody(p *part, err error) ([]byte, error) {
	b := r.unread()
	if !errors.Is(err, io.EOF) || len(b) == 0 {
		return nil, err
	}
	end := p.end
	if end == 0 && p.length > 0 && len(b) >= p.length {
		end = p.length
	}
	if end == 0 || end-p.lead > r.maxBytes {
		return nil, fmt.Errorf("read part: %w", io.ErrUnexpectedEOF)
	}
	body := bytes.Clone(b[min(p.lead, end):end])
	r.pos = len(r.buf)
	return body, nil
}
