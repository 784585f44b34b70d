package docs_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/config"
)

// same compares what a table of a page says with what the code has.
func same(t *testing.T, where string, documented, real map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(real)) {
		if got, ok := documented[name]; !ok {
			t.Errorf("%s does not tell of %s", where, name)
		} else if got != real[name] {
			t.Errorf("%s says %q of %s, it is %q", where, got, name, real[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if _, ok := real[name]; !ok {
			t.Errorf("%s tells of %s, which does not exist", where, name)
		}
	}
}

// column makes a map of two cells of each row.
func column(rows [][]string, key, value int) map[string]string {
	all := map[string]string{}
	for _, row := range rows {
		all[code(row[key])] = code(row[value])
	}
	return all
}

func keys(rows [][]string) map[string]string {
	all := map[string]string{}
	for _, row := range rows {
		all[code(row[0])] = ""
	}
	return all
}

// find returns what pattern's groups match in a file below root: the first as key, the second, if any, as value.
func find(t *testing.T, file, pattern string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(data), -1) {
		all[m[1]] = strings.Join(m[2:], "")
	}
	if len(all) == 0 {
		t.Fatalf("%s holds nothing like %s", file, pattern)
	}
	return all
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

func TestProblemCodes(t *testing.T) {
	file := filepath.Join(root, "pkg/relay/problem.go")
	fiber := filepath.Join(goList(t, "-f", "{{.Dir}}", "github.com/gofiber/fiber/v2")[0], "helpers.go")
	values := find(t, file, `(?m)^\t(code\w+)\s*= "(\w+)"`)
	numbers := find(t, fiber, `(?m)^\s(Status\w+)\s*= (\d+)`)
	real := map[string]string{}
	for name, status := range find(t, file, `(?m)^\t(code\w+):\s*\{fiber\.(\w+),`) {
		real[values[name]] = numbers[status]
	}
	if len(real) != len(values) {
		t.Errorf("%d codes have %d statuses", len(values), len(real))
	}
	same(t, "the table of problem codes", column(readPage(t, "docs/protocol.md").rows("code", "status"), 0, 1), real)
}

func TestErrorCodes(t *testing.T) {
	real := map[string]string{}
	for _, value := range find(t, filepath.Join(root, "pkg/wire/order.go"), `(?m)^\t(Code\w+)\s*= "(\w+)"`) {
		real[value] = ""
	}
	same(t, "the table of WebSocket errors", keys(readPage(t, "docs/protocol.md").rows("code", "when")), real)
}

func TestMessages(t *testing.T) {
	p := readPage(t, "docs/protocol.md")
	documented := keys(append(p.rows("type", "fields", "does"), p.rows("type", "fields", "when")...))
	real := map[string]string{}
	for _, file := range []string{"order.go", "message.go"} {
		for _, value := range find(t, filepath.Join(root, "pkg/wire", file), `(?m)^\t(Type\w+)\s*= "(\w+)"`) {
			real[value] = ""
		}
	}
	same(t, "the tables of messages", documented, real)
}

func TestRoutes(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "pkg/relay/openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	var api struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal(data, &api); err != nil {
		t.Fatal(err)
	}
	real := map[string]string{"GET /": ""}
	for path, methods := range api.Paths {
		for method := range methods {
			real[strings.ToUpper(method)+" "+path] = ""
		}
	}
	same(t, "the table of requests", keys(readPage(t, "docs/protocol.md").rows("request", "answer")), real)
}

func TestMetrics(t *testing.T) {
	real := find(t, filepath.Join(root, "pkg/relay/metrics.go"), `"(linkstart_\w+)"`)
	same(t, "the table of metrics", keys(readPage(t, "docs/operations.md").rows("metric", "type")), real)
}

func TestAlerts(t *testing.T) {
	real := map[string]string{}
	for alert, wait := range find(t, filepath.Join(root, "deploy/prometheus/linkstart.rules.yaml"), `(?s)- alert: (\w+)\n.*?\n(?:        for: (\w+)\n)?        labels`) {
		real[alert] = cmp.Or(strings.NewReplacer("m", " min", "s", " s").Replace(wait), "at once")
	}
	same(t, "the table of alerts", column(readPage(t, "docs/operations.md").rows("alert", "after"), 0, 1), real)
}

func TestStates(t *testing.T) {
	real := map[string]string{}
	for _, value := range find(t, filepath.Join(root, "pkg/camera/camera.go"), `(?m)^\t(\w+)\s+State = "(\w+)"`) {
		real[value] = ""
	}
	same(t, "the table of states", keys(readPage(t, "docs/architecture.md").rows("state", "when")), real)
}

func TestSubjects(t *testing.T) {
	s := bus.Subjects{Prefix: "linkstart"}
	id := camera.ID("<camera>")
	real := map[string]string{}
	for _, subject := range []string{
		s.Frame(id, "<rendition>"), s.Want(id, "<rendition>"), s.Status(id), s.Camera(id), s.Log(id), s.Alarm(id), s.Push(id),
		s.Cameras(), s.Config(), s.Relay("<node>"), s.People("<relay>"), s.Control("<node>", "<verb>"), s.Access(), s.Audit(),
		s.Node("<node>"), s.Lease(id), s.Uplink("<node>"),
	} {
		real[subject] = ""
	}
	same(t, "the table of subjects", keys(readPage(t, "docs/protocol.md").rows("subject", "payload")), real)
}

// property is what the JSON Schema says of a key.
type property struct {
	Properties map[string]property
	Items      *property
	Default    any
}

// flatten writes every key of the schema as a path, with its default.
func (p property) flatten(path string, into map[string]string) {
	switch {
	case p.Items != nil && p.Items.Properties != nil:
		p.Items.flatten(path+"[]", into)
	case p.Properties != nil:
		for name, child := range p.Properties {
			child.flatten(strings.TrimPrefix(path+"."+name, "."), into)
		}
	default:
		into[path] = ""
		if number, ok := p.Default.(float64); ok {
			into[path] = fmt.Sprintf("%.0f", number)
		} else if p.Default != nil {
			into[path] = fmt.Sprint(p.Default)
		}
	}
}

func TestConfigurationReference(t *testing.T) {
	var schema property
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	real := map[string]string{}
	schema.flatten("", real)
	documented := column(readPage(t, "docs/operations.md").rows("key", "type", "default"), 0, 2)
	for name := range documented {
		if real[name] == "" { // a default in words, which depends on more than the schema
			documented[name] = ""
		}
	}
	same(t, "the table of keys", documented, real)
}

// TestFieldsOfACamera: each is told, and no other.
func TestFieldsOfACamera(t *testing.T) {
	told, real := map[string]string{}, map[string]string{}
	for _, row := range readPage(t, "docs/protocol.md").rows("field", "type", "meaning") {
		for _, m := range spanPattern.FindAllStringSubmatch(row[0], -1) {
			told[m[1]] = ""
		}
	}
	for f := range reflect.TypeFor[camera.Info]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		real[name] = ""
	}
	same(t, "the table of a camera's fields", told, real)
}

