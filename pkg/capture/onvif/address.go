package onvif

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

const usualPath = "/onvif/device_service" // ONVIF Core Specification, section 5.1.1

// address is a source in parts.
type address struct {
	host string // host or host:port, as the user wrote it
	name string // of the host alone
	port string
	path string        // of the device service
	user *url.Userinfo // nil: none

	profile string     // name or token; "": the largest picture
	alone   bool       // no smaller profile is taken besides
	play    url.Values // our options of rtsp: that are handed on
}

// parse reads onvif://USER:PASSWORD@HOST:PORT/PATH?profile=NAME. Its errors do not repeat the source.
func parse(source string) (address, error) {
	u, err := url.Parse(source)
	if err != nil || u.Scheme != "onvif" || u.Hostname() == "" || strings.Contains(u.Hostname(), ":") && !strings.HasPrefix(u.Host, "[") { // url.Parse takes "::" and "a:b:80"
		return address{}, errors.New("the source is no ONVIF address: it is onvif://USER:PASSWORD@HOST, with special characters in the password written as %XX")
	}
	a := address{host: u.Host, name: u.Hostname(), port: cmp.Or(u.Port(), "80"), path: u.EscapedPath(), user: u.User, play: url.Values{}}
	if a.path == "" || a.path == "/" {
		a.path = usualPath
	}
	options, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return address{}, errors.New("the options of the ONVIF address cannot be read")
	}
	for key, values := range options {
		switch {
		case len(values) > 1:
			return address{}, fmt.Errorf("the option %q of the ONVIF address is set twice", key)
		case key == "profile" && values[0] != "":
			a.profile = values[0]
		case key == "substream" && values[0] == "none":
			a.alone = true
		case key == "transport", key == "latency":
			a.play.Set(key, values[0]) // whoever plays the stream checks it
		default:
			return address{}, fmt.Errorf("the ONVIF address has an option %q that is not known: there are profile=NAME, substream=none, transport=tcp|udp and latency=MS", key)
		}
	}
	return a, nil
}

// at is host:port to connect to.
func (a address) at() string { return net.JoinHostPort(a.name, a.port) }

// service is where a service answers. Cameras tell addresses of theirs that only they can reach, 0.0.0.0 or that of another network, so
// nothing but the path is believed.
func (a address) service(told string) string {
	u, err := url.Parse(told)
	if err != nil || u.EscapedPath() == "" {
		return ""
	}
	return u.EscapedPath()
}

var streamSchemes = map[string]bool{"rtsp": true, "rtsps": true, "http": true}

// stream makes an address to play of the one that the camera told: at the host that the user wrote, and with the user's name and
// password, whatever stands there.
func (a address) stream(told string) (string, error) {
	u, err := url.Parse(told)
	if err != nil || !streamSchemes[u.Scheme] || u.Opaque != "" {
		return "", errors.New("it is no address of rtsp, rtsps or http")
	}
	port := u.Port()
	u.Host, u.User, u.Fragment = a.name, a.user, ""
	switch {
	case port != "":
		u.Host = net.JoinHostPort(a.name, port)
	case net.ParseIP(a.name) != nil && net.ParseIP(a.name).To4() == nil:
		u.Host = "[" + a.name + "]"
	}
	if more := a.play.Encode(); more != "" && u.Scheme != "http" {
		if u.RawQuery != "" {
			more = u.RawQuery + "&" + more
		}
		u.RawQuery = more
	}
	return u.String(), nil
}
