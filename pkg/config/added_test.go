package config_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/pkg/config"
)

var gate = config.Addition{Name: "Gate 2", Group: "Yard", Source: "rtsp://admin:pa%24s@10.0.0.9/Streaming/Channels/101", FPS: 12.5, Quality: 70}

// block and flow are gate as it is written.
const (
	block = "- id: gate-2\n  name: Gate 2\n  group: Yard\n  source: rtsp://admin:pa%24s@10.0.0.9/Streaming/Channels/101\n  fps: 12.5\n  quality: 70\n"
	flow  = `{id: gate-2, name: Gate 2, group: Yard, source: "rtsp://admin:pa%24s@10.0.0.9/Streaming/Channels/101", fps: 12.5, quality: 70}`
)

// indented is block after so many spaces.
func indented(n int) string {
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(strings.TrimSuffix(block, "\n"), "\n", "\n"+pad) + "\n"
}

// TestAppendLeavesTheRest: each file has a ^ where the camera goes; what is not the camera stays byte for byte.
func TestAppendLeavesTheRest(t *testing.T) {
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	for name, c := range map[string]struct{ file, want string }{
		"block":                       {"# top\ncameras:\n  - id: a # first\n    source: test:clock\n^", indented(2)},
		"blank lines between":         {"cameras:\n  - id: a\n    source: test:clock\n\n  - id: b\n    source: test:ball\n^\n# end\n", "\n" + indented(2)},
		"comments between":            {"cameras:\n  - id: a\n    source: test:clock\n\n  # the second\n  - id: b\n    source: test:ball\n^", "\n" + indented(2)},
		"comments after":              {"cameras:\n  - id: a\n    source: test:clock\n^\n  # - id: later\n  #   source: test:ball\n", indented(2)},
		"comments of the last one":    {"cameras:\n  - id: a\n    source: test:clock\n    # fps: 5\n    #\tquality: 3\n^  # others\n", indented(2)},
		"keys after":                  {"cameras:\n- id: a\n  source: test:clock\n^\nrooms:\n  - id: main\n", indented(0)},
		"deep":                        {"cameras:\n      - source: test:clock\n        id: a\n^# end\nnode: x\n", indented(6)},
		"dash alone":                  {"cameras:\n  -\n    id: a\n    source: test:clock\n^node: x\n", indented(2)},
		"block text":                  {"cameras:\n  - id: a\n    source: test:clock\n    name: >-\n      a long\n\n      name\n^node: x\n", indented(2)},
		"quoted over two lines":       {"cameras:\n  - id: a\n    source: test:clock\n    name: \"a long\n      name\"\n^node: x\n", indented(2)},
		"flow entries":                {"cameras:\n  - {id: a, source: \"test:clock\"}\n^rooms: [{id: main}]\n", "  - " + flow + "\n"},
		"flow entry over lines":       {"cameras:\n  - {id: a,\n     source: \"test:clock\"}\n^rooms: [{id: main}]\n", "  - " + flow + "\n"},
		"flow list":                   {"cameras: [{id: a, source: \"test:clock\"}^] # all\nnode: x\n", ", " + flow},
		"flow list over lines":        {"cameras: [\n  {id: a, source: \"test:clock\"}, # 一\n  {id: b, name: 机柜, source: \"test:ball\"}^, # zwei\n]\nnode: x\n", ",\n  " + flow},
		"empty list":                  {"cameras: [^] # none yet\nnode: x\n", flow},
		"empty list with a comment":   {"cameras: [^\n  # none\n]\n", flow},
		"nothing":                     {"cameras: # none yet\n^  # - id: a\nnode: x\n", indented(2)},
		"no cameras":                  {"node: x\n^", "\ncameras:\n" + indented(2)},
		"an empty file":               {"^", "cameras:\n" + indented(2)},
		"only comments":               {"# nothing\n^", "\ncameras:\n" + indented(2)},
		"a document's end":            {"---\ncameras:\n  - id: a\n    source: test:clock\n^...\n", indented(2)},
		"no newline at the end":       {"cameras:\n  - id: a\n    source: test:clock^", "\n" + strings.TrimSuffix(indented(2), "\n")},
		"CRLF":                        {crlf("cameras:\n  - id: a\n    source: test:clock\n^\nnode: x # end\n"), crlf(indented(2))},
		"CRLF in a flow list":         {crlf("# 机柜\ncameras: [\n  {id: a, source: \"test:clock\"}^\n]\nnode: x\n"), ",\r\n  " + flow},
		"tabs in comments":            {"cameras:\t# all\n  - id: a\t# one\n    source: test:clock\t#\ttwo\n^  # three\tfour\n", indented(2)},
		"byte order mark":             {"\ufeffcameras: [{id: a, source: \"test:clock\"}^]\n", ", " + flow},
		"the camera before has a $":   {"cameras:\n  - id: a\n    source: http://u:$$x@10.0.0.1/\n^", indented(2)},
		"words that are not the list": {"defaults: {fps: 5} # cameras:\ncameras:\n  - id: cameras\n    source: test:clock\n^node: cameras\n", indented(2)},
	} {
		t.Run(name, func(t *testing.T) {
			before := strings.Replace(c.file, "^", "", 1)
			got, id, err := config.Append("cameras.yaml", []byte(before), gate, os.LookupEnv)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.Replace(c.file, "^", c.want, 1); string(got) != want || id != "gate-2" {
				t.Errorf("%s is written\n%q\nwant\n%q", id, got, want)
			}
			again := gate
			again.Name = "Third"
			if _, _, err := config.Append("cameras.yaml", got, again, os.LookupEnv); err != nil {
				t.Errorf("another one: %v", err)
			}
		})
	}
}

