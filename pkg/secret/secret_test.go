package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"linkstart/pkg/secret"
)

// sources are shown as want. The password is always hunter2 with something around it; where keep is true none is there.
var sources = []struct {
	source, want string
	keep         bool
}{
	{source: "rtsp://admin:hunter2@10.0.0.1:554/x", want: "rtsp://admin:***@10.0.0.1:554/x"},
	{source: "rtsp://:hunter2@10.0.0.1/x", want: "rtsp://:***@10.0.0.1/x"},
	{source: "rtsp://admin:@10.0.0.1/x", want: "rtsp://admin:@10.0.0.1/x", keep: true},
	{source: "rtsp://admin@10.0.0.1/x", want: "rtsp://admin@10.0.0.1/x", keep: true},
	{source: "rtsp://admin:hunter2@[fe80::1]:554/x", want: "rtsp://admin:***@[fe80::1]:554/x"},
	{source: "rtsp://admin:hunter2@cam.local", want: "rtsp://admin:***@cam.local"},
	// passwords that end the userinfo too early
	{source: "rtsp://admin:p@hunter2@10.0.0.1/x", want: "rtsp://admin:***@10.0.0.1/x"},
	{source: "rtsp://admin:p/hunter2@10.0.0.1/x", want: "rtsp://admin:***@10.0.0.1/x"},
	{source: "rtsp://admin:p?hunter2@cam.local/x", want: "rtsp://admin:***@cam.local/x"},
	{source: "rtsp://admin:p#hunter2@cam.local/x", want: "rtsp://admin:***@cam.local/x"},
	{source: "rtsp://admin:p:hunter2@cam.local/x", want: "rtsp://admin:***@cam.local/x"},
	{source: "rtsp://admin:%zzhunter2@cam.local/x", want: "rtsp://admin:***@cam.local/x"},
	{source: "rtsp://admin:1234/hunter2@cam.local/x", want: "rtsp://admin:***@cam.local/x"},
	{source: "rtsp://admin:p@s/hunter2@cam.local/x", want: "rtsp://admin:***@cam.local/x"},
	{source: "rtsp://admin:a hunter2@cam.local/x", want: "rtsp://admin:***@cam.local/x"},
	{source: "rtsp://admin:x://hunter2@cam.local/x", want: "rtsp://admin:***@cam.local/x"},
	// an @ behind an address belongs to the path
	{source: "rtsp://10.0.0.1/cam@home", want: "rtsp://10.0.0.1/cam@home", keep: true},
	{source: "rtsp://10.0.0.1:554/cam@home", want: "rtsp://10.0.0.1:554/cam@home", keep: true},
	{source: "rtsp://[::1]/cam@home", want: "rtsp://[::1]/cam@home", keep: true},
	{source: "rtsp://admin:hunter2@10.0.0.1/cam@home", want: "rtsp://admin:***@10.0.0.1/cam@home"},
	{source: "http://cam.local/snap?mail=a@b", want: "http://cam.local/snap?mail=a@b", keep: true},
	// queries and what looks like them
	{source: "http://c/snap?usr=admin&pwd=hunter2&n=1", want: "http://c/snap?usr=admin&pwd=***&n=1"},
	{source: "http://c/snap?PASSWORD=hunter2", want: "http://c/snap?PASSWORD=***"},
	{source: "http://c/snap?loginuse=a&loginpas=hunter2", want: "http://c/snap?loginuse=a&loginpas=***"},
	{source: "http://c/snap?api_key=hunter2#top", want: "http://c/snap?api_key=***"},
	{source: "http://c/snap?access_token=hunter2&sig=hunter2", want: "http://c/snap?access_token=***&sig=***"},
	{source: "http://c/snap?token=a&hunter2&x=1", want: "http://c/snap?token=***x=1"},
	{source: "http://c/snap?pwd=a&hunter2", want: "http://c/snap?pwd=***"},
	{source: "http://c/snap?keyframe=1&author=b", want: "http://c/snap?keyframe=1&author=b", keep: true},
	{source: "rtsp://10.0.0.1/user=admin_password=hunter2_channel=1.sdp", want: "rtsp://10.0.0.1/user=admin_password=***"},
	{source: "rtsp://10.0.0.1/user=admin&password=hunter2&channel=1", want: "rtsp://10.0.0.1/user=admin&password=***&channel=1"},
	// no valid URL at all
	{source: "rtsp:admin:hunter2@cam.local/x", want: "rtsp:***@cam.local/x"},
	{source: "admin:hunter2@cam.local/x", want: "admin:***@cam.local/x"},
	// URLs inside commands and pipelines; a reference tells nothing
	{source: "exec:ffmpeg -i 'rtsp://a:hunter2@c/x' -", want: "exec:ffmpeg -i 'rtsp://a:***@c/x' -"},
	{source: "exec:curl -u a:${PASSWORD} http://c/x?pwd=${PASSWORD}", want: "exec:curl -u a:${PASSWORD} http://c/x?pwd=${PASSWORD}", keep: true},
	{source: "rtsp://admin:${PASSWORD}@c/x", want: "rtsp://admin:${PASSWORD}@c/x", keep: true},
	{source: "opencv:rtspsrc location=rtsp://c/x user-id=a user-pw=hunter2 ! appsink", want: "opencv:rtspsrc location=rtsp://c/x user-id=a user-pw=*** ! appsink"},
	{source: "clips/a@b.mp4", want: "clips/a@b.mp4", keep: true},
	{source: "file:/srv/a:b@c.mp4", want: "file:/srv/a:b@c.mp4", keep: true},
	{source: "test:clock?size=1280x720", want: "test:clock?size=1280x720", keep: true},
	{source: "", want: "", keep: true},
}

