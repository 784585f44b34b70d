package broker

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"linkstart/pkg/bus"
	"linkstart/pkg/certificate"
)

const (
	// pingEvery finds out that a link is cut: nothing else tells of it.
	pingEvery   = 3 * time.Second
	pingsMissed = 2
	dialTime    = 5 * time.Second
	retryLeaf   = time.Second
	tlsTime     = 10 // seconds
)

// Network is what a bus has to do with other machines; the zero value is nothing.
type Network struct {
	Node   string // of this machine; its store is told apart from those of other machines by it
	Listen string // host:port for clients of other machines
	Leaves string // host:port for leaf nodes
	TLS    *TLS   // nil: nothing is encrypted
	Guests []Guest
	Hub    *Hub
	// Cluster is nil where this server is alone.
	Cluster *Cluster
}

// TLS is what is shown to other machines, and whom other servers must be vouched for by.
type TLS struct {
	Files       certificate.Files
	Authorities *x509.CertPool // of the other servers of a cluster; nil: the machine's
}

// Guest is a user of another machine. Client and Leaf are what it may do by each kind of connection, nil where it may not have one.
type Guest struct {
	Name, Password string
	Client, Leaf   *Permissions
}

// Hub is where this server joins as a leaf node.
type Hub struct {
	URL         string // tls://host:port or nats://host:port
	User        string
	Password    string
	Credentials string // file, in place of user and password
	Authorities *x509.CertPool
}

// Cluster is what this server has to do with others that are one bus with it.
type Cluster struct {
	Listen   string
	Routes   []string // host:port of the others
	Password string
}

// clusterUser is who servers of a cluster are to each other.
const clusterUser = "linkstart-cluster"

// apply puts n into the server's options.
func (n Network) apply(o *server.Options, s bus.Subjects, log *slog.Logger) error {
	if n.Node != "" {
		o.ServerName = n.Node
	}
	o.PingInterval, o.MaxPingsOut = pingEvery, pingsMissed
	var shown *tls.Config
	if n.TLS != nil {
		keeper, err := certificate.Keep(n.TLS.Files, log)
		if err != nil {
			return err
		}
		shown = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: keeper.Get}
	}
	if n.Listen != "" {
		if err := place(n.Listen, &o.Host, &o.Port); err != nil {
			return err
		}
		if shown != nil {
			// Processes of this machine go on without: who else does is refused by users.Check.
			o.TLSConfig, o.TLSTimeout, o.AllowNonTLS = shown.Clone(), tlsTime, true
		}
	}
	o.LeafNode.ReconnectInterval, o.LeafNode.DialTimeout = retryLeaf, dialTime
	o.LeafNode.Compression.Mode = server.CompressionOff // pictures are compressed, and control is little
	o.LeafNode.IsolateLeafnodeInterest = true           // sites have no business with each other
	if n.Leaves != "" {
		if err := place(n.Leaves, &o.LeafNode.Host, &o.LeafNode.Port); err != nil {
			return err
		}
		if shown != nil {
			o.LeafNode.TLSConfig, o.LeafNode.TLSTimeout = shown.Clone(), tlsTime
		}
	}
	if n.Hub != nil {
		remote, err := n.Hub.remote(s)
		if err != nil {
			return err
		}
		o.LeafNode.Remotes = []*server.RemoteLeafOpts{remote}
	}
	if n.Cluster != nil {
		return n.Cluster.apply(o, n.TLS, shown)
	}
	return nil
}

func place(address string, host *string, port *int) error {
	h, p, err := net.SplitHostPort(address)
	if err == nil {
		*host = h
		*port, err = strconv.Atoi(p)
	}
	if err != nil {
		return fmt.Errorf("serve bus at %q: %w", address, err)
	}
	return nil
}

// remote is the connection to the hub. Pictures do not cross it, nor what is asked of grabbers: the uplink does that on a connection
// of its own, so that no picture ever holds up an order.
func (h *Hub) remote(s bus.Subjects) (*server.RemoteLeafOpts, error) {
	u, err := url.Parse(h.URL)
	if err != nil {
		return nil, fmt.Errorf("join hub: %w", err)
	}
	r := &server.RemoteLeafOpts{Credentials: h.Credentials}
	if u.Scheme == "tls" {
		r.TLS, r.TLSTimeout = true, tlsTime
		r.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: h.Authorities, ServerName: u.Hostname()}
	}
	u.Scheme = "nats-leaf"
	if h.Credentials == "" {
		u.User = url.UserPassword(h.User, h.Password)
	}
	r.URLs = []*url.URL{u}
	r.DenyExports = []string{
		s.Frame(bus.All, bus.All), s.Want(bus.All, bus.All), s.People(bus.All), s.Relay(bus.All), s.Uplink(bus.All),
		s.Audit(), s.Access(), s.Config(), s.Cameras(), "$JS.>", "$KV.>", "$SRV.>",
	}
	// What a site may tell and not hear, how cameras fare, cannot be here: what is denied as an import is not exported either
	// (nats-server 2.15). The hub does not send it.
	r.DenyImports = r.DenyExports
	return r, nil
}

func (c *Cluster) apply(o *server.Options, t *TLS, shown *tls.Config) error {
	if err := place(c.Listen, &o.Cluster.Host, &o.Cluster.Port); err != nil {
		return err
	}
	o.Cluster.Name = "linkstart"
	o.Cluster.Username, o.Cluster.Password = clusterUser, c.Password
	o.Cluster.Compression.Mode = server.CompressionOff
	if shown != nil {
		both := shown.Clone()
		both.RootCAs, both.ClientCAs, both.ClientAuth = t.Authorities, t.Authorities, tls.RequireAndVerifyClientCert
		both.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown.GetCertificate(nil) }
		o.Cluster.TLSConfig, o.Cluster.TLSTimeout = both, tlsTime
	}
	for _, address := range c.Routes {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats-route", Host: address, User: url.UserPassword(clusterUser, c.Password)})
	}
	return nil
}

// local reports whether a connection comes from this machine, whose server listens at here.
func local(remote net.Addr, here netip.Addr) bool {
	a, err := netip.ParseAddrPort(remote.String())
	return err == nil && (a.Addr().Unmap().IsLoopback() || a.Addr().Unmap() == here)
}
