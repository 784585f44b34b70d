// Package peer runs other programs that turn cameras into JPEGs, set up as their own documentation says for low delay.
package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"linkstart/bench/proc"
	"linkstart/bench/view"
)

// Loopback is the usual host.
const Loopback = "127.0.0.1"

const patience = 20 * time.Second

// Peer is a program to compare with.
type Peer struct {
	Name string
	Path string // of the program, "" where it is not installed

	// These make it take the cameras at these addresses, called 0, 1, …, and serve them at a host's address; nil where it has no
	// such function.
	RTSP, JPEG Start
}

// Start runs a peer until Running.Stop. A pipeline knows no host.
type Start func(ctx context.Context, host string, cameras ...string) (*Running, error)

// Running is a peer at work.
type Running struct {
	// Open shows a camera, as its viewers do: multipart. A pipeline has one viewer only.
	Open func(ctx context.Context, camera, keep int) (view.Viewer, error)
	// OpenBehind is Open from elsewhere; nil for a pipeline.
	OpenBehind func(ctx context.Context, dial view.Dial, camera, keep int) (view.Viewer, error)
	// OpenWS does so over a WebSocket; nil where it cannot.
	OpenWS func(ctx context.Context, camera, keep int) (view.Viewer, error)

	process *proc.Process
	dir     string
	output  *os.File
}

// Stop ends it and removes its files.
func (r *Running) Stop() {
	r.process.Stop()
	if r.output != nil {
		_ = r.output.Close()
	}
	if r.dir != "" {
		_ = os.RemoveAll(r.dir)
	}
}

// serves makes Open and OpenBehind ask for multipart.
func (r *Running) serves(address string, path func(camera int) string) {
	r.OpenBehind = func(ctx context.Context, dial view.Dial, camera, keep int) (view.Viewer, error) {
		return view.Get(ctx, address, path(camera), view.Options{Dial: dial, Keep: keep})
	}
	r.Open = func(ctx context.Context, camera, keep int) (view.Viewer, error) {
		return r.OpenBehind(ctx, nil, camera, keep)
	}
}

// Complaints is what it wrote last to standard error.
func (r *Running) Complaints() string { return r.process.Complaints() }

// PIDs are the program's process and those that it has started.
func (r *Running) PIDs() []int {
	return append([]int{r.process.PID()}, proc.Descendants(r.process.PID())...)
}

// All are the peers that are known. Paths of go2rtc and MediaMTX may be given; otherwise all are looked for on PATH.
func All(go2rtc, mediamtx string) []Peer {
	find := func(path, name string) string {
		if path == "" {
			path = name
		}
		found, _ := exec.LookPath(path)
		return found
	}
	gst, ffmpeg, motion := find("", "gst-launch-1.0"), find("", "ffmpeg"), find("", "motion")
	go2rtc, mediamtx = find(go2rtc, "go2rtc"), find(mediamtx, "mediamtx")
	return []Peer{
		{Name: "GStreamer", Path: gst, RTSP: pipeline(gst, gstRTSP)},
		{Name: "ffmpeg", Path: ffmpeg, RTSP: pipeline(ffmpeg, ffmpegRTSP), JPEG: pipeline(ffmpeg, ffmpegJPEG)},
		{Name: "motion", Path: motion, RTSP: startMotion(motion), JPEG: startMotion(motion)},
		{Name: "go2rtc", Path: go2rtc, RTSP: startGo2rtc(go2rtc, true), JPEG: startGo2rtc(go2rtc, false)},
		{Name: "MediaMTX", Path: mediamtx, RTSP: startMediaMTX(mediamtx, gst)},
	}
}

// pipeline is a program that writes the parts to its standard output.
func pipeline(path string, args func(url string) []string) Start {
	return func(_ context.Context, _ string, cameras ...string) (*Running, error) {
		process, output, err := proc.Piped(exec.Command(path, args(cameras[0])...))
		if err != nil {
			return nil, err
		}
		r := &Running{process: process, output: output}
		r.Open = func(_ context.Context, _, keep int) (view.Viewer, error) { return view.Parts(output, keep), nil }
		return r, nil
	}
}

// serve starts a server with a configuration file in a folder of its own, and waits until it takes connections.
func serve(ctx context.Context, path, file, text string, args func(file string) []string, address string) (*Running, error) {
	dir, err := os.MkdirTemp("", "linkstart-bench-peer-")
	if err != nil {
		return nil, err
	}
	r := &Running{dir: dir}
	file = filepath.Join(dir, file)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	cmd := exec.Command(path, args(file)...)
	cmd.Dir = dir
	if r.process, err = proc.Start(cmd); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := reachable(ctx, r.process, address); err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

func reachable(ctx context.Context, p *proc.Process, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.Ended():
			return p.Err()
		case <-ctx.Done():
			return fmt.Errorf("reach %s: %w", address, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// ports returns n of that host that are free.
func ports(host string, n int) ([]int, error) {
	free := make([]int, n)
	for i := range free {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return nil, err
		}
		defer l.Close()
		free[i] = l.Addr().(*net.TCPAddr).Port
	}
	return free, nil
}
