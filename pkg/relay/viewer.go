package relay

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"

	"linkstart/pkg/slim"
)

// serveViewer adds a route for each file, index.html at / as well. A route for each, and not one for all: so an address
// that is none stays 404 and a wrong method 405.
func (r *Relay) serveViewer(app *fiber.App, files fs.FS) error {
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if body, err = slim.Slim(name, body); err != nil {
			return err
		}
		handle, err := r.file(body, typeOf(name, body))
		if err != nil {
			return err
		}
		app.Get("/"+name, handle)
		if name == "index.html" {
			app.Get("/", handle)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("load viewer: %w", err)
	}
	return nil
}

// typeOf does not ask the machine, whose own list of types may be odd, for what a browser is strict about.
func typeOf(name string, body []byte) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json", ".webmanifest":
		return "application/json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return http.DetectContentType(body)
}

// form is a file as it goes over the wire.
type form struct {
	body          []byte
	encoding, tag string
}

func newForm(body []byte, encoding string) form {
	sum := sha256.Sum256(body)
	return form{body: body, encoding: encoding, tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// pack compresses once what is asked for often. ok is false for what hardly gets smaller.
func pack(body []byte) (packed form, ok bool, err error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return form{}, false, err
	}
	if _, err = w.Write(body); err == nil {
		err = w.Close()
	}
	return newForm(b.Bytes(), "gzip"), b.Len() < len(body)*9/10, err
}

// file serves what does not change while the process runs; a browser asks each time whether it is still the same.
func (r *Relay) file(body []byte, kind string) (fiber.Handler, error) {
	plain := newForm(body, "")
	packed, ok, err := pack(body)
	if err != nil {
		return nil, err
	}
	return func(c *fiber.Ctx) error {
		f := plain
		if ok {
			c.Vary(fiber.HeaderAcceptEncoding)
			if c.Get(fiber.HeaderAcceptEncoding) != "" && c.AcceptsEncodings("gzip") != "" {
				f = packed
			}
		}
		c.Set(fiber.HeaderCacheControl, "no-cache")
		r.pageHeaders(c)
		c.Set(fiber.HeaderETag, f.tag)
		if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), f.tag) {
			return c.SendStatus(fiber.StatusNotModified)
		}
		c.Set(fiber.HeaderContentType, kind)
		if f.encoding != "" {
			c.Set(fiber.HeaderContentEncoding, f.encoding)
		}
		return c.Send(f.body)
	}, nil
}
