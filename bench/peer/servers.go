package peer

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"linkstart/bench/proc"
	"linkstart/bench/view"
)

// startMotion makes motion take one camera. It decodes and encodes whatever comes.
func startMotion(path string) Start {
	return func(ctx context.Context, host string, cameras ...string) (*Running, error) {
		port, err := ports(host, 1)
		if err != nil {
			return nil, err
		}
		conf := fmt.Sprintf(`daemon off
setup_mode off
log_level 4
netcam_url %s
width 1920
height 1080
framerate 30
picture_output off
movie_output off
webcontrol_port 0
stream_port %d
stream_localhost %s
stream_maxrate 100
stream_quality 80
target_dir .
`, cameras[0], port[0], map[bool]string{true: "on", false: "off"}[host == Loopback])
		address := fmt.Sprintf("%s:%d", host, port[0])
		r, err := serve(ctx, path, "motion.conf", conf, func(file string) []string { return []string{"-n", "-c", file} }, address)
		if err != nil {
			return nil, err
		}
		r.serves(address, func(int) string { return "/" })
		if err := showing(ctx, r); err != nil {
			r.Stop()
			return nil, err
		}
		return r, nil
	}
}

// showing waits until a peer has pictures of its camera, when viewers are sent away before.
func showing(ctx context.Context, r *Running) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		v, err := r.Open(ctx, 0, 0)
		if err == nil {
			stop := context.AfterFunc(ctx, func() { _ = v.Close() })
			_, err = v.Picture()
			stop()
			_ = v.Close()
		}
		if err == nil {
			return nil
		}
		select {
		case <-r.process.Ended():
			return r.process.Err()
		case <-ctx.Done():
			return fmt.Errorf("wait for its first picture: %w: %s", err, r.process.Complaints())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// startGo2rtc makes go2rtc take the cameras; JPEG out of H.264 it makes with ffmpeg.
func startGo2rtc(path string, video bool) Start {
	return func(ctx context.Context, host string, cameras ...string) (*Running, error) {
		port, err := ports(host, 2)
		if err != nil {
			return nil, err
		}
		var conf strings.Builder
		fmt.Fprintf(&conf, "api: {listen: \"%s:%d\"}\nrtsp: {listen: \"%s:%d\"}\nwebrtc: {listen: \"\"}\nlog: {level: warn}\nstreams:\n", host, port[0], host, port[1])
		for i, url := range cameras {
			if video {
				url = "ffmpeg:" + url + "#video=mjpeg"
			}
			fmt.Fprintf(&conf, "  camera%d: %q\n", i, url)
		}
		address := fmt.Sprintf("%s:%d", host, port[0])
		r, err := serve(ctx, path, "go2rtc.yaml", conf.String(), func(file string) []string { return []string{"-config", file} }, address)
		if err != nil {
			return nil, err
		}
		r.serves(address, func(camera int) string { return fmt.Sprintf("/api/stream.mjpeg?src=camera%d", camera) })
		r.OpenWS = func(ctx context.Context, camera, keep int) (view.Viewer, error) {
			w, err := view.Open(ctx, address, fmt.Sprintf("/api/ws?src=camera%d", camera), view.Options{Keep: keep, Bare: true})
			if err != nil {
				return nil, err
			}
			return w, w.Send(map[string]string{"type": "mjpeg"})
		}
		return r, nil
	}
}

// startMediaMTX makes MediaMTX pass a camera on over RTSP. It makes no JPEG: GStreamer's pipeline behind it does.
func startMediaMTX(path, gst string) Start {
	return func(ctx context.Context, host string, cameras ...string) (*Running, error) {
		port, err := ports(host, 1)
		if err != nil {
			return nil, err
		}
		address := fmt.Sprintf("%s:%d", host, port[0])
		conf := fmt.Sprintf("logLevel: warn\nrtspAddress: %s\nrtmp: no\nhls: no\nwebrtc: no\nsrt: no\npaths:\n  camera0: {source: %q}\n", address, cameras[0])
		r, err := serve(ctx, path, "mediamtx.yml", conf, func(file string) []string { return []string{file} }, address)
		if err != nil {
			return nil, err
		}
		r.Open = func(_ context.Context, _, keep int) (view.Viewer, error) {
			process, output, err := proc.Piped(exec.Command(gst, gstRTSP("rtsp://"+address+"/camera0")...))
			if err != nil {
				return nil, err
			}
			return &behind{view.Parts(output, keep), process}, nil
		}
		if err := showing(ctx, r); err != nil { // it refuses readers until it has the camera
			r.Stop()
			return nil, err
		}
		return r, nil
	}
}

// behind is a viewer with a program before it.
type behind struct {
	*view.Multipart
	process *proc.Process
}

func (b *behind) Close() error {
	b.process.Stop()
	return b.Multipart.Close()
}
