package peer

import (
	"fmt"
	"strings"
)

// gstRTSP is the shortest pipeline there is, without waiting for jitter and with one decoder thread.
func gstRTSP(url string) []string {
	return strings.Fields("-q rtspsrc location=" + url + " latency=0 protocols=tcp ! rtph264depay ! " +
		"video/x-h264,stream-format=byte-stream,alignment=au ! h264parse ! avdec_h264 max-threads=1 ! " +
		"jpegenc quality=80 idct-method=ifast ! multipartmux boundary=frame ! fdsink fd=1 sync=false")
}

// GstFile decodes a file and encodes its pictures, for their cost.
func GstFile(file string, quality int) []string {
	return strings.Fields(fmt.Sprintf("-q filesrc location=%s ! h264parse ! avdec_h264 max-threads=1 ! "+
		"jpegenc quality=%d idct-method=ifast ! fakesink sync=false", file, quality))
}

// ffmpegRTSP is what go2rtc and others start, with every option for low delay; -q:v 2 is the finest that it takes by itself.
func ffmpegRTSP(url string) []string {
	return strings.Fields("-loglevel error -nostdin -fflags nobuffer -flags low_delay -rtsp_transport tcp -threads 1 -i " + url +
		" -an -c:v mjpeg -threads 1 -q:v 2 -pix_fmt yuvj420p -fps_mode passthrough -flush_packets 1 -f mpjpeg -")
}

// FFmpegFile is GstFile for ffmpeg.
func FFmpegFile(file string) []string {
	return strings.Fields("-loglevel error -nostdin -threads 1 -i " + file + " -an -c:v mjpeg -threads 1 -q:v 2 -pix_fmt yuvj420p -f null -")
}

// ffmpegJPEG passes the JPEGs on as they are.
func ffmpegJPEG(url string) []string {
	return strings.Fields("-loglevel error -nostdin -fflags nobuffer -probesize 200000 -analyzeduration 0 -f mpjpeg -i " + url +
		" -an -c:v copy -flush_packets 1 -f mpjpeg -")
}
