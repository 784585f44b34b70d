package testpattern

import (
	"math"
)

var (
	white  = rgb(240, 244, 250)
	grey   = rgb(130, 146, 168)
	faint  = rgb(58, 72, 94)
	amber  = rgb(255, 170, 60)
	shadow = rgb(6, 9, 16)
	night  = rgb(12, 18, 32)
	dusk   = rgb(28, 44, 74)
)

// The dial's middle and radius, stage units.
const (
	dialX, dialY, dialR = 290, 344, 224
)

func clockStill(c *canvas) {
	c.gradient(func(x, y float64) (col colour) {
		return blend(dusk, night, math.Hypot(x-0.3, y-0.4)*1.5)
	})
	c.disc(dialX, dialY+8, dialR+14, 40, 0.5, shadow)
	c.disc(dialX, dialY, dialR+10, 0, 1, faint)
	c.disc(dialX, dialY, dialR+6, 0, 1, rgb(16, 24, 42))
	for i := range 60 {
		inner, width, col := dialR-14.0, 3.0, grey
		if i%5 == 0 {
			inner, width, col = dialR-30.0, 7.0, white
		}
		x0, y0 := onDial(float64(i)/60, inner)
		x1, y1 := onDial(float64(i)/60, dialR-6)
		c.line(x0, y0, x1, y1, width, col)
	}
	c.text(c.small, 560, 196, fromLeft, c.label, amber)
}

// onDial is the point at the share turn of a whole turn from 12 o'clock, r units from the middle.
func onDial(turn, r float64) (x, y float64) {
	sin, cos := math.Sincos(turn * 2 * math.Pi)
	return dialX + sin*r, dialY - cos*r
}

func clockMove(c *canvas, m moment) {
	t := m.at.Local()
	seconds := float64(t.Second()) + float64(t.Nanosecond())/1e9
	minutes := float64(t.Minute()) + seconds/60
	hours := float64(t.Hour()%12) + minutes/60
	hand := func(turn, from, to, width float64, col colour) {
		x0, y0 := onDial(turn, from)
		x1, y1 := onDial(turn, to)
		c.line(x0, y0, x1, y1, width, col)
	}
	hand(hours/12, 0, dialR*0.52, 15, white)
	hand(minutes/60, 0, dialR*0.78, 10, white)
	hand(seconds/60, -40, dialR-12, 5, amber)
	c.disc(dialX, dialY, 13, 0, 1, amber)
	c.disc(dialX, dialY, 5, 0, 1, night)

	c.text(c.big, 556, 264, fromLeft, t.Format("15:04:05"), white)
	c.text(c.big, 556+8*96*0.6, 264, fromLeft, t.Format(".000"), amber)
	c.text(c.small, 560, 392, fromLeft, t.Format("2006-01-02"), grey)
	c.text(c.small, 1248, 392, toRight, m.number(), grey)
}
