// Package v4l2 tells what a video device of this machine can do: which formats of pictures it gives, in which sizes, how fast.
package v4l2

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"linkstart/pkg/camera"
)

// Device is a camera at this machine.
type Device struct {
	Path    string   `json:"path"`
	Name    string   `json:"name"`
	Driver  string   `json:"driver"`
	Formats []Format `json:"formats"`
}

// Format is one way in which it gives pictures.
type Format struct {
	Code  string `json:"code"` // four characters, such as MJPG
	Name  string `json:"name"`
	Sizes []Size `json:"sizes"`
}

// JPEG tells whether its pictures are JPEGs, which are passed on as they are.
func (f Format) JPEG() bool { return f.Code == "MJPG" || f.Code == "JPEG" }

// Size is one size, or all between two.
type Size struct {
	Width     int       `json:"width"`  // px; the largest of all
	Height    int       `json:"height"` // px
	MinWidth  int       `json:"min_width,omitempty"`
	MinHeight int       `json:"min_height,omitempty"`
	Rates     []float64 `json:"rates"` // pictures per second, the fastest first; of a range its two ends
}

// Fits tells whether pictures of that size can be had.
func (s Size) Fits(width, height int) bool {
	if s.MinWidth > 0 {
		return width >= s.MinWidth && width <= s.Width && height >= s.MinHeight && height <= s.Height
	}
	return width == s.Width && height == s.Height
}

// most bounds each list: a driver that never ends one is not asked for ever.
const most = 64

// caller makes one ioctl, in whose bytes question and answer stand.
type caller func(request uint, data []byte) error

// Look asks the device at path. Its errors are for users: *camera.Error.
func Look(path string) (Device, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return Device{}, Explain(path, err)
	}
	defer f.Close()
	d, err := look(func(request uint, data []byte) error { return ioctl(f, request, data) })
	if err != nil {
		return Device{}, Explain(path, err)
	}
	d.Path = path
	return d, nil
}

var errNoCapture = errors.New("it captures no video")

// Explain puts into words why a device cannot be used.
func Explain(path string, err error) error {
	say := fmt.Sprintf("the video device %s cannot be used", path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		say = "there is no video device " + path + ": is the camera plugged in?"
	case errors.Is(err, fs.ErrPermission):
		say = fmt.Sprintf("the video device %s may not be used by this user: add the user to the group video", path)
	case errors.Is(err, unix.EBUSY):
		say = fmt.Sprintf("the video device %s is in use by another program", path)
	case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EISDIR):
		say = path + " is no video device"
	case errors.Is(err, errNoCapture):
		say = fmt.Sprintf("the video device %s gives no pictures: a camera has several devices, try the number before it", path)
	}
	return &camera.Error{Say: say, Err: err}
}

func look(call caller) (Device, error) {
	capability := make([]byte, capabilitySize)
	if err := call(queryCap, capability); err != nil {
		return Device{}, fmt.Errorf("query capabilities: %w", err)
	}
	d, captures := decodeCapability(capability)
	if !captures {
		return Device{}, errNoCapture
	}
	for i := range uint32(most) {
		data := askFormat(i)
		if call(enumFormats, data) != nil { // EINVAL is the end
			break
		}
		code, name := decodeFormat(data)
		f := Format{Code: fourCC(code), Name: name}
		for j := range uint32(most) {
			data := askSize(j, code)
			if call(enumSizes, data) != nil {
				break
			}
			s, single := decodeSize(data)
			s.Rates = rates(call, code, s)
			f.Sizes = append(f.Sizes, s)
			if !single {
				break // one entry tells the range
			}
		}
		slices.SortStableFunc(f.Sizes, func(a, b Size) int { return b.Width*b.Height - a.Width*a.Height })
		d.Formats = append(d.Formats, f)
	}
	return d, nil
}

func rates(call caller, code uint32, s Size) []float64 {
	var all []float64
	for i := range uint32(most) {
		data := askRate(i, code, s.Width, s.Height)
		if call(enumRates, data) != nil {
			break
		}
		more, single := decodeRates(data)
		all = append(all, more...)
		if !single {
			break
		}
	}
	slices.SortFunc(all, func(a, b float64) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	return all
}

// Sizes names those in which the device gives pictures, the largest first, JPEGs before others, each once.
func (d Device) Sizes() string {
	var words []string
	for _, jpegs := range []bool{true, false} {
		for _, f := range d.Formats {
			for _, s := range f.Sizes {
				word := fmt.Sprintf("%dx%d", s.Width, s.Height)
				if s.MinWidth > 0 {
					word = fmt.Sprintf("%dx%d to %s", s.MinWidth, s.MinHeight, word)
				}
				if f.JPEG() == jpegs && !slices.Contains(words, word) && len(words) < 12 {
					words = append(words, word)
				}
			}
		}
	}
	return strings.Join(words, ", ")
}
