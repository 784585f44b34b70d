package mjpeg

import (
	"bytes"
	"strconv"
)

// Header holds the header lines of one part, each with "\n" behind it.
type Header []byte

// Get returns the value of the first header called key, in whatever case, or "".
func (h Header) Get(key string) string { return string(h.get([]byte(key))) }

func (h Header) get(key []byte) []byte {
	for line := range bytes.Lines(h) {
		k, v, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(bytes.TrimSpace(k), key) {
			return bytes.TrimSpace(v)
		}
	}
	return nil
}

var contentLength = []byte("Content-Length")

// length returns what Content-Length says, or 0 where it says nothing that could be a length.
func (h Header) length() int {
	n, err := strconv.Atoi(string(h.get(contentLength)))
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// readHeader reads up to where the body begins: behind an empty line, or at a picture that came without one. The first
// line is the rest of the boundary's, where some cameras put the first header already.
func (r *Reader) readHeader() error {
	r.header = r.header[:0]
	boundaryLine := true
	for size, lines := 0, 0; lines <= maxHeaderLines; {
		b := r.unread()
		if bytes.HasPrefix(b, soi) {
			return nil
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			if size+len(b) > maxHeaderBytes {
				return r.giveUp("headers of more than %d bytes", maxHeaderBytes)
			}
			if err := r.fill(); err != nil {
				return err
			}
			continue
		}
		line := bytes.TrimRight(b[:i], "\r \t")
		r.pos += i + 1
		lines, size = lines+1, size+i+1
		if size > maxHeaderBytes {
			return r.giveUp("headers of more than %d bytes", maxHeaderBytes)
		}
		n, _ := r.boundary.prefix(line)
		switch {
		case n > 0 && line[0] == '-': // one boundary right behind another
			r.header, boundaryLine = r.header[:0], true
			line = line[n:]
		case len(line) == 0 && !boundaryLine:
			return nil
		}
		if boundaryLine {
			line = bytes.TrimLeft(line, "- \t") // the last boundary of a stream has two dashes behind it
		}
		boundaryLine = false
		if len(line) > 0 {
			r.header = append(append(r.header, line...), '\n')
		}
	}
	return r.giveUp("more than %d header lines", maxHeaderLines)
}
