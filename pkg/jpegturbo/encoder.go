// Package jpegturbo makes JPEGs from planar pictures, and small pictures from JPEGs, without ever going through RGB: what
// it is given, it answers with a picture or an error.
package jpegturbo

/*
#cgo pkg-config: libjpeg
#cgo CFLAGS: -O3 -std=gnu11 -Wall -Wextra
#cgo noescape linkstart_encode
#cgo nocallback linkstart_encode
#include "encode.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

var errNoMemory = errors.New("no memory")

// Encoder makes JPEGs and uses its buffers again for the next one. The zero value is ready. It serves one goroutine at a
// time, and whoever has it calls Close.
type Encoder struct {
	c *C.struct_linkstart_encoder
}

// Encode returns p as a JPEG (baseline, with the standard Huffman tables) of quality 1 to 100, in memory of its own. It keeps
// the sampling of p, and reads no byte of p that holds no sample.
func (e *Encoder) Encode(p *Planes, quality int) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	if e.c == nil {
		if e.c = C.linkstart_encoder_new(); e.c == nil {
			return nil, fmt.Errorf("encode picture: %w", errNoMemory)
		}
	}
	limited := C.int(0)
	if p.Limited {
		limited = 1
	}
	out := C.linkstart_encode(e.c, C.int(p.Format), limited, C.int(p.Width), C.int(p.Height),
		samples(p.Plane[0]), samples(p.Plane[1]), samples(p.Plane[2]),
		C.size_t(p.Stride[0]), C.size_t(p.Stride[1]), C.size_t(p.Stride[2]), C.int(quality))
	if out.error != nil {
		return nil, fmt.Errorf("encode picture: %s", C.GoString(out.error))
	}
	return C.GoBytes(unsafe.Pointer(out.data), C.int(out.size)), nil
}

// Close frees the buffers. The Encoder can be used again afterwards.
func (e *Encoder) Close() {
	C.linkstart_encoder_free(e.c)
	e.c = nil
}

func samples(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }
