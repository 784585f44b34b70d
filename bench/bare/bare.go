// Package bare measures how little H.264 to JPEG can cost: a C program that does nothing else.
package bare

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed c/bare.c
var source string

const limit = 2 * time.Minute

// Cost is what a picture costs, means over Pictures.
type Cost struct {
	Pictures       int
	Decode, Encode float64 // µs of processor time
	Bytes          float64 // of a JPEG
}

// Measure runs the program over the clip for so long: rate pictures a second, as a camera sends them, or as many as it can
// for 0. It compiles it in dir with the system's C compiler before.
func Measure(ctx context.Context, dir, clip string, quality int, length time.Duration, rate int) (Cost, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	program, code := filepath.Join(dir, "bare"), filepath.Join(dir, "bare.c")
	if err := os.WriteFile(code, []byte(source), 0o600); err != nil {
		return Cost{}, err
	}
	flags, err := exec.CommandContext(ctx, "pkg-config", "--cflags", "--libs", "libavformat", "libavcodec", "libavutil", "libturbojpeg").Output()
	if err != nil {
		return Cost{}, fmt.Errorf("find libavformat, libavcodec and libturbojpeg: %w", err)
	}
	build := exec.CommandContext(ctx, "cc", append([]string{"-O2", "-Wall", "-o", program, code}, strings.Fields(string(flags))...)...)
	if out, err := build.CombinedOutput(); err != nil {
		return Cost{}, fmt.Errorf("compile bare.c: %w: %s", err, out)
	}
	out, err := exec.CommandContext(ctx, program, clip, fmt.Sprint(quality), fmt.Sprint(length.Seconds()), fmt.Sprint(rate)).Output()
	if err != nil {
		return Cost{}, fmt.Errorf("run bare: %w", err)
	}
	var c Cost
	if _, err := fmt.Sscan(string(out), &c.Pictures, &c.Decode, &c.Encode, &c.Bytes); err != nil {
		return Cost{}, fmt.Errorf("read what bare prints: %w", err)
	}
	return c, nil
}
