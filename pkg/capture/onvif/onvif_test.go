package onvif_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/onvif"
	"linkstart/pkg/onviftest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	user     = "admin"
	password = "p@ss/w:<rd>&"
)

// screen plays whatever it is given: it notes the address and offers a picture, or fails.
type screen struct {
	mu     sync.Mutex
	played []camera.Spec
	fails  error

	watched chan bool
}

type playing struct{ *screen }

func (p playing) Watch(watched bool) {
	select {
	case p.watched <- watched:
	default:
	}
}

func (p playing) Stream(ctx context.Context, offer func(camera.Picture)) error {
	if p.fails != nil {
		return p.fails
	}
	offer(camera.Picture{JPEG: []byte{1}})
	<-ctx.Done()
	return ctx.Err()
}

func (s *screen) play(spec camera.Spec, _ *slog.Logger) (camera.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.played = append(s.played, spec)
	return playing{s}, nil
}

func newScreen() *screen { return &screen{watched: make(chan bool, 10)} }

func (s *screen) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.played) == 0 {
		return ""
	}
	return s.played[len(s.played)-1].Source
}

func spec(source string) camera.Spec {
	return camera.Spec{Source: source, OpenTimeout: 10 * time.Second}
}

func source(t *testing.T, s *screen, address string) *onvif.Source {
	t.Helper()
	src, err := onvif.New(spec(address), s.play, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// stream runs the source until its first picture.
func stream(t *testing.T, src camera.Source) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := false
	err := src.Stream(ctx, func(camera.Picture) { seen = true; cancel() })
	if seen {
		return nil
	}
	return err
}

func TestCamerasOfManyMakers(t *testing.T) {
	profiles := func(main, sub string) []onviftest.Profile {
		return []onviftest.Profile{
			{Token: "Profile_2", Name: "sub & more", Width: 640, Height: 360, URI: sub}, // not the first: the largest is taken
			{Token: "Profile_1", Name: "main", Width: 1920, Height: 1080, URI: main},
			{Token: "Profile_3", Name: "third", Width: 704, Height: 576, URI: "rtsp://third/"},
			{Token: "Profile_4", Name: "tiny", Width: 320, Height: 180, URI: "rtsp://tiny/"},
		}
	}
	const login = "admin:p%40ss%2Fw%3A%3Crd%3E&@127.0.0.1"
	for _, c := range []struct {
		device    onviftest.Device
		main, sub string // played
	}{
		{
			onviftest.Device{Maker: onviftest.Hikvision, Profiles: profiles(
				"rtsp://127.0.0.1:554/Streaming/Channels/101?transportmode=unicast&profile=Profile_1",
				"rtsp://127.0.0.1:554/Streaming/Channels/102?transportmode=unicast&profile=Profile_2")},
			"rtsp://" + login + ":554/Streaming/Channels/101?transportmode=unicast&profile=Profile_1",
			"rtsp://" + login + ":554/Streaming/Channels/102?transportmode=unicast&profile=Profile_2",
		},
		{
			onviftest.Device{Maker: onviftest.Dahua, Clock: -9 * time.Hour, Profiles: profiles(
				"rtsp://10.255.255.1:554/cam/realmonitor?channel=1&subtype=0&unicast=true&proto=Onvif",
				"rtsp://10.255.255.1:554/cam/realmonitor?channel=1&subtype=1&unicast=true&proto=Onvif")},
			"rtsp://" + login + ":554/cam/realmonitor?channel=1&subtype=0&unicast=true&proto=Onvif",
			"rtsp://" + login + ":554/cam/realmonitor?channel=1&subtype=1&unicast=true&proto=Onvif",
		},
		{
			onviftest.Device{Maker: onviftest.Axis, Digest: true, Shy: true, Profiles: profiles(
				"rtsp://127.0.0.1/onvif-media/media.amp?profile=profile_1_h264&sessiontimeout=60&streamtype=unicast", "rtsps://cam.invalid/sub")},
			"rtsp://" + login + "/onvif-media/media.amp?profile=profile_1_h264&sessiontimeout=60&streamtype=unicast", "rtsps://" + login + "/sub",
		},
		{
			onviftest.Device{Maker: onviftest.Nameless, Clock: -25 * 365 * 24 * time.Hour, Profiles: profiles(
				"rtsp://admin:default@0.0.0.0:5543/user=admin&password=&channel=1&stream=0.sdp?real_stream", "http://192.168.1.10/video.mjpg")},
			"rtsp://" + login + ":5543/user=admin&password=&channel=1&stream=0.sdp?real_stream", "http://" + login + "/video.mjpg",
		},
		{
			onviftest.Device{Maker: onviftest.Newest, Profiles: profiles("rtsp://[fe80::1]:8554/live/main", "rtsp://127.0.0.1/live/sub")},
			"rtsp://" + login + ":8554/live/main", "rtsp://" + login + "/live/sub",
		},
	} {
		t.Run(c.device.Maker.Name, func(t *testing.T) {
			c.device.User, c.device.Password = user, password
			server := onviftest.Start(t, c.device)
			s := newScreen()
			main := source(t, s, server.Source(""))
			if err := stream(t, main); err != nil || s.last() != c.main {
				t.Errorf("%v\nplays %s\nwant  %s", err, s.last(), c.main)
			}
			asked := len(server.Asked())
			if err := stream(t, main.Smaller()); err != nil || s.last() != c.sub {
				t.Errorf("%v\nplays %s\nwant  %s", err, s.last(), c.sub)
			}
			if more := server.Asked()[asked:]; !slices.Equal(more, []string{"GetStreamUri"}) && !c.device.Digest {
				t.Errorf("for the substream it was asked anew: %q", more)
			}
			asked = len(server.Asked())
			if err := stream(t, main); err != nil || len(server.Asked()) != asked {
				t.Errorf("%v, and a camera that brought pictures is asked again: %q", err, server.Asked()[asked:])
			}
			if n := server.Refused(); n != 0 {
				t.Errorf("%d logins were wrong", n)
			}
		})
	}
}

func device(maker onviftest.Maker) onviftest.Device {
	return onviftest.Device{Maker: maker, User: user, Password: password, Profiles: []onviftest.Profile{
		{Token: "t1", Name: "mainStream", Width: 1920, Height: 1080, URI: "rtsp://127.0.0.1/1"},
		{Token: "t2", Name: "subStream", Width: 704, Height: 576, URI: "rtsp://127.0.0.1/2"},
		{Token: "t3", Name: "mobile", Width: 320, Height: 240, URI: "rtsp://127.0.0.1/3"},
	}}
}

func TestProfilesAreChosen(t *testing.T) {
	server := onviftest.Start(t, device(onviftest.Hikvision))
	for _, c := range []struct {
		options string
		small   bool // it is the address of the substream
		want    string
	}{
		{"", false, "/1"}, {"", true, "/3"}, {"?profile=t2", false, "/2"}, {"?profile=t2", true, "/2"}, {"/?profile=substream", false, "/2"},
		{"?transport=udp&latency=100", false, "/1?latency=100&transport=udp"},
	} {
		s, make := newScreen(), onvif.New
		if c.small {
			make = onvif.NewSubstream
		}
		src, err := make(spec(server.Source(c.options)), s.play, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := stream(t, src); err != nil || !strings.HasSuffix(s.last(), "@127.0.0.1"+c.want) {
			t.Errorf("%q, %v: %v, plays %s", c.options, c.small, err, s.last())
		}
	}
	err := stream(t, source(t, newScreen(), server.Source("?profile=nothing")))
	if err == nil || !strings.Contains(camera.Say(err), `no profile "nothing": it has mainStream (1920×1080), subStream`) {
		t.Errorf("an unknown profile: %v", err)
	}
	if source(t, newScreen(), server.Source("?substream=none")).Smaller() != nil {
		t.Error("substream=none has a substream")
	}
}

// TestRecorder has several cameras: the small pictures of one are never those of another.
func TestRecorder(t *testing.T) {
	for _, maker := range []onviftest.Maker{onviftest.Hikvision, onviftest.Newest} {
		d := device(maker)
		d.Profiles = nil
		for _, channel := range []string{"1", "2", "3"} {
			d.Profiles = append(d.Profiles,
				onviftest.Profile{Token: "main" + channel, Name: "m", Source: "V" + channel, Width: 1920, Height: 1080, URI: "rtsp://127.0.0.1/" + channel + "/main"},
				onviftest.Profile{Token: "sub" + channel, Name: "s", Source: "V" + channel, Width: 640, Height: 360, URI: "rtsp://127.0.0.1/" + channel + "/sub"})
		}
		d.Profiles = d.Profiles[:5] // the third has no smaller stream
		server := onviftest.Start(t, d)
		s := newScreen()
		second := source(t, s, server.Source("?profile=main2"))
		if err := stream(t, second.Smaller()); err != nil || !strings.HasSuffix(s.last(), "/2/sub") {
			t.Errorf("%s: %v, plays %s", maker.Name, err, s.last())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := source(t, s, server.Source("?profile=main3")).Smaller().Stream(ctx, func(camera.Picture) { t.Error("a picture") }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", maker.Name, err)
		}
		cancel()
		if !strings.HasSuffix(s.last(), "/2/sub") {
			t.Errorf("%s: the third plays %s", maker.Name, s.last())
		}
	}
}

// TestNothingSmaller: a camera with one stream is no fault, and is left alone.
func TestNothingSmaller(t *testing.T) {
	d := device(onviftest.Dahua)
	d.Profiles = d.Profiles[:1]
	server := onviftest.Start(t, d)
	s := newScreen()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	small := source(t, s, server.Source("")).Smaller()
	go func() { ended <- small.Stream(ctx, func(camera.Picture) { t.Error("a picture") }) }()
	for len(server.Asked()) < 3 {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-ended:
		t.Errorf("ended with %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || s.last() != "" {
		t.Errorf("ended with %v, played %q", err, s.last())
	}
}

// TestWrongPasswordIsTriedOnce, also where two streams of the camera want to know: cameras lock accounts.
func TestWrongPasswordIsTriedOnce(t *testing.T) {
	for _, maker := range []onviftest.Maker{onviftest.Hikvision, onviftest.Dahua, onviftest.Axis, onviftest.Nameless, onviftest.Newest} {
		t.Run(maker.Name, func(t *testing.T) {
			d := device(maker)
			d.Digest = maker.Name == "Axis"
			d.Shy = maker.Name != "Hikvision"
			server := onviftest.Start(t, d)
			main := source(t, newScreen(), "onvif://admin:guess77@"+server.Addr())
			for _, src := range []camera.Source{main, main.Smaller(), main} {
				err := stream(t, src)
				if !errors.Is(err, camera.ErrAuth) || !strings.Contains(camera.Say(err), "refused user admin") || strings.Contains(err.Error(), "guess77") {
					t.Errorf("got %v", err)
				}
			}
			if n := server.Refused(); n != 1 {
				t.Errorf("%d logins were tried", n)
			}
			err := stream(t, source(t, newScreen(), "onvif://"+server.Addr()))
			if !errors.Is(err, camera.ErrAuth) || !strings.Contains(camera.Say(err), "asks for a user name") {
				t.Errorf("without a login: %v", err)
			}
		})
	}
}

// TestAskedAgainAfterAFailure: an address that brings no picture is not kept.
func TestAskedAgainAfterAFailure(t *testing.T) {
	server := onviftest.Start(t, device(onviftest.Hikvision))
	s := newScreen()
	s.fails = errors.New("no picture")
	src := source(t, s, server.Source(""))
	for range 2 {
		if err := stream(t, src); !errors.Is(err, s.fails) {
			t.Errorf("got %v", err)
		}
	}
	n := 0
	for _, operation := range server.Asked() {
		if operation == "GetStreamUri" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("asked %q", server.Asked())
	}
}

func TestWatchIsPassedOn(t *testing.T) {
	server := onviftest.Start(t, device(onviftest.Hikvision))
	s := newScreen()
	src := source(t, s, server.Source(""))
	src.Watch(true)
	ctx, cancel := context.WithCancel(t.Context())
	_ = src.Stream(ctx, func(camera.Picture) {
		if now := <-s.watched; !now {
			t.Error("what was watched before is not")
		}
		src.Watch(false)
		if now := <-s.watched; now {
			t.Error("it is still watched")
		}
		cancel()
	})
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for _, address := range []string{
		"", "onvif://", "onvif:", "http://admin:s3cret@10.0.0.1/", "onvif://admin:s3cret%@10.0.0.1/", "onvif://admin:s3/cret@10.0.0.1:x/", "onvif://10.0.0.1/?nothing=1",
		"onvif://10.0.0.1/?profile=a&profile=b", "onvif://u:s3cret@10.0.0.1/?substream=rtsp://x/",
	} {
		_, err := onvif.New(spec(address), newScreen().play, nil)
		if !errors.Is(err, camera.ErrConfig) || strings.Contains(fmt.Sprint(err), "cret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

const bomb = `<?xml version="1.0"?><!DOCTYPE e [<!ENTITY a "aaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>` +
	`<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><GetProfilesResponse><Profiles token="&c;"><Name>&c;&c;&c;</Name></Profiles></GetProfilesResponse></e:Body></e:Envelope>`

// TestErrorsInWords, of cameras that are away, are none, or mean no good.
func TestErrorsInWords(t *testing.T) {
	raw := func(handler http.HandlerFunc) string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	says := func(operation, text string) string {
		d := device(onviftest.Hikvision)
		d.Answer = func(asked string) string {
			if asked == operation {
				return text
			}
			return ""
		}
		return onviftest.Start(t, d).Addr()
	}
	points := func(uri string) string {
		d := device(onviftest.Hikvision)
		d.Profiles = []onviftest.Profile{{Token: "t", Name: "n", Width: 1, Height: 1, URI: uri}}
		return onviftest.Start(t, d).Addr()
	}
	closed, err := net.Dial("tcp", raw(http.NotFound)) // at the near end of a connection nobody listens, nor can before it is closed
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closed.Close() })
	var strangers sync.Map
	stranger := raw(func(_ http.ResponseWriter, r *http.Request) { strangers.Store(r.URL.Path, true) })
	envelope := func(body string) string {
		return `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>` + body + `</e:Body></e:Envelope>`
	}
	for _, c := range []struct{ name, at, want string }{
		{"nobody listens", closed.LocalAddr().String(), "nothing listens at port"},
		{"no such host", "no-such-camera.invalid", "no host is called no-such-camera.invalid"},
		{"a web page", raw(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><body>hello & welcome") }), "does not speak ONVIF"},
		{"not found", raw(http.NotFound), "does not speak ONVIF"},
		{"redirects", raw(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+stranger+"/x", http.StatusTemporaryRedirect)
		}), "does not speak ONVIF"},
		{"hangs up", raw(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "closed the connection"},
		{"broken XML", says("GetProfiles", "<e:Envelope><e:Body><GetProfilesResponse"), "does not speak ONVIF"},
		{"endless", says("GetProfiles", "<e:Envelope>"+strings.Repeat("<a>", 1<<20)), "does not speak ONVIF"},
		{"deep", says("GetProfiles", strings.Repeat("<a>", 100_000)), "does not speak ONVIF"},
		{"bomb", says("GetProfiles", bomb), "offers no video"},
		{"no profiles", says("GetProfiles", envelope("<GetProfilesResponse/>")), "offers no video"},
		{"no media", says("GetCapabilities", envelope("<GetCapabilitiesResponse/>")), "refuses to tell"},
		{"no stream", says("GetStreamUri", envelope("<GetStreamUriResponse/>")), "cannot be played"},
		{"fault", says("GetStreamUri", envelope("<Fault><Reason><Text>no resources</Text></Reason></Fault>")), "refuses to tell"},
		{"a file", points("file:///etc/passwd"), "cannot be played"},
		{"a path", points("/etc/passwd"), "cannot be played"},
		{"a command", points("exec:id"), "cannot be played"},
		{"opaque", points("rtsp:10.0.0.1"), "cannot be played"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScreen()
			err := stream(t, source(t, s, "onvif://admin:"+url.QueryEscape(password)+"@"+c.at))
			if err == nil || !strings.Contains(camera.Say(err), c.want) || s.last() != "" {
				t.Errorf("got %v, want %q; played %q", err, c.want, s.last())
			}
			if strings.Contains(fmt.Sprint(err), password) || errors.Is(err, camera.ErrAuth) {
				t.Errorf("got %v", err)
			}
		})
	}
	strangers.Range(func(path, _ any) bool { t.Errorf("a stranger was asked for %s", path); return true })
}

// TestSlowCamera: all that is asked must be answered within open_timeout.
func TestSlowCamera(t *testing.T) {
	d := device(onviftest.Hikvision)
	d.Delay = time.Hour
	server := onviftest.Start(t, d)
	one := spec(server.Source(""))
	one.OpenTimeout = 200 * time.Millisecond
	src, err := onvif.New(one, newScreen().play, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream(t, src); err == nil || !strings.Contains(camera.Say(err), "does not answer") {
		t.Errorf("got %v", err)
	}
}

// TestPin: the host is asked at one address, whatever its name says, and played by its name.
func TestPin(t *testing.T) {
	server := onviftest.Start(t, device(onviftest.Hikvision))
	one := spec(fmt.Sprintf("onvif://admin:%s@camera.invalid:%d", url.QueryEscape(password), server.Port()))
	one.Pin = "127.0.0.1"
	s := newScreen()
	src, err := onvif.New(one, s.play, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream(t, src); err != nil || !strings.HasSuffix(s.last(), "@camera.invalid/1") || s.played[0].Pin != "127.0.0.1" {
		t.Errorf("%v, plays %s", err, s.last())
	}
}
