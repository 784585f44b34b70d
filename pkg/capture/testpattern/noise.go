package testpattern

import (
	"encoding/binary"
	"math"
)

// noiseStill is a dim screen with darker corners, on which the grain lies.
func noiseStill(c *canvas) {
	lit, dark := rgb(142, 136, 128), rgb(70, 68, 72)
	c.gradient(func(x, y float64) colour { return blend(lit, dark, math.Hypot(x-0.5, y-0.5)*1.3) })
}

// noiseMove lays new grain over everything: another for each capture time, the same for the same one.
func noiseMove(c *canvas, m moment) {
	g := grain(m.at.UnixMicro())
	g.lay(c.img.Y, 1)
	g.lay(c.img.Cb, 2)
	g.lay(c.img.Cr, 2)
	plate(c, 240)
	plateMove(c, 240, m)
}

// grain is a xorshift64* generator (Vigna, 2016): nothing that is quicker looks as random.
type grain uint64

func (g *grain) next() uint64 {
	x := uint64(*g) | 1<<63 // never 0, where the generator would stay
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	*g = grain(x)
	return x * 0x2545f4914f6cdd1d
}

// lay adds -64 to 63 to each sample, divided by 2 to the power of less-1.
func (g *grain) lay(plane []uint8, less uint) {
	var eight [8]byte
	for len(plane) > 0 {
		binary.LittleEndian.PutUint64(eight[:], g.next())
		n := min(len(plane), 8)
		for i, b := range eight[:n] {
			plane[i] = uint8(max(0, min(255, int(plane[i])+int(int8(b))>>less)))
		}
		plane = plane[n:]
	}
}
