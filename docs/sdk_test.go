package docs_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/nettest"
)

// python is Debian's own, the one that finds Debian's packages.
const python = "/usr/bin/python3"

// withoutNATS runs a program as if nats-py were not installed.
const withoutNATS = `import os, runpy, sys
sys.modules["nats"] = None
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")`

// sdkCameras puts the cameras of sdk/README.md beside those that its programs speak with.
func sdkCameras(t *testing.T) string {
	t.Helper()
	text := "server: {listen: \"127.0.0.1:0\", upload: cab01}\nstate_dir: state\ncameras:\n" +
		"  - {id: clock, source: \"test:clock?size=640x360\"}\n"
	for _, b := range readPage(t, "sdk/README.md").blocks {
		if _, cameras, ok := strings.Cut(b.code, "cameras:\n"); ok && b.lang == "yaml" {
			text += cameras
		}
	}
	return text
}

// TestSDK runs every program of sdk/README.md against a supervisor.
func TestSDK(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cameras.yaml")
	picture, err := os.ReadFile("screenshots/stage.jpg")
	if err != nil {
		t.Fatal(err)
	}
	bus := nettest.FreeAddr()
	users := fmt.Sprintf("bus: {listen: %q, users: [{name: robot, password: known-to-the-robot, role: camera}, {name: eyes, password: known-to-those-who-look, role: consumer}]}\n", bus)
	access := func(user, password string) []byte {
		return fmt.Appendf(nil, `{"url": "nats://%s", "user": %q, "password": %q, "prefix": "linkstart"}`, bus, user, password)
	}
	for name, content := range map[string][]byte{
		"cameras.yaml": []byte(users + sdkCameras(t)), "picture.jpg": picture,
		"robot.json": access("robot", "known-to-the-robot"), "eyes.json": access("eyes", "known-to-those-who-look"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base := "http://" + started(t, startSupervisor(t, file), map[string]string{
		"clock": "camera is live", "robot": "camera is waiting", "cab01": "camera is waiting", "still": "camera is live", "pattern": "camera is live",
	})
	control := filepath.Join(dir, "robot.json")
	watching := filepath.Join(dir, "eyes.json")
	example := func(name string) string { return filepath.Join("..", "sdk", "examples", name) }

	painter, stop := context.WithCancel(t.Context())
	leases := exec.CommandContext(painter, filepath.Join(bin, "leases"), control, "painter", "600")
	leases.WaitDelay = time.Second
	ready, err := leases.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := leases.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stop(); _ = leases.Wait() }() // which was killed
	if _, err := ready.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}

	runs := []struct {
		name  string
		words []string
		line  string // on its output, three times
	}{
		{"Go consumer of a Go camera", []string{filepath.Join(bin, "consumer"), watching, "painter", "3"}, "of 640x360"},
		{"Python camera", []string{python, "-c", withoutNATS, example("camera.py"), control, "robot", "3"}, "taken"},
		{"Python consumer", []string{python, "-c", withoutNATS, example("consumer.py"), watching, "clock", "3"}, "of 640x360"},
		{"Python consumer of a Go camera", []string{python, "-c", withoutNATS, example("consumer.py"), watching, "painter", "3"}, "of 640x360"},
		{"old client", []string{python, example("push.py"), base + "/upload", "3"}, "taken"},
		{"HTTP push", []string{python, example("push.py"), base + "/api/v1/cameras/robot/frames", "3"}, "taken"},
		{"OpenCV", []string{python, example("watch.py"), base + "/api/v1/cameras/clock/stream.mjpeg", "3"}, "of 640x360"},
	}
	if exec.Command(python, "-c", "import nats").Run() == nil {
		for _, name := range []string{"camera.py", "consumer.py"} {
			which := map[string]string{"camera.py": "robot", "consumer.py": "clock"}[name]
			runs = append(runs, runs[0])
			last := &runs[len(runs)-1]
			last.name, last.words = name+" with nats-py", []string{python, example(name), map[string]string{"camera.py": control, "consumer.py": watching}[name], which, "3"}
			last.line = map[string]string{"camera.py": "taken", "consumer.py": "of 640x360"}[name]
		}
	} else {
		t.Log("nats-py is not installed here: the examples run with plainnats.py, which has the same calls")
	}
	for _, r := range runs {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		out, err := exec.CommandContext(ctx, r.words[0], r.words[1:]...).CombinedOutput()
		cancel()
		if err != nil || strings.Count(string(out), r.line) < 3 {
			t.Errorf("%s: %v: %s", r.name, err, out)
		}
	}
	for _, form := range [][]string{{"--data-binary", "@picture.jpg"}, {"-F", "file=@picture.jpg"}} {
		cmd := exec.Command("curl", append([]string{"--fail", "--silent", "--show-error", base + "/upload"}, form...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "Done" {
			t.Errorf("curl %s: %v: %s", form, err, out)
		}
	}
	snapshot, err := exec.Command("curl", "--fail", "--silent", base+"/api/v1/cameras/cab01/snapshot.jpg").Output()
	if err != nil || string(snapshot) != string(picture) {
		t.Errorf("the camera of /upload shows %d bytes, sent were %d: %v", len(snapshot), len(picture), err)
	}
}
