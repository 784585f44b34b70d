package hikvision

import (
	"cmp"
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/film"
)

// New makes a source of spec.Source, which is hikvision://USER:PASSWORD@HOST:PORT/CHANNEL, port 8000 and channel 1 where they are left out, with
//
//	?stream=main|sub                which of the channel's streams, H.264 or H.265: main where it is left out
//	?mode=snapshot                  JPEGs that the camera makes, polled spec.FPS times a second
//
// through the library spec.Library. Both are a camera.Watcher. Its errors wrap camera.ErrConfig.
func New(spec camera.Spec, log *slog.Logger) (camera.Source, error) {
	a, err := parse(spec.Source)
	if err != nil {
		return nil, &camera.Error{Say: err.Error(), Err: camera.ErrConfig}
	}
	switch {
	case strconv.IntSize != 64:
		return nil, &camera.Error{Say: "a hikvision:// source works on machines of 64 bits only, as HCNetSDK does", Err: camera.ErrConfig}
	case spec.Library == "":
		return nil, noLibrary()
	}
	t := target{address: a, pin: spec.Pin, library: spec.Library, log: log}
	if a.snapshot {
		return newPoller(t, spec), nil
	}
	o := &origin{target: t}
	return film.New(spec, film.Origin{
		Name: "the camera at " + a.name, Open: o.open, Close: o.close, Explain: o.explain, Silent: o.silent, AskKeyframe: o.askKeyframe,
	}, log), nil
}

// Files are the folders to read where the library is: it loads parts of itself, and others that it needs, when they are called for.
func Files(spec camera.Spec) (read []string) {
	if spec.Library == "" {
		return nil
	}
	read = []string{filepath.Dir(spec.Library)}
	if real, err := filepath.EvalSymlinks(spec.Library); err == nil {
		read = append(read, filepath.Dir(real))
	}
	return read
}

// orTen is a time limit, which is 10 s where none is set.
func orTen(limit time.Duration) time.Duration { return max(cmp.Or(limit, 10*time.Second), 0) }
