// Package httpcam takes pictures from a camera that speaks HTTP, multipart MJPEG or a single JPEG that is asked for
// again and again, and passes each on as the camera made it.
package httpcam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/tlspin"
)

const maxHeaderBytes = 64 << 10 // of an answer

// source is made by New.
type source struct {
	spec camera.Spec
	url  *url.URL // without user
	user *url.Userinfo
	log  *slog.Logger
	// digest: the camera has asked for Digest once. Who offers it Basic since then, without TLS, wants to read our password.
	digest atomic.Bool
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
}

// New makes the source of an http: or https: URL, whose user and password are given to the camera only when it asks for
// them, by Digest or Basic. Which kind of camera it is shows in the Content-Type of its answer. A URL that cannot work
// gives an error that wraps camera.ErrConfig.
func New(spec camera.Spec, log *slog.Logger) (camera.Source, error) {
	u, err := url.Parse(spec.Source)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		// the parser's error would repeat the URL with its password
		return nil, &camera.Error{
			Say: "the source is not a valid URL: it takes http://USER:PASSWORD@HOST/PATH, with special characters in the password written as %XX",
			Err: camera.ErrConfig,
		}
	}
	user := u.User
	u.User, u.Fragment = nil, ""
	dialer := net.Dialer{Timeout: spec.OpenTimeout}
	dial := dialer.DialContext
	if spec.Pin != "" { // redirects lead to the same host only, see checkRedirect
		dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, fmt.Errorf("dial camera: %w", err)
			}
			return dialer.DialContext(ctx, network, net.JoinHostPort(spec.Pin, port))
		}
	}
	return &source{spec: spec, url: u, user: user, log: log, dial: dial}, nil
}

// Stream implements camera.Source. Damaged pictures are passed over; ten in a row are an error. The same memory may be
// offered again where a polled camera answers that its picture is unchanged (304).
func (s *source) Stream(ctx context.Context, offer func(camera.Picture)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	transport := s.transport()
	defer transport.CloseIdleConnections()
	run := &run{
		source: s,
		client: &http.Client{Transport: &auth{user: s.user, next: transport, digest: &s.digest, secured: s.url.Scheme == "https"}, CheckRedirect: s.checkRedirect},
		offer:  offer,
	}
	run.watchdog = time.AfterFunc(s.spec.OpenTimeout, func() { cancel(errSilent) })
	defer run.watchdog.Stop()

	err := run.stream(ctx)
	run.logDamaged("camera's stream ended")
	if errors.Is(context.Cause(ctx), errSilent) {
		err = s.silent(run.good)
	} else if ctx.Err() != nil {
		return fmt.Errorf("stream pictures: %w", ctx.Err())
	}
	return s.explain(err)
}

func (s *source) transport() *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // cameras are on the local network
		DialContext:            s.dial,
		TLSClientConfig:        tlspin.Config(s.spec.TLSPin),
		TLSHandshakeTimeout:    s.spec.OpenTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
	}
}

const maxRedirects = 5

// checkRedirect lets a camera send us elsewhere on itself, and from http to https where both are at their usual ports, but never to
// another host or port, which may be somebody else's, nor out of TLS: our password would go there too.
func (s *source) checkRedirect(req *http.Request, via []*http.Request) error {
	to := req.URL
	to.User = nil
	switch {
	case len(via) > maxRedirects:
		return s.say(nil, "the camera at %s redirects for ever", s.url.Host)
	case to.Scheme != "http" && to.Scheme != "https":
		return s.say(nil, "the camera at %s redirects to something that is not http or https", s.url.Host)
	case to.Scheme == "http" && s.url.Scheme == "https":
		return s.say(nil, "the camera at %s redirects from https to http, which is refused", s.url.Host)
	case to.Host == s.url.Host && to.Scheme == s.url.Scheme, hostOf(to) == hostOf(s.url) && port(to) == "443" && port(s.url) == "80":
		return nil
	}
	// Path and query may hold a secret.
	return s.say(nil, "the camera at %s redirects to another address, %s://%.300s/…, which is refused: if that is right, write that address into the source", s.url.Host, to.Scheme, to.Host)
}

func hostOf(u *url.URL) string { return strings.ToLower(u.Hostname()) }

func port(u *url.URL) string {
	usual := map[string]string{"http": "80", "https": "443"}
	return cmp.Or(u.Port(), usual[u.Scheme])
}
