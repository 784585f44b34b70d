// Package video captures native video through GStreamer: RTSP, RTMP, HTTP video, looped files and this machine's cameras;
// while nobody watches it decodes nothing, and the first who does sees a picture at once.
package video
