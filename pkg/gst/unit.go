package gst

/*
#include "pipeline.h"

static const char *ls_unit_kind(GstSample *s) {
	GstCaps *caps = gst_sample_get_caps(s);
	return caps ? gst_structure_get_name(gst_caps_get_structure(caps, 0)) : "";
}

static int ls_unit_field(GstSample *s, const char *name) {
	GstCaps *caps = gst_sample_get_caps(s);
	int value = 0;
	if (caps)
		gst_structure_get_int(gst_caps_get_structure(caps, 0), name, &value);
	return value;
}

static void ls_unit_fps(GstSample *s, int *n, int *d) {
	GstCaps *caps = gst_sample_get_caps(s);
	if (caps)
		gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", n, d);
}

typedef struct {
	gsize size;
	gint64 stamp;
	int key;
} ls_unit;

static ls_unit ls_unit_look(GstSample *s) {
	GstBuffer *b = gst_sample_get_buffer(s);
	if (!b)
		return (ls_unit){0, -1, 0};
	GstClockTime t = GST_BUFFER_DTS_OR_PTS(b);
	return (ls_unit){gst_buffer_get_size(b), GST_CLOCK_TIME_IS_VALID(t) ? (gint64)t : -1, !GST_BUFFER_FLAG_IS_SET(b, GST_BUFFER_FLAG_DELTA_UNIT)};
}
*/
import "C"

import (
	"time"
	"unsafe"
)

// Unit is one compressed picture (an access unit), or a raw one. It is immutable; whoever has it frees it.
type Unit struct {
	sample *C.GstSample

	At    time.Time     // when it was complete in this process
	Stamp time.Duration // its time in the stream, in the order of decoding; -1: unknown
	Size  int           // bytes
	Key   bool          // it can be decoded by itself
}

func newUnit(sample *C.GstSample, at time.Time) *Unit {
	look := C.ls_unit_look(sample)
	return &Unit{sample: sample, At: at, Stamp: time.Duration(look.stamp), Size: int(look.size), Key: look.key != 0}
}

// Kind is the media type, such as video/x-h264.
func (u *Unit) Kind() string { return C.GoString(C.ls_unit_kind(u.sample)) }

// Dimensions is what the stream says of its size, px; 0, 0 where it does not.
func (u *Unit) Dimensions() (width, height int) { return u.field("width"), u.field("height") }

func (u *Unit) field(name string) int {
	text, free := cString(name)
	defer free()
	return int(C.ls_unit_field(u.sample, text))
}

// FPS is what the stream says of its speed, pictures per second; 0 where it does not.
func (u *Unit) FPS() float64 {
	n, d := C.int(0), C.int(0)
	C.ls_unit_fps(u.sample, &n, &d)
	if d == 0 {
		return 0
	}
	return float64(n) / float64(d)
}

// Bytes returns a copy of at most most bytes; 0: of all.
func (u *Unit) Bytes(most int) []byte {
	if most <= 0 || most > u.Size {
		most = u.Size
	}
	b := make([]byte, most)
	if most > 0 {
		n := C.gst_buffer_extract(C.gst_sample_get_buffer(u.sample), 0, C.gpointer(unsafe.Pointer(&b[0])), C.gsize(most))
		b = b[:n]
	}
	return b
}

// Free may be called once.
func (u *Unit) Free() { C.gst_sample_unref(u.sample) }

// Share returns u once more, to be freed on its own.
func (u *Unit) Share() *Unit {
	C.gst_sample_ref(u.sample)
	again := *u
	return &again
}
