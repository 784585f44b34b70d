package gst

/*
#include "pipeline.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// NewPushed makes a pipeline of units that Push brings, whole ones of such caps, which words of gst-launch make into what Pull gives. It is
// to be started.
func NewPushed(caps, words string, ahead int) (*Pipeline, error) {
	p, err := New("appsrc name=src format=time is-live=true", []Tail{{Caps: caps, Words: words}}, ahead)
	if err != nil {
		return nil, err
	}
	if err := p.Set("src", "caps", caps); err != nil {
		p.Close()
		return nil, fmt.Errorf("make pipeline: %w", err)
	}
	return p, nil
}

// Push takes a copy of a unit. It never waits: where ahead units wait for Pull already, those and this one are thrown away, as they are
// old, and it reports false. What comes then can be decoded from the next keyframe on. One goroutine at a time may call it and End, beside the
// one that pulls.
func (p *Pipeline) Push(unit []byte) bool {
	return len(unit) > 0 && C.ls_pipe_push(p.c, unsafe.Pointer(&unit[0]), C.gsize(len(unit))) != 0
}

// End has Pull say ErrEnd once it has given what was pushed before.
func (p *Pipeline) End() { C.ls_pipe_end(p.c) }
