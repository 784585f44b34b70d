package discover

import (
	"cmp"
	"encoding/xml"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	longest     = 64 // characters of a name
	longestPath = 200
	usualPath   = "/onvif/device_service"
)

// match is one device in an answer.
type match struct {
	Types, Scopes, XAddrs string
}

// read returns the cameras of an answer that came from an address. It takes XML as cameras write it.
func read(answer []byte, from netip.Addr) []Camera {
	if !from.IsValid() || from.IsUnspecified() || from.IsMulticast() {
		return nil
	}
	d := xml.NewDecoder(strings.NewReader(strings.ToValidUTF8(string(answer), "\ufffd")))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var told struct {
		All []match `xml:"Body>ProbeMatches>ProbeMatch"`
	}
	if d.Decode(&told) != nil {
		return nil
	}
	var cameras []Camera
	for _, m := range told.All {
		if !isCamera(m) {
			continue
		}
		c := Camera{Address: from.String(), Source: source(strings.Fields(m.XAddrs), from)}
		for _, s := range strings.Fields(m.Scopes) {
			key, value := scope(s)
			switch key {
			case "name":
				c.Name = cmp.Or(c.Name, value)
			case "hardware":
				c.Hardware = cmp.Or(c.Hardware, value)
			case "location":
				c.Location = cmp.Or(c.Location, value)
			}
		}
		cameras = append(cameras, c)
	}
	return cameras
}

// isCamera tells cameras from printers, which answer to the same probes.
func isCamera(m match) bool {
	return strings.Contains(m.Types, "NetworkVideoTransmitter") || strings.Contains(m.Scopes, "onvif://www.onvif.org/")
}

// scope takes onvif://www.onvif.org/name/Front%20door apart.
func scope(s string) (key, value string) {
	rest, ok := strings.CutPrefix(s, "onvif://www.onvif.org/")
	if !ok {
		return "", ""
	}
	key, value, _ = strings.Cut(rest, "/")
	if key == "location" { // city/hangzhou, country/china: the word that says which is of no use
		value = value[strings.LastIndexByte(value, '/')+1:]
	}
	if plain, err := url.PathUnescape(value); err == nil {
		value = plain
	}
	return key, clean(value)
}

// clean makes text of one line, and of a length that fits one.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.C, r): // control and formatting characters, which could turn a line around
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest])
	}
	return strings.TrimSpace(s)
}

// source makes an address of those that a camera names for itself. Only port and path are believed, and only of one that names who has
// answered, or an address that can be meant for it: not of one out in the world.
func source(told []string, from netip.Addr) string {
	host, port, path := from.String(), "", ""
	if from.Is6() {
		host = "[" + host + "]"
	}
	for _, one := range told {
		u, err := url.Parse(one)
		if err != nil || u.Scheme != "http" || len(u.EscapedPath()) > longestPath || strings.ContainsAny(u.EscapedPath(), "@?#") {
			continue
		}
		at, err := netip.ParseAddr(u.Hostname())
		if err != nil || at != from && !at.IsPrivate() && !at.IsUnspecified() && !at.IsLinkLocalUnicast() {
			continue
		}
		if n, err := strconv.ParseUint(cmp.Or(u.Port(), "80"), 10, 16); err != nil || n == 0 {
			continue
		}
		port, path = u.Port(), u.EscapedPath()
		if at == from {
			break
		}
	}
	if port != "" && port != "80" {
		host = net.JoinHostPort(from.String(), port)
	}
	if path == usualPath || path == "/" {
		path = ""
	}
	return "onvif://" + host + path
}
