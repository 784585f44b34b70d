package gst

/*
#include "decoder.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"time"
	"unsafe"
)

// ErrNoDecoder says that nothing installed decodes such video.
var ErrNoDecoder = errors.New("no decoder")

// Decoder decodes one stream on the goroutine that calls it: the best decoder of the machine by rank that works here.
// A picture is there when the call that brought its unit returns, unless the stream itself demands another order.
type Decoder struct {
	c         *C.ls_decoder
	factories []*C.GstElementFactory // those not yet tried
}

func factories(u *Unit) []*C.GstElementFactory {
	list := C.ls_factories(C.gst_sample_get_caps(u.sample))
	defer C.g_list_free(list)
	var all []*C.GstElementFactory
	for l := list; l != nil; l = l.next {
		all = append(all, (*C.GstElementFactory)(unsafe.Pointer(l.data)))
	}
	return all
}

func release(all []*C.GstElementFactory) {
	for _, f := range all {
		C.gst_object_unref(C.gpointer(unsafe.Pointer(f)))
	}
}

// Preload loads the library of the decoder for u, so that the first picture need not wait for it, and returns its name.
func Preload(u *Unit) (name string, err error) {
	all := factories(u)
	defer release(all)
	for _, f := range all {
		if C.ls_preload(f) != 0 {
			return factoryName(f), nil
		}
	}
	return "", fmt.Errorf("%w for %s", ErrNoDecoder, u.Kind())
}

func factoryName(f *C.GstElementFactory) string {
	name := C.gst_object_get_name((*C.GstObject)(unsafe.Pointer(f)))
	defer C.g_free(C.gpointer(unsafe.Pointer(name)))
	return C.GoString(name)
}

// NewDecoder makes a decoder for the stream that begins with the keyframe u.
func NewDecoder(u *Unit) (*Decoder, error) {
	d := &Decoder{factories: factories(u)}
	if !d.next(u) {
		return nil, fmt.Errorf("%w for %s", ErrNoDecoder, u.Kind())
	}
	return d, nil
}

// next turns to the next decoder that can be started.
func (d *Decoder) next(u *Unit) bool {
	if d.c != nil {
		C.ls_decoder_free(d.c)
		d.c = nil
	}
	for d.c == nil && len(d.factories) > 0 {
		f := d.factories[0]
		d.factories = d.factories[1:]
		d.c = C.ls_decoder_new(f, C.gst_sample_get_caps(u.sample))
		C.gst_object_unref(C.gpointer(unsafe.Pointer(f)))
	}
	return d.c != nil
}

// Decode decodes u and returns the newest picture that came out, which is nil where none did. Stamp is given to the
// picture of u, and must grow.
func (d *Decoder) Decode(u *Unit, stamp time.Duration) (*Picture, error) {
	for d.c != nil {
		if C.ls_decoder_push(d.c, u.sample, C.gint64(stamp), flag(u.Key)) != 0 {
			p := d.newest()
			if p != nil {
				release(d.factories) // this one works
				d.factories = nil
			}
			return p, nil
		}
		if !u.Key || len(d.factories) == 0 || !d.next(u) {
			break
		}
	}
	return nil, fmt.Errorf("decode %s: the decoder refuses it", u.Kind())
}

// Drain returns the newest picture that the decoder held back, or nil. The decoder is of no further use.
func (d *Decoder) Drain() *Picture {
	if d.c == nil {
		return nil
	}
	C.ls_decoder_drain(d.c)
	return d.newest()
}

func (d *Decoder) newest() *Picture {
	var last *C.GstSample
	for {
		s := C.ls_decoder_take(d.c)
		if s == nil {
			break
		}
		if last != nil {
			C.gst_sample_unref(last)
		}
		last = s
	}
	return newPicture(last)
}

// Close frees the decoder. Pictures stay.
func (d *Decoder) Close() {
	if d.c != nil {
		C.ls_decoder_free(d.c)
		d.c = nil
	}
	release(slices.Clip(d.factories))
	d.factories = nil
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
