// Package slim takes out of a page's files what only people read: comments and spaces. Names stay, so that an error in a browser can be
// understood.
package slim

import (
	"fmt"
	"path"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
)

const (
	script = "text/javascript"
	style  = "text/css"
)

// Slim returns a file of that name, shorter where it is a script or a style sheet. The error says where one cannot be parsed.
func Slim(name string, body []byte) ([]byte, error) {
	m := minify.New()
	m.Add(script, &js.Minifier{KeepVarNames: true})
	m.Add(style, &css.Minifier{})
	kind := map[string]string{".js": script, ".css": style}[path.Ext(name)]
	if kind == "" {
		return body, nil
	}
	short, err := m.Bytes(kind, body)
	if err != nil {
		return nil, fmt.Errorf("shorten %s: %w", name, err)
	}
	return short, nil
}
