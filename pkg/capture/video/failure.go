package video

import (
	"context"
	"errors"
	"fmt"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/gst"
)

// failed turns the end of an opening into words.
func (t target) failed(ctx context.Context, shown bool, err error) error {
	var unknown *gst.Unknown
	switch {
	case !shown && errors.As(err, &unknown):
		return &camera.Error{Say: fmt.Sprintf("%s sends video of the kind %s, which is not supported: set the camera to H.264, H.265, MPEG-4 or M-JPEG", t.name, unknown.Kind), Err: err}
	case shown && (t.kind == file || t.kind == device):
		return &camera.Error{Say: t.name + " cannot be read any further", Err: err}
	case shown:
		return &camera.Error{Say: t.name + " has ended the stream", Err: err}
	}
	return t.explain(ctx, err)
}

// silent looks whether the camera can be connected at all.
func (t target) silent(ctx context.Context) error {
	if t.url == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := dial(ctx, t)
	if err != nil {
		return unreachable(t, err)
	}
	_ = conn.Close()
	return nil
}
