package confine

import (
	"os"
	"path/filepath"
	"strings"
)

// around returns path, or, where some of hidden are below it, all in it that leaves them out. Rules only ever allow, so what
// is hidden is what nothing around it allows; what somebody puts beside it later stays hidden too.
func around(path string, hidden []string) []string {
	inside := false
	for _, h := range hidden {
		if below(path, h) {
			return nil
		}
		inside = inside || below(h, path)
	}
	if !inside {
		return []string{path}
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil
	}
	var visible []string
	for _, entry := range entries {
		if entry.Type()&os.ModeSymlink == 0 { // what one leads to has a rule of its own, or none
			visible = append(visible, around(filepath.Join(path, entry.Name()), hidden)...)
		}
	}
	return visible
}

// below tells whether path is folder or in it.
func below(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}

// resolved returns the paths without symbolic links, and none that does not exist.
func resolved(paths []string) []string {
	var all []string
	for _, path := range paths {
		if path, err := filepath.EvalSymlinks(path); err == nil {
			all = append(all, path)
		}
	}
	return all
}
