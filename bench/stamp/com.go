// Package stamp writes into pictures when they were made, and finds it again in what arrives: exact to the nanosecond where
// the JPEG arrives unchanged, by a number in the pixels where it was encoded anew.
package stamp

import (
	"bytes"
	"encoding/binary"
	"time"
)

// MarkSize is the length of a Mark, bytes.
const MarkSize = 20

// markStart begins a comment segment (ITU-T T.81, B.2.4.5) of 16 bytes that is ours: marker, length, our name.
var markStart = []byte{0xFF, 0xFE, 0, 18, 'L', 'K', 'S', 'T'}

const markWithin = 1 << 10 // bytes of a JPEG in which Find looks

// Mark is a comment segment that stands right behind the first two bytes of a JPEG.
func Mark(number uint32, sent time.Time) [MarkSize]byte {
	var b [MarkSize]byte
	copy(b[:], markStart)
	binary.BigEndian.PutUint32(b[8:], number)
	binary.BigEndian.PutUint64(b[12:], uint64(sent.UnixNano()))
	return b
}

// Find returns what the Mark near the beginning of a JPEG says; false where there is none.
func Find(jpeg []byte) (number uint32, sent time.Time, ok bool) {
	jpeg = jpeg[:min(len(jpeg), markWithin)]
	at := bytes.Index(jpeg, markStart)
	if at < 0 || len(jpeg) < at+MarkSize {
		return 0, time.Time{}, false
	}
	b := jpeg[at:]
	return binary.BigEndian.Uint32(b[8:]), time.Unix(0, int64(binary.BigEndian.Uint64(b[12:]))), true
}
