package video

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/film"
	"linkstart/pkg/gst"
	"linkstart/pkg/guard"
)

// Source is a camera.Watcher. One Stream at a time.
type Source struct {
	*film.Source
	target target
	pinned bool // it stays at one address
}

// New makes a source of spec.Source, which is one of
//
//	rtsp:// rtsps://                live; ?transport=tcp|udp (tcp) and ?latency=MS are taken away: how long a packet that
//	                                is out of order is waited for, by default 0 ms for TCP, 50 ms for UDP
//	rtmp://                         live
//	http:// https://                live, or looped where it is a file
//	file:PATH, PATH                 a video file, looped at its own speed
//	v4l2:NUMBER, v4l2:PATH          a camera at this machine, /dev/videoNUMBER; ?size=1280x720 and ?fps=30 choose among
//	                                what it gives, JPEGs first
//
// Its errors wrap camera.ErrConfig.
func New(spec camera.Spec, log *slog.Logger) (camera.Source, error) {
	t, err := parse(spec.Source, spec.Dir)
	if err != nil {
		return nil, &camera.Error{Say: err.Error(), Err: camera.ErrConfig}
	}
	t.pinned = spec.TLSPin
	if spec.Pin != "" {
		if err := t.pin(spec.Pin); err != nil {
			return nil, &camera.Error{Say: err.Error(), Err: camera.ErrConfig}
		}
	}
	return &Source{film.New(spec, t.origin(), log), t, spec.Pin != ""}, nil
}

// Files returns what of this machine spec.Source names: a folder to read, where its video is a file, or one with devices to use.
// Devices come and go while the camera is plugged in and out, so it is not the device alone.
func Files(spec camera.Spec) (read, use []string) {
	t, err := parse(spec.Source, spec.Dir)
	switch {
	case err != nil:
	case t.kind == file:
		read = []string{filepath.Dir(t.path)}
	case t.kind == device:
		use = []string{filepath.Dir(t.path)}
	}
	return read, use
}

// Stream does what that of film.Source does.
func (s *Source) Stream(ctx context.Context, offer func(camera.Picture)) error {
	if s.pinned {
		if err := s.target.staysThere(ctx); err != nil {
			return err
		}
	}
	return s.Source.Stream(ctx, offer)
}

// origin tells package film where the video comes from.
func (t target) origin() film.Origin {
	return film.Origin{
		Name: t.name, Open: t.open, Close: t.close, Explain: t.failed, Silent: t.silent, Unmarked: t.kind == rtsp,
		Recorded: func(p *gst.Pipeline) bool { return t.kind == file || t.kind == web && p.Duration() > 0 },
	}
}

// open makes and starts the pipeline.
func (t target) open(ctx context.Context, limit time.Duration) (*gst.Pipeline, error) {
	if err := t.reach(); err != nil {
		return nil, err
	}
	var fingerprint string
	var pipe *gst.Pipeline
	var failed error
	if t.url != nil && t.url.Scheme == "rtsps" {
		if fingerprint, failed = t.certificate(ctx); failed != nil {
			return nil, failed
		}
	}
	err := guard.Call(ctx, limit, func() {
		if pipe, failed = t.pipeline(limit); failed == nil {
			if fingerprint != "" {
				pipe.Accept(fingerprint)
			}
			pipe.Start()
		}
	})
	switch {
	case errors.Is(err, guard.ErrStuck):
		return nil, fmt.Errorf("open %s: %w", t.name, err)
	case errors.Is(err, guard.ErrLimit):
		err = &camera.Error{Say: fmt.Sprintf("%s could not be opened within %v", t.name, limit), Err: err}
	}
	if err = cmp.Or(failed, err); err != nil && pipe != nil {
		err = cmp.Or(t.close(pipe), err)
	}
	return pipe, err
}

// close closes a pipeline. Some answers, such as a header that never ends, GStreamer reads for ever.
func (t target) close(pipe *gst.Pipeline) error {
	stuck := guard.Call(context.Background(), guard.Grace, pipe.Close)
	if !errors.Is(stuck, guard.ErrStuck) {
		return nil
	}
	return &camera.Error{
		Say: fmt.Sprintf("the video library hangs in what %s has sent, so the camera's process is started again", t.name),
		Err: fmt.Errorf("close pipeline: %w", stuck),
	}
}
