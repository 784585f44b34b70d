package testpattern

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"time"
)

// scene is one kind of picture: what stays is painted once a size, what moves is painted for each picture over a copy.
type scene struct {
	still func(*canvas)
	move  func(c *canvas, m moment) // nil: nothing moves, and there is no strip
}

var scenes = map[string]scene{
	"clock": {clockStill, clockMove},
	"bars":  {barsStill, barsMove},
	"ball":  {ballStill, ballMove},
	"noise": {noiseStill, noiseMove},
	"still": {landscape, nil},
}

// moment is all that a picture depends on besides its size.
type moment struct {
	at time.Time
	n  int64 // number of the picture, 0 first
}

func (m moment) clock() string  { return m.at.Local().Format("15:04:05.000") }
func (m moment) number() string { return fmt.Sprintf("#%07d", m.n) }

// painter keeps, for each size asked for lately, what need not be painted again. It is for one goroutine at a time, as
// camera.Picture has it.
type painter struct {
	scene   scene
	label   string
	quality int
	sizes   []*sheet // most recently used first
}

// maxSheets is how many sizes are remembered: main, sub, and one to spare.
const maxSheets = 3

// sheet is a background and the canvas on which each picture is composed.
type sheet struct {
	back, front *canvas
	bytes       int // length of the last JPEG, the guess for the next
}

func newPainter(name, label string, quality int) *painter {
	return &painter{scene: scenes[name], label: label, quality: quality}
}

func (p *painter) sheet(w, h int) *sheet {
	for i, s := range p.sizes {
		if s.back.w == w && s.back.h == h {
			copy(p.sizes[1:i+1], p.sizes[:i])
			p.sizes[0] = s
			return s
		}
	}
	s := &sheet{back: newCanvas(w, h, p.label)}
	p.scene.still(s.back)
	s.front = s.back
	if p.scene.move != nil {
		s.front = s.back.twin()
	}
	p.sizes = append([]*sheet{s}, p.sizes[:min(len(p.sizes), maxSheets-1)]...)
	return s
}

// draw paints the picture of m, w x h px. It is valid until the next call.
func (p *painter) draw(w, h int, m moment) *sheet {
	s := p.sheet(w, h)
	if p.scene.move != nil {
		s.front.copyFrom(s.back)
		p.scene.move(s.front, m)
		drawStamp(s.front.img, m.at)
	}
	return s
}

func (p *painter) encode(w, h int, at time.Time, n int64) ([]byte, error) {
	s := p.draw(w, h, moment{at, n})
	buf := bytes.NewBuffer(make([]byte, 0, s.bytes+s.bytes/8+1024))
	if err := jpeg.Encode(buf, s.front.img, &jpeg.Options{Quality: p.quality}); err != nil {
		return nil, fmt.Errorf("encode test picture: %w", err)
	}
	s.bytes = buf.Len()
	return buf.Bytes(), nil
}
