package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linkstart/pkg/config"
)

// TestConfigurations: those that are shipped for one place each have no mistakes, as they are and with the camera that they only hint at.
func TestConfigurations(t *testing.T) {
	environment := func(name string) (string, bool) { return "p@ss/" + name, true }
	for _, file := range []string{"systemd/cameras.yaml", "docker/cameras.yaml"} {
		data, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		hinted := strings.NewReplacer("  # - id", "  - id", "  #   ", "    ").Replace(string(data))
		for cameras, text := range map[int]string{1: string(data), 2: hinted} {
			cfg, err := config.Parse(file, []byte(text), environment)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			} else if cfg.StateDir != "/var/lib/linkstart" || len(cfg.Cameras) != cameras {
				t.Errorf("%s keeps its state in %s and has %d cameras", file, cfg.StateDir, len(cfg.Cameras))
			}
		}
	}
}
