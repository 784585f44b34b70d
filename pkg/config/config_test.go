package config_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"linkstart/pkg/config"
)

var update = flag.Bool("update", false, "write what the tests see into testdata, to be read before it is committed")

// variables stand in for the environment.
var variables = map[string]string{
	"HOME": "/home/user",
	"PORT": "8081", "HOST": "cam.example", "DIR": "/srv/clips", "FPS": "15", "USER": "op",
	"PASSWORD": `p@ss/w:rd?#% "1`,
	"URL":      "rtsp://admin:from-env@10.0.0.2/main",
}

func getenv(name string) (string, bool) {
	v, ok := variables[name]
	return v, ok
}

// golden compares got with the file name, which -update rewrites.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// each runs test on every sample in testdata/folder, with the name of the file that holds what is expected.
func each(t *testing.T, folder string, test func(t *testing.T, data []byte, expected string)) {
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples in %s: %v", folder, err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(file, ".yaml")
		t.Run(filepath.Base(base), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			test(t, data, base+".txt")
		})
	}
}

func TestBad(t *testing.T) {
	each(t, "bad", func(t *testing.T, data []byte, expected string) {
		_, err := config.Parse("cameras.yaml", data, getenv)
		var problems config.Problems
		if !errors.As(err, &problems) {
			t.Fatalf("got %v, want Problems", err)
		}
		text := err.Error()
		for _, secret := range []string{"hunter2", variables["PASSWORD"], "\x1b"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q shows in\n%s", secret, text)
			}
		}
		golden(t, expected, text+"\n")
	})
}

func TestGood(t *testing.T) {
	each(t, "good", func(t *testing.T, data []byte, expected string) {
		cfg, err := config.Parse("/etc/linkstart/cameras.yaml", data, getenv)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, expected, dump(cfg))
	})
}

// shown is s as it is printed, without where its parts lie in memory.
func shown(s config.Settings) string {
	text := fmt.Sprintf("%+v", s)
	return text[:strings.Index(text, " failureEnv:")] + "}"
}

// dump prints a configuration with its secrets. The host name is left out: it differs from machine to machine.
func dump(cfg *config.Config) string {
	var b bytes.Buffer
	node := cfg.Node
	if !slices.Contains([]string{"node-1", "bom"}, string(node)) {
		node = "HOST"
	}
	fmt.Fprintf(&b, "server %+v\nstate_dir %s\nnode %s\nbus %+v\nlimits %+v\ndefaults %+v\nrooms %+v\n",
		cfg.Server, cfg.StateDir, node, cfg.Bus, cfg.Limits, shown(cfg.Defaults), cfg.Rooms)
	if len(cfg.Users) > 0 {
		fmt.Fprintf(&b, "users %+v\naccess %+v\n", cfg.Users, cfg.Access)
	}
	for _, cam := range cfg.Cameras {
		spec := cfg.Spec(cam)
		fmt.Fprintf(&b, "\ncamera %s %q %q\n  %s %s\n  shown %v\n  %+v\n", cam.ID, cam.Name, cam.Group, cam.Kind(), spec.Source, cam.Source, shown(cam.Settings))
		if a := cfg.FailureAction(cam); a != nil {
			fmt.Fprintf(&b, "  on_failure %+v\n", *a)
		}
		if kind := cam.SubstreamKind(); kind != "" {
			fmt.Fprintf(&b, "  substream %s %s\n  shown %v\n", kind, cam.Substream.Reveal(), cam.Substream)
		}
		if spec.TLSPin != "" {
			fmt.Fprintf(&b, "  tls_pin %s\n", spec.TLSPin)
		}
		for _, name := range slices.Sorted(maps.Keys(spec.Env)) {
			fmt.Fprintf(&b, "  env %s=%s\n", name, spec.Env[name])
		}
	}
	fmt.Fprintf(&b, "\nsecrets %q\n", cfg.Secrets())
	return b.String()
}