func TestRedact(t *testing.T) {
	for _, c := range sources {
		if got := secret.Redact(c.source); got != c.want {
			t.Errorf("Redact(%q) = %q, want %q", c.source, got, c.want)
		}
		found := secret.Secrets(c.source)
		if c.keep != (len(found) == 0) {
			t.Errorf("Secrets(%q) = %q", c.source, found)
		}
		if got := secret.NewScrubber(found...).Scrub("open " + c.source + ": refused"); strings.Contains(got, "hunter2") {
			t.Errorf("scrubbing %q leaves %q", c.source, got)
		}
	}
}

func TestSecretsAreDecoded(t *testing.T) {
	got := secret.Secrets("http://admin:p%40ss@c/x?token=a+b%2F")
	for _, want := range []string{"p%40ss", "p@ss", "a+b%2F", "a b/"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
}

func TestScrub(t *testing.T) {
	basic := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, c := range []struct {
		secrets  []string
		in, want string
	}{
		{[]string{"hunter2"}, "wrong password hunter2 for admin", "wrong password *** for admin"},
		{[]string{"hunter2", "hunter22"}, "hunter22 hunter2", "*** ***"},
		{[]string{"abcd", "cdef"}, "abcdef", "***"},
		{[]string{"aaaa"}, "aaaaaa", "***"},
		{[]string{"p@s/s w"}, "rtsp://a:p%40s%2Fs%20w@c and p%40s%2fs+w", "rtsp://a:***@c and ***"},
		{[]string{"p@ss"}, "p%40s%73 50% of p@ss", "*** 50% of ***"},
		{[]string{`a"b\c`}, `parse "a\"b\\c" failed`, `parse "***" failed`},
		{[]string{"a<b>"}, `{"error":"a\u003cb\u003e"}`, `{"error":"***"}`},
		{[]string{"hunter2"}, "Authorization: Basic " + basic("admin:hunter2") + "\r\n", "Authorization: Basic ***\r\n"},
		{[]string{"p"}, "Basic " + basic("a:p"), "Basic ***"},
		{[]string{"hunter2"}, "Basic authentication with " + basic("admin:other"), "Basic authentication with " + basic("admin:other")},
		{[]string{"on"}, "one on. only_on", "one ***. only_on"},
		{[]string{"1"}, "1 of 10: x1, 机1", "*** of 10: x1, 机1"},
		{[]string{"密码"}, "密码 %E5%AF%86%E7%A0%81", "*** ***"},
		{[]string{""}, "nothing", "nothing"},
		{nil, "nothing", "nothing"},
	} {
		if got := secret.NewScrubber(c.secrets...).Scrub(c.in); got != c.want {
			t.Errorf("Scrub(%q) of %q = %q, want %q", c.in, c.secrets, got, c.want)
		}
	}
}

func TestScrubberIsSafeForConcurrentUse(t *testing.T) {
	var s secret.Scrubber
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			word := "secret" + strconv.Itoa(i)
			s.Add(word)
			if got := s.Scrub(word); got != "***" {
				t.Errorf("got %q", got)
			}
		})
	}
	wg.Wait()
}

