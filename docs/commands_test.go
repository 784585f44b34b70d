package docs_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var spanPattern = regexp.MustCompile("`([^`\n]+)`")

// commands returns the lines of shell code, and what stands in backquotes in the text.
func commands(p *page) []string {
	var all []string
	for _, b := range p.blocks {
		if b.lang == "sh" {
			for line := range strings.Lines(b.code) {
				line, _, _ = strings.Cut(line, " #")
				all = append(all, strings.TrimSpace(line))
			}
		}
	}
	for _, m := range spanPattern.FindAllStringSubmatch(p.text, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z]+):`).FindAllStringSubmatch(string(makefile), -1) {
		targets[m[1]] = true
	}
	named := 0
	for _, p := range pages(t) {
		for _, line := range commands(p) {
			rest, ok := strings.CutPrefix(line, "make ")
			if !ok {
				continue
			}
			for _, target := range strings.Fields(rest) {
				if named++; !targets[target] {
					t.Errorf("%s: %q: the Makefile has no target %s", p.name, line, target)
				}
			}
		}
	}
	if named == 0 {
		t.Error("no target is named anywhere")
	}
}

// TestShippedFilesAreShown: whoever reads finds each file that is shipped for other programs, by a link or by a file that names it.
func TestShippedFilesAreShown(t *testing.T) {
	told := ""
	for _, p := range pages(t) {
		told += p.text
	}
	var files []string
	for _, dir := range []string{"cameras", "systemd", "docker", "kubernetes", "proxy", "prometheus", "grafana"} {
		err := filepath.WalkDir(filepath.Join(root, "deploy", dir), func(name string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files = append(files, name)
				text, readErr := os.ReadFile(name)
				told, err = told+string(text), readErr
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	install, err := os.ReadFile(filepath.Join(root, "deploy/install.sh"))
	if err != nil {
		t.Fatal(err)
	}
	told += string(install)
	if len(files) < 20 {
		t.Fatalf("only %v are shipped", files)
	}
	for _, name := range files {
		if !strings.Contains(told, "(../"+strings.TrimPrefix(name, root+"/")+")") && !regexp.MustCompile(`[ /\[=]`+regexp.QuoteMeta(filepath.Base(name))+`\b`).MatchString(told) {
			t.Errorf("nothing tells of %s", name)
		}
	}
}

// callPattern finds a call of the supervisor and its arguments.
var callPattern = regexp.MustCompile(`\bbin/supervisor((?: [^\s|;]+)*)`)

func TestSupervisorCommands(t *testing.T) {
	help := map[string]string{"": helpOf(t)}
	for name := range subcommands(help[""]) {
		help[name] = helpOf(t, name)
		for below := range subcommands(help[name]) {
			help[name] += helpOf(t, name, below)
		}
	}
	for _, p := range pages(t) {
		for _, line := range commands(p) {
			m := callPattern.FindStringSubmatch(line)
			if m != nil {
				checkCall(t, p.name+": "+line, strings.Fields(m[1]), help)
			}
		}
	}
}

// checkCall checks the subcommand and the flags of a call.
func checkCall(t *testing.T, where string, args []string, help map[string]string) {
	t.Helper()
	name := ""
	for i, arg := range args {
		if strings.HasPrefix(arg, "-") || i > 0 && args[i-1] == "-config" {
			continue
		}
		if name = arg; help[name] == "" {
			t.Errorf("%s: the supervisor has no command %s", where, name)
			return
		}
		break
	}
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") && !regexp.MustCompile(`(?m)^ +-?`+arg+`\b`).MatchString(help[name]) {
			t.Errorf("%s: help does not know %s", where, arg)
		}
	}
}

func helpOf(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(bin, "supervisor"), append(args, "-help")...).CombinedOutput()
	if err != nil {
		t.Fatalf("supervisor %v -help: %v: %s", args, err, out)
	}
	return string(out)
}

// subcommands reads them from the help.
func subcommands(help string) map[string]bool {
	_, list, _ := strings.Cut(help, "COMMANDS:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	found := map[string]bool{}
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) > 1 {
			found[fields[0]] = true
		}
	}
	return found
}

// TestCommandsAreDescribed: the README shows each command that there is.
func TestCommandsAreDescribed(t *testing.T) {
	missing := subcommands(helpOf(t))
	for _, line := range commands(readPage(t, "README.md")) {
		if rest, ok := strings.CutPrefix(line, "bin/supervisor "); ok {
			delete(missing, strings.Fields(rest)[0])
		}
	}
	for name := range maps.Keys(missing) {
		t.Errorf("README.md does not show supervisor %s", name)
	}
}
