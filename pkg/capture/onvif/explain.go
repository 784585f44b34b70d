package onvif

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"

	"linkstart/pkg/camera"
)

// What a camera can answer that is of no use, besides camera.ErrAuth.
var (
	errNotONVIF  = errors.New("the answer is not SOAP")
	errFault     = errors.New("the service refuses")
	errNoMedia   = errors.New("no media service")
	errNoProfile = errors.New("no profile with video")
	errBadStream = errors.New("the stream's address cannot be used")

	errNoneSmaller = errors.New("no smaller profile")
)

// unknownProfile is one that the user has named.
type unknownProfile struct{ name, there string }

func (u *unknownProfile) Error() string { return "no such profile" }

// explain puts err into words for the user. It drops the URL that net/http writes into its errors.
func (a address) explain(err error) error {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	say := func(format string, args ...any) error {
		return &camera.Error{Say: fmt.Sprintf(format, args...), Err: fmt.Errorf("ask by ONVIF: %w", err)}
	}
	var dns *net.DNSError
	var timeout net.Error
	var unknown *unknownProfile
	switch {
	case errors.As(err, &unknown):
		return say("the camera at %s has no profile %q: it has %s", a.host, unknown.name, unknown.there)
	case errors.Is(err, camera.ErrAuth) && a.user == nil:
		return say("the camera at %s asks for a user name and password: write onvif://USER:PASSWORD@%s", a.host, a.host)
	case errors.Is(err, camera.ErrAuth):
		return say("the camera at %s refused user %s: check user name and password; many cameras have users for ONVIF alone, which are made in their settings", a.host, a.user.Username())
	case errors.Is(err, errNoMedia), errors.Is(err, errNoProfile):
		return say("%s speaks ONVIF, but offers no video: is it a camera?", a.host)
	case errors.Is(err, errBadStream):
		return say("the camera at %s names a stream that cannot be played: write its rtsp:// address instead", a.host)
	case errors.Is(err, errFault):
		return say("the camera at %s refuses to tell of its streams by ONVIF: write its rtsp:// address instead", a.host)
	case errors.Is(err, errNotONVIF):
		return say("%s answers, but does not speak ONVIF at %s: switch ONVIF on in the camera's settings, or write the port that they name", a.host, a.path)
	case errors.As(err, &dns):
		return say("no host is called %s: check its spelling, or use the camera's IP address", a.name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return say("%s is there, but nothing listens at port %s: switch ONVIF on in the camera's settings, or write the port that they name", a.name, a.port)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return say("there is no route to the camera at %s: check its address and the network", a.host)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return say("%s does not answer by ONVIF: is it on, and is the address right?", a.host)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return say("the camera at %s closed the connection instead of answering by ONVIF", a.host)
	}
	return say("the camera at %s cannot be asked by ONVIF", a.host)
}
