package testpattern

import "math"

// landscape is a picture in which nothing ever moves: hills before a low sun.
func landscape(c *canvas) {
	sky, glow := rgb(58, 92, 140), rgb(250, 200, 150)
	c.gradient(func(_, y float64) colour { return blend(sky, glow, y*1.25) })
	c.disc(860, 300, 150, 220, 0.5, rgb(255, 226, 170))
	c.disc(860, 300, 58, 0, 1, rgb(255, 244, 214))
	for i, col := range []colour{rgb(142, 138, 160), rgb(98, 108, 138), rgb(58, 78, 104), rgb(28, 46, 64)} {
		c.hill(0.5+0.12*float64(i), float64(i)*1.9, col)
	}
	c.text(c.big, 60, 40, fromLeft, "STILL", white)
	c.text(c.small, 64, 152, fromLeft, c.label, white)
}

// hill fills everything under a wavy line around the share level of the height.
func (c *canvas) hill(level, phase float64, col colour) {
	w, h := float64(c.w), float64(c.h)
	crest := func(x float64) float64 {
		x = x / w * 2 * math.Pi
		return h * (level + 0.05*math.Sin(x+phase) + 0.028*math.Sin(2.3*x+phase*2.1) + 0.012*math.Sin(5.1*x+phase*3.7))
	}
	c.paint(0, h*(level-0.1), w, h, col, func(x, y float64) float64 { return y - crest(x) + 0.5 })
}
