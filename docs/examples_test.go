package docs_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take before a test gives up.
const patience = 60 * time.Second

// TestExamplesAreShown: each program in the documentation is a file, word for word.
func TestExamplesAreShown(t *testing.T) {
	shown := map[string]bool{}
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.lang == "go" || b.lang == "js" || b.lang == "python" {
				shown[b.code] = true
			}
		}
	}
	for _, name := range []string{
		"docs/examples/camera/main.go", "docs/examples/consumer/main.go", "docs/examples/viewer.js",
		"sdk/examples/leases/main.go", "sdk/examples/camera.py", "sdk/examples/consumer.py", "sdk/examples/push.py", "sdk/examples/watch.py",
	} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if !shown[string(data)] {
			t.Errorf("no page shows %s as it is", name)
		}
		delete(shown, string(data))
	}
	for code := range shown {
		t.Errorf("this code is no file of examples: %.80s", code)
	}
}

func TestViewerExample(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is not here: `make test` installs it")
	}
	if out, err := exec.Command(node, "--check", "examples/viewer.js").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

const exampleCameras = `
server: {listen: "127.0.0.1:0"}
state_dir: state
cameras:
  - {id: clock, source: "test:clock?size=640x360"}
  - {id: robot, source: "push:"}
`

func TestExamplesRun(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cameras.yaml")
	if err := os.WriteFile(file, []byte(exampleCameras), 0o600); err != nil {
		t.Fatal(err)
	}
	address := started(t, startSupervisor(t, file), map[string]string{"clock": "camera is live", "robot": "camera is waiting"})
	control := filepath.Join(dir, "state", "control.json")
	for _, test := range []struct{ program, camera, line string }{
		{"consumer", "clock", "of 640x360"}, {"camera", "robot", "taken"}, {"consumer", "clock", "old"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		out, err := exec.CommandContext(ctx, filepath.Join(bin, test.program), control, test.camera, "3").CombinedOutput()
		cancel()
		if err != nil || strings.Count(string(out), test.line) < 3 {
			t.Errorf("%s %s: %v: %s", test.program, test.camera, err, out)
		}
	}
	runCurl(t, dir, address)
}

// started waits until each camera has logged what is missing of it, and returns where the relay listens.
func started(t *testing.T, lines <-chan map[string]any, missing map[string]string) (address string) {
	t.Helper()
	late := time.After(patience)
	for len(missing) > 0 || address == "" {
		var line map[string]any
		select {
		case line = <-lines:
		case <-late:
		}
		if line == nil {
			t.Fatalf("the log ended, or was waited for in vain, without %v", missing)
		}
		if url, ok := line["url"].(string); ok {
			address = strings.TrimPrefix(url, "http://")
		}
		name, _ := line["camera"].(string)
		if said, ok := missing[name]; ok && line["msg"] == said {
			delete(missing, name)
		}
	}
	return address
}

// runCurl runs each curl of the documentation. Those that never end by themselves have a time limit, which is exit code 28.
func runCurl(t *testing.T, dir, address string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("curl is not here: `make test` installs it")
	}
	const before = `set -e; curl() { command curl --fail --silent --show-error "$@" || [ $? = 28 ]; }; `
	for _, name := range []string{"docs/protocol.md", "README.md"} {
		for _, b := range readPage(t, name).blocks {
			if b.lang != "sh" || !strings.Contains(b.code, "curl") {
				continue
			}
			script := strings.NewReplacer("127.0.0.1:8080", address, "picture.jpg", "clock.jpg").Replace(b.code)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			cmd := exec.CommandContext(ctx, "sh", "-c", before+script)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s:%d: %v: %s", name, b.line, err, out)
			}
			cancel()
		}
	}
}

// startSupervisor runs it until the test ends, and returns what it logs; nil comes after the last line.
func startSupervisor(t *testing.T, file string) <-chan map[string]any {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "supervisor"), "-config", file)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan map[string]any, 1000)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(lines)
		parse(stderr, lines)
	}()
	t.Cleanup(func() {
		cancel()
		<-read
		_ = cmd.Wait() // ended by a signal that was sent on purpose
	})
	return lines
}

// parse sends each line of JSON on, and drops what nobody takes.
func parse(r io.Reader, lines chan<- map[string]any) {
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		var line map[string]any
		if json.Unmarshal(scanner.Bytes(), &line) != nil {
			continue
		}
		select {
		case lines <- line:
		default:
		}
	}
	_, _ = io.Copy(io.Discard, r) // whatever a line that is too long has left
}
