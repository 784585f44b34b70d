package view

import (
	"time"

	"linkstart/bench/stamp"
)

// Frame is a picture that has arrived.
type Frame struct {
	At       time.Time // the last byte
	Bytes    int       // of the JPEG
	Head     []byte    // its first bytes
	Stream   uint16    // WebSocket only, as the next three
	Seq      uint32
	NotLive  bool
	Captured time.Time // by the grabber
}

// Keep is how much of a JPEG holds the strip of stamp.Read.
const Keep = 48 << 10

// Age is how old the picture was when it had arrived, by the mark in it; false where there is none.
func (f Frame) Age() (time.Duration, bool) {
	_, sent, ok := stamp.Find(f.Head)
	return f.At.Sub(sent), ok
}

// Viewer gets pictures.
type Viewer interface {
	// Picture waits for the next one. It fails when nothing comes for Options.Silence, or after Close.
	Picture() (Frame, error)
	// Bytes is how many came over the connection so far.
	Bytes() int64
	Close() error
}
