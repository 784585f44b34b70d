package mjpeg

import (
	"bytes"
	"errors"
	"fmt"
)

const maxLine = 1 << 10 // of a boundary that must be learned

var (
	errNoBoundary = errors.New("no boundary between pictures")
	soi           = []byte{0xFF, 0xD8}
	contentPrefix = []byte("content-")
)

// seek moves behind the next boundary, or to where a part begins without one: with its headers or with its picture.
func (r *Reader) seek() error {
	limit := maxPreamble
	if r.begun {
		limit = r.maxBytes
	}
	if r.lost { // whoever sent one part too large may have sent one much too large
		limit = 16 * r.maxBytes
	}
	atStart := !r.lost // of a part, line ends aside
	for skipped := 0; skipped <= limit; {
		var more bool
		before := len(r.unread())
		if atStart {
			var found bool
			if found, more = r.partStart(); found {
				r.lost = false
				return nil
			}
			atStart = more
		}
		if !more {
			var found bool
			if found, atStart = r.skip(); found {
				r.lost = false
				return nil
			}
			more = !atStart
		}
		skipped += before - len(r.unread())
		if more {
			if err := r.fill(); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("read part: %w in %d bytes", errNoBoundary, limit)
}

// partStart tells whether a part begins at the next byte that is no line end; more, when there is too little to say.
func (r *Reader) partStart() (found, more bool) {
	b := bytes.TrimLeft(r.unread(), "\r\n")
	r.pos = len(r.buf) - len(b)
	if len(b) == 0 {
		return false, true
	}
	n, more := r.boundary.prefix(b)
	if n > 0 {
		r.pos += n
		return true, false
	}
	head := b[:min(len(b), len(contentPrefix))]
	switch {
	case more, bytes.HasPrefix(soi, b):
		return false, true
	case bytes.HasPrefix(b, soi):
		return true, false
	case bytes.EqualFold(head, contentPrefix[:len(head)]):
		return len(head) == len(contentPrefix), len(head) < len(contentPrefix)
	case !r.begun || r.boundary.name == nil:
		return r.learn(b)
	}
	return false, false
}

// learn takes a first line that begins with dashes for the boundary.
func (r *Reader) learn(b []byte) (found, more bool) {
	if bytes.HasPrefix([]byte("--"), b) {
		return false, true
	}
	if !bytes.HasPrefix(b, []byte("--")) {
		return false, false
	}
	line, _, whole := bytes.Cut(b[:min(len(b), maxLine)], []byte("\n"))
	if !whole {
		return false, len(b) < maxLine
	}
	r.boundary = newBoundary(string(bytes.TrimSpace(line))) // of only dashes: not known, and the next line is tried again
	r.pos += len(line)
	return true, false
}

// skip passes over bytes that belong to no part, up to behind the boundary, which is then found, or to a line that may
// be the boundary while that is not known.
func (r *Reader) skip() (found, atStart bool) {
	b := r.unread()
	if i := r.boundary.index(b, 0); i >= 0 {
		r.pos += i + len(r.boundary.delim)
		return true, false
	}
	keep := len(r.boundary.delim) - 1
	if !r.begun || r.boundary.name == nil {
		if i := bytes.Index(b, []byte("\n--")); i >= 0 {
			r.pos += i + 1
			return false, true
		}
		keep = max(keep, 2)
	}
	r.pos = len(r.buf) - min(keep, len(b))
	return false, false
}
