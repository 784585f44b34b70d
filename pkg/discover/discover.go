// Package discover finds the cameras of a network that answer to WS-Discovery, as ONVIF cameras do. What they say of themselves is
// text that anybody in the network may have written: it is bounded, and addresses lead to nobody but who has answered.
package discover

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
)

// Camera is one that has answered.
type Camera struct {
	Name     string `json:"name,omitempty"`
	Hardware string `json:"hardware,omitempty"`
	Location string `json:"location,omitempty"`
	Address  string `json:"address"` // IP
	Source   string `json:"source"`  // onvif://…, without user name and password
}

// Time is how long a search takes unless Options say otherwise: cameras answer within half a second (WS-Discovery, section 3.1.3), slow
// ones within two.
const Time = 3 * time.Second

const (
	again     = 700 * time.Millisecond // after which it is asked once more: a datagram can be lost
	mostBytes = 64 << 10               // of an answer
	most      = 512                    // cameras
	flood     = 8 * most               // answers at an interface
)

var group = &net.UDPAddr{IP: net.IPv4(239, 255, 255, 250), Port: 3702}

// Options says where and how long to search. The zero value searches at every interface but loopback.
type Options struct {
	Interface string        // its name; "": every one that is up, speaks IPv4 and multicast
	Loopback  bool          // at loopback too
	Time      time.Duration // 0: Time
}

// ErrNoInterface says that there is nothing to search at.
var ErrNoInterface = errors.New("no network interface that is up and has an IPv4 address")

// Search asks the network and returns who has answered, by address. Where it fails at some interfaces only, it returns what the others
// have found.
func Search(ctx context.Context, o Options) ([]Camera, error) {
	where, err := o.interfaces()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.Time, Time))
	defer cancel()
	found := found{cameras: map[string]Camera{}}
	errs := make([]error, len(where))
	var all sync.WaitGroup
	for i := range where {
		all.Go(func() { errs[i] = ask(ctx, where[i], found.add) })
	}
	all.Wait()
	if !slices.Contains(errs, nil) {
		return nil, errors.Join(errs...)
	}
	return found.list(), nil
}

// at is an interface with an address of ours.
type at struct {
	net.Interface
	address net.IP
}

func (o Options) interfaces() ([]at, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var where []at
	for _, i := range all {
		loopback := i.Flags&net.FlagLoopback != 0
		wanted := i.Name == o.Interface || o.Interface == "" && (i.Flags&net.FlagMulticast != 0 && !loopback || loopback && o.Loopback)
		if !wanted || i.Flags&net.FlagUp == 0 {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			continue // it has just gone
		}
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
				where = append(where, at{i, n.IP.To4()})
				break
			}
		}
	}
	if len(where) == 0 && o.Interface != "" {
		return nil, fmt.Errorf("%s: %w", o.Interface, ErrNoInterface)
	}
	if len(where) == 0 {
		return nil, ErrNoInterface
	}
	return where, nil
}

// ask sends probes at one interface and hands over the cameras that answer, until ctx ends.
func ask(ctx context.Context, where at, add func(Camera)) error {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: where.address})
	if err != nil {
		return fmt.Errorf("search at %s: %w", where.Name, err)
	}
	defer conn.Close()
	multicast := ipv4.NewPacketConn(conn)
	if err := errors.Join(multicast.SetMulticastInterface(&where.Interface), multicast.SetMulticastTTL(1)); err != nil {
		return fmt.Errorf("search at %s: %w", where.Name, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := send(conn); err != nil {
		return fmt.Errorf("search at %s: %w", where.Name, err)
	}
	repeat := time.AfterFunc(again, func() { _ = send(conn) }) // if that is lost, the first was not
	defer repeat.Stop()
	buffer := make([]byte, mostBytes)
	for range flood {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil: // an ICMP answer to a probe, say
			continue
		}
		for _, c := range read(buffer[:n], from.Addr().Unmap()) {
			add(c)
		}
	}
	return nil
}

// types are what cameras say that they are. Some answer to one of them only.
var types = []string{
	`<d:Types xmlns:dn="http://www.onvif.org/ver10/network/wsdl">dn:NetworkVideoTransmitter</d:Types>`,
	`<d:Types xmlns:tds="http://www.onvif.org/ver10/device/wsdl">tds:Device</d:Types>`,
}

func send(conn *net.UDPConn) error {
	for _, t := range types {
		var id [16]byte
		_, _ = rand.Read(id[:]) // never fails
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		probe := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" `+
			`xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">`+
			`<s:Header><a:Action s:mustUnderstand="1">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>`+
			`<a:MessageID>uuid:%x-%x-%x-%x-%x</a:MessageID><a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>`+
			`<a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body><d:Probe>%s</d:Probe></s:Body></s:Envelope>`,
			id[:4], id[4:6], id[6:8], id[8:10], id[10:], t)
		if _, err := conn.WriteToUDP([]byte(probe), group); err != nil {
			return fmt.Errorf("send probe: %w", err)
		}
	}
	return nil
}

// found collects what comes from all interfaces.
type found struct {
	mu      sync.Mutex
	cameras map[string]Camera // by source: makers have given a whole series the same UUID
}

func (f *found) add(c Camera) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.cameras[c.Source]; !known && len(f.cameras) < most {
		f.cameras[c.Source] = c
	}
}

func (f *found) list() []Camera {
	list := make([]Camera, 0, len(f.cameras))
	for _, c := range f.cameras {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Camera) int {
		x, y := netip.MustParseAddr(a.Address).As16(), netip.MustParseAddr(b.Address).As16()
		return cmp.Or(bytes.Compare(x[:], y[:]), cmp.Compare(a.Source, b.Source))
	})
	return list
}
