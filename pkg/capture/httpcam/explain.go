package httpcam

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"linkstart/pkg/camera"
	"linkstart/pkg/tlspin"
)

const maxErrorBody = 4 << 10 // what is read of an answer that is no picture

var errSilent = errors.New("no picture in time")

func (s *source) say(err error, format string, args ...any) error {
	return &camera.Error{Say: fmt.Sprintf(format, args...), Err: err}
}

func (s *source) silent(good int) error {
	if good == 0 {
		return s.say(errSilent, "the camera at %s sent no picture within %v of being asked", s.url.Host, s.spec.OpenTimeout)
	}
	return s.say(errSilent, "the camera at %s has sent no picture for %v", s.url.Host, s.spec.ReadTimeout)
}

// refused says what an HTTP status other than 200 means here.
func (s *source) refused(status int) error {
	host, cause := s.url.Host, fmt.Errorf("HTTP status %d", status)
	switch {
	case status == http.StatusUnauthorized && s.user == nil:
		return s.say(fmt.Errorf("%w: %w", camera.ErrAuth, cause), "the camera at %s asks for a user name and password: write them into the source, as in %s://USER:PASSWORD@HOST", host, s.url.Scheme)
	case status == http.StatusUnauthorized:
		return s.say(fmt.Errorf("%w: %w", camera.ErrAuth, cause), "the camera at %s refused user %s: check user name and password", host, s.user.Username())
	case status == http.StatusForbidden:
		return s.say(fmt.Errorf("%w: %w", camera.ErrAuth, cause), "the camera at %s does not allow this user to see its pictures", host)
	case status == http.StatusNotFound:
		return s.say(cause, "the camera at %s has nothing at this path: check the path in its URL", host)
	case status >= 500:
		return s.say(cause, "the camera at %s is in trouble or busy", host)
	}
	return s.say(cause, "the camera at %s refused the request", host)
}

// explain puts err into words for the user. It drops the URL that net/http writes into its errors, because a URL's
// query may hold a password.
func (s *source) explain(err error) error {
	var said *camera.Error
	if errors.As(err, &said) {
		return said
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	var (
		dns      *net.DNSError
		noTLS    tls.RecordHeaderError
		host     = s.url.Host
		unclosed = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
	)
	if untrusted := tlspin.Explain(err); untrusted != nil {
		return s.say(err, "%s", untrusted.Say(host))
	}
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return s.say(err, "the name %s is not known: check its spelling, or use the camera's IP address", s.url.Hostname())
	case errors.As(err, &dns):
		return s.say(err, "the name %s cannot be looked up: check the network, or use the camera's IP address", s.url.Hostname())
	case errors.Is(err, syscall.ECONNREFUSED):
		return s.say(err, "the camera at %s refuses connections: check its port, and that it is switched on", host)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return s.say(err, "there is no route to the camera at %s: check its address and the network", host)
	case errors.As(err, &noTLS), errors.Is(err, http.ErrSchemeMismatch):
		return s.say(err, "the camera at %s does not speak https at this port: use http or another port", host)
	case unclosed:
		return s.say(err, "the camera at %s closed the connection", host)
	case isTimeout(err):
		return s.say(err, "the camera at %s did not answer within %v: check its address, and that it is switched on", host, s.spec.OpenTimeout)
	}
	return s.say(err, "the connection to the camera at %s failed", host)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
