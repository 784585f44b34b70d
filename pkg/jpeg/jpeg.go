// Package jpeg looks into JPEGs without decoding them: whether b is one, how large, where it ends, and what to add so
// that every browser shows it.
package jpeg

import (
	"bytes"
	"fmt"

	"linkstart/pkg/camera"
)

// Info is what the marker segments of a JPEG say.
type Info struct {
	Width       int  // px
	Height      int  // px
	Progressive bool // several scans, coarse to fine
	Huffman     bool // it brings its own Huffman tables; motion-JPEG cameras often leave the standard ones out
	Complete    bool // it ends in EOI
}

// Inspect walks the marker segments of b (ITU-T T.81 annex B) up to the end of its first picture. An error wraps
// camera.ErrNotJPEG, or camera.ErrTooLarge where b declares more than maxPixels pixels.
func Inspect(b []byte, maxPixels int) (Info, error) {
	var s Scanner
	return s.inspect(b, maxPixels)
}

func (s *Scanner) inspect(b []byte, maxPixels int) (Info, error) {
	if len(b) == 0 {
		return Info{}, notJPEG("it is empty")
	}
	_, err := s.End(b)
	switch {
	case err != nil && !s.brokenAfterSOS:
		return Info{}, err
	case s.pos > len(b) && (s.firstScan == 0 || s.last == s.firstScan):
		return Info{}, notJPEG("a segment goes beyond its end")
	case s.sof == 0:
		return Info{}, notJPEG("it has no frame header")
	case s.width == 0 || s.height == 0:
		return Info{}, notJPEG("its size is zero")
	case s.width*s.height > maxPixels:
		return Info{}, fmt.Errorf("%w: a JPEG of %d x %d pixels, the limit is %d", camera.ErrTooLarge, s.width, s.height, maxPixels)
	case s.firstScan == 0:
		return Info{}, notJPEG("it has no scan")
	}
	return Info{
		Width: s.width, Height: s.height,
		Progressive: s.sof&3 == sof2&3,
		Huffman:     s.huffman,
		Complete:    s.end > 0,
	}, nil
}

// Repair returns b itself where nothing is missing. Else it returns a copy with the standard Huffman tables (T.81
// annex K.3) where a sequential JPEG brings none, and with EOI where b ends before it; what was cut in the middle of a
// later segment loses that segment. Bytes after EOI stay: they harm no decoder. Errors are those of Inspect.
func Repair(b []byte, maxPixels int) ([]byte, Info, error) {
	var s Scanner
	info, err := s.inspect(b, maxPixels)
	if err != nil {
		return nil, Info{}, err
	}
	tables := !info.Huffman && (s.sof == sof0 || s.sof == sof1)
	if info.Complete && !tables {
		return b, info, nil
	}
	out := make([]byte, 0, len(b)+len(standardTables)+2)
	out = append(out, b[:s.firstScan]...)
	if tables {
		out = append(out, standardTables...)
		info.Huffman = true
	}
	if info.Complete {
		return append(out, b[s.firstScan:]...), info, nil
	}
	out = append(out, b[s.firstScan:min(s.last, len(b))]...)
	info.Complete = true
	return append(out, 0xFF, eoi), info, nil
}

// End returns the index after the first complete JPEG in b, whatever stands before it, or -1.
func End(b []byte) int {
	for from := 0; ; {
		i := bytes.Index(b[from:], soiMarker)
		if i < 0 {
			return -1
		}
		from += i
		var s Scanner
		end, err := s.End(b[from:])
		if end > 0 {
			return from + end
		}
		if err == nil {
			return -1
		}
		from += max(s.last, 2)
	}
}