// TestPackages: the design names every package.
func TestPackages(t *testing.T) {
	named := map[string]bool{}
	for _, row := range readPage(t, "docs/architecture.md").rows("package", "promise") {
		for _, m := range spanPattern.FindAllStringSubmatch(row[0], -1) {
			named[m[1]] = true
		}
	}
	for _, name := range goList(t, "-f", "{{if or .GoFiles .CgoFiles .IgnoredGoFiles}}{{.ImportPath}}{{end}}", "./cmd/...", "./pkg/...", "./sdk/...", "./web/...") {
		if name = strings.TrimPrefix(name, "linkstart/"); !named[name] && !strings.HasPrefix(name, "sdk/examples/") {
			t.Errorf("docs/architecture.md does not tell of package %s", name)
		}
		delete(named, name)
	}
	for name := range named {
		t.Errorf("docs/architecture.md tells of package %s, which does not exist", name)
	}
}

// TestMessagesExist: what the documentation says that users are told is what programs and viewer say.
func TestMessagesExist(t *testing.T) {
	var source strings.Builder
	for _, dir := range []string{"cmd", "pkg", "sdk", "web"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !slices.Contains([]string{".go", ".js"}, filepath.Ext(name)) || strings.HasSuffix(name, "_test.go") {
				return err
			}
			data, err := os.ReadFile(name)
			source.Write(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	p := readPage(t, "docs/operations.md")
	for _, row := range append(p.rows("what it says"), p.rows("what happens")...) {
		for _, m := range spanPattern.FindAllStringSubmatch(row[0], -1) {
			for part := range strings.SplitSeq(m[1], "…") {
				part = strings.TrimSuffix(strings.TrimSpace(part), ": permission denied")
				if !strings.Contains(source.String(), part) {
					t.Errorf("no program says %q of %q", part, m[1])
				}
			}
		}
	}
}
