package discover

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/onviftest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// search returns those of the cameras found that are at the hosts: other tests may run at this machine.
func search(t *testing.T, o Options, hosts ...string) []Camera {
	t.Helper()
	found, err := Search(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var ours []Camera
	for _, c := range found {
		for _, h := range hosts {
			if strings.HasPrefix(c.Source, "onvif://"+h) {
				ours = append(ours, c)
			}
		}
	}
	return ours
}

// TestCamerasOfManyMakers are found at loopback, each once.
func TestCamerasOfManyMakers(t *testing.T) {
	var hosts []string
	for i, maker := range []onviftest.Maker{onviftest.Hikvision, onviftest.Dahua, onviftest.Axis, onviftest.Nameless, onviftest.Newest} {
		s := onviftest.Start(t, onviftest.Device{Maker: maker, Host: fmt.Sprintf("127.9.0.%d", 9-i)})
		s.Listen(t, "lo")
		hosts = append(hosts, s.Addr())
	}
	want := []Camera{
		{Name: "", Address: "127.9.0.6", Source: "onvif://" + hosts[3], Hardware: "%zz"},
		{Name: "AXIS M3045-V", Hardware: "M3045-V", Address: "127.9.0.7", Source: "onvif://" + hosts[2]},
		{Name: "Dahua", Hardware: "IPC-HDW2431T-AS-S2", Location: "china", Address: "127.9.0.8", Source: "onvif://" + hosts[1]},
		{Name: "HIKVISION DS-2CD2143G0-I", Hardware: "DS-2CD2143G0-I", Location: "hangzhou", Address: "127.9.0.9", Source: "onvif://" + hosts[0]},
	}
	var got []Camera
	for try := 0; len(got) < len(want) && try < 10; try++ { // on a busy machine an answer may come late
		got = search(t, Options{Interface: "lo", Time: 2 * time.Second}, hosts...)
	}
	if len(got) != len(want) {
		t.Fatalf("found %+v", got)
	}
	for i := range want {
		if want[i].Name == "" {
			want[i].Name = got[i].Name
		}
		if got[i] != want[i] {
			t.Errorf("found %+v\nwant  %+v", got[i], want[i])
		}
	}
	if !strings.HasPrefix(got[0].Name, "<img") {
		t.Errorf("the name of the hostile one is %q", got[0].Name)
	}
}

func TestInterfaces(t *testing.T) {
	if _, err := Search(t.Context(), Options{Interface: "none0"}); !errors.Is(err, ErrNoInterface) || !strings.Contains(err.Error(), "none0") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := Search(ctx, Options{Interface: "lo", Time: time.Hour}); err != nil || len(found) > 0 {
		t.Errorf("a search that is given up: %v, %v", found, err)
	}
}

func probeMatch(types, scopes, addresses string) []byte {
	return fmt.Appendf(nil, `<e:Envelope><e:Body><d:ProbeMatches><d:ProbeMatch><d:Types>%s</d:Types><d:Scopes>%s</d:Scopes><d:XAddrs>%s</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>`,
		types, scopes, addresses)
}

// TestOnlyWhoAnswersIsBelieved: an answer leads to no other host, and its text stays one line.
func TestOnlyWhoAnswersIsBelieved(t *testing.T) {
	from := netip.MustParseAddr("192.168.1.64")
	const camera = "dn:NetworkVideoTransmitter"
	for _, c := range []struct{ addresses, want string }{
		{"http://192.168.1.64/onvif/device_service", "onvif://192.168.1.64"},
		{"http://192.168.1.64:80/", "onvif://192.168.1.64"},
		{"http://192.168.1.64:8000/onvif/device_service http://[fe80::1]/x", "onvif://192.168.1.64:8000"},
		{"http://[fe80::1]:81/x http://192.168.1.64:8000/onvif/services", "onvif://192.168.1.64:8000/onvif/services"},
		{"http://10.0.0.1:8899/onvif/device_service", "onvif://192.168.1.64:8899"},
		{"http://0.0.0.0:8899/onvif/device_service", "onvif://192.168.1.64:8899"},
		{"http://203.0.113.9:81/steal", "onvif://192.168.1.64"},
		{"http://evil.example:81/steal", "onvif://192.168.1.64"},
		{"https://192.168.1.64/onvif/device_service file:///etc/passwd http://192.168.1.64:81/a@b", "onvif://192.168.1.64"},
		{"http://user:pw@192.168.1.64/x?y#z", "onvif://192.168.1.64/x"},
		{"", "onvif://192.168.1.64"},
		{"%zz http://%zz/ http://192.168.1.64:99999999999/", "onvif://192.168.1.64"},
	} {
		got := read(probeMatch(camera, "", c.addresses), from)
		if len(got) != 1 || got[0].Source != c.want || got[0].Address != "192.168.1.64" {
			t.Errorf("%q: %+v, want %s", c.addresses, got, c.want)
		}
	}
	hostile := "onvif://www.onvif.org/name/a%0Ab%00\u202Ec&#10;d onvif://www.onvif.org/hardware/" + strings.Repeat("x", 1000) + " onvif://www.onvif.org/location/%E4%B8%80%E6%A5%BC"
	got := read(probeMatch(camera, hostile, ""), from)
	if len(got) != 1 || got[0].Name != "abc" || len(got[0].Hardware) != longest || got[0].Location != "一楼" {
		t.Errorf("found %+v", got)
	}
	for _, answer := range [][]byte{nil, []byte("hello"), probeMatch("wsdp:Device wprt:PrintDeviceType", "", "http://192.168.1.64/"), []byte("<e:Envelope><e:Body>")} {
		if got := read(answer, from); len(got) != 0 {
			t.Errorf("%q: found %+v", answer, got)
		}
	}
	v6 := read(probeMatch(camera, "", "http://[fd00::64]:81/x"), netip.MustParseAddr("fd00::64"))
	if len(v6) != 1 || v6[0].Source != "onvif://[fd00::64]:81/x" {
		t.Errorf("found %+v", v6)
	}
}

// FuzzAnswer: whatever answers, what is found is one line of text each, and leads to who has answered.
func FuzzAnswer(f *testing.F) {
	f.Add(probeMatch("dn:NetworkVideoTransmitter", "onvif://www.onvif.org/name/x%20y", "http://192.168.1.64:81/onvif/services"))
	f.Add(probeMatch("tds:Device", "onvif://www.onvif.org/hardware/%zz", "http://[::1%25lo]:0/"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, c := range read(answer, netip.MustParseAddr("192.168.1.64")) {
			for _, text := range []string{c.Name, c.Hardware, c.Location, c.Source} {
				if strings.ContainsAny(text, "\n\r\x00") || len([]rune(text)) > longest+longestPath {
					t.Errorf("%q", text)
				}
			}
			rest, ok := strings.CutPrefix(c.Source, "onvif://192.168.1.64")
			if !ok || rest != "" && !strings.HasPrefix(rest, ":") && !strings.HasPrefix(rest, "/") || strings.ContainsAny(rest, "@?# ") {
				t.Errorf("leads to %q", c.Source)
			}
		}
	})
}
