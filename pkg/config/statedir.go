package config

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var errNoHome = errors.New("neither HOME nor XDG_STATE_HOME is set")

// resolveStateDir turns what state_dir says into an absolute path; "" means the default of the XDG Base Directory
// Specification. dir is the folder of the configuration.
func resolveStateDir(text, dir string, getenv func(string) (string, bool)) (string, error) {
	home, _ := getenv("HOME")
	switch {
	case text == "":
		if state, _ := getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
			return filepath.Join(state, "linkstart"), nil
		}
		text = "~/.local/state/linkstart"
		fallthrough
	case text == "~", strings.HasPrefix(text, "~/"):
		if !filepath.IsAbs(home) {
			return "", errNoHome
		}
		return filepath.Join(home, strings.TrimPrefix(text, "~")), nil
	case filepath.IsAbs(text):
		return filepath.Clean(text), nil
	}
	return filepath.Join(dir, text), nil
}

func (d *decoder) checkStateDir(cfg *Config) {
	where := d.position("state_dir")
	if strings.HasPrefix(cfg.StateDir, "~") && cfg.StateDir != "~" && !strings.HasPrefix(cfg.StateDir, "~/") {
		d.add(where, "write ~/ for your own home, or the whole path", "state_dir: the home of another user is not known here")
		return
	}
	dir, err := resolveStateDir(cfg.StateDir, cfg.Dir, d.getenv)
	if err != nil {
		d.add(where, "write state_dir: and an absolute path", "state_dir cannot be found: %v", err)
	}
	cfg.StateDir = dir
}

// StateDir returns the state directory that the configuration at path names, also where the rest of it is wrong or
// variables are not set here: command lines use it to find the running supervisor. Without a file, or where state_dir
// itself cannot be read, it is the default; without a home, a folder beside the file.
func StateDir(path string) string {
	var cfg Config
	cfg.setFile(path)
	text := ""
	if data, err := read(path); err == nil {
		text = lenientStateDir(path, data)
	}
	for _, try := range []string{text, "", ".state"} {
		if dir, err := resolveStateDir(try, cfg.Dir, os.LookupEnv); err == nil {
			return dir
		}
	}
	return cfg.Dir
}

var stateDirLine = regexp.MustCompile(`(?m)^["']?state_dir["']?\s*:.*$`)

// lenientStateDir reads state_dir alone: from the whole file, or if that is no YAML, from its line.
func lenientStateDir(file string, data []byte) string {
	for _, text := range [][]byte{data, stateDirLine.Find(data)} {
		d := &decoder{file: file, getenv: os.LookupEnv, at: map[string]Problem{}}
		root := d.parse(text)
		if root == nil {
			continue
		}
		d.problems = nil
		list, _ := entries(root)
		for _, e := range list {
			if keyText(e.Key) != "state_dir" {
				continue
			}
			if text, ok := d.text(e.Value, "state_dir"); ok {
				text = d.expand(text, "state_dir")
				if len(d.problems) == 0 {
					return text
				}
			}
		}
	}
	return ""
}
