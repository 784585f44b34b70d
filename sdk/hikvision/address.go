package hikvision

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

const (
	defaultPort    = 8000
	longestName    = 63 // bytes of a user name and of a password, as the library has room for
	highestChannel = 65535
)

// address is a source in parts.
type address struct {
	name     string // what a user knows it by: host, and port where it is written
	host     string
	port     uint16
	user     string
	password string // never printed
	channel  int    // as the SDK counts: those of a recorder's IP cameras begin at 33 as a rule
	sub      bool   // the small stream
	snapshot bool   // single JPEGs, polled
}

// parse reads hikvision://USER:PASSWORD@HOST:PORT/CHANNEL?stream=main|sub&mode=video|snapshot. Its errors do not repeat the source.
func parse(source string) (address, error) {
	u, err := url.Parse(source)
	if err != nil { // which repeats the address, password and all
		return address{}, errors.New("the address cannot be read: characters like # / ? % in a user name or password are written as %23 %2F %3F %25")
	}
	a := address{name: u.Host, host: u.Hostname(), port: defaultPort, channel: 1, user: u.User.Username()}
	a.password, _ = u.User.Password()
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return address{}, errors.New("the port is out of range: 1 to 65535 can be written")
		}
		a.port = uint16(n)
	}
	if channel := strings.Trim(u.Path, "/"); channel != "" {
		if a.channel, err = strconv.Atoi(channel); err != nil || a.channel < 1 || a.channel > highestChannel {
			return address{}, errors.New("after the host stands the number of the channel, as in hikvision://USER:PASSWORD@HOST/1")
		}
	}
	switch {
	case u.Scheme != "hikvision":
		return address{}, errors.New("the source does not begin with hikvision://")
	case a.host == "":
		return address{}, errors.New("the address names no host")
	case a.user == "" || a.password == "":
		return address{}, fmt.Errorf("user name and password are missing: write hikvision://USER:PASSWORD@%s/%d", a.name, a.channel)
	case len(a.user) > longestName || len(a.password) > longestName || strings.ContainsRune(a.user+a.password, 0):
		return address{}, fmt.Errorf("user name and password have %d bytes at most", longestName)
	}
	return a, a.takeOptions(u.RawQuery)
}

func (a *address) takeOptions(query string) error {
	for part := range strings.SplitSeq(query, "&") {
		switch part {
		case "", "stream=main", "mode=video":
		case "stream=sub":
			a.sub = true
		case "mode=snapshot":
			a.snapshot = true
		default:
			return errors.New("after the ? stand stream=main or stream=sub, and mode=video or mode=snapshot; nothing else")
		}
	}
	if a.sub && a.snapshot {
		return errors.New("snapshots are of the main stream: leave out stream=sub or mode=snapshot")
	}
	return nil
}

// hostPort is what is dialled.
func (a address) hostPort() string { return net.JoinHostPort(a.host, strconv.Itoa(int(a.port))) }
