package main

import (
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/capture/execcam"
	"linkstart/pkg/capture/httpcam"
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
		"opencv": newOpenCV,

		"hikvision": hikvision.New,
	}
	make, ok := adapters[doc.Kind]
	if !ok {
		return nil, &camera.Error{Say: fmt.Sprintf("this grabber knows no source of kind %q", doc.Kind), Err: camera.ErrConfig}
	}
	return make(doc.Camera, log)
}
