package tryout_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/pkg/tryout"
)

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		w    tryout.Wanted
		want string
		bare bool
	}{
		{tryout.Wanted{Source: " RTSP://10.0.0.1/a?b=c "}, "rtsp://10.0.0.1/a?b=c", false},
		{tryout.Wanted{Source: "rtsp://10.0.0.1/a", User: "ad@min", Password: "p:/@$ {x}é"}, "rtsp://ad%40min:p%3A%2F%40%24%20%7Bx%7D%C3%A9@10.0.0.1/a", false},
		{tryout.Wanted{Source: "http://u:p@10.0.0.1:81/路"}, "http://u:p@10.0.0.1:81/%E8%B7%AF", false},
		{tryout.Wanted{Source: "rtsps://[fd00::1]:322/"}, "rtsps://[fd00::1]:322/", false},
		{tryout.Wanted{Source: "onvif://10.0.0.1:8000", User: "u", Password: "p@"}, "onvif://u:p%40@10.0.0.1:8000", false},
		{tryout.Wanted{Source: "Test:clock"}, "test:clock", false},
		{tryout.Wanted{Source: "push:"}, "push:", false},
		{tryout.Wanted{Source: "10.0.0.1", User: "u"}, "10.0.0.1", true},
		{tryout.Wanted{Source: "cam.example.org:8554"}, "cam.example.org:8554", true},
		{tryout.Wanted{Source: "[fd00::1]:8554"}, "[fd00::1]:8554", true},
		{tryout.Wanted{Source: "fd00::1"}, "fd00::1", true},
	} {
		got, bare, err := c.w.Complete()
		if err != nil || got != c.want || bare != c.bare {
			t.Errorf("%+v became %q, %v, %v; want %q, %v", c.w, got, bare, err, c.want, c.bare)
		}
	}
}

func TestCompleteRefuses(t *testing.T) {
	for _, w := range []tryout.Wanted{
		{Source: ""}, {Source: "exec:id"}, {Source: "EXEC:id"}, {Source: "opencv:0"}, {Source: "v4l2:0"}, {Source: "file:/etc/passwd"},
		{Source: "file:///etc/passwd"}, {Source: "/etc/passwd"}, {Source: "../x.mp4"}, {Source: "deploy/street.mp4"}, {Source: "ftp://10.0.0.1/"},
		{Source: "rtmp://10.0.0.1/a socks=127.0.0.1:80"}, {Source: "http://10.0.0.1/\nx"}, {Source: "http://"}, {Source: "rtsp:///x"},
		{Source: "http://u:p@10.0.0.1/", User: "u"}, {Source: "http://10.0.0.1:x/"}, {Source: "10.0.0.1/video"},
		{Source: "http://10.0.0.1/" + strings.Repeat("x", 3000)},
	} {
		if got, _, err := w.Complete(); !errors.Is(err, tryout.ErrSource) || camera.Say(err) == "" {
			t.Errorf("%+v became %q, %v", w, got, err)
		}
	}
	_, _, err := tryout.Wanted{Source: "http://u:Geheim%zz@10.0.0.1/"}.Complete()
	if err == nil || strings.Contains(err.Error(), "Geheim") {
		t.Errorf("says %v", err)
	}
}

func TestCheckRefusesWhatOnlyThisMachineReaches(t *testing.T) {
	for _, host := range []string{
		"127.0.0.1", "127.9.9.9", "localhost", "[::1]", "0.0.0.0", "0.1.2.3", "[::]", "169.254.169.254", "[fe80::1]", "[fe80::1%25eth0]", "224.0.0.1",
		"239.255.255.250", "[ff02::1]", "255.255.255.255", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::7f00:1]",
	} {
		if addr, err := (tryout.Reachable{}).Check(t.Context(), "http://"+host+"/x"); !errors.Is(err, tryout.ErrSource) {
			t.Errorf("%s: %v, %v", host, addr, err)
		}
	}
	for _, host := range []string{"2130706433", "127.1", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1.", "0x7f000001", "cam.0x1."} {
		if addr, err := (tryout.Reachable{}).Check(t.Context(), "http://"+host+"/x"); !errors.Is(err, tryout.ErrSource) || !strings.Contains(camera.Say(err), "is a number") {
			t.Errorf("%s: %v, %v", host, addr, err)
		}
	}
	for _, host := range []string{"10.0.0.1", "192.168.1.64", "[fd00::1]", "203.0.113.9", "[64:ff9b::a00:1]"} {
		if addr, err := (tryout.Reachable{}).Check(t.Context(), "rtsp://u:p@"+host+":99/x"); err != nil || !addr.IsValid() {
			t.Errorf("%s: %v, %v", host, addr, err)
		}
	}
	home := tryout.Reachable{netip.MustParsePrefix("127.0.0.0/8")}
	if addr, err := home.Check(t.Context(), "http://127.0.0.1/"); err != nil || addr.String() != "127.0.0.1" {
		t.Errorf("what is listed: %v, %v", addr, err)
	}
	if _, err := home.Check(t.Context(), "http://[::1]/"); !errors.Is(err, tryout.ErrSource) {
		t.Errorf("what is not listed: %v", err)
	}
}
