// Package gst runs GStreamer for programs that want compressed pictures out of a pipeline, and decoded ones out of a
// decoder, on a goroutine of their own and within time limits that fire.
//
// Calls that may block (Start, Close, Pipeline.Offers) are to be guarded by whoever makes them: see package guard.
package gst

/*
#cgo pkg-config: gstreamer-1.0 gstreamer-app-1.0 gstreamer-video-1.0 gio-2.0
#cgo CFLAGS: -O2 -Wall
#include <gst/gst.h>
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"
)

// Expected conditions.
var (
	ErrEnd     = errors.New("end of the stream")
	ErrTimeout = errors.New("nothing came in time")
	ErrWoken   = errors.New("woken")
	ErrNoVideo = errors.New("no video in it")
)

// Unknown is video of a kind that no Tail of the pipeline takes.
type Unknown struct{ Kind string }

func (e *Unknown) Error() string { return "unknown kind of video: " + e.Kind }

// Missing says that an element is not installed. Name is what gst-inspect-1.0 calls it.
type Missing struct{ Name string }

func (e *Missing) Error() string { return "GStreamer has no element " + e.Name }

// Error is what an element says on its bus, without the part that repeats addresses.
type Error struct {
	Domain  string // such as gst-resource-error-quark
	Code    int    // of the domain
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%s %d)", e.Message, e.Domain, e.Code) }

// start happens once for a process: GStreamer cannot be started twice, nor stopped.
var start = sync.OnceValue(func() error {
	C.gst_segtrap_set_enabled(0) // a crash is Go's to tell
	var failed *C.GError
	if C.gst_init_check(nil, nil, &failed) == 0 {
		return fmt.Errorf("start GStreamer: %w", takeError(failed))
	}
	C.gst_debug_set_active(0) // its log repeats addresses
	return nil
})

// Init starts GStreamer unless that has happened. The list of its plugins, which takes half a second to make, is kept in
// cacheDir; where that is empty or cannot be written, in GStreamer's own place, or made again each time.
func Init(cacheDir string) error {
	// What a desktop has set for its user, a proxy say, is for no camera, and looking for it wants files and services of the desktop.
	for name, value := range map[string]string{"GSETTINGS_BACKEND": "memory", "GIO_USE_PROXY_RESOLVER": "dummy", "GIO_USE_VFS": "local"} {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	if cacheDir != "" && os.Getenv("GST_REGISTRY") == "" && os.MkdirAll(cacheDir, 0o700) == nil {
		// GStreamer reads it in this process only.
		if err := os.Setenv("GST_REGISTRY", filepath.Join(cacheDir, "gstreamer-registry.bin")); err != nil {
			return fmt.Errorf("name the list of plugins: %w", err)
		}
	}
	return start()
}

// takeError makes a Go error of e and frees e.
func takeError(e *C.GError) error {
	if e == nil {
		return errors.New("it does not say why")
	}
	defer C.g_error_free(e)
	message := C.GoString(e.message)
	if C.gst_parse_error_quark() == e.domain && e.code == C.GST_PARSE_ERROR_NO_SUCH_ELEMENT {
		if _, name, ok := strings.Cut(message, `"`); ok {
			return &Missing{Name: strings.TrimSuffix(name, `"`)}
		}
	}
	return &Error{Domain: C.GoString(C.g_quark_to_string(e.domain)), Code: int(e.code), Message: message}
}

// cString copies s for C; the caller calls free.
func cString(s string) (text *C.char, free func()) {
	text = C.CString(s)
	return text, func() { C.g_free(C.gpointer(unsafe.Pointer(text))) }
}