func TestSourceShowsNoSecret(t *testing.T) {
	const text = "rtsp://admin:hunter2@10.0.0.1/x"
	s := secret.NewSource(text)
	if s.Reveal() != text {
		t.Fatalf("Reveal() = %q", s.Reveal())
	}
	type hidden struct{ source secret.Source }
	type shown struct{ Source secret.Source }
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{s, &s, hidden{s}, &hidden{s}, shown{s}, []secret.Source{s}, map[string]secret.Source{"a": s}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	if err := json.NewEncoder(&out).Encode(shown{s}); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "source", s, "in", shown{s})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "source", s, "in", shown{s})
	if strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("a secret shows:\n%s", out.String())
	}
	if !strings.Contains(out.String(), `{"Source":"rtsp://admin:***@10.0.0.1/x"}`) {
		t.Errorf("no redacted source in\n%s", out.String())
	}
	if (secret.Source{}).String() != "" {
		t.Error("the zero value is not empty")
	}
}

// FuzzRedact: whatever the password, and whatever stands around it, it does not show.
func FuzzRedact(f *testing.F) {
	for _, c := range sources {
		f.Add(c.source, "hunter2")
	}
	f.Add("rtsp://c/x", "p@/:?#%[]\x00 密")
	f.Fuzz(func(t *testing.T, source, password string) {
		secret.Redact(source)
		secret.Secrets(source)
		if !strings.Contains(password, "hunter2") || strings.ContainsAny(source, "*") || strings.Contains(source, "hunter2") {
			password = "hunter2"
			source = ""
		}
		for _, s := range []string{
			"rtsp://admin:" + password + "@10.0.0.1/x",
			"rtsp://admin:" + password + "@cam.local:554/x?a=b",
			"rtsp://" + url.UserPassword("admin", password).String() + "@cam.local/" + url.PathEscape(source),
			"http://cam.local/x?usr=a&pwd=" + url.QueryEscape(password) + "&" + url.QueryEscape(source),
		} {
			if got := secret.Redact(s); strings.Contains(got, "hunter2") {
				t.Errorf("Redact(%q) = %q", s, got)
			}
		}
	})
}

// FuzzScrub: no known secret survives, however it is written.
func FuzzScrub(f *testing.F) {
	f.Add("before ", "hunter2", " after")
	f.Add("%", "40ab", "%")
	f.Add("", "p@s/s w\"\\<", "%zz+")
	f.Add("密", "密码", "\xff")
	f.Fuzz(func(t *testing.T, before, word, after string) {
		if len(word) < 4 || strings.Contains(word, "*") {
			return // short ones count only on their own; those with a * may come about by masking
		}
		s := secret.NewScrubber(word)
		for _, form := range []string{word, url.QueryEscape(word), url.PathEscape(word), url.UserPassword("", word).String()[1:]} {
			got := s.Scrub(before + form + after)
			if strings.Contains(got, word) || len(form) >= 4 && !strings.Contains(form, "*") && strings.Contains(got, form) {
				t.Errorf("Scrub(%q) of %q = %q", before+form+after, word, got)
			}
		}
		basic := base64.StdEncoding.EncodeToString([]byte("user:" + word))
		if got := s.Scrub("Authorization: Basic " + basic + "\r\n"); strings.Contains(got, basic) {
			t.Errorf("basic authentication of %q survives in %q", word, got)
		}
	})
}
