//go:build !opencv

package main

import (
	"log/slog"

	"linkstart/pkg/camera"
)

func newVideo(camera.Spec, *slog.Logger) (camera.Source, error) {
	return nil, &camera.Error{
		Say: "this source needs OpenCV, which this grabber is built without: run `make opencv`", Err: camera.ErrConfig,
	}
}
