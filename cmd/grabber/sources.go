package main

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/capture/execcam"
	"linkstart/pkg/capture/httpcam"
	"linkstart/pkg/capture/onvif"
	"linkstart/pkg/capture/pushcam"
	"linkstart/pkg/capture/testpattern"
	"linkstart/pkg/capture/video"
	"linkstart/pkg/child"
	"linkstart/sdk/hikvision"
)

type constructor func(camera.Spec, *slog.Logger) (camera.Source, error)

// newSource makes the adapter that serves the camera. OpenCV is only in the program that is built with it, see opencv.go.
func newSource(doc child.Grabber, nc *nats.Conn, s bus.Subjects, log *slog.Logger) (camera.Source, error) {
	adapters := map[string]constructor{
		"test":   testpattern.New,
		"http":   httpcam.New,
		"exec":   execcam.New,
		"push":   func(spec camera.Spec, _ *slog.Logger) (camera.Source, error) { return pushcam.New(spec, nc, s), nil },
		"video":  video.New,
		"onvif":  func(spec camera.Spec, log *slog.Logger) (camera.Source, error) { return onvif.New(spec, play, log) },
		"opencv": newOpenCV,

		"hikvision": hikvision.New,
	}
	make, ok := adapters[doc.Kind]
	if !ok {
		return nil, &camera.Error{Say: fmt.Sprintf("this grabber knows no source of kind %q", doc.Kind), Err: camera.ErrConfig}
	}
	return make(doc.Camera, log)
}

// newSubstream makes the source of the camera's small pictures, nil where it has none. An ONVIF camera that names none is asked for it.
func newSubstream(doc child.Grabber, main camera.Source, nc *nats.Conn, s bus.Subjects, log *slog.Logger) (camera.Source, error) {
	log = log.With("stream", "substream")
	if doc.Substream == nil {
		if found, ok := main.(*onvif.Source); ok && found.Smaller() != nil {
			return found.Smaller(), nil
		}
		return nil, nil
	}
	doc.Kind, doc.Camera.Source = doc.Substream.Kind, doc.Substream.Source
	if doc.Kind == "onvif" {
		return onvif.NewSubstream(doc.Camera, play, log)
	}
	return newSource(doc, nc, s, log)
}

// play makes the source of a stream that an ONVIF camera has named.
func play(spec camera.Spec, log *slog.Logger) (camera.Source, error) {
	if strings.HasPrefix(spec.Source, "http:") {
		return httpcam.New(spec, log)
	}
	return video.New(spec, log)
}
