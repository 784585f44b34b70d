// Package docs tests what the documentation says against the code and the programs.
package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"linkstart/pkg/config"
)

// root is the folder of the repository, bin one with its programs and the examples.
const root = ".."

var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "linkstart-docs-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(bin)
	build := exec.Command("go", "build", "-o", bin+"/", "../cmd/...", "./examples/...", "../sdk/examples/...")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build programs:", err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// page is a Markdown file taken apart.
type page struct {
	name     string // below root
	text     string // without code blocks
	blocks   []block
	headings []heading
}

type block struct {
	lang string
	code string
	line int
}

type heading struct {
	level int
	text  string
}

func readPage(t *testing.T, name string) *page {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	p := &page{name: name}
	var open *block
	var text strings.Builder
	for i, line := range strings.SplitAfter(string(data), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &block{lang: strings.TrimSpace(fence), line: i + 1}
		case isFence:
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.code += line
		default:
			text.WriteString(line)
			if marks := len(line) - len(strings.TrimLeft(line, "#")); marks > 0 {
				p.headings = append(p.headings, heading{marks, strings.TrimSpace(line[marks:])})
			}
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: this code block does not end", name, open.line)
	}
	p.text = text.String()
	return p
}

// pages returns the README in both languages, all of docs, and that of sdk.
func pages(t *testing.T) []*page {
	t.Helper()
	names, err := fs.Glob(os.DirFS(root), "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := []*page{readPage(t, "README.md"), readPage(t, "README.zh-CN.md"), readPage(t, "sdk/README.md")}
	for _, name := range names {
		all = append(all, readPage(t, name))
	}
	return all
}

// rows returns the rows of every table whose header begins with these cells.
func (p *page) rows(header ...string) [][]string {
	var found [][]string
	inside := false
	for line := range strings.Lines(p.text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case strings.HasPrefix(cells[0], "---"):
		case inside:
			found = append(found, cells)
		case len(cells) >= len(header) && slices.Equal(cells[:len(header)], header):
			inside = true
		}
	}
	return found
}

func code(cell string) string { return strings.Trim(cell, "`") }

func TestConfigurationsLoad(t *testing.T) {
	environment := func(name string) (string, bool) {
		if name == "HOME" {
			return "/home/user", true
		}
		return "p@ss/word " + name, true
	}
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.lang != "yaml" {
				continue
			}
			if _, err := config.Parse("cameras.yaml", []byte(b.code), environment); err != nil {
				t.Errorf("%s:%d: %v", p.name, b.line, err)
			}
		}
	}
}

// linkPattern finds the target of an inline link or picture.
var linkPattern = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinks(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range linkPattern.FindAllStringSubmatch(p.text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := p
			if target != "" {
				name := path.Join(path.Dir(p.name), target)
				if _, err := os.Stat(filepath.Join(root, name)); err != nil {
					t.Errorf("%s: %v", p.name, err)
					continue
				}
				if path.Ext(name) != ".md" {
					continue
				}
				to = readPage(t, name)
			}
			if anchor != "" && !slices.ContainsFunc(to.headings, func(h heading) bool { return h.anchor() == anchor }) {
				t.Errorf("%s: %s has no heading for #%s", p.name, to.name, anchor)
			}
		}
	}
}

// anchor is what a heading can be linked by.
func (h heading) anchor() string {
	kept := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(h.text), "")
	return strings.ReplaceAll(kept, " ", "-")
}

// TestTranslation: both READMEs have the same headings, code and tables, but for the language.
func TestTranslation(t *testing.T) {
	shape := func(p *page) (list []string) {
		for _, h := range p.headings {
			list = append(list, strings.Repeat("#", h.level))
		}
		for _, b := range p.blocks {
			list = append(list, b.lang+": "+withoutWords(b.code))
		}
		for line := range strings.Lines(p.text) {
			if strings.HasPrefix(line, "|") {
				list = append(list, fmt.Sprintf("table row of %d cells", strings.Count(line, "|")-1))
			}
		}
		return list
	}
	english, chinese := shape(readPage(t, "README.md")), shape(readPage(t, "README.zh-CN.md"))
	for i := range max(len(english), len(chinese)) {
		if i >= len(english) || i >= len(chinese) || english[i] != chinese[i] {
			t.Fatalf("part %d differs: English %q, Chinese %q", i, english[i:min(i+1, len(english))], chinese[i:min(i+1, len(chinese))])
		}
	}
}

var wordsPattern = regexp.MustCompile(`(?m)\s*(^|\s)#.*$|(name|group): .*$`)

// withoutWords takes comments and names out, which are translated.
func withoutWords(code string) string { return wordsPattern.ReplaceAllString(code, "") }
