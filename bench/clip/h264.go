package clip

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"os/exec"
	"strconv"
	"time"
)

// Video says what H264 makes.
type Video struct {
	Width, Height int // px
	FPS           int // pictures per second
	Count         int // pictures
	GOP           int // pictures from one keyframe to the next
	KBits         int // 1000 bit/s
}

const encodeLimit = 3 * time.Minute

// H264 encodes pictures 0 to Count-1 as cameras do into file: H.264 (Annex B of ITU-T H.264) in which every picture begins
// with an access unit delimiter, no B-frames, one slice a picture, parameter sets before each keyframe.
func H264(ctx context.Context, v Video, file string) error {
	ctx, cancel := context.WithTimeout(ctx, encodeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-loglevel", "error", "-y",
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", fmt.Sprintf("%dx%d", v.Width, v.Height), "-r", strconv.Itoa(v.FPS), "-i", "-",
		"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-g", strconv.Itoa(v.GOP), "-sc_threshold", "0",
		"-b:v", fmt.Sprintf("%dk", v.KBits), "-maxrate", fmt.Sprintf("%dk", v.KBits), "-bufsize", fmt.Sprintf("%dk", v.KBits),
		"-x264-params", "aud=1:sliced-threads=0:threads=1", "-f", "h264", file)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	cmd.WaitDelay = time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start ffmpeg: %w", err)
	}
	s := NewScene(v.Width, v.Height)
	for n := 0; n < v.Count && err == nil; n++ {
		err = writeRaw(in, s.Picture(n))
	}
	_ = in.Close()
	if ended := cmd.Wait(); ended != nil {
		err = ended
	}
	if err != nil {
		return fmt.Errorf("encode clip: %w: %s", err, bytes.TrimSpace(complaints.Bytes()))
	}
	return nil
}

func writeRaw(w io.Writer, img *image.YCbCr) error {
	for _, plane := range [][]byte{img.Y, img.Cb, img.Cr} {
		if _, err := w.Write(plane); err != nil {
			return err
		}
	}
	return nil
}
