//go:build chaos

package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"linkstart/bench/report"
)

const figuresFile = "../docs/reliability.md"

// figuresPage is what is written into docs/reliability.md.
type figuresPage struct {
	machine report.Machine // before anything runs
	faults  []string
	figures map[string][]string
}

func newPage(t *testing.T) *figuresPage {
	return &figuresPage{machine: report.ThisMachine(t.Context(), nil), figures: make(map[string][]string)}
}

// write puts the tables between their marks.
func (p *figuresPage) write(t *testing.T) {
	t.Helper()
	page, err := os.ReadFile(figuresFile)
	if err != nil {
		t.Fatal(err)
	}
	version, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		version = []byte("unknown")
	}
	lines := []string{fmt.Sprintf("Taken %s at commit %s. %s.", time.Now().Format(time.DateOnly), strings.TrimSpace(string(version)), p.machine), ""}
	lines = append(append(lines, p.faults...), "", "| promise | goal | measured | |", "|---|---|---|---|")
	for _, name := range slices.Sorted(maps.Keys(p.figures)) {
		lines = append(lines, p.figures[name]...)
	}
	const begin, end = "<!-- figures: written by make chaos -->\n", "<!-- end of figures -->"
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for figures", filepath.Base(figuresFile))
	}
	text := before + begin + "\n" + strings.Join(lines, "\n") + "\n\n" + end + after
	if err := os.WriteFile(figuresFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
