package relay

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// uploadDone is what the old framework answered.
const uploadDone = "Done"

// upload takes a picture as the old framework did: its clients name no camera, so the configuration does.
func (r *Relay) upload(c *fiber.Ctx) error {
	if r.config.Upload == "" {
		return refuse(codeNotFound, "No camera takes what is sent here: name a push: camera under server.upload, or send to /api/v1/cameras/ID/frames.")
	}
	i, err := r.find(c, r.config.Upload)
	if err != nil {
		return err
	}
	picture, err := uploaded(c.Get(fiber.HeaderContentType), c.Request().Body())
	if err != nil {
		return err
	}
	if err := r.hand(c, i, picture); err != nil {
		return err
	}
	return c.SendString(uploadDone)
}

// uploaded is the body, or what a form holds of it: the first file, or the first part that is named as a picture.
func uploaded(contentType string, body []byte) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != fiber.MIMEMultipartForm {
		return body, nil
	}
	for form := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, refuse(codeBadRequest, "The form holds no file.")
		}
		if err != nil {
			return nil, refuse(codeBadRequest, "The form cannot be read.")
		}
		if part.FileName() == "" && !strings.HasPrefix(part.Header.Get(fiber.HeaderContentType), "image/") {
			continue
		}
		picture, err := io.ReadAll(part) // no longer than the body
		if err != nil {
			return nil, refuse(codeBadRequest, "The form cannot be read.")
		}
		return picture, nil
	}
}
