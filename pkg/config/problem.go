package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"linkstart/pkg/secret"
)

// Problem is one mistake in a configuration file. It holds no secret.
type Problem struct {
	File   string
	Line   int    // 1 is the first
	Column int    // 1 is the first, in characters
	What   string // what is wrong
	Hint   string // how to mend it; may be empty
}

func (p Problem) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.What)
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

// Problems are all mistakes of a file, in the order of their lines.
type Problems []Problem

// Error prints one problem per line: file:line:column: what; hint.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds what is reported of one file: nobody reads more.
const maxProblems = 100

// add notes a problem at the position of where. Format and arguments make What.
func (d *decoder) add(where Problem, hint, format string, args ...any) {
	if len(d.problems) >= maxProblems {
		return
	}
	where.What, where.Hint = fmt.Sprintf(format, args...), hint
	d.problems = append(d.problems, where)
}

// doubt says of the value at path what works, and is hardly meant.
func (d *decoder) doubt(cfg *Config, path, format string, args ...any) {
	where := d.position(path)
	where.What = fmt.Sprintf(format, args...)
	cfg.Doubts = append(cfg.Doubts, where)
}

// position returns where the value at path stands, else the nearest that encloses it.
func (d *decoder) position(path string) Problem {
	for {
		if p, ok := d.at[path]; ok {
			return p
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return Problem{File: d.file, Line: 1, Column: 1}
		}
		path = path[:i]
	}
}

// report returns the problems sorted, each once, and free of secrets.
func (d *decoder) report(cfg *Config) Problems {
	scrubber := secret.NewScrubber(d.known(cfg)...)
	for i, p := range d.problems {
		d.problems[i].What, d.problems[i].Hint = shorten(oneLine(scrubber.Scrub(p.What))), shorten(oneLine(scrubber.Scrub(p.Hint)))
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(d.problems)
}

// known returns the secrets of the sources and those that came from the environment, each once.
func (d *decoder) known(cfg *Config) []string {
	all := append(slices.Clone(d.secrets), cfg.Access.OIDC.ClientSecret)
	all = append(all, cfg.Bus.secrets()...)
	for _, u := range cfg.Users {
		all = append(all, u.Password)
	}
	for _, cam := range cfg.Cameras {
		for _, s := range []secret.Source{cam.Source, cam.Substream, cam.OnFailure.URL} {
			all = append(all, secret.Secrets(s.Reveal())...)
		}
	}
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	slices.Sort(all)
	return slices.Compact(all)
}

// oneLine makes control characters visible.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '·'
		}
		return r
	}, s)
}

// shorten cuts s to what is worth reading. It comes after scrubbing, which does not know parts of secrets.
func shorten(s string) string {
	if r := []rune(s); len(r) > 400 {
		return string(r[:400]) + "…"
	}
	return s
}

// nearest returns a hint that names the one of known that word most likely means, else all of them.
func nearest(word string, known []string) string {
	best, bestDistance := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d < bestDistance && d < len(k) {
			best, bestDistance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "known here: " + strings.Join(known, ", ")
}

// distance is the Levenshtein distance of a and b; words longer than 40 bytes are far from everything.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
