package film

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
	"parsebin": "base", "appsink": "base", "appsrc": "base",
}

// failed puts the end of a stream into words.
func (p *player) failed(ctx context.Context, err error) error {
	var said *camera.Error
	var missing *gst.Missing
	switch {
	case errors.Is(err, camera.ErrStuck):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &said):
		return err
	case errors.As(err, &missing):
		return &camera.Error{Say: "GStreamer lacks its element " + missing.Name + install(packages[missing.Name]), Err: err}
	}
	return cmp.Or(ctx.Err(), p.origin.Explain(ctx, p.pictures > 0, err))
}

func install(set string) string {
	if set == "" {
		return ""
	}
	return ": install gstreamer1.0-plugins-" + set
}

// late says what did not come in time.
func (p *player) late(ctx context.Context) error {
	name := p.origin.Name
	recently := p.units > 0 && time.Since(p.unitAt) < p.reading/2
	switch {
	case p.pictures > 0 && recently:
		return &camera.Error{Say: fmt.Sprintf("%s sends video, but for %v nothing that can be decoded", name, p.reading), Err: guard.ErrLimit}
	case p.pictures > 0:
		return &camera.Error{Say: fmt.Sprintf("%s has sent no picture for %v", name, p.reading), Err: guard.ErrLimit}
	case p.units > 0:
		return &camera.Error{
			Say: fmt.Sprintf("%s sends video, but no keyframe within %v: set a shorter keyframe (I frame) interval in the camera", name, p.opening),
			Err: guard.ErrLimit,
		}
	}
	if err := p.origin.Silent(ctx); err != nil {
		return err
	}
	return &camera.Error{Say: fmt.Sprintf("%s could not be opened within %v: it sends no picture", name, p.opening), Err: guard.ErrLimit}
}

// noDecoder says what to install.
func (p *player) noDecoder(err error) error {
	return &camera.Error{Say: fmt.Sprintf("no decoder is there for the video of %s: install gstreamer1.0-libav", p.origin.Name), Err: err}
}
