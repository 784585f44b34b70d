package onviftest

import (
	"encoding/xml"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
)

// Listen has the camera answer whoever searches the network of an interface for it, until the test ends. It makes no difference to that
// whether the interface is said to do multicast: loopback does.
func (s *Server) Listen(t testing.TB, name string) {
	t.Helper()
	i, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	group, err := net.ListenMulticastUDP("udp4", i, &net.UDPAddr{IP: net.IPv4(239, 255, 255, 250), Port: 3702})
	if err != nil {
		t.Fatal(err)
	}
	if err := ipv4.NewPacketConn(group).SetMulticastLoopback(true); err != nil {
		t.Fatal(err)
	}
	host, _, _ := net.SplitHostPort(s.Addr())
	answers, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.answerProbes(group, answers)
	}()
	t.Cleanup(func() { _, _ = group.Close(), answers.Close(); <-ended })
}

func (s *Server) answerProbes(group, answers *net.UDPConn) {
	buffer := make([]byte, 64<<10)
	for {
		n, from, err := group.ReadFromUDP(buffer)
		if err != nil {
			return
		}
		var probe struct {
			ID    string  `xml:"Header>MessageID"`
			Probe *string `xml:"Body>Probe>Types"`
		}
		if xml.Unmarshal(buffer[:n], &probe) != nil || probe.Probe == nil || probe.ID == "" || !strings.HasSuffix(*probe.Probe, ":NetworkVideoTransmitter") {
			continue
		}
		text := strings.NewReplacer("{probe}", probe.ID, "{answer}", strconv.FormatInt(time.Now().UnixNano(), 16),
			"{uuid}", "00000000-0000-0000-0000-"+strconv.Itoa(s.Port()), "{host}", s.Addr(), "{port}", strconv.Itoa(s.Port())).Replace(s.Maker.probe)
		for range 2 { // a network that repeats what it carries
			_, _ = answers.WriteToUDP([]byte(text), from)
		}
	}
}