func TestAppendToTheShippedFile(t *testing.T) {
	data, err := os.ReadFile(shipped[0])
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := config.Append(shipped[0], data, gate, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if rest := strings.Replace(string(got), "\n"+indented(2), "", 1); rest != string(data) {
		t.Errorf("more than the camera has changed:\n%s", got)
	}
}

// TestTextStaysText: whatever a page sends comes out of the file as it went in, and nothing of the environment.
func TestTextStaysText(t *testing.T) {
	for _, name := range []string{"${HOME}", "$HOME $$ ${", "a: b # c", "- x", "true", "null", "12", "~", `q"uo'te\`, "机柜 01", "# x", "{a}", "[a]", "*a", "&a", "!a", "a:", "\u2028\ufeff", "日本"} {
		for _, file := range []string{"cameras: []\n", "cameras:\n"} {
			a := config.Addition{ID: "x", Name: name, Group: name, Source: "http://u:p$w$$x@10.0.0.1/[a],b?c=${HOME}&d={e}#f"}
			got, _, err := config.Append("cameras.yaml", []byte(file), a, os.LookupEnv)
			if err != nil {
				t.Errorf("%q: %v", name, err)
				continue
			}
			cfg, err := config.Parse("cameras.yaml", got, os.LookupEnv)
			if err != nil {
				t.Fatal(err)
			}
			if c := cfg.Cameras[0]; c.Name != name || c.Group != name || c.Source.Reveal() != a.Source {
				t.Errorf("%q became %q, %q, %q in\n%s", name, c.Name, c.Group, c.Source.Reveal(), got)
			}
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	const one = "cameras: [{id: gate-2, source: \"test:clock\"}]\n"
	for name, c := range map[string]struct {
		file string
		a    config.Addition
		want string
	}{
		"a file with mistakes": {"camera: []\n", gate, "unknown key"},
		"anchors":              {"cameras:\n  - &a {id: a, source: \"test:clock\"}\n  - *a\n", gate, "anchors"},
		"an id in use":         {one, config.Addition{ID: "gate-2", Source: "test:clock"}, "already"},
		"a bad id":             {one, config.Addition{ID: "Ä", Source: "test:clock"}, "id:"},
		"a bad source":         {one, config.Addition{Name: "x", Source: "rtsp://"}, "names no host"},
		"a bare IPv6 address":  {one, config.Addition{Name: "x", Source: "onvif://u:p@fd00::1"}, "in brackets"},
		"no source":            {one, config.Addition{Name: "x"}, "no source"},
		"a bad fps":            {one, config.Addition{Name: "x", Source: "test:clock", FPS: 1000}, "out of range"},
		"a bad quality":        {one, config.Addition{Name: "x", Source: "test:clock", Quality: -1}, "out of range"},
		"control characters":   {one, config.Addition{Name: "x\ny", Source: "test:clock"}, "control"},
		"a file in one line":   {"{node: x}\n", gate, "by hand"},
		"null by word":         {"cameras: null\n", gate, "by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := config.Append("cameras.yaml", []byte(c.file), c.a, os.LookupEnv)
			if err == nil || !strings.Contains(camera.Say(err), c.want) {
				t.Errorf("says %v, want something of %q", err, c.want)
			}
		})
	}
}

func TestIDsAreMadeOfNames(t *testing.T) {
	file := []byte("cameras: []\n")
	for _, c := range []struct{ name, want string }{
		{"Gate", "gate"}, {"gate!", "gate-2"}, {" Hall / East ", "hall-east"}, {"机柜", "camera-1"}, {"", "camera-2"}, {"B栋", "camera-3"}, {"Gate", "gate-3"},
	} {
		var id camera.ID
		var err error
		if file, id, err = config.Append("cameras.yaml", file, config.Addition{Name: c.name, Source: "test:clock"}, os.LookupEnv); err != nil {
			t.Fatal(err)
		}
		if string(id) != c.want {
			t.Errorf("%q became %s, want %s", c.name, id, c.want)
		}
	}
}

// place writes a file and returns its path.
func place(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cameras.yaml")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAddKeepsRightsAndLinks(t *testing.T) {
	file := place(t, "cameras: []\n")
	if err := os.Chmod(file, 0o604); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Add(link, gate); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is %v, %v", info, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o604 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if got, _ := os.ReadFile(file); string(got) != "cameras: ["+flow+"]\n" {
		t.Errorf("it holds %s", got)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

func TestAddToAReadOnlyFile(t *testing.T) {
	file := place(t, "cameras: []\n")
	if err := os.Chmod(file, 0o444); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Add(file, gate); !errors.Is(err, config.ErrNotSaved) || !strings.Contains(camera.Say(err), "cannot be written") {
		t.Errorf("says %v", err)
	}
	if got, _ := os.ReadFile(file); string(got) != "cameras: []\n" {
		t.Errorf("it holds %s", got)
	}
}

func TestAddAtTheSameTime(t *testing.T) {
	const many = 8
	file := place(t, "cameras: [] # all\n")
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			if _, err := config.Add(file, config.Addition{Name: fmt.Sprint("Gate ", i%2), Source: "test:clock"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	cfg, err := config.Load(file)
	if err != nil || len(cfg.Cameras) != many {
		t.Errorf("%v, %+v", err, cfg)
	}
}

// A file that is written can be read again.
func TestAddToTheLargestFile(t *testing.T) {
	text := "cameras: []\n#"
	text += strings.Repeat("x", 4<<20-len(text)-1) + "\n"
	file := place(t, text)
	if _, err := config.Add(file, gate); !errors.Is(err, config.ErrNotSaved) || !strings.Contains(camera.Say(err), "larger than") {
		t.Errorf("error is %v", err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != text {
		t.Errorf("it holds %d bytes, %v", len(got), err)
	}
}

func FuzzAppend(f *testing.F) {
	for _, file := range []string{"cameras: []", "cameras:\n  - id: a\n    source: test:clock\n", "node: x\r\n", "cameras: [{id: a, source: \"test:clock\"},\n]"} {
		f.Add(file, "name", "test:clock")
	}
	f.Fuzz(func(t *testing.T, file, name, source string) {
		none := func(string) (string, bool) { return "", false }
		got, _, err := config.Append("cameras.yaml", []byte("state_dir: /\n"+file), config.Addition{Name: name, Source: source}, none)
		if err != nil {
			return
		}
		if cfg, err := config.Parse("cameras.yaml", got, none); err != nil || len(cfg.Cameras) == 0 {
			t.Errorf("%q with %q, %q became %q: %v", file, name, source, got, err)
		}
	})
}

// TestAddToAFileThatIsMounted: no other file can be put in the place of a mount point, as containers have them.
func TestAddToAFileThatIsMounted(t *testing.T) {
	const name = "LINKSTART_MOUNTED"
	if file := os.Getenv(name); file != "" { // inside
		if err := os.Rename(place(t, ""), file); err == nil {
			t.Fatal("it is not mounted")
		}
		if _, err := config.Add(file, gate); err != nil {
			t.Fatal(err)
		}
		return
	}
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	file := place(t, "cameras: [] # "+strings.Repeat("long", 100)+"\n")
	cmd := exec.Command("unshare", "-m", "sh", "-c", `mount --bind "$0" "$0" && exec "$1" -test.run=TestAddToAFileThatIsMounted -test.v`, file, os.Args[0])
	cmd.Env = append(os.Environ(), name+"="+file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, _ := os.ReadFile(file); string(got) != "cameras: ["+flow+"] # "+strings.Repeat("long", 100)+"\n" {
		t.Errorf("it holds %s", got)
	}
}
