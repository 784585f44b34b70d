package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/sdk/hikvision/standin"
)

const hikvisionPassword = "geh3im@passwort"

// hikvision is a configuration with cameras behind the vendor's library; library "" configures none.
func hikvision(library, hostPort string) string {
	sdk := ""
	if library != "" {
		sdk = fmt.Sprintf("sdk: {hikvision: {library: %q}}\n", library)
	}
	address := func(rest string) string {
		return fmt.Sprintf("'hikvision://admin:${HIK_PASSWORD}@%s/%s'", hostPort, rest)
	}
	return sdk + `
cameras:
  - {id: gate, source: ` + address("1") + `, substream: ` + address("1?stream=sub") + `}
  - {id: yard, source: ` + address("33") + `, standby: hot}
  - {id: still, source: ` + address("1?mode=snapshot") + `, fps: 5}
  - {id: clock, source: 'test:clock'}
`
}

// vendorLibrary is the stand-in with real footage.
func vendorLibrary(t *testing.T) *standin.Library {
	t.Helper()
	footage, err := filepath.Abs("../deploy/footage/street.mp4")
	if err != nil {
		t.Fatal(err)
	}
	l := standin.Build(t)
	l.Clip("clip", footage, standin.H264, 768, 432, 75)
	l.Clip("small", footage, standin.H264, 320, 180, 75)
	l.JPEGs(footage, 768, 432, 5)
	return l
}

var orders = []string{"main clip", "sub small", "jpegs 5", "password " + hikvisionPassword}

// A crash inside the vendor's library ends one grabber, which comes back; nobody else notices.
func TestCrashInAVendorsLibraryStaysInItsGrabber(t *testing.T) {
	t.Parallel()
	l, hostPort := vendorLibrary(t), standin.Camera(t)
	l.Order(orders...)
	s := start(t, hikvision(l.Path, hostPort), "HIK_PASSWORD="+hikvisionPassword)
	before := map[string]camera.Info{}
	for _, id := range []string{"gate", "yard", "still", "clock"} {
		before[id] = s.becomes(id, camera.Live)
	}
	v, _ := s.view(t)
	for i, id := range []string{"gate", "yard", "still", "clock"} {
		v.send(`{"type":"watch","stream":%d,"camera":%q}`, i+1, id)
		v.frames(uint16(i+1), 2)
	}
	v.send(`{"type":"watch","stream":5,"camera":"gate","rendition":"sub"}`)
	v.frames(5, 2)

	l.Order(append(orders, fmt.Sprintf("crash %d", before["gate"].PID))...)
	v.until("news of the new process", func(_ *frame, m *message) bool {
		return m != nil && m.Type == "status" && m.Camera == "gate" && m.PID != 0 && m.PID != before["gate"].PID
	})
	v.frames(1, 5)
	v.frames(5, 2)
	if after := s.becomes("gate", camera.Live); after.Causes.Exit+after.Causes.Signal != 1 || after.Restarts != 1 {
		t.Errorf("the camera has %d restarts, %+v", after.Restarts, after.Causes)
	}
	for i, id := range []string{"yard", "still", "clock"} {
		v.frames(uint16(i+2), 2)
		if after := s.becomes(id, camera.Live); after.PID != before[id].PID || after.Restarts != 0 {
			t.Errorf("%s has process %d instead of %d, and %d restarts", id, after.PID, before[id].PID, after.Restarts)
		}
	}
	// It reads its folder, and can write nowhere: else there were a file there by now.
	if _, err := os.Stat(filepath.Join(l.Folder, "told")); err == nil {
		t.Error("the library could write a file, so the grabber is not confined")
	}
	_, _, list := s.request(http.MethodGet, "/api/v1/cameras", nil)
	_, _, failures := s.request(http.MethodGet, "/api/v1/cameras/gate/failures", nil)
	status, _ := s.command("status")
	said := string(list) + string(failures) + status + s.out.String()
	if !strings.Contains(said, "hikvision://admin:***@"+hostPort+"/1") {
		t.Errorf("the source is not shown: %s", list)
	}
	for _, secret := range []string{hikvisionPassword, "geh3im%40passwort"} {
		if strings.Contains(said, secret) {
			t.Error("the password is told")
		}
	}
}

