package jpeg

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"

	"golang.org/x/image/draw"
)

// Shrink decodes b and encodes it again at quality (1 to 100), maxWidth px wide with its aspect ratio kept; it returns
// b itself where that is narrow enough already. Its declared size is checked against maxPixels before anything is
// decoded; errors of that check are those of Inspect.
func Shrink(b []byte, maxWidth, quality, maxPixels int) (out []byte, width, height int, err error) {
	info, err := Inspect(b, maxPixels)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("shrink picture: %w", err)
	}
	if info.Width <= maxWidth {
		return b, info.Width, info.Height, nil
	}
	defer func() { // the picture comes from the network: a fault in the decoder must cost this picture only
		if p := recover(); p != nil {
			out, width, height, err = nil, 0, 0, fmt.Errorf("shrink picture: decoder failed: %v", p)
		}
	}()
	src, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, 0, 0, fmt.Errorf("shrink picture: %w", err)
	}
	width, height = maxWidth, max(1, info.Height*maxWidth/info.Width)
	dst := canvas(src, image.Rect(0, 0, width, height))
	draw.ApproxBiLinear.Scale(dst, dst.Bounds(), src, src.Bounds(), draw.Src, nil)
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, dst, &jpeg.Options{Quality: quality}); err != nil {
		return nil, 0, 0, fmt.Errorf("shrink picture: %w", err)
	}
	return buf.Bytes(), width, height, nil
}

// canvas keeps a gray picture gray: a third of the bytes.
func canvas(src image.Image, r image.Rectangle) draw.Image {
	if _, gray := src.(*image.Gray); gray {
		return image.NewGray(r)
	}
	return image.NewRGBA(r)
}
