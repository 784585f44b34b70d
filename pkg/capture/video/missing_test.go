package video_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"linkstart/pkg/camera"
)

// TestMissingPlugin starts this test's program anew, without the plugins.
func TestMissingPlugin(t *testing.T) {
	if os.Getenv("GST_PLUGIN_SYSTEM_PATH_1_0") != "" {
		err := stream(t, newSource(t, spec("rtsp://127.0.0.1:9/a")), func(camera.Picture) bool { return true })
		fmt.Println(camera.Say(err))
		return
	}
	dir := t.TempDir()
	for _, name := range []string{"coreelements", "app"} {
		files, err := filepath.Glob("/usr/lib/*/gstreamer-1.0/libgst" + name + ".so")
		if err != nil || len(files) != 1 {
			t.Fatalf("GStreamer's plugin %s: %v, %v", name, files, err)
		}
		if err := os.Symlink(files[0], filepath.Join(dir, filepath.Base(files[0]))); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMissingPlugin$")
	cmd.Env = append(os.Environ(), "GST_PLUGIN_SYSTEM_PATH_1_0="+dir, "GST_REGISTRY="+filepath.Join(dir, "list"))
	out, err := cmd.CombinedOutput()
	if want := "rtspsrc: install gstreamer1.0-plugins-good"; err != nil || !bytes.Contains(out, []byte(want)) {
		t.Errorf("%v: %s; want %q", err, out, want)
	}
}