func TestVendorsLibraryIsConfigured(t *testing.T) {
	t.Parallel()
	l, other, hostPort := vendorLibrary(t), vendorLibrary(t), standin.Camera(t)
	l.Order(orders...)
	other.Order(orders...)
	s := start(t, hikvision("", hostPort), "HIK_PASSWORD="+hikvisionPassword)
	clock := s.becomes("clock", camera.Live)
	for _, id := range []string{"gate", "yard", "still"} {
		if info := s.becomes(id, camera.Misconfigured); !strings.Contains(info.Error, "sdk: {hikvision: {library: ") {
			t.Errorf("%s: %q", id, info.Error)
		}
	}
	pids := map[string]int{}
	for _, path := range []string{l.Path, other.Path} {
		s.configure(hikvision(path, hostPort))
		for _, id := range []string{"gate", "yard", "still"} {
			s.eventually(id+" is live by another process", func() error {
				info, err := s.camera(id)
				if err == nil && (info.State != camera.Live || info.PID == pids[id]) {
					err = fmt.Errorf("it is %s, process %d: %s", info.State, info.PID, info.Error)
				}
				if err == nil {
					pids[id] = info.PID
				}
				return err
			})
		}
	}
	s.configure(hikvision(filepath.Join(s.dir, "no.so"), hostPort))
	if info := s.becomes("yard", camera.Misconfigured); !strings.Contains(info.Error, "no.so is not there") {
		t.Errorf("yard: %q", info.Error)
	}
	if after := s.becomes("clock", camera.Live); after.PID != clock.PID || after.Restarts != 0 {
		t.Errorf("the other camera was restarted: %+v", after)
	}
}

// A password that is refused is tried once a minute, as cameras lock accounts.
func TestVendorsRefusalIsTold(t *testing.T) {
	t.Parallel()
	l, hostPort := vendorLibrary(t), standin.Camera(t)
	l.Order(append(orders, "login 153", "locked 1800")...)
	s := start(t, hikvision(l.Path, hostPort), "HIK_PASSWORD="+hikvisionPassword)
	info := s.becomes("gate", camera.Reconnecting)
	if want := "the camera at " + hostPort + " refused user admin: locked for 30 min"; !strings.Contains(info.Error, want) {
		t.Errorf("it says %q, want %q", info.Error, want)
	}
	if wait := info.RetryAt.Sub(info.Since).Seconds(); wait < 50 || wait > 70 {
		t.Errorf("it is tried again after %.0f s", wait)
	}
}

// A call that does not return ends its process; a fresh one is started until it works.
func TestVendorsLibraryThatHangs(t *testing.T) {
	t.Parallel()
	l, hostPort := vendorLibrary(t), standin.Camera(t)
	l.Order(append(orders, "hang login")...)
	s := start(t, hikvision(l.Path, hostPort), "HIK_PASSWORD="+hikvisionPassword)
	clock := s.becomes("clock", camera.Live)
	s.eventually("the hang is told, and the process started again", func() error {
		info, err := s.camera("yard")
		_, _, failures := s.request(http.MethodGet, "/api/v1/cameras/yard/failures", nil)
		if err == nil && (info.Causes.Exit == 0 || !strings.Contains(string(failures)+info.Error, "HCNetSDK hangs while it is to log in to "+hostPort)) {
			err = fmt.Errorf("%+v: %s\n%s", info.Causes, info.Error, failures)
		}
		return err
	})
	l.Order(orders...)
	s.becomes("yard", camera.Live)
	if after := s.becomes("clock", camera.Live); after.PID != clock.PID || after.Restarts != 0 {
		t.Errorf("the other camera was restarted: %+v", after)
	}
}
