//go:build opencv

package main

import (
	"log/slog"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/opencv"
)

func newOpenCV(spec camera.Spec, log *slog.Logger) (camera.Source, error) {
	return opencv.New(spec, log)
}
