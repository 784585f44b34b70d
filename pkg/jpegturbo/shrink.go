package jpegturbo

/*
#cgo noescape linkstart_shrink
#cgo nocallback linkstart_shrink
#include "decode.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"linkstart/pkg/jpeg"
)

// Shrink decodes b and encodes it again at quality (1 to 100), maxWidth px wide with its aspect ratio kept; it returns
// b itself where that is narrow enough already. Its declared size is checked against maxPixels before anything is
// decoded; errors of that check are those of jpeg.Inspect. Where b ends early or is damaged, so is the small picture, or
// there is an error. Memory in use meanwhile is at most 16 bytes a pixel of maxPixels.
func Shrink(b []byte, maxWidth, quality, maxPixels int) (out []byte, width, height int, err error) {
	info, err := jpeg.Inspect(b, maxPixels)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("shrink picture: %w", err)
	}
	if info.Width <= maxWidth {
		return b, info.Width, info.Height, nil
	}
	width, height = maxWidth, max(1, info.Height*maxWidth/info.Width)
	d := C.linkstart_decoder_new(budget(maxPixels))
	if d == nil {
		return nil, 0, 0, fmt.Errorf("shrink picture: %w", errNoMemory)
	}
	defer C.linkstart_decoder_free(d)
	small := C.linkstart_shrink(d, samples(b), C.size_t(len(b)), C.int(info.Width), C.int(info.Height), C.int(width), C.int(height))
	if small.error != nil {
		return nil, 0, 0, fmt.Errorf("shrink picture: %s", C.GoString(small.error))
	}
	p := Planes{Width: width, Height: height, Format: Format(small.format)}
	for i := range p.Plane {
		p.Plane[i] = unsafe.Slice((*byte)(small.samples[i]), int(small.size[i]))
		p.Stride[i] = int(small.stride[i])
	}
	var e Encoder
	defer e.Close()
	if out, err = e.Encode(&p, quality); err != nil {
		return nil, 0, 0, fmt.Errorf("shrink picture: %w", err)
	}
	return out, width, height, nil
}

// budget returns how many bytes the pixels, and again the coefficients, of a picture may take: those of four components at
// full size are 8 bytes a pixel. The constant is for pictures that are smaller than the blocks that they consist of.
func budget(maxPixels int) C.size_t {
	return C.size_t(8*maxPixels + 4<<20)
}
