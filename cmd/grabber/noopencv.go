//go:build !opencv

package main

import (
	"log/slog"

	"linkstart/pkg/camera"
)

func newOpenCV(camera.Spec, *slog.Logger) (camera.Source, error) {
	return nil, &camera.Error{
		Say: "an opencv: source needs bin/grabber-opencv: run `make opencv`, then `bin/supervisor reload`", Err: camera.ErrConfig,
	}
}
