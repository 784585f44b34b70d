package mjpeg

import (
	"bytes"
	"strings"
)

// boundary is what stands between parts. Cameras disagree on whether the dashes before it belong to its name, so name
// is without any, and any number of them may precede it.
type boundary struct {
	name  []byte // nil: not known
	delim []byte // what to look for in the middle of bytes that may be a picture
}

func newBoundary(name string) boundary {
	name = strings.TrimLeft(name, "-")
	if name == "" {
		return boundary{}
	}
	b := boundary{name: []byte(name), delim: []byte("--" + name)}
	if len(b.delim) < 8 { // too short not to turn up in a picture by chance: it must begin a line
		b.delim = append([]byte("\n"), b.delim...)
	}
	return b
}

// parseBoundary finds the boundary parameter of a Content-Type, by less strict rules than RFC 2045: spaces around the
// equals sign, quotes or not, any character.
func parseBoundary(contentType string) boundary {
	_, params, _ := strings.Cut(contentType, ";")
	for params != "" {
		var key, value string
		key, params, _ = strings.Cut(params, "=")
		params = strings.TrimLeft(params, " \t")
		if quoted, ok := strings.CutPrefix(params, `"`); ok {
			value, params, _ = strings.Cut(quoted, `"`)
		} else {
			value, params, _ = strings.Cut(params, ";")
		}
		if strings.EqualFold(strings.Trim(key, "; \t"), "boundary") {
			return newBoundary(strings.TrimSpace(value))
		}
	}
	return boundary{}
}

// index returns where delim begins in p, of which p[:from] has been searched before, or -1.
func (b boundary) index(p []byte, from int) int {
	if b.name == nil {
		return -1
	}
	from = max(0, from-len(b.delim)+1)
	i := bytes.Index(p[from:], b.delim)
	if i < 0 {
		return -1
	}
	return from + i
}

// prefix returns the length of the boundary that p begins with, dashes included, or 0; more, when p is too short to say.
func (b boundary) prefix(p []byte) (n int, more bool) {
	if b.name == nil {
		return 0, false
	}
	dashes := len(p) - len(bytes.TrimLeft(p, "-"))
	if bytes.HasPrefix(p[dashes:], b.name) {
		return dashes + len(b.name), false
	}
	return 0, dashes <= maxLine && bytes.HasPrefix(b.name, p[dashes:])
}
