package process

import (
	"bytes"
	"sync"
)

// maxLine bounds a line that a child prints, bytes; the rest of a longer one is dropped.
const maxLine = 8 << 10

// lineWriter cuts what a child writes into lines. It always takes everything, so that a child never blocks on its log.
type lineWriter struct {
	line func(string)

	mu      sync.Mutex
	pending []byte
	cut     bool // the present line has been handed out, its rest is dropped
}

func newLineWriter(line func(string)) *lineWriter { return &lineWriter{line: line} }

// Write implements io.Writer and never fails.
func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(b)
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		part := b
		if i >= 0 {
			part, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		w.append(part)
		if i >= 0 {
			w.end()
		}
	}
	return n, nil
}

func (w *lineWriter) append(part []byte) {
	if w.cut {
		return
	}
	if room := maxLine - len(w.pending); len(part) > room {
		w.pending = append(w.pending, part[:room]...)
		w.line(string(w.pending) + " …")
		w.pending, w.cut = w.pending[:0], true
		return
	}
	w.pending = append(w.pending, part...)
}

func (w *lineWriter) end() {
	if !w.cut {
		if line := bytes.TrimRight(w.pending, "\r"); len(line) > 0 {
			w.line(string(line))
		}
	}
	w.pending, w.cut = w.pending[:0], false
}

// flush hands out a last line that has no end.
func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end()
}
