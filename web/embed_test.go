package web_test

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"linkstart/web"
)

// reference finds what a file of the page names: attributes, imports, worker scripts, and url() in styles.
var reference = regexp.MustCompile(`(?:href="|src="|from "|new URL\(")([^"#][^"]*)"|url\(([^)]+)\)`)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(web.Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func names(t *testing.T) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(web.Files(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFilesNameEachOther holds that the page is whole, and needs nothing from outside.
func TestFilesNameEachOther(t *testing.T) {
	used := map[string]bool{"index.html": true}
	for _, name := range names(t) {
		for _, match := range reference.FindAllStringSubmatch(read(t, name), -1) {
			to := match[1] + match[2]
			if to == "ws" { // the one thing that is not a file
				continue
			}
			if strings.HasPrefix(to, "/") || strings.Contains(to, ":") {
				t.Errorf("%s names %q: only relative paths work under a prefix", name, to)
				continue
			}
			to = path.Join(path.Dir(name), to)
			if _, err := fs.Stat(web.Files(), to); err != nil {
				t.Errorf("%s names %q: %v", name, to, err)
			}
			used[to] = true
		}
	}
	for _, name := range names(t) {
		if !used[name] {
			t.Errorf("%s is shipped, but nothing names it", name)
		}
	}
}

// TestPageNeedsNoInline holds what "script-src 'self'; style-src 'self'" demands, and that server text stays text.
func TestPageNeedsNoInline(t *testing.T) {
	bans := map[string]*regexp.Regexp{
		"inline script":           regexp.MustCompile(`<script(?:[^>]*)>[^<]`),
		"style element":           regexp.MustCompile(`<style`),
		"style attribute":         regexp.MustCompile(`\sstyle="`),
		"event attribute":         regexp.MustCompile(`\son[a-z]+="`),
		"text turned into markup": regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(`),
	}
	for _, name := range names(t) {
		for what, ban := range bans {
			if found := ban.FindString(read(t, name)); found != "" {
				t.Errorf("%s has %s: %q", name, what, found)
			}
		}
	}
}

func TestOnlyThePageIsShipped(t *testing.T) {
	for _, name := range names(t) {
		if strings.Contains(name, "test") || strings.HasSuffix(name, ".go") || strings.HasSuffix(name, ".json") {
			t.Errorf("%s is no part of the page", name)
		}
	}
}
