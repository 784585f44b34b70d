package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"linkstart/pkg/v4l2"
)

func formatsCommand() *cli.Command {
	return &cli.Command{
		Name: "formats", Usage: "show what a camera at this machine can give, or all of them: formats, sizes, pictures per second", ArgsUsage: "[v4l2:/dev/video0]",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "as JSON"}},
		Action: func(_ context.Context, c *cli.Command) error {
			devices, err := look(c.Args().Slice())
			if err != nil {
				return err
			}
			if c.Bool("json") {
				out := json.NewEncoder(c.Root().Writer)
				out.SetIndent("", "  ")
				return out.Encode(devices)
			}
			for _, d := range devices {
				printFormats(c.Root().Writer, d)
			}
			return nil
		},
	}
}

// look asks the devices that are named, as in a source or by path or number, or all that give pictures.
func look(names []string) ([]v4l2.Device, error) {
	if len(names) > 0 {
		var devices []v4l2.Device
		for _, name := range names {
			name, _, _ = strings.Cut(strings.TrimPrefix(name, "v4l2:"), "?")
			if name != "" && strings.Trim(name, "0123456789") == "" {
				name = "/dev/video" + name
			}
			d, err := v4l2.Look(name)
			if err != nil {
				return nil, err
			}
			devices = append(devices, d)
		}
		return devices, nil
	}
	paths, err := filepath.Glob("/dev/video*")
	if err != nil {
		return nil, fmt.Errorf("list video devices: %w", err)
	}
	devices, failed := []v4l2.Device{}, errors.New("there is no video device at this machine: is the camera plugged in?")
	for _, path := range paths {
		d, err := v4l2.Look(path)
		if err != nil {
			failed = err
			continue
		}
		devices = append(devices, d)
	}
	if len(devices) == 0 {
		return nil, failed
	}
	return devices, nil
}

func printFormats(out io.Writer, d v4l2.Device) {
	fmt.Fprintf(out, "%s  %s (%s)\n", d.Path, d.Name, d.Driver)
	for _, f := range d.Formats {
		note := ""
		if f.JPEG() {
			note = ", passed on as it is"
		}
		fmt.Fprintf(out, "  %s  %s%s\n", f.Code, f.Name, note)
		for _, s := range f.Sizes {
			size, between := fmt.Sprintf("%dx%d", s.Width, s.Height), ", "
			if s.MinWidth > 0 {
				size, between = fmt.Sprintf("%dx%d to %s", s.MinWidth, s.MinHeight, size), " to "
			}
			rates := make([]string, len(s.Rates))
			for i, r := range s.Rates {
				rates[i] = fmt.Sprintf("%.4g", r)
			}
			fmt.Fprintf(out, "    %-12s %s fps\n", size, strings.Join(rates, between))
		}
	}
	for _, jpegs := range []bool{true, false} {
		for _, f := range d.Formats {
			if f.JPEG() == jpegs && len(f.Sizes) > 0 && len(f.Sizes[0].Rates) > 0 {
				s := f.Sizes[0]
				fmt.Fprintf(out, "  source: v4l2:%s?size=%dx%d&fps=%.4g\n", d.Path, s.Width, s.Height, s.Rates[0])
				return
			}
		}
	}
}
