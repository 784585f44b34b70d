package testpattern

import "math"

// The seven bars at 75 %, the row beneath them, and the bottom row, after SMPTE EG 1 (in RGB, so within JPEG's full range).
var (
	barsTop = []colour{
		rgb(191, 191, 191), rgb(191, 191, 0), rgb(0, 191, 191), rgb(0, 191, 0), rgb(191, 0, 191), rgb(191, 0, 0), rgb(0, 0, 191),
	}
	barsMiddle = []colour{
		rgb(0, 0, 191), rgb(19, 19, 19), rgb(191, 0, 191), rgb(19, 19, 19), rgb(0, 191, 191), rgb(19, 19, 19), rgb(191, 191, 191),
	}
	barsBottom = []colour{
		rgb(0, 33, 76), rgb(255, 255, 255), rgb(50, 0, 106), rgb(19, 19, 19), rgb(9, 9, 9), rgb(19, 19, 19), rgb(29, 29, 29),
	}
)

func barsStill(c *canvas) {
	free := c.h - stripHeight(c.w, c.h)
	row := func(cols []colour, from, to int) {
		for i, col := range cols {
			c.rect(i*c.w/len(cols)&^1, from&^1, ((i+1)*c.w/len(cols)+1)&^1, (to+1)&^1, col)
		}
	}
	row(barsTop, 0, free*2/3)
	row(barsMiddle, free*2/3, free*3/4)
	row(barsBottom, free*3/4, c.h)
	plate(c, 150)
}

// plate is a dark panel at height y with the camera's ID, ready for the time and the number.
func plate(c *canvas, y float64) {
	c.box(256, y, 768, 188, 18, 0.84, rgb(8, 11, 18))
	c.text(c.small, 290, y+130, fromLeft, c.label, amber)
}

// plateMove writes what changes onto the panel at height y.
func plateMove(c *canvas, y float64, m moment) {
	c.text(c.big, 640, y+10, centred, m.clock(), white)
	c.text(c.small, 990, y+130, toRight, m.number(), grey)
}

// barsMove lets a marker run from left to right and back every four seconds, under the bars.
func barsMove(c *canvas, m moment) {
	phase := math.Mod(float64(m.at.UnixMicro())/4e6, 1)
	x := 60 + (stageW-120)*math.Abs(2*phase-1)
	c.line(60, 488, stageW-60, 488, 3, white)
	c.disc(x, 488, 26, 0, 1, rgb(19, 19, 19))
	c.disc(x, 488, 20, 0, 1, white)
	c.line(x, 356, x, 462, 3, white)
	plateMove(c, 150, m)
}
