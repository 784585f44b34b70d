package testpattern

import (
	"image"
	"image/color"
	"math"
	"time"
)

// The strip along the bottom is made of equal blocks across the whole width, white for 1 and black for 0, from the left:
// the guard 1010, the capture time (µs since the Unix epoch, 64 bits, highest first), its check bits (8, highest first),
// and the guard 0101. At 640 px a block is 8 px wide, the size of a JPEG block.
const (
	stripBlocks = 80
	minStrip    = 2 * stripBlocks // px: narrower pictures have no strip

	guardLeft, guardRight = 0b1010, 0b0101
)

// maxStamp ends the times that Stamp believes: the year 2200.
var maxStamp = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// stripHeight is in px, 0 where a picture is too narrow for a strip.
func stripHeight(w, h int) int {
	if w < minStrip {
		return 0
	}
	return max(min(w/40, h/4), 1)
}

// checkBits is the CRC-8 of polynomial x^8+x^2+x+1, started with 0xff so that an all-black strip does not pass.
func checkBits(v uint64) uint8 {
	crc := uint8(0xff)
	for shift := 56; shift >= 0; shift -= 8 {
		crc ^= uint8(v >> shift)
		for range 8 {
			high := crc & 0x80
			crc <<= 1
			if high != 0 {
				crc ^= 0x07
			}
		}
	}
	return crc
}

// stripBits is what the blocks say for t.
func stripBits(t time.Time) (bits [stripBlocks]bool) {
	us := uint64(t.UnixMicro())
	i := 0
	put := func(v uint64, n int) {
		for shift := n - 1; shift >= 0; shift-- {
			bits[i] = v>>shift&1 == 1
			i++
		}
	}
	put(guardLeft, 4)
	put(us, 64)
	put(uint64(checkBits(us)), 8)
	put(guardRight, 4)
	return bits
}

func drawStamp(img *image.YCbCr, t time.Time) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	top := h - stripHeight(w, h)
	if top == h {
		return
	}
	first := img.Y[top*img.YStride:][:w]
	for i, bit := range stripBits(t) {
		luma := uint8(0)
		if bit {
			luma = 255
		}
		for x := i * w / stripBlocks; x < (i+1)*w/stripBlocks; x++ {
			first[x] = luma
		}
	}
	for y := top + 1; y < h; y++ {
		copy(img.Y[y*img.YStride:][:w], first)
	}
	for i := top / 2 * img.CStride; i < len(img.Cb); i++ {
		img.Cb[i], img.Cr[i] = 128, 128
	}
}

// Stamp reads the capture time (to the µs) from the strip of a decoded test picture of any size from 160 px width. It is
// false where there is no strip, or where it has suffered so much that it cannot be trusted.
func Stamp(img image.Image) (time.Time, bool) {
	r := img.Bounds()
	height := stripHeight(r.Dx(), r.Dy())
	if height == 0 {
		return time.Time{}, false
	}
	var words [2]uint64 // the first 16 blocks, then the other 64
	for i := range stripBlocks {
		bit, ok := readBlock(img, r, i, height)
		if !ok {
			return time.Time{}, false
		}
		words[min(i/16, 1)] = words[min(i/16, 1)]<<1 | bit
	}
	us := words[0]<<52 | words[1]>>12
	left, check, right := words[0]>>12, uint8(words[1]>>4), words[1]&0xf
	if left != guardLeft || right != guardRight || check != checkBits(us) || us > uint64(maxStamp) {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(us)), true
}

// readBlock is the bit of block i; false where it is neither black nor white.
func readBlock(img image.Image, r image.Rectangle, i, height int) (uint64, bool) {
	// The inner half each way: scaling and compression blur the edges.
	block := float64(r.Dx()) / stripBlocks
	x0 := r.Min.X + int(math.Round((float64(i)+0.25)*block))
	x1 := max(r.Min.X+int(math.Round((float64(i)+0.75)*block)), x0+1)
	y0 := r.Max.Y - height + height/4
	y1 := max(r.Max.Y-height/4, y0+1)
	sum, n := 0, 0
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			sum += luma(img, x, y)
			n++
		}
	}
	switch mean := sum / n; {
	case mean < 96:
		return 0, true
	case mean > 160:
		return 1, true
	}
	return 0, false
}

func luma(img image.Image, x, y int) int {
	if ycc, ok := img.(*image.YCbCr); ok {
		return int(ycc.Y[ycc.YOffset(x, y)])
	}
	return int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
}
