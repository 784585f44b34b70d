package stamp

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
)

// The strip along the top is made of equal blocks across the whole width, white for 1, black for 0, from the left: the
// guard 1010, the picture's number (16 bits, highest first), its check bits (8) and the guard 0101.
const (
	blocks      = 32
	stripPart   = 30 // of the height
	left, right = 0b1010, 0b0101
)

// Strip is the height of the strip in a picture of that height, px.
func Strip(height int) int { return max(height/stripPart, 1) }

func word(n uint16) uint32 { return left<<28 | uint32(n)<<12 | uint32(check(n))<<4 | right }

// check tells a damaged number from a whole one: an odd multiplication spreads each bit over the upper byte.
func check(n uint16) uint8 { return uint8((n*40503 + 0x5A5A) >> 8) }

// Paint draws number n into luma, the plane of a picture of width by height px with that stride.
func Paint(luma []byte, stride, width, height int, n uint16) {
	bits := word(n)
	for y := range Strip(height) {
		row := luma[y*stride:][:width]
		for x := range row {
			row[x] = 16
			if bits>>(blocks-1-x*blocks/width)&1 == 1 {
				row[x] = 235
			}
		}
	}
}

// Read finds the number in a JPEG, of which only the first part need be there, enough to hold the strip. It decodes no more
// than that: the height in the header is made smaller. False where it cannot be trusted.
func Read(head []byte) (uint16, bool) {
	top, height, ok := crop(head)
	if !ok {
		return 0, false
	}
	img, err := jpeg.Decode(bytes.NewReader(top))
	if err != nil {
		return 0, false
	}
	return readStrip(img, height)
}

// crop returns a JPEG of the first rows, and the height that the whole one has.
func crop(head []byte) (top []byte, height int, ok bool) {
	for at := 2; at+9 <= len(head) && head[at] == 0xFF; {
		marker, length := head[at+1], int(binary.BigEndian.Uint16(head[at+2:]))
		if marker >= 0xC0 && marker <= 0xC2 { // start of frame: length, precision, height, width (T.81, B.2.2)
			height = int(binary.BigEndian.Uint16(head[at+5:]))
			rows := (Strip(height) + 15) / 16 * 16
			top = append(bytes.Clone(head), 0xFF, 0xD9)
			binary.BigEndian.PutUint16(top[at+5:], uint16(min(rows, height)))
			return top, height, height > 0
		}
		if marker == 0xDA {
			break
		}
		at += 2 + length
	}
	return nil, 0, false
}

func readStrip(img image.Image, height int) (uint16, bool) {
	r := img.Bounds()
	strip := min(Strip(height), r.Dy())
	var bits uint32
	for i := range blocks {
		sum, n := 0, 0
		// The inner half each way: scaling and compression blur the edges.
		for y := strip / 4; y < max(strip*3/4, strip/4+1); y++ {
			for x := (4*i + 1) * r.Dx() / (4 * blocks); x < (4*i+3)*r.Dx()/(4*blocks); x++ {
				sum += luma(img, r.Min.X+x, r.Min.Y+y)
				n++
			}
		}
		if n == 0 {
			return 0, false
		}
		mean := sum / n
		if mean > 96 && mean < 160 {
			return 0, false
		}
		bits <<= 1
		if mean >= 160 {
			bits |= 1
		}
	}
	n := uint16(bits >> 12)
	return n, bits == word(n)
}

func luma(img image.Image, x, y int) int {
	if ycc, ok := img.(*image.YCbCr); ok {
		return int(ycc.Y[ycc.YOffset(x, y)])
	}
	return int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
}
