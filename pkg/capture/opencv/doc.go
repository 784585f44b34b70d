// Package opencv captures whatever cv::VideoCapture opens: webcams, GStreamer pipelines, image sequences, video files.
//
// It needs OpenCV 4.6 (Debian's libopencv-dev) and the build tag opencv; without the tag it is empty.
//
// One process serves one camera: FFmpeg's options are environment variables of the process (see Source.Stream), and a
// call into OpenCV that never returns (see package guard) is ended by ending the process.
package opencv
