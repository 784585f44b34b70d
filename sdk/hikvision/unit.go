package hikvision

import "bytes"

// codec is what video is compressed by.
type codec int

const (
	unknown codec = iota
	h264
	h265
)

func (c codec) String() string { return [...]string{"unknown video", "H.264", "H.265"}[c] }

// glance is what the beginning of a packet tells.
type glance struct {
	codec   codec // known where there are parameter sets
	key     bool  // decoding can begin here
	picture bool  // there is a picture in it, or a slice of one
	first   bool  // and it is the picture's first slice
}

var startCode = []byte{0, 0, 1}

// look reads the types of the NAL units of a packet (H.264, section 7.3.1; H.265, section 7.3.1.2) up to its first slice. as is the codec, where
// that is known: it takes parameter sets to tell.
func look(packet []byte, as codec) glance {
	g := glance{codec: as}
	for {
		i := bytes.Index(packet, startCode)
		if i < 0 || len(packet) < i+6 {
			return g
		}
		packet = packet[i+3:]
		if c := parameters(packet); c != unknown {
			g.codec, g.key = c, true
		}
		switch kind := packet[0] & 0x1f; {
		case g.codec == h264 && kind >= 1 && kind <= 5:
			g.picture, g.first, g.key = true, packet[1]&0x80 != 0, g.key || kind == 5
			return g
		case g.codec == h265 && packet[0]>>1 < 32:
			kind := packet[0] >> 1
			g.picture, g.first, g.key = true, packet[2]&0x80 != 0, g.key || kind >= 16 && kind <= 23
			return g
		}
	}
}

// parameters tells the codec by a parameter set that begins here. What is one in H.264 is none in H.265, and the other way round.
func parameters(unit []byte) codec {
	switch {
	case unit[0]&0x80 == 0 && unit[0]&0x60 != 0 && unit[0]&0x1f == 7: // sequence parameter set
		return h264
	case (unit[0] == 32<<1 || unit[0] == 33<<1) && unit[1] == 1: // video and sequence parameter set, of the base layer
		return h265
	}
	return unknown
}

const mostHeld = 8 << 20 // bytes of one picture

// assembler makes whole access units of packets: cameras send parameter sets apart, or together with the picture.
type assembler struct {
	codec   codec
	held    []byte // what belongs to the unit that comes next, or is one that may go on
	picture bool   // there is a picture in held
	key     bool   // held can be decoded by itself
	sliced  bool   // pictures come in several packets: only the next one tells that one is whole
}

type unit struct {
	bytes []byte
	key   bool
}

// add takes a packet. ok tells that a unit is whole; torn that one before it was not.
func (a *assembler) add(packet []byte) (u unit, ok, torn bool) {
	g := look(packet, a.codec)
	if a.codec = g.codec; a.codec == unknown {
		return unit{}, false, false
	}
	goesOn := g.picture && !g.first
	if goesOn && !a.sliced {
		a.sliced, torn = true, true
	}
	if a.picture && !goesOn || len(a.held)+len(packet) > mostHeld {
		u, ok = unit{a.held, a.key}, a.picture
		a.drop()
	}
	if goesOn && !a.picture {
		return u, ok, torn // of a picture whose beginning is gone
	}
	a.held = append(a.held, packet...)
	a.key = a.key || g.key
	a.picture = a.picture || g.picture
	if a.picture && !a.sliced {
		u, ok = unit{a.held, a.key}, true
		a.drop()
	}
	return u, ok, torn
}

func (a *assembler) drop() { a.held, a.picture, a.key = nil, false, false }
