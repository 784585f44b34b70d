package relay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"linkstart/pkg/certificate"
)

// handshakeTime is how long a client may take to agree on keys.
const handshakeTime = 10 * time.Second

// secure puts TLS on the connections of ln. Handshakes happen where a connection is served, not where it is accepted: a client that
// does not go on holds up nobody.
func secure(ln net.Listener, keeper *certificate.Keeper) net.Listener {
	return secured{ln, &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"}, // the HTTP server speaks no other
		GetCertificate: keeper.Get,
	}}
}

type secured struct {
	net.Listener
	config *tls.Config
}

func (s secured) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tlsConn{tls.Server(c, s.config)}, nil
}

// tlsConn is a connection with TLS. Vectored writes and sendfile end here, since what they write would go out as it is.
type tlsConn struct{ *tls.Conn }

const plainAnswer = "This address speaks HTTPS: write https:// before it.\n"

// Handshake is called by the HTTP server, before it reads a request. Who speaks plain HTTP is told so.
func (c *tlsConn) Handshake() error {
	if err := c.SetDeadline(time.Now().Add(handshakeTime)); err != nil {
		return err
	}
	err := c.Conn.Handshake()
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
		linger(plain.Conn)
		_, e := fmt.Fprintf(plain.Conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"+
			"Connection: close\r\n\r\n%s", len(plainAnswer), plainAnswer)
		return errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	return c.SetDeadline(time.Time{}) // the HTTP server sets its own
}

// looksLikeHTTP tells whether what came first are the first letters of a request.
func looksLikeHTTP(first [5]byte) bool {
	for _, b := range first {
		if (b < 'A' || b > 'Z') && b != ' ' && b != '/' {
			return false
		}
	}
	return true
}

// keeperOf reads the certificate; nil where HTTP is served.
func keeperOf(o Options) (*certificate.Keeper, error) {
	if o.Config.TLS == nil {
		return nil, nil
	}
	return certificate.Keep(certificate.Files{Cert: o.Config.TLS.Cert, Key: o.Config.TLS.Key}, o.Log)
}

func (r *Relay) scheme() string {
	if r.config.TLS != nil {
		return "https"
	}
	return "http"
}
