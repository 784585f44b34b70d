package testpattern

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"linkstart/pkg/camera"
)

const (
	minSide = 16   // px
	maxSide = 8192 // px
	maxFPS  = 120
)

type options struct {
	scene         string
	width, height int // px
	fps           float64
	quality       int // JPEG quality 1 to 100
}

func bad(format string, args ...any) error {
	return &camera.Error{Say: fmt.Sprintf(format, args...), Err: camera.ErrConfig}
}

func parse(spec camera.Spec) (options, error) {
	opt := options{width: 1280, height: 720, fps: spec.FPS, quality: spec.Quality}
	if opt.fps == 0 {
		opt.fps = 25
	}
	if opt.quality == 0 {
		opt.quality = 80
	}
	name, query, _ := strings.Cut(strings.TrimPrefix(spec.Source, "test:"), "?")
	if _, ok := scenes[name]; !ok {
		return opt, bad("There is no test picture %q: choose test:clock, test:bars, test:ball, test:noise or test:still", name)
	}
	opt.scene = name
	if err := opt.query(query); err != nil {
		return opt, err
	}
	if !(opt.fps > 0 && opt.fps <= maxFPS) {
		return opt, bad("A test picture cannot run at %v frames per second: fps is more than 0 and at most %d", opt.fps, maxFPS)
	}
	if opt.quality < 1 || opt.quality > 100 {
		return opt, bad("JPEG quality %d is out of range: it is 1 to 100", opt.quality)
	}
	opt.width, opt.height = fit(opt.width, opt.height, spec.Width)
	if spec.MaxPixels > 0 && opt.width*opt.height > spec.MaxPixels {
		return opt, bad("A test picture of %dx%d has more than the %d pixels allowed: choose a smaller size", opt.width, opt.height, spec.MaxPixels)
	}
	return opt, nil
}

func (o *options) query(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return bad("The options %q of the test picture cannot be read: write them like ?size=1280x720&fps=25", query)
	}
	for key, all := range values {
		if !slices.Contains([]string{"size", "fps"}, key) {
			return bad("A test picture has no option %q: it takes size and fps, like ?size=1280x720&fps=25", key)
		}
		if len(all) > 1 {
			return bad("The option %s of the test picture is given %d times: give it once", key, len(all))
		}
	}
	if text := values.Get("size"); values.Has("size") {
		if o.width, o.height, err = parseSize(text); err != nil {
			return err
		}
	}
	if text := values.Get("fps"); values.Has("fps") {
		if o.fps, err = strconv.ParseFloat(text, 64); err != nil {
			return bad("fps=%s of the test picture is not a number: write it like fps=25", text)
		}
	}
	return nil
}

func parseSize(text string) (w, h int, err error) {
	ws, hs, _ := strings.Cut(text, "x")
	w, errW := strconv.Atoi(ws)
	h, errH := strconv.Atoi(hs)
	if errW != nil || errH != nil {
		return 0, 0, bad("size=%s of the test picture is not a size: write it like size=1280x720", text)
	}
	for _, side := range []int{w, h} {
		if side < minSide || side > maxSide || side%2 != 0 {
			return 0, 0, bad("A test picture cannot be %s: width and height are even numbers from %d to %d", text, minSide, maxSide)
		}
	}
	return w, h, nil
}
