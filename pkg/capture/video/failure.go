package video

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/gst"
	"linkstart/pkg/guard"
)

// packages tells which of Debian's packages brings an element.
var packages = map[string]string{
	"rtspsrc": "good", "rtph264depay": "good", "rtph265depay": "good", "rtpmp4vdepay": "good", "rtpjpegdepay": "good",
	"souphttpsrc": "good", "flvdemux": "good", "v4l2src": "good",
	"h264parse": "bad", "h265parse": "bad", "rtmp2src": "bad",
	"parsebin": "base", "appsink": "base",
}

// failed turns the end of an opening into words.
func (p *player) failed(ctx context.Context, err error) error {
	t := p.target
	var said *camera.Error
	var missing *gst.Missing
	var unknown *gst.Unknown
	switch {
	case errors.Is(err, camera.ErrStuck):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &said):
		return err
	case errors.Is(err, guard.ErrLimit):
		return &camera.Error{Say: fmt.Sprintf("%s could not be opened within %v", t.name, p.opening), Err: err}
	case errors.As(err, &missing):
		return &camera.Error{Say: "GStreamer lacks its element " + missing.Name + install(packages[missing.Name]), Err: err}
	case p.pictures == 0 && errors.As(err, &unknown):
		return &camera.Error{Say: fmt.Sprintf("%s sends video of the kind %s, which is not supported: set the camera to H.264, H.265, MPEG-4 or M-JPEG", t.name, unknown.Kind), Err: err}
	case p.pictures > 0 && (t.kind == file || t.kind == device):
		return &camera.Error{Say: t.name + " cannot be read any further", Err: err}
	case p.pictures > 0:
		return &camera.Error{Say: t.name + " has ended the stream", Err: err}
	}
	return cmp.Or(ctx.Err(), t.explain(ctx, err))
}

// hung says that a pipeline cannot be closed. Some answers, such as a header that never ends, GStreamer reads for ever.
func (p *player) hung(err error) error {
	return &camera.Error{
		Say: fmt.Sprintf("the video library hangs in what %s has sent, so the camera's process is started again", p.target.name),
		Err: fmt.Errorf("close pipeline: %w", err),
	}
}

func install(set string) string {
	if set == "" {
		return ""
	}
	return ": install gstreamer1.0-plugins-" + set
}

// noDecoder says what to install.
func (p *player) noDecoder(err error) error {
	return &camera.Error{Say: fmt.Sprintf("no decoder is there for the video of %s: install gstreamer1.0-libav", p.target.name), Err: err}
}

// late says what did not come in time.
func (p *player) late(ctx context.Context) error {
	t := p.target
	recently := p.units > 0 && time.Since(p.unitAt) < p.reading/2
	switch {
	case p.pictures > 0 && recently:
		return &camera.Error{Say: fmt.Sprintf("%s sends video, but for %v nothing that can be decoded", t.name, p.reading), Err: guard.ErrLimit}
	case p.pictures > 0:
		return &camera.Error{Say: fmt.Sprintf("%s has sent no picture for %v", t.name, p.reading), Err: guard.ErrLimit}
	case p.units > 0:
		return &camera.Error{
			Say: fmt.Sprintf("%s sends video, but no keyframe within %v: set a shorter keyframe (I frame) interval in the camera", t.name, p.opening),
			Err: guard.ErrLimit,
		}
	}
	if t.url != nil {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		conn, err := dial(ctx, t)
		if err != nil {
			return unreachable(t, err)
		}
		_ = conn.Close()
	}
	return &camera.Error{Say: fmt.Sprintf("%s could not be opened within %v: it sends no picture", t.name, p.opening), Err: guard.ErrLimit}
}
