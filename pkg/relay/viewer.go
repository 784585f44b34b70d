package relay

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// serveViewer adds a route for each file, index.html at / as well. A route for each, and not one for all: so an address
// that is none stays 404 and a wrong method 405.
func serveViewer(app *fiber.App, files fs.FS) error {
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		handle := file(body, typeOf(name, body))
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

// file serves what does not change while the process runs; a browser asks each time whether it is still the same.
func file(body []byte, kind string) fiber.Handler {
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderCacheControl, "no-cache")
		c.Set(fiber.HeaderContentSecurityPolicy, contentPolicy)
		c.Set(fiber.HeaderETag, tag)
		if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), tag) {
			return c.SendStatus(fiber.StatusNotModified)
		}
		c.Set(fiber.HeaderContentType, kind)
		return c.Send(body)
	}
}
