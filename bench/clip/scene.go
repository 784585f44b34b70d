// Package clip makes the pictures that the simulated cameras send: of real size, each with its number in it.
package clip

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"

	"linkstart/bench/stamp"
)

const (
	drift = 256 // px that the scene moves to the side before it turns back
	seed  = 11  // every run measures with the same pictures
)

// Scene is a moving picture: a wall of texture that drifts, with noise as of a sensor.
type Scene struct {
	width, height int
	stride        int
	texture       []byte // (width+drift) by height
	noise         []byte
	random        *rand.Rand
}

// NewScene makes the scene for pictures of width by height px; both are even.
func NewScene(width, height int) *Scene {
	s := &Scene{width: width, height: height, stride: width + drift, random: rand.New(rand.NewPCG(seed, seed))}
	s.texture = make([]byte, s.stride*height)
	for _, octave := range []struct{ cell, strength int }{{256, 70}, {64, 40}, {16, 22}, {4, 8}} {
		s.add(octave.cell, octave.strength)
	}
	s.noise = make([]byte, 1<<16)
	for i := range s.noise {
		s.noise[i] = byte(s.random.IntN(7))
	}
	return s
}

// add puts smooth random hills onto the texture, cell px from one to the next.
func (s *Scene) add(cell, strength int) {
	columns, rows := s.stride/cell+2, s.height/cell+2
	grid := make([]int, columns*rows)
	for i := range grid {
		grid[i] = s.random.IntN(strength + 1)
	}
	for y := range s.height {
		gy, fy := y/cell, y%cell
		upper, lower := grid[gy*columns:], grid[(gy+1)*columns:]
		row := s.texture[y*s.stride:][:s.stride]
		for x := range row {
			gx, fx := x/cell, x%cell
			a := upper[gx]*(cell-fx) + upper[gx+1]*fx
			b := lower[gx]*(cell-fx) + lower[gx+1]*fx
			row[x] += byte((a*(cell-fy) + b*fy) / (cell * cell))
		}
	}
}

// Picture is picture n. A number is in its pixels.
func (s *Scene) Picture(n int) *image.YCbCr {
	img := image.NewYCbCr(image.Rect(0, 0, s.width, s.height), image.YCbCrSubsampleRatio420)
	offset := n * 2 % (2 * drift)
	if offset >= drift {
		offset = 2*drift - 1 - offset
	}
	for y := range s.height {
		row := img.Y[y*img.YStride:][:s.width]
		copy(row, s.texture[y*s.stride+offset:])
		noise := s.noise[s.random.IntN(len(s.noise)-s.width):]
		for x := range row {
			row[x] += noise[x] + 30
		}
	}
	for y := range s.height / 2 {
		for x := range s.width / 2 {
			img.Cb[y*img.CStride+x] = byte(112 + 32*x/s.width)
			img.Cr[y*img.CStride+x] = byte(112 + 32*y/s.height)
		}
	}
	stamp.Paint(img.Y, img.YStride, s.width, s.height, uint16(n))
	return img
}

// JPEGs encodes count pictures at the quality that makes the first about size bytes large.
func JPEGs(width, height, count, size int) ([][]byte, error) {
	s := NewScene(width, height)
	first := s.Picture(0)
	low, high := 1, 100
	for low < high {
		middle := (low + high + 1) / 2
		b, err := encode(first, middle)
		if err != nil {
			return nil, err
		}
		if len(b) <= size {
			low = middle
		} else {
			high = middle - 1
		}
	}
	all := make([][]byte, count)
	for n := range all {
		var err error
		if all[n], err = encode(s.Picture(n), low); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func encode(img image.Image, quality int) ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return b.Bytes(), nil
}
