package jpegturbo

/*
#cgo noescape linkstart_luma
#cgo nocallback linkstart_luma
#include "decode.h"
*/
import "C"

import (
	"fmt"
	"slices"

	"linkstart/pkg/jpeg"
)

// lumaBlock is the side of what Luma makes one value of, px.
const lumaBlock = 16

// Luma returns the mean brightness of each block of 16x16 px of a JPEG, row by row from the top, 0 to 255: (width + 15) / 16
// in a row; the blocks at the right and the lower edge are what is left. It takes a fraction of the time of decoding, and serves to
// tell pictures apart. The values are written to dst's memory where they fit. A size above maxPixels is refused before
// anything is decoded; errors of that check are those of jpeg.Inspect. CMYK has no brightness and is an error.
func Luma(dst, b []byte, maxPixels int) ([]byte, error) {
	info, err := jpeg.Inspect(b, maxPixels)
	if err != nil {
		return nil, fmt.Errorf("measure brightness: %w", err)
	}
	n := ((info.Width + lumaBlock - 1) / lumaBlock) * ((info.Height + lumaBlock - 1) / lumaBlock)
	dst = slices.Grow(dst[:0], n)[:n]
	d := C.linkstart_decoder_new(budget(maxPixels))
	if d == nil {
		return nil, fmt.Errorf("measure brightness: %w", errNoMemory)
	}
	defer C.linkstart_decoder_free(d)
	if wrong := C.linkstart_luma(d, samples(b), C.size_t(len(b)), C.int(info.Width), C.int(info.Height), samples(dst)); wrong != nil {
		return nil, fmt.Errorf("measure brightness: %s", C.GoString(wrong))
	}
	return dst, nil
}
