package testpattern

import "math"

const (
	ballR     = 62.0  // stage units
	floorY    = 590.0 // where the ball touches
	ballJump  = 285.0 // stage units, the height of a bounce, below the text
	ballBeat  = 1.15  // s, from bounce to bounce
	ballCross = 3.7   // s, from wall to wall
	trail     = 6     // earlier places shown
	trailStep = 0.035 // s between them
)

func ballStill(c *canvas) {
	top, low := rgb(214, 226, 240), rgb(247, 236, 224)
	near, far := rgb(226, 216, 208), rgb(196, 190, 190)
	const horizon = 0.74
	c.gradient(func(_, y float64) colour {
		if y < horizon {
			return blend(top, low, y/horizon)
		}
		return blend(far, near, (y-horizon)/(1-horizon))
	})
	c.text(c.small, 36, 128, fromLeft, c.label, rgb(150, 74, 20))
}

// ballPlace is where the ball's middle is at s seconds.
func ballPlace(s float64) (x, y float64) {
	cross := math.Abs(2*math.Mod(s/ballCross/2, 1) - 1)
	beat := 2*math.Mod(s/ballBeat, 1) - 1 // -1 and 1: on the floor, 0: at the top
	return ballR + 20 + cross*(stageW-2*ballR-40), floorY - ballR - ballJump*(1-beat*beat)
}

func ballMove(c *canvas, m moment) {
	s := float64(m.at.UnixMicro()) / 1e6
	x, y := ballPlace(s)
	height := (floorY - ballR - y) / ballJump
	c.ellipse(x, floorY+6, ballR*(0.9+0.6*height), 14+6*height, 0.5-0.35*height, rgb(70, 60, 66))

	ink := rgb(38, 46, 64)
	c.text(c.big, 32, 14, fromLeft, m.clock(), ink)
	c.text(c.small, 1248, 40, toRight, m.number(), rgb(96, 104, 122))

	for i := trail; i > 0; i-- {
		tx, ty := ballPlace(s - float64(i)*trailStep)
		c.disc(tx, ty, ballR*(1-float64(i)*0.07), 12, 0.26*(1-float64(i)/(trail+1)), rgb(250, 150, 90))
	}
	c.disc(x, y, ballR, 0, 1, rgb(206, 66, 30))
	c.disc(x-6, y-8, ballR*0.72, ballR*0.5, 0.8, rgb(242, 106, 52))
	c.disc(x-20, y-24, ballR*0.24, ballR*0.4, 0.85, rgb(255, 226, 200))
}

// ellipse paints a soft spot, strongest (alpha) in the middle.
func (c *canvas) ellipse(x, y, rx, ry, alpha float64, col colour) {
	px, py := c.at(x, y)
	rx, ry = max(rx*c.scale, 0.5), max(ry*c.scale, 0.5)
	c.paint(px-rx, py-ry, px+rx, py+ry, col, func(x, y float64) float64 {
		dx, dy := (x-px)/rx, (y-py)/ry
		return (1 - dx*dx - dy*dy) * alpha
	})
}
