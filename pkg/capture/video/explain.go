package video

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"github.com/icholy/digest"

	"linkstart/pkg/camera"
	"linkstart/pkg/gst"
	"linkstart/pkg/v4l2"
)

// reach finds out before the opening what GStreamer would not tell after it.
func (t target) reach() error {
	switch t.kind {
	case file:
		info, err := os.Stat(t.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return &camera.Error{Say: "there is no file " + t.name, Err: err}
		case err != nil:
			return &camera.Error{Say: "the file " + t.name + " cannot be read", Err: err}
		case info.IsDir():
			return &camera.Error{Say: t.name + " is a folder, not a video file"}
		}
	case device:
		if _, err := os.Stat(t.path); err != nil {
			return v4l2.Explain(t.path, err)
		}
	}
	return nil
}

func unreachable(t target, err error) error {
	say := fmt.Sprintf("%s does not answer: is it on, and is the address right?", t.address())
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		say = fmt.Sprintf("no host is called %s", t.url.Hostname())
	case !isDial(err):
		say = fmt.Sprintf("%s does not speak TLS: write rtsp:// if the camera does not encrypt", t.address())
	case errors.Is(err, syscall.ECONNREFUSED):
		say = fmt.Sprintf("%s is there, but nothing listens on that port (connection refused)", t.address())
	}
	return &camera.Error{Say: say, Err: err}
}

// explain finds out why t, which failed with cause before the first picture, could not be opened.
func (t target) explain(ctx context.Context, cause error) error {
	switch t.kind {
	case rtsp:
		status, elsewhere, err := describe(ctx, t)
		switch {
		case isDial(err):
			return unreachable(t, err)
		case err == nil && status >= 300 && status < 400:
			return t.redirected(elsewhere)
		}
		return t.answered(status, err, cause)
	case rtmp:
		conn, err := dial(ctx, t)
		if err != nil {
			return unreachable(t, err)
		}
		_ = conn.Close()
		return &camera.Error{Say: t.name + " does not send the stream " + t.stream(), Err: cause}
	case web:
		status, elsewhere, err := get(ctx, t)
		switch {
		case isDial(err):
			return unreachable(t, err)
		case err == nil && status >= 300 && status < 400:
			return t.redirected(elsewhere)
		}
		return t.answered(status, err, cause)
	case device:
		return t.noDevice(cause)
	}
	return &camera.Error{Say: t.name + " holds no video that can be decoded", Err: cause}
}

// noDevice asks the kernel what GStreamer does not tell.
func (t target) noDevice(cause error) error {
	var said *gst.Error
	if errors.As(cause, &said) && said.Domain == "gst-resource-error-quark" && said.Code == resourceBusy {
		return v4l2.Explain(t.path, fmt.Errorf("%w: %w", syscall.EBUSY, cause))
	}
	if _, err := v4l2.Look(t.path); err != nil {
		return err
	}
	return v4l2.Explain(t.path, cause)
}

// resourceBusy is GST_RESOURCE_ERROR_BUSY.
const resourceBusy = 4

// staysThere refuses a camera that redirects. It asks before GStreamer does, which would follow (RFC 2326, section 11.3).
func (t target) staysThere(ctx context.Context) error {
	if t.kind != rtsp {
		return nil
	}
	status, elsewhere, err := describe(ctx, t)
	if err == nil && status >= 300 && status < 400 {
		return t.redirected(elsewhere)
	}
	return nil // whatever else is wrong will show
}

func (t target) redirected(to string) error {
	if to != "" {
		to = ", " + to
	}
	return &camera.Error{
		Say: fmt.Sprintf("the camera at %s redirects to another address%s, which is refused: if that is right, write that address into the source", t.name, to),
		Err: errors.New("redirect"),
	}
}

// isDial tells whether there was no connection at all.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// answered puts a status code, which HTTP and RTSP (RFC 2326, section 7.1.1) share, into words.
func (t target) answered(status int, err, cause error) error {
	user := t.url.User.Username()
	switch {
	case err != nil:
		return &camera.Error{Say: fmt.Sprintf("%s accepts the connection, but does not answer", t.name), Err: err}
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && user == "":
		return &camera.Error{Say: fmt.Sprintf("%s asks for a user name and a password: write %s://NAME:PASSWORD@%s/…", t.name, t.url.Scheme, t.url.Host), Err: camera.ErrAuth}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return &camera.Error{Say: fmt.Sprintf("the camera at %s refused user %s: check user name and password", t.name, user), Err: camera.ErrAuth}
	case status == http.StatusNotFound:
		return &camera.Error{Say: fmt.Sprintf("the camera at %s has no stream %s", t.name, t.stream()), Err: errors.New("status 404")}
	case status == http.StatusOK || status == http.StatusPartialContent:
		return &camera.Error{Say: fmt.Sprintf("%s answers, but sends no video that can be used%s", t.name, t.hint()), Err: cause}
	}
	return &camera.Error{Say: fmt.Sprintf("%s refuses to send the stream (status %d)", t.name, status), Err: cause}
}

// hint names what is most often wrong where a camera answers and sends nothing.
func (t target) hint() string {
	switch {
	case t.kind == rtsp && t.udp:
		return " over UDP: try it without ?transport=udp"
	case t.kind == rtsp:
		return " over TCP: try ?transport=udp"
	}
	return ""
}

// get asks an HTTP server for the first byte of what t names and returns the status code, and where that leads.
func get(ctx context.Context, t target) (status int, elsewhere string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url.String(), nil)
	if err != nil {
		return 0, "", errors.New("make request: the address cannot be used")
	}
	request.Header.Set("Range", "bytes=0-0")
	inner := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: mostReply}
	client := http.Client{
		Transport:     inner,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if password, ok := t.url.User.Password(); ok {
		client.Transport = &digest.Transport{Username: t.url.User.Username(), Password: password, Transport: inner}
	}
	response, err := client.Do(request)
	if err != nil {
		var withAddress *url.Error
		if errors.As(err, &withAddress) {
			err = withAddress.Err
		}
		return 0, "", fmt.Errorf("get: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 1)
	return response.StatusCode, leads(response.Header), nil
}
