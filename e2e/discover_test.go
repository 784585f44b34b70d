package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/pkg/onviftest"
	"linkstart/pkg/rtsptest"
)

// TestDiscoverPrintsWhatRuns: what the command prints is a configuration; with the passwords in the environment its cameras are live.
func TestDiscoverPrintsWhatRuns(t *testing.T) {
	t.Parallel()
	server := rtsptest.StartLogin(t, rtsptest.Login{User: "admin", Password: "p@ss/w:rd"}, rtsptest.Mount{Path: "/main", FPS: 10}, rtsptest.Mount{Path: "/small", Width: 320, Height: 180, FPS: 10})
	cam := onvifCamera(t, onviftest.Hikvision, server, "127.0.0.1")
	cam.Listen(t, "lo")
	search := func(args ...string) []byte {
		out, err := exec.Command(filepath.Join(bin, "supervisor"), append([]string{"discover", "-interface", "lo", "-time", "5s"}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	var found []struct{ Name, Hardware, Address, Source string }
	eventually(t, "the camera answers", func() error { // one that gets no turn in time does not
		found = nil
		out := search("-json")
		if err := json.Unmarshal(out, &found); err != nil || !strings.Contains(string(out), cam.Addr()) {
			return fmt.Errorf("%v %s", err, out)
		}
		return nil
	})
	ours := 0
	for _, f := range found { // other tests may have cameras too
		if f.Source == "onvif://"+cam.Addr() && f.Name == "HIKVISION DS-2CD2143G0-I" && f.Hardware == "DS-2CD2143G0-I" && f.Address == "127.0.0.1" {
			ours++
		}
	}
	if ours != 1 {
		t.Fatalf("found %+v", found)
	}
	text := ""
	eventually(t, "the camera answers again", func() error {
		if text = string(search()); !strings.Contains(text, cam.Addr()) {
			return errors.New(text)
		}
		return nil
	})
	var env []string
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "#   export "); ok {
			name, _, _ = strings.Cut(name, "=")
			env = append(env, name+"=p@ss/w:rd")
		}
	}
	s := start(t, text, env...)
	var cameras []camera.Info
	_, _, body := s.request(http.MethodGet, "/api/v1/cameras", nil)
	if err := json.Unmarshal(body, &cameras); err != nil {
		t.Fatal(err)
	}
	for _, c := range cameras {
		if strings.Contains(c.Source, cam.Addr()) {
			s.becomes(string(c.ID), camera.Live)
			return
		}
	}
	t.Errorf("the camera is not in\n%s", text)
}

// seek is what somebody sees of the search in the dialog.
type seek struct {
	Says, Source, Name string
	Found              []string
	Images             int // made of what cameras say
	Busy               bool
}

const seekScript = `(() => {
	const part = document.querySelector("dialog.add .add-search");
	const value = (name) => document.querySelector("dialog.add [name=" + name + "]").value;
	return { Says: part.querySelector("p").textContent, Found: [...part.querySelectorAll("li button")].map((b) => b.textContent),
		Images: part.querySelectorAll("img").length, Busy: part.querySelector("button").disabled, Source: value("source"), Name: value("name") };
})()`

// TestSearchInThePage: somebody finds a camera, gives its password, sees its picture and saves it, without knowing an address.
func TestSearchInThePage(t *testing.T) {
	server := rtsptest.StartLogin(t, rtsptest.Login{User: "admin", Password: "p@ss/w:rd"}, rtsptest.Mount{Path: "/main", FPS: 10}, rtsptest.Mount{Path: "/small", Width: 320, Height: 180, FPS: 10})
	cam := onvifCamera(t, onviftest.Dahua, server, "10.255.255.1")
	cam.Listen(t, "lo")
	hostile := onvifCamera(t, onviftest.Nameless, server, "0.0.0.0")
	hostile.Listen(t, "lo")
	s := startWith(t, kept)
	s.becomes("clock", camera.Live)
	p := open(t, chrome(t), s.url("/"), look{width: 1366, height: 768})
	p.shows("clock")
	p.click("[data-action=add]")
	p.adds("the dialog is open", func(a adding) bool { return a.Open })
	p.click("dialog.add [data-action=search]")
	var now seek
	eventually(t, "both are found", func() error {
		now = eval[seek](p, seekScript)
		text := strings.Join(now.Found, "\n")
		if !now.Busy && strings.Contains(text, "IPC-HDW2431T-AS-S2") && strings.Contains(text, "<img") {
			return nil
		}
		if !now.Busy { // a camera that gets no turn in time does not answer
			p.click("dialog.add [data-action=search]")
		}
		return fmt.Errorf("seen: %+v", now)
	})
	if now.Images != 0 || !strings.Contains(now.Says, "answered") {
		t.Errorf("seen: %+v", now)
	}
	eval[bool](p, `([...document.querySelectorAll("dialog.add .add-search li button")].find((b) => b.textContent.includes("IPC-HDW2431T-AS-S2")).click(), true)`)
	if now = eval[seek](p, seekScript); now.Source != "onvif://"+cam.Addr() || now.Name != "Dahua" {
		t.Errorf("taken over: %+v", now)
	}
	p.types("user", "admin")
	p.types("password", "p@ss/w:rd")
	p.key("\r")
	p.tested("its picture", func(a adding) bool { return a.Phase == "good" && a.Width == 640 })
	p.click(".add-save")
	p.until("the camera is live and chosen", func(v sight) bool { return v.tile("dahua").State == "live" && v.Camera == "dahua" && v.Live })
	p.quietBut(testPath) // where it had to be asked again

	s.eventually("the search says what is there already", func() error {
		status, _, body := s.request(http.MethodPost, "/api/v1/cameras/discover", nil)
		if status != http.StatusOK || !strings.Contains(string(body), `"camera":"dahua"`) {
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	})
	if written, err := os.ReadFile(s.config); err != nil || !strings.Contains(string(written), "onvif://admin:p%40ss%2Fw%3Ard@"+cam.Addr()) {
		t.Errorf("%v\n%s", err, written)
	}
}
