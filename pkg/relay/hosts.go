package relay

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/gofiber/fiber/v2"

	"linkstart/pkg/wire"
)

// hosts are the names that this server is known by. A page of another site whose name is made to lead here (DNS rebinding) counts
// for the browser as one of our own: only the name that it was opened under tells it apart.
type hosts map[string]struct{}

// newHosts takes the names and origins of the configuration, and adds this machine's own.
func newHosts(names, origins []string) hosts {
	h := hosts{"localhost": {}}
	if own, err := os.Hostname(); err == nil {
		short, _, _ := strings.Cut(own, ".")
		names = append([]string{own, short, short + ".local"}, names...) // .local is asked of the local network, not of DNS
	}
	for _, name := range names {
		h[bare(name)] = struct{}{}
	}
	for _, origin := range origins {
		if u, err := url.Parse(origin); err == nil {
			h[bare(u.Host)] = struct{}{}
		}
	}
	return h
}

// bare is a host without port, in lower case.
func bare(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// knows tells whether a request to host may be answered. No DNS leads to an address that is written as one, and no browser leaves
// the host out.
func (h hosts) knows(host string) bool {
	name := bare(host)
	if _, known := h[name]; known || name == "" {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// needsHostCheck tells whether a page may do here whatever it likes without having to show who it is.
func (r *Relay) needsHostCheck() bool {
	p := r.gate.Policy()
	return p == nil || p.Open
}

// refuseUnknownHost keeps out pages of other sites whose name leads here.
func (r *Relay) refuseUnknownHost(c *fiber.Ctx) error {
	host := string(c.Request().Header.Host())
	if !r.needsHostCheck() || r.hosts.knows(host) {
		return c.Next()
	}
	name := shown(bare(host))
	if r.unknownHost.due() {
		r.log.Warn("requests are refused: this server is not known by that name. If it is right, write it into server.names", "host", name, "from", r.from(c))
	}
	return refuse(codeUnknownHost, "This server is not known as %s. Use its address, or write server: {names: [%s]} into the configuration.", name, name)
}

// maxShown is how many characters of what a stranger wrote are told on.
const maxShown = 200

// shown makes text of a stranger fit to be printed.
func shown(s string) string {
	r := []rune(wire.Clean(s))
	return string(r[:min(len(r), maxShown)])
}
