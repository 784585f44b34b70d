package gst

/*
#include "decoder.h"

static void *ls_plane(ls_picture *p, int i) { return GST_VIDEO_FRAME_PLANE_DATA(&p->frame, i); }
static int ls_stride(ls_picture *p, int i) { return GST_VIDEO_FRAME_PLANE_STRIDE(&p->frame, i); }
static int ls_rows(ls_picture *p, int i) { return GST_VIDEO_FRAME_COMP_HEIGHT(&p->frame, i); }
static int ls_format(ls_picture *p) { return GST_VIDEO_FRAME_FORMAT(&p->frame); }
static int ls_planes(ls_picture *p) { return GST_VIDEO_FRAME_N_PLANES(&p->frame); }
static int ls_width(ls_picture *p) { return GST_VIDEO_FRAME_WIDTH(&p->frame); }
static int ls_height(ls_picture *p) { return GST_VIDEO_FRAME_HEIGHT(&p->frame); }
static GstSample *ls_keep(GstSample *s) { return gst_sample_ref(s); }
*/
import "C"

import (
	"errors"
	"time"
	"unsafe"
)

// Layout is how the samples of a Picture lie in memory.
type Layout int

// The layouts that a JPEG can be made of, 8 bits a sample; Other is to be scaled first, be it to its own size.
const (
	Other Layout = iota
	I420         // chroma halved in both directions
	I422         // chroma halved in width
	I444         // chroma as large as luma
	Gray         // luma alone
)

var layouts = map[C.int]Layout{
	C.GST_VIDEO_FORMAT_I420: I420, C.GST_VIDEO_FORMAT_Y42B: I422, C.GST_VIDEO_FORMAT_Y444: I444, C.GST_VIDEO_FORMAT_GRAY8: Gray,
}

// Picture is a decoded picture in memory of GStreamer's. It is immutable; whoever has it frees it.
type Picture struct {
	c *C.ls_picture

	Width, Height int // px
	Layout        Layout
	Limited       bool          // in video range, 16 to 235
	Stamp         time.Duration // as given to Decode; -1: unknown
}

func newPicture(sample *C.GstSample) *Picture {
	if sample == nil {
		return nil
	}
	return wrap(C.ls_picture_new(sample))
}

func wrap(c *C.ls_picture) *Picture {
	if c == nil {
		return nil
	}
	return &Picture{
		c: c, Width: int(C.ls_width(c)), Height: int(C.ls_height(c)), Layout: layouts[C.ls_format(c)],
		Limited: C.ls_picture_limited(c) != 0, Stamp: time.Duration(c.pts),
	}
}

// Picture returns what is in a unit of raw video, nil where that is something else. Both are to be freed.
func (u *Unit) Picture() *Picture { return newPicture(C.ls_keep(u.sample)) }

// Plane returns the samples of plane i of a picture whose Layout is not Other, until Free, and the bytes from row to row.
// It is nil where there is no such plane.
func (p *Picture) Plane(i int) (samples []byte, stride int) {
	if p.Layout == Other || i >= int(C.ls_planes(p.c)) {
		return nil, 0
	}
	stride = int(C.ls_stride(p.c, C.int(i)))
	rows := int(C.ls_rows(p.c, C.int(i)))
	width := p.Width
	if i > 0 && (p.Layout == I420 || p.Layout == I422) {
		width = (width + 1) / 2
	}
	return unsafe.Slice((*byte)(C.ls_plane(p.c, C.int(i))), stride*(rows-1)+width), stride
}

// Free may be called once.
func (p *Picture) Free() { C.ls_picture_free(p.c) }

// Scaler makes pictures of another size and of a layout that is not Other. The zero value is ready; it serves one
// goroutine at a time, and remembers what it did last.
type Scaler struct{ c *C.ls_scaler }

// Scale returns a new picture of width × height px.
func (s *Scaler) Scale(p *Picture, width, height int) (*Picture, error) {
	if s.c == nil || C.ls_scaler_fits(s.c, p.c, C.int(width), C.int(height)) == 0 {
		s.Close()
		if s.c = C.ls_scaler_new(p.c, C.int(width), C.int(height)); s.c == nil {
			return nil, errors.New("scale picture: GStreamer cannot convert this format")
		}
	}
	scaled := wrap(C.ls_scaler_run(s.c, p.c))
	if scaled == nil {
		return nil, errors.New("scale picture: no memory")
	}
	return scaled, nil
}

// Close frees what is remembered.
func (s *Scaler) Close() {
	if s.c != nil {
		C.ls_scaler_free(s.c)
		s.c = nil
	}
}

// Share returns p once more, to be freed on its own.
func (p *Picture) Share() *Picture {
	again := newPicture(C.ls_keep(p.c.sample))
	if again != nil {
		again.Stamp = p.Stamp
	}
	return again
}
