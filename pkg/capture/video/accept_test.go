package video_test

import (
	"errors"
	"strings"
	"testing"

	"linkstart/pkg/gst"
	"linkstart/pkg/rtsptest"
)

// Whoever takes the place of a camera after its certificate was looked at has another one: GStreamer is to notice by itself.
func TestOtherCertificateIsNotAccepted(t *testing.T) {
	if err := gst.Init(""); err != nil {
		t.Fatal(err)
	}
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a"})
	address, _ := secured(t, strings.TrimSuffix(strings.TrimPrefix(server.URL("/a"), "rtsp://"), "/a"))
	p, err := gst.New("rtspsrc name=src protocols=tcp location=rtsps://"+address+"/a", []gst.Tail{{Caps: "application/x-rtp,media=video"}}, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Accept("sha256:" + strings.Repeat("0", 64))
	p.Start()
	u, err := p.Pull(patience)
	var said *gst.Error
	if err == nil {
		u.Free()
	}
	if !errors.As(err, &said) {
		t.Errorf("got %v, want an error of GStreamer's", err)
	}
}
