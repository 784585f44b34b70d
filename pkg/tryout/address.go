package tryout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"linkstart/pkg/camera"
)

// ErrSource is the kind of error where a source is not one that may come from a page.
var ErrSource = errors.New("the source may not come from a page")

const (
	longest    = 2000 // bytes of a source
	lookUpTime = 3 * time.Second
)

// Wanted is a source as a page sends it.
type Wanted struct {
	Source   string // whole, or HOST, or HOST:PORT
	User     string // put into Source, percent-encoded, where one of them is set
	Password string
	TLSPin   string // the fingerprint of the only certificate that it may show; "": one that authorities vouch for
}

// allowed are the kinds that can do nothing but fetch pictures; the others run commands or read files of this machine.
var allowed = []string{"rtsp", "rtsps", "rtmp", "http", "https", "onvif"}

var (
	opaquePattern = regexp.MustCompile(`^(?i)(exec|opencv|v4l2|file|test|push):`)
	// What a name server may be asked for, while a library that connects takes it for an IPv4 address in another form, which
	// it then did not look up: 2130706433, 127.1, 0x7f.0.0.1.
	numberPattern = regexp.MustCompile(`^(?i)(.*\.)?([0-9]+|0x[0-9a-f]*)\.?$`)
	hostPattern   = regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?$`)
)

func refuse(format string, args ...any) error {
	return &camera.Error{Say: fmt.Sprintf(format, args...), Err: ErrSource}
}

// Complete returns the source with user and password in it. bare tells that it is no source yet, but only HOST or HOST:PORT.
func (w Wanted) Complete() (source string, bare bool, err error) {
	source = strings.TrimSpace(w.Source)
	switch {
	case source == "":
		return "", false, refuse("the address is empty")
	case len(source) > longest || len(w.User)+len(w.Password) > longest:
		return "", false, refuse("the address is longer than %d bytes", longest)
	case strings.ContainsFunc(source, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "", false, refuse("the address holds a space or a control character: write %%20 for a space")
	}
	if m := opaquePattern.FindStringSubmatch(source); m != nil {
		kind := strings.ToLower(m[1])
		if kind != "test" && kind != "push" {
			return "", false, refuse("a source %s: cannot be added from a page: write it into the configuration file", kind)
		}
		return kind + source[len(kind):], false, nil
	}
	if _, err := netip.ParseAddr(source); err == nil || hostPattern.MatchString(source) {
		return source, true, nil
	}
	scheme, rest, ok := strings.Cut(source, "://")
	if scheme = strings.ToLower(scheme); !ok {
		return "", false, refuse("write rtsp:// or http:// before the address, or only the name or number of the host")
	}
	if !slices.Contains(allowed, scheme) {
		return "", false, refuse("an address begins with rtsp://, rtsps://, rtmp://, http://, https:// or onvif://")
	}
	rest = ascii(rest)
	u, err := url.Parse(scheme + "://" + rest)
	switch {
	case err != nil: // which repeats the address, password and all
		return "", false, refuse("the address cannot be read: put user name and password into their own fields")
	case u.Hostname() == "":
		return "", false, refuse("the address names no host")
	case w.User == "" && w.Password == "":
		return scheme + "://" + rest, false, nil
	case u.User != nil:
		return "", false, refuse("the address holds a user name already: write it there or into the field, not into both")
	}
	return scheme + "://" + encode(w.User) + ":" + encode(w.Password) + "@" + rest, false, nil
}

// encode escapes all but the unreserved characters of RFC 3986, section 2.3.
func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// ascii escapes what a URL cannot hold unescaped, as browsers do.
func ascii(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] < 0x80 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

// Reachable are the networks whose addresses a page may name although they are loopback, link-local, unspecified or multicast.
type Reachable []netip.Prefix

// Check resolves the host of a source and returns the address to connect to: an invalid one where the source names no host. Not one of the
// addresses may be of the kinds that are refused: a page could have this machine ask what only this machine can reach.
func (r Reachable) Check(ctx context.Context, source string) (netip.Addr, error) {
	if !strings.Contains(source, "://") {
		return netip.Addr{}, nil
	}
	u, err := url.Parse(source)
	if err != nil {
		return netip.Addr{}, refuse("the address cannot be read")
	}
	return r.resolve(ctx, u.Hostname())
}

func (r Reachable) resolve(ctx context.Context, host string) (netip.Addr, error) {
	addrs, err := lookUp(ctx, host)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range addrs {
		if a = a.Unmap(); r.refuses(a.WithZone("")) {
			at := host
			if at != a.String() {
				at += " (" + a.String() + ")"
			}
			return netip.Addr{}, refuse("%s is loopback, link-local, multicast or no address of a host, and cameras there are not added from a page: list its network under server.add_from if that is right", at)
		}
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return cmp.Compare(a.Unmap().BitLen(), b.Unmap().BitLen()) })
	return addrs[0].Unmap(), nil
}

func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if numberPattern.MatchString(host) {
		return nil, refuse("%s is a number, but no IP address as 192.168.1.64 is one", host)
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return nil, &camera.Error{Say: "no host is called " + host, Err: errors.Join(ErrSource, err)}
	}
	return addrs, nil
}

var (
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8") // RFC 1122, section 3.2.1.3
	broadcast   = netip.MustParseAddr("255.255.255.255")
	// Behind these stand IPv4 addresses, so many bytes in.
	translated = map[netip.Prefix]int{
		netip.MustParsePrefix("::/96"):          12, // RFC 4291, section 2.5.5.1
		netip.MustParsePrefix("64:ff9b::/96"):   12, // RFC 6052
		netip.MustParsePrefix("64:ff9b:1::/48"): 12, // RFC 8215
		netip.MustParsePrefix("2002::/16"):      2,  // RFC 3056
	}
)

func (r Reachable) refuses(a netip.Addr) bool {
	if slices.ContainsFunc(r, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return false
	}
	if a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast() || a == broadcast || thisNetwork.Contains(a) {
		return true
	}
	for p, at := range translated {
		if p.Contains(a) {
			b := a.As16()
			return r.refuses(netip.AddrFrom4([4]byte(b[at : at+4])))
		}
	}
	return false
}
