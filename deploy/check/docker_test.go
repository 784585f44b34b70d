// Package check reads the files for containers and Kubernetes as their own programs read them.
package check

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// stages reads the Dockerfile as BuildKit does, which also complains of what docker build --check would.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	text, err := os.ReadFile("../docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range tree.Warnings {
		t.Errorf("Dockerfile: %s", w.Short)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, said string, at []parser.Range) {
		t.Errorf("Dockerfile:%d: %s: %s", at[0].Start.Line, rule, said)
	}})
	all, _, err := instructions.Parse(tree.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDockerfile(t *testing.T) {
	all := stages(t)
	known := map[string]bool{}
	user := map[string]string{} // of each stage, in the end
	for _, s := range all {
		user[s.Name] = user[s.BaseName]
		for _, c := range s.Commands {
			switch c := c.(type) {
			case *instructions.CopyCommand:
				if c.From != "" && !known[c.From] {
					t.Errorf("stage %s copies from %s, which is no stage before it", s.Name, c.From)
				}
				if c.From == "" && !slices.Contains([]string{"build"}, s.Name) {
					t.Errorf("stage %s copies from outside into what is shipped", s.Name)
				}
			case *instructions.UserCommand:
				user[s.Name] = c.User
			}
		}
		known[s.Name] = true
	}
	if last := all[len(all)-1].Name; last != "linkstart" {
		t.Errorf("without --target %s is built", last)
	}
	for _, name := range []string{"linkstart", "opencv"} {
		if !known[name] || user[name] != "10001:10001" {
			t.Errorf("image %s runs as %q", name, user[name])
		}
	}
}

// TestPackages: image, package and documentation name the same packages of Debian for the programs to run.
func TestPackages(t *testing.T) {
	image := map[string]string{} // what each stage installs
	for _, s := range stages(t) {
		for _, c := range s.Commands {
			if run, ok := c.(*instructions.RunCommand); ok {
				image[s.Name] += strings.Join(run.CmdLine, " ")
			}
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	deb := read("deploy/deb/linkstart.yaml")
	documented := regexp.MustCompile(`(?s)apt-get install --no-install-recommends (ca-certificates .*?)\n` + "```").FindStringSubmatch(read("docs/operations.md"))
	if documented == nil {
		t.Fatal("docs/operations.md does not tell what the programs need")
	}
	names := regexp.MustCompile(`\b(?:gstreamer1|glib-net|ca-cert|libg|libj)[a-z0-9.+-]*`)
	want := names.FindAllString(documented[1], -1)
	for _, name := range want {
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\s`).MatchString(image["base"]) {
			t.Errorf("the image lacks %s", name)
		}
		if !strings.HasPrefix(name, "lib") && !strings.Contains(deb, "- "+name+"\n") {
			t.Errorf("the package does not depend on %s", name)
		}
	}
	for _, name := range names.FindAllString(image["base"]+deb, -1) {
		if !slices.Contains(want, name) {
			t.Errorf("docs/operations.md does not tell of %s", name)
		}
	}
}

// TestContext: what .dockerignore leaves is all that the programs are made of.
func TestContext(t *testing.T) {
	ignore, err := os.ReadFile("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.Dir}}{{end}}", "./cmd/...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for dir := range strings.FieldsSeq(string(out)) {
		if below, ok := strings.CutPrefix(dir, root+"/"); ok {
			if top, _, _ := strings.Cut(below, "/"); !strings.Contains(string(ignore), "\n!"+top+"\n") {
				t.Errorf(".dockerignore leaves out %s", below)
			}
		}
	}
}

func TestCompose(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"../docker/compose.yaml"}, cli.WithName("linkstart"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	service, err := project.GetService("linkstart")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range stages(t) {
		known[s.Name] = true
	}
	if b := service.Build; !known[b.Target] {
		t.Errorf("target %s is no stage", b.Target)
	} else if _, err := os.Stat(filepath.Join(b.Context, b.Dockerfile)); err != nil {
		t.Error(err)
	}
	if !service.ReadOnly || len(service.CapDrop) == 0 || service.HealthCheck == nil {
		t.Error("the container may do more than it needs, or nobody asks how it is")
	}
	for _, p := range service.Ports {
		if p.HostIP != "127.0.0.1" {
			t.Errorf("port %s is open to everyone, and nobody has to log in", p.Published)
		}
	}
	for _, v := range service.Volumes {
		if v.Type == "bind" {
			if _, err := os.Stat(v.Source); err != nil {
				t.Error(err)
			}
		}
	}
}
