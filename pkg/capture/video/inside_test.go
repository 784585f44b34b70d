package video

import (
	"bufio"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestOptionsAreTakenFromTheAddress(t *testing.T) {
	for source, want := range map[string]struct {
		udp     bool
		latency time.Duration
		bare    string
	}{
		"rtsp://a:b@h/a?x=1&transport=udp&y=2": {true, udpLatency, "rtsp://h/a?x=1&y=2"},
		"rtsp://h/a?latency=200":               {false, 200 * time.Millisecond, "rtsp://h/a"},
		"rtsp://h/a?transport=udp&latency=0":   {true, 0, "rtsp://h/a"},
		"rtsps://h/a?transports=udp":           {false, 0, "rtsps://h/a?transports=udp"},
		"http://h/a.mp4?latency=5":             {false, 0, "http://h/a.mp4?latency=5"},
	} {
		target, err := parse(source, "")
		if err != nil || target.udp != want.udp || target.latency != want.latency || target.bare() != want.bare {
			t.Errorf("%s: UDP %v, latency %v, %s, %v; want %v", source, target.udp, target.latency, target.bare(), err, want)
		}
	}
}

// FuzzParse: whatever a configuration holds, parse neither fails badly nor repeats a password.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"rtsp://admin:hunter22@10.41.0.208/Streaming/Channels/101?a=1&transport=udp&b=2", "rtsps://[fe80::1%25eth0]:322/", "http://h/%zz",
		"file:clip.mp4", "file:///tmp/a", "v4l2:0", "v4l2:/dev/video0", "rtmp://h/live", "", "v4l2:", "rtsp://h/?latency=1&latency=2",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		target, err := parse(source, "/dir")
		if err != nil {
			return
		}
		if target.url != nil {
			if password, ok := target.url.User.Password(); ok && len(password) > 4 && strings.Contains(target.name, password) && !strings.Contains(target.url.Host, password) {
				t.Errorf("the name %q tells the password", target.name)
			}
			if strings.Contains(target.url.RawQuery, "&transport=") || strings.HasPrefix(target.url.RawQuery, "transport=") {
				if target.kind == rtsp {
					t.Errorf("transport is left in %q", target.url.RawQuery)
				}
			}
		} else if target.kind == file && !strings.HasPrefix(target.path, "/") {
			t.Errorf("the file %q is not absolute", target.path)
		}
	})
}

// FuzzReadReply: a hostile camera cannot do more than be refused.
func FuzzReadReply(f *testing.F) {
	for _, seed := range []string{
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\nv=0\n",
		"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm=\"cam\", nonce=\"1\"\r\nWWW-Authenticate: Basic realm=\"cam\"\r\n\r\n",
		"RTSP/1.0 404 Stream Not Found\r\n\r\n", "RTSP/1.0 302 Moved\r\nLocation: rtsps://u:p@h:1/a%0d?b\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "RTSP/1.0 -1 \r\n\r\n", "RTSP/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		status, header, err := readReply(bufio.NewReader(strings.NewReader(reply)))
		if err == nil && (status < 100 || status > 999 || header == nil) {
			t.Errorf("status %d, header %v without an error", status, header)
		}
		if to := leads(header); len(to) > 4*longestLocation || strings.ContainsAny(to, "\r\n?@ ") {
			t.Errorf("it leads to %q", to)
		}
		login, err := authorize(header, url.UserPassword("admin", "geh3im"), "rtsp://h/a")
		if err == nil && (strings.ContainsAny(login, "\r\n") || strings.Contains(login, "geh3im")) {
			t.Errorf("it is answered %q", login)
		}
	})
}
