// Package web holds the viewer: the page, as it is served, that shows the cameras in any browser.
package web

import (
	"embed"
	"io/fs"
)

//go:embed index.html favicon.svg *.css *.js vendor
var files embed.FS

// Files returns what the page is made of, index.html at the root. Every file names the others by relative path only, so
// the tree works under any prefix, and needs nothing from elsewhere: the strictest Content-Security-Policy of 'self' will do.
func Files() fs.FS { return files }
