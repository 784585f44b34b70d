package httpcam

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/jpeg"
	"linkstart/pkg/mjpeg"
)

const maxDamaged = 10 // pictures in a row

// run is one call of Stream.
type run struct {
	*source
	client   *http.Client
	offer    func(camera.Picture)
	watchdog *time.Timer // ends the run when no good picture comes in time: bytes alone do not count

	good    int // pictures offered
	damaged int // in a row
	total   int // damaged, since the last log line
}

// kind is how a camera sends its pictures.
type kind int

const (
	unknown kind = iota
	multipart
	concatenated // JPEGs one behind another
	single
)

func (r *run) stream(ctx context.Context) error {
	res, err := r.get(ctx, "")
	if err != nil {
		return err
	}
	body := bufio.NewReaderSize(res.Body, 512)
	contentType := res.Header.Get("Content-Type")
	switch r.kindOf(contentType, body) {
	case multipart:
		defer res.Body.Close()
		parts := mjpeg.NewReader(body, contentType, r.spec.MaxBytes)
		return r.pictures(func() ([]byte, error) { return nextPicture(parts) })
	case concatenated:
		defer res.Body.Close()
		return r.pictures(jpeg.NewSplitter(body, r.spec.MaxBytes).Next)
	case single:
		return r.poll(ctx, res, body)
	}
	res.Body.Close()
	return r.say(nil, "the camera at %s answered with %s instead of a picture: check the path in its URL", r.url.Host, typeName(contentType))
}

// kindOf goes by the Content-Type, and by the first bytes where that says nothing.
func (r *run) kindOf(contentType string, body *bufio.Reader) kind {
	name, _, _ := strings.Cut(contentType, ";")
	switch name = strings.ToLower(strings.TrimSpace(name)); {
	case strings.HasPrefix(name, "multipart/"):
		return multipart
	case name == "image/jpeg", name == "image/jpg", name == "image/pjpeg":
		return single
	case name == "video/mjpeg", name == "video/x-mjpeg", name == "video/x-motion-jpeg":
		return concatenated
	case name != "" && name != "application/octet-stream":
		return unknown
	}
	head, _ := body.Peek(2)
	switch string(head) {
	case "--", "\r\n":
		return multipart
	case "\xFF\xD8":
		return single
	}
	return unknown
}

func typeName(contentType string) string {
	name, _, err := mime.ParseMediaType(contentType)
	if err != nil || len(name) > 60 {
		return "something unknown"
	}
	return name
}

// nextPicture passes over parts that are something else by their own word, such as text.
func nextPicture(parts *mjpeg.Reader) ([]byte, error) {
	for {
		b, header, err := parts.Next()
		if err != nil {
			return nil, err
		}
		t := header.Get("Content-Type")
		if t == "" || strings.HasPrefix(strings.ToLower(t), "image/") || bytes.HasPrefix(b, []byte{0xFF, 0xD8}) {
			return b, nil
		}
	}
}

// pictures offers what next gives until it fails for good.
func (r *run) pictures(next func() ([]byte, error)) error {
	for {
		b, err := next()
		now := time.Now()
		if err != nil && !errors.Is(err, camera.ErrTooLarge) {
			return err
		}
		if err = r.take(b, now, err); err != nil {
			return err
		}
		if r.damaged == 0 {
			r.watchdog.Reset(r.spec.ReadTimeout)
		}
	}
}

// take offers b, or counts it as damaged where it is (err: by those who read it). It fails after too many in a row.
func (r *run) take(b []byte, captured time.Time, err error) error {
	var info jpeg.Info
	if err == nil {
		b, info, err = jpeg.Repair(b, r.spec.MaxPixels)
	}
	if err == nil {
		r.damaged = 0
		r.good++
		r.offer(camera.Picture{Captured: captured, Width: info.Width, Height: info.Height, JPEG: b})
		return nil
	}
	r.damaged++
	r.total++
	if r.total == 1 {
		r.log.Warn("camera sent a damaged picture, which is passed over", "error", err)
	}
	if r.damaged >= maxDamaged {
		return r.say(err, "the camera at %s sends no picture that can be shown", r.url.Host)
	}
	return nil
}

// logDamaged says once at the end what was said only for the first.
func (r *run) logDamaged(msg string) {
	if r.total > 1 {
		r.log.Warn(msg, "damaged", r.total, "good", r.good)
	}
}

// get asks for the picture; etag is that of the one we have, or "". The answer is 200 or, with etag, 304.
func (r *run) get(ctx context.Context, etag string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask camera: %w", err)
	}
	req.Header.Set("User-Agent", "linkstart")
	req.Header.Set("Accept", "*/*")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK || etag != "" && res.StatusCode == http.StatusNotModified {
		return res, nil
	}
	io.CopyN(io.Discard, res.Body, maxErrorBody)
	res.Body.Close()
	return nil, r.refused(res.StatusCode)
}
