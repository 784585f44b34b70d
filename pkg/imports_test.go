// Package pkg holds the test of who may import whom.
package pkg

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// bans are the edges that the import graph must not have. A pattern is a package, or all below a path that ends in "/...".
var bans = []struct {
	from, to string
	except   []string
	reason   string
}{
	{"linkstart/pkg/camera", "linkstart/...", nil, "camera is the leaf that all may import"},
	{"linkstart/pkg/capture/...", "linkstart/pkg/capture/...", nil, "adapters never import each other"},
	{"linkstart/pkg/capture/...", "linkstart/pkg/config", nil, "an adapter is told its Spec, it does not read files"},
	{"linkstart/pkg/capture/...", "linkstart/pkg/grab", nil, "interfaces belong to the consumer: the grabber knows sources, not the other way round"},
	{"linkstart/pkg/...", "linkstart/pkg/capture/...", nil, "only cmd joins adapters with the rest"},
	{"linkstart/pkg/...", "linkstart/web", nil, "only cmd joins the viewer with the relay"},
	{"linkstart/pkg/...", "linkstart/cmd/...", nil, "commands are flags, signals and wiring; nothing else hangs on them"},
	{"linkstart/pkg/...", "gocv.io/x/gocv", []string{"linkstart/pkg/capture/opencv"}, "one package knows OpenCV"},
	{"linkstart/pkg/...", "github.com/gofiber/...", []string{"linkstart/pkg/relay"}, "one package knows Fiber"},
	{"linkstart/pkg/...", "github.com/goccy/go-yaml/...", []string{"linkstart/pkg/config"}, "one package reads YAML"},
	{"linkstart/pkg/...", "linkstart/pkg/gst", []string{"linkstart/pkg/film", "linkstart/pkg/capture/video"}, "only a grabber's source may load GStreamer"},
	{"linkstart/pkg/gst", "linkstart/pkg/...", nil, "a layer over GStreamer, which knows nothing of cameras"},
	{"linkstart/...", "linkstart/sdk/...", []string{"linkstart/cmd/grabber"}, "a vendor's library may do anything: only the process of its camera may load it"},
	{"linkstart/sdk/...", "linkstart/pkg/capture/...", nil, "adapters never import each other"},
	{"linkstart/sdk/...", "linkstart/pkg/config", nil, "an adapter is told its Spec, it does not read files"},
	{"linkstart/sdk/...", "linkstart/pkg/grab", nil, "interfaces belong to the consumer: the grabber knows sources, not the other way round"},
	{"linkstart/cmd/grabber", "linkstart/pkg/config", nil, "a grabber is told what to do on its standard input"},
	{"linkstart/cmd/relay", "linkstart/pkg/config", nil, "the relay is told what to do on its standard input"},
}

// cgo are the only packages that may hold C.
var cgo = struct {
	except []string
	reason string
}{
	[]string{"linkstart/pkg/gst", "linkstart/pkg/jpegturbo", "linkstart/pkg/capture/opencv", "linkstart/sdk/hikvision"},
	"a fault in C ends the whole process, and C needs libraries: only what a grabber does with pictures is worth both",
}

// heavy are packages that a program must not be linked to, however deep.
var heavy = map[string]map[string]string{
	"linkstart/cmd/grabber": {
		"gocv.io/x/gocv": "only opencv: cameras pay for its hundreds of libraries",
		"github.com/nats-io/nats-server/v2/server": "the bus runs in the supervisor only",
		"github.com/gofiber/fiber/v2":              "a grabber serves no HTTP",
	},
	"linkstart/cmd/relay": {
		"gocv.io/x/gocv":                           "the relay never looks into pictures",
		"linkstart/pkg/gst":                        "the relay never looks into pictures",
		"linkstart/pkg/jpegturbo":                  "the relay never looks into pictures",
		"github.com/nats-io/nats-server/v2/server": "the bus runs in the supervisor only",
	},
	"linkstart/cmd/supervisor": {
		"gocv.io/x/gocv":          "a crash in a decoder must not be the supervisor's",
		"linkstart/pkg/gst":       "a crash in a decoder must not be the supervisor's",
		"linkstart/pkg/jpegturbo": "a crash in a decoder must not be the supervisor's",
	},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	CgoFiles   []string
}

func list(t *testing.T, tags string) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-tags", tags, "-json=ImportPath,Imports,Deps,CgoFiles", "linkstart/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list packages: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 20 {
		t.Fatalf("only %d packages are listed", len(all))
	}
	return all
}

func matches(pattern, path string) bool {
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == below || strings.HasPrefix(path, below+"/")
	}
	return path == pattern
}

func TestImports(t *testing.T) {
	for _, tags := range []string{"", "opencv"} {
		for _, p := range list(t, tags) {
			if len(p.CgoFiles) > 0 && !slices.Contains(cgo.except, p.ImportPath) {
				t.Errorf("%s holds C (%s): %s", p.ImportPath, strings.Join(p.CgoFiles, ", "), cgo.reason)
			}
			for _, b := range bans {
				if !matches(b.from, p.ImportPath) || slices.Contains(b.except, p.ImportPath) {
					continue
				}
				for _, to := range p.Imports {
					if matches(b.to, to) && to != p.ImportPath {
						t.Errorf("%s imports %s: %s", p.ImportPath, to, b.reason)
					}
				}
			}
			if tags != "" {
				continue
			}
			for to, reason := range heavy[p.ImportPath] {
				if slices.Contains(p.Deps, to) {
					t.Errorf("%s is linked to %s: %s", p.ImportPath, to, reason)
				}
			}
		}
	}
}
