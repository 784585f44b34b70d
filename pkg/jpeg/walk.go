package jpeg

import (
	"bytes"
	"fmt"

	"linkstart/pkg/camera"
)

// Second bytes of the markers that matter here (ITU-T T.81, table B.1).
const (
	sof0 = 0xC0 // baseline
	sof1 = 0xC1 // extended sequential, Huffman
	sof2 = 0xC2 // progressive, Huffman
	dht  = 0xC4
	jpg  = 0xC8 // reserved
	dac  = 0xCC
	sofF = 0xCF
	rst0 = 0xD0
	rst7 = 0xD7
	soi  = 0xD8
	eoi  = 0xD9
	sos  = 0xDA
	dqt  = 0xDB
	dnl  = 0xDC
	dri  = 0xDD
	app0 = 0xE0
	appF = 0xEF
	com  = 0xFE
	tem  = 0x01
)

var soiMarker = []byte{0xFF, soi, 0xFF} // with the first byte of the marker that must follow

// Scanner finds the end of a JPEG in a buffer that grows, without looking at any byte twice. It follows the marker
// segments by their length (T.81 annex B), so that a thumbnail's own end does not mislead it. Its zero value is ready.
type Scanner struct {
	pos    int // all before it is understood; may lie beyond the buffer while a segment is still coming
	last   int // all before it is whole: the place to cut a picture that breaks off
	inScan bool
	end    int // index after EOI, 0 until it is seen

	width, height  int
	sof            byte // marker of the frame header, 0 until it is seen
	huffman        bool // a DHT came before the first scan
	firstScan      int  // index of the first SOS, 0 until it is seen
	brokenAfterSOS bool
}

// End looks at what b has gained since the last call; b must begin with the JPEG and keep what it held. It returns the
// index after EOI, or -1 while that has not come. An error wraps camera.ErrNotJPEG and is final.
func (s *Scanner) End(b []byte) (int, error) {
	for s.end == 0 && s.pos < len(b) {
		var more bool
		var err error
		switch {
		case s.pos == 0:
			more, err = s.start(b)
		case s.inScan:
			more, err = s.scan(b)
		default:
			more, err = s.marker(b)
		}
		if err != nil {
			return -1, err
		}
		if more {
			break
		}
	}
	if s.end == 0 {
		return -1, nil
	}
	return s.end, nil
}

// The steps below return more when b ends too early for them.

func (s *Scanner) start(b []byte) (more bool, err error) {
	if len(b) < 2 && b[0] == 0xFF {
		return true, nil
	}
	if len(b) < 2 || b[0] != 0xFF || b[1] != soi {
		return false, notJPEG("it does not begin with SOI")
	}
	s.pos, s.last = 2, 2
	return false, nil
}

// scan skips entropy-coded data: stuffed zeros, restart markers, and markers that cannot stand here, which are damage
// that only a decoder can judge.
func (s *Scanner) scan(b []byte) (more bool, err error) {
	for {
		i := bytes.IndexByte(b[s.pos:], 0xFF)
		if i < 0 {
			s.pos = len(b)
			s.last = s.pos
			return true, nil
		}
		s.pos += i
		s.last = s.pos
		if s.pos+1 >= len(b) {
			return true, nil
		}
		switch m := b[s.pos+1]; {
		case m == 0xFF: // fill
			s.pos++
		case m == soi || endsScan(m):
			s.inScan = false
			return false, nil
		default:
			s.pos += 2
			s.last = s.pos
		}
	}
}

func endsScan(m byte) bool {
	switch m {
	case eoi, sos, dht, dac, dqt, dnl, dri, com:
		return true
	}
	return app0 <= m && m <= appF
}

// marker reads one marker and steps over its segment.
func (s *Scanner) marker(b []byte) (more bool, err error) {
	if b[s.pos] != 0xFF { // bytes between segments: decoders skip them, and so do we
		i := bytes.IndexByte(b[s.pos:], 0xFF)
		if i < 0 {
			s.pos = len(b)
			return true, nil
		}
		s.pos += i
	}
	s.last = s.pos
	if s.pos+1 >= len(b) {
		return true, nil
	}
	switch m := b[s.pos+1]; {
	case m == 0xFF:
		s.pos++
		return false, nil
	case m == 0, m == tem, rst0 <= m && m <= rst7:
		s.pos += 2
		return false, nil
	case m == eoi:
		s.pos += 2
		s.end = s.pos
		return false, nil
	case m == soi:
		return false, s.broken("a second picture begins within it")
	default:
		return s.segment(b, m)
	}
}

// segment steps over the segment of marker m at s.pos.
func (s *Scanner) segment(b []byte, m byte) (more bool, err error) {
	if s.pos+4 > len(b) {
		return true, nil
	}
	length := int(b[s.pos+2])<<8 | int(b[s.pos+3])
	if length < 2 {
		return false, s.broken("a segment has an impossible length")
	}
	next := s.pos + 2 + length
	switch {
	case m == dht:
		s.huffman = s.huffman || s.firstScan == 0
	case m == sos && s.sof == 0:
		return false, s.broken("a scan comes before its frame header")
	case m == sos:
		if s.firstScan == 0 {
			s.firstScan = s.pos
		}
		s.inScan = true
	case m >= sof0 && m <= sofF && m != jpg && m != dac:
		if s.pos+9 > len(b) {
			return true, nil
		}
		if err := s.frame(m, length, b[s.pos+4:s.pos+9]); err != nil {
			return false, err
		}
	}
	s.pos = next
	if next <= len(b) {
		s.last = next
	}
	return false, nil
}

// frame reads a frame header: sample precision, height and width (T.81 B.2.2).
func (s *Scanner) frame(m byte, length int, p []byte) error {
	if s.sof != 0 {
		return s.broken("it has two frame headers")
	}
	if length < 8 {
		return s.broken("its frame header is too short")
	}
	s.sof = m
	s.height = int(p[1])<<8 | int(p[2])
	s.width = int(p[3])<<8 | int(p[4])
	return nil
}

// broken is final too where pixels have already come, but then Inspect and Repair keep what came before.
func (s *Scanner) broken(why string) error {
	s.brokenAfterSOS = s.firstScan > 0
	return notJPEG(why)
}

func notJPEG(why string) error { return fmt.Errorf("%w: %s", camera.ErrNotJPEG, why) }
