// Package tlspin decides whether a camera's certificate can be trusted: by the authorities that this machine knows, or because it is
// exactly the one that the configuration names.
package tlspin

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
)

const prefix = "sha256:"

// Parse reads sha256: and 64 hexadecimal digits, which may be in groups with colons between them as OpenSSL prints them, and returns
// them as Of does.
func Parse(text string) (pin string, err error) {
	digits, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(text)), prefix)
	sum, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	if !ok || err != nil || len(sum) != sha256.Size {
		return "", fmt.Errorf("a fingerprint is %s and 64 hexadecimal digits", prefix)
	}
	return prefix + hex.EncodeToString(sum), nil
}

// Of returns the fingerprint of a certificate.
func Of(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return prefix + hex.EncodeToString(sum[:])
}

// Untrusted says that a camera's certificate is not trusted.
type Untrusted struct {
	Fingerprint string // of the certificate that it has shown
	Pinned      bool   // another one is demanded
	Err         error  // what is wrong with it, nil where another is demanded
}

func (u *Untrusted) Error() string {
	if u.Pinned {
		return "it is not the certificate that tls_pin names"
	}
	return u.Err.Error()
}

func (u *Untrusted) Unwrap() error { return u.Err }

// Say tells a user what to do about the camera at host.
func (u *Untrusted) Say(host string) string {
	if u.Pinned {
		return fmt.Sprintf("the camera at %s shows another certificate than tls_pin names: if its certificate was renewed, write tls_pin: %s", host, u.Fingerprint)
	}
	return fmt.Sprintf("the certificate of the camera at %s cannot be trusted: if the camera shows the same fingerprint in its settings, write tls_pin: %s", host, u.Fingerprint)
}

// Config is that of a client. With a pin, which Parse has returned, exactly that certificate is accepted, whatever name and date
// stand in it; with "" one that the authorities of this machine vouch for. What goes wrong is to be put through Explain.
func Config(pin string) *tls.Config {
	if pin == "" {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // for VerifyConnection is stricter
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errors.New("the camera shows no certificate")
			}
			if shown := Of(s.PeerCertificates[0]); shown != pin {
				return &Untrusted{Fingerprint: shown, Pinned: true}
			}
			return nil
		},
	}
}

// Explain returns what err says of a certificate that is not trusted, or nil where it says nothing of that.
func Explain(err error) *Untrusted {
	var u *Untrusted
	var failed *tls.CertificateVerificationError
	switch {
	case errors.As(err, &u):
		return u
	case errors.As(err, &failed) && len(failed.UnverifiedCertificates) > 0:
		return &Untrusted{Fingerprint: Of(failed.UnverifiedCertificates[0]), Err: failed}
	}
	return nil
}

// Client speaks TLS over conn, which it closes where that fails, with a server that has the name host.
func Client(ctx context.Context, conn net.Conn, host, pin string) (*tls.Conn, error) {
	config := Config(pin)
	config.ServerName = host
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secured, nil
}
