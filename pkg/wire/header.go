// Package wire is the WebSocket protocol between the relay and a viewer: the header before each frame, and the JSON
// messages both ways.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// HeaderSize is the number of bytes before the JPEG in a binary message.
const HeaderSize = 24

// Version is the first byte of every header.
const Version = 1

const flagNotLive = 1

// Errors of DecodeHeader.
var (
	ErrShort   = errors.New("shorter than its header")
	ErrVersion = errors.New("unknown version")
)

// Header precedes a JPEG in a binary message: 24 bytes, big-endian. Unknown flags are ignored, for the versions to come.
type Header struct {
	NotLive  bool          // the last picture known, sent while the camera is away or being woken
	Stream   uint16        // as the client numbered it
	Seq      uint32        // of this camera's frames
	Captured time.Time     // µs precision
	Skipped  uint32        // frames of this stream that were not sent to this viewer since the last one
	Age      time.Duration // when it was sent, by the relay's clock: 0 to 71 minutes, µs precision; more is cut to that
}

// Put writes h into b[:HeaderSize], which must be that long.
func (h Header) Put(b []byte) {
	_ = b[HeaderSize-1]
	b[0], b[1] = Version, 0
	if h.NotLive {
		b[1] = flagNotLive
	}
	binary.BigEndian.PutUint16(b[2:], h.Stream)
	binary.BigEndian.PutUint32(b[4:], h.Seq)
	binary.BigEndian.PutUint64(b[8:], uint64(h.Captured.UnixMicro()))
	binary.BigEndian.PutUint32(b[16:], h.Skipped)
	age := min(max(h.Age.Microseconds(), 0), 1<<32-1)
	binary.BigEndian.PutUint32(b[20:], uint32(age))
}

// DecodeHeader splits a binary message into its header and its JPEG, which shares b and may be empty.
func DecodeHeader(b []byte) (Header, []byte, error) {
	if len(b) < HeaderSize {
		return Header{}, nil, fmt.Errorf("decode frame header of %d bytes: %w", len(b), ErrShort)
	}
	if b[0] != Version {
		return Header{}, nil, fmt.Errorf("decode frame header: %w %d", ErrVersion, b[0])
	}
	return Header{
		NotLive:  b[1]&flagNotLive != 0,
		Stream:   binary.BigEndian.Uint16(b[2:]),
		Seq:      binary.BigEndian.Uint32(b[4:]),
		Captured: time.UnixMicro(int64(binary.BigEndian.Uint64(b[8:]))),
		Skipped:  binary.BigEndian.Uint32(b[16:]),
		Age:      time.Duration(binary.BigEndian.Uint32(b[20:])) * time.Microsecond,
	}, b[HeaderSize:], nil
}
