package web_test

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"linkstart/pkg/slim"
	"linkstart/web"
)

// most is what the page may weigh on the way to a browser, with all that it loads later.
const most = 150_000 // bytes

// TestPageIsLight packs each file as the relay does.
func TestPageIsLight(t *testing.T) {
	sum := 0
	for _, name := range names(t) {
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		body, err := slim.Slim(name, []byte(read(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%6d %s", b.Len(), name)
		sum += b.Len()
	}
	t.Logf("%6d in all", sum)
	if sum > most {
		t.Errorf("the page weighs %d bytes, at most %d are meant", sum, most)
	}
}

// TestAllOfThePageIsShipped holds that no file of the page is forgotten, in subfolders as well, and that what only its makers need
// stays at home.
func TestAllOfThePageIsShipped(t *testing.T) {
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name == "test" || name == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		switch path.Ext(name) {
		case ".js", ".css", ".html", ".svg":
			if _, err := fs.Stat(web.Files(), name); err != nil {
				t.Errorf("%s is not shipped: %v", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names(t) {
		if strings.HasPrefix(name, "node_modules/") || strings.HasPrefix(name, "test/") {
			t.Errorf("%s is shipped", name)
		}
	}
}
