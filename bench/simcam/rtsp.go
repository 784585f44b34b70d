package simcam

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
)

//go:embed rtsp.py
var script string

// python is Debian's own, the one that finds Debian's python3-gi.
const python = "/usr/bin/python3"

// RTSPConfig says what a simulator of H.264 cameras serves.
type RTSPConfig struct {
	Clip    string `json:"clip"`    // a file as clip.H264 makes it
	FPS     int    `json:"fps"`     // pictures per second
	Cameras int    `json:"cameras"` // each at a different place of the clip
	Port    int    `json:"port"`    // any free one where 0
}

// StartRTSP runs GStreamer's RTSP server until Stop. Sent knows the moment at which each picture was handed to it.
func StartRTSP(ctx context.Context, conf RTSPConfig) (*Camera, error) {
	c := &Camera{conf: &conf, sends: make(map[int][]send)}
	c.setPort = func(port int) { conf.Port = port }
	c.address = func(port, camera int) string { return fmt.Sprintf("rtsp://127.0.0.1:%d/camera%d", port, camera) }
	c.build = func() (*exec.Cmd, error) {
		cmd := exec.Command(python, "-c", script)
		cmd.Env = append(os.Environ(), "GST_DEBUG=0", "PYTHONDONTWRITEBYTECODE=1")
		return cmd, nil
	}
	return c, c.start(ctx)
}
