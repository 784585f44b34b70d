package gst

/*
#include "pipeline.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unsafe"
)

// Tail says how a stream whose caps intersect Caps is made into what Pull gives: by Words of gst-launch, which begin
// with an element that takes the stream and end with one that gives it; empty where it is taken as it is.
type Tail struct{ Caps, Words string }

// Pipeline gives out the compressed or raw pictures of one video stream. One goroutine at a time uses it; Wake may be
// called from any, until Close.
type Pipeline struct {
	c       *C.ls_pipe
	secrets []string
}

// New makes a pipeline of words of gst-launch. Its element named src gives one or more streams, at once or later; the
// first that fits a tail is taken, by the first that it fits, and the others are not. Up to ahead pictures wait
// for Pull; then the sender does. Errors may be a *Missing.
func New(words string, tails []Tail, ahead int) (*Pipeline, error) {
	text, free := cString(words)
	defer free()
	var failed *C.GError
	c := C.ls_pipe_new(text, &failed)
	if c == nil {
		return nil, fmt.Errorf("make pipeline: %w", takeError(failed))
	}
	for _, t := range tails {
		caps, freeCaps := cString(t.Caps)
		words, freeWords := cString(t.Words)
		C.ls_pipe_tail(c, caps, words)
		freeWords()
		freeCaps()
	}
	c.most = C.int(ahead)
	return &Pipeline{c: c}, nil
}

// Set sets a property of the element of that name. A text goes in as it is, other types as gst-launch reads them.
func (p *Pipeline) Set(element, property, value string) error {
	e, freeE := cString(element)
	defer freeE()
	k, freeK := cString(property)
	defer freeK()
	v, freeV := cString(value)
	defer freeV()
	if wrong := C.ls_pipe_set(p.c, e, k, v); wrong != nil {
		defer C.g_free(C.gpointer(unsafe.Pointer(wrong)))
		return fmt.Errorf("set %s of element %s: %s", property, element, C.GoString(wrong))
	}
	return nil
}

// SetSecret is Set of a text that errors of the pipeline must not repeat.
func (p *Pipeline) SetSecret(element, property, value string) error {
	if len(value) >= 4 { // less would blot out half of any text
		p.secrets = append(p.secrets, value)
	}
	return p.Set(element, property, value)
}

// Offers opens the device of src and tells whether it gives such caps. It may block.
func (p *Pipeline) Offers(caps string) (bool, error) {
	text, free := cString(caps)
	defer free()
	switch C.ls_pipe_offers(p.c, text) {
	case 1:
		return true, nil
	case 0:
		return false, nil
	}
	return false, p.failure()
}

// Accept has src, which speaks TLS, accept exactly the certificate with that fingerprint: sha256: and hexadecimal digits. It is called
// before Start.
func (p *Pipeline) Accept(fingerprint string) {
	text, free := cString(strings.TrimPrefix(fingerprint, "sha256:"))
	defer free()
	C.ls_pipe_accept(p.c, text)
}

// Start lets the pictures flow. What goes wrong is told by Pull. It may block.
func (p *Pipeline) Start() { C.ls_pipe_start(p.c) }

// Pull waits up to limit for the next picture; 0: it does not wait. Those that came before an end or an error are given
// first. Errors: ErrTimeout, ErrWoken, ErrEnd, ErrNoVideo, *Unknown, *Missing, *Error.
func (p *Pipeline) Pull(limit time.Duration) (*Unit, error) {
	var sample *C.GstSample
	var age C.gint64
	switch C.ls_pipe_wait(p.c, C.gint64(max(limit, 0).Microseconds()), &sample, &age) {
	case C.LS_SAMPLE:
		return newUnit(sample, time.Now().Add(-time.Duration(age)*time.Microsecond)), nil
	case C.LS_END:
		return nil, ErrEnd
	case C.LS_ERROR, C.LS_NO_VIDEO:
		return nil, p.failure()
	case C.LS_WOKEN:
		return nil, ErrWoken
	}
	return nil, ErrTimeout
}

// failure says why there are no pictures.
func (p *Pipeline) failure() error {
	if kind := C.ls_pipe_unknown(p.c); kind != nil {
		defer C.g_free(C.gpointer(unsafe.Pointer(kind)))
		return &Unknown{Kind: C.GoString(kind)}
	}
	failed := C.ls_pipe_error(p.c)
	if failed == nil {
		return ErrNoVideo
	}
	err := takeError(failed)
	var e *Error
	if errors.As(err, &e) {
		for _, s := range p.secrets {
			e.Message = strings.ReplaceAll(e.Message, s, "***")
		}
	}
	return err
}

// Wake makes a Pull that waits, or the next one that would, return ErrWoken.
func (p *Pipeline) Wake() { C.ls_pipe_wake(p.c) }

// Close stops the pipeline and frees it. Units that were pulled stay. It may block.
func (p *Pipeline) Close() { C.ls_pipe_free(p.c) }

// Duration is how long the stream is as a whole; 0 where that cannot be known, as of a live one.
func (p *Pipeline) Duration() time.Duration {
	var d C.gint64
	if C.gst_element_query_duration(p.c.pipeline, C.GST_FORMAT_TIME, &d) == 0 {
		return 0
	}
	return max(0, time.Duration(d))
}
