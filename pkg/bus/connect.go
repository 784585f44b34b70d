package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// Access is what a process needs to join the bus. It travels on the pipe a child is started with, and in the state
// directory's 0600 file for the command line; it is never logged.
type Access struct {
	URL      string `json:"url"`
	User     string `json:"user"`
	Password string `json:"password"`
	Prefix   string `json:"prefix"` // of Subjects
	Node     string `json:"node"`   // whose supervisor to ask

	// Of another NATS server. They are what files hold, not their names: whoever is told need not be able to read files.
	Credentials string `json:"credentials,omitempty"` // in place of user and password
	CA          string `json:"ca,omitempty"`          // authorities as PEM; "": the machine's
}

// LogValue keeps the password out of logs.
func (a Access) LogValue() slog.Value { return slog.StringValue(a.User + "@" + a.URL) }

// Connect joins the bus as a.User and stays joined: a connection that is lost is made again for ever, and what would
// have been published meanwhile is dropped, because old frames are worthless. The caller closes the connection.
func Connect(ctx context.Context, a Access, log *slog.Logger, further ...nats.Option) (*nats.Conn, error) {
	options := append(further,
		nats.Name("linkstart "+a.User),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a server that was too busy to look at a password says that it is wrong
		nats.ReconnectWait(250*time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(5*time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("bus connection lost, trying again", "err", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("bus connection is back") }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrSlowConsumer) {
				log.Debug("bus messages dropped", "subject", s.Subject)
				return
			}
			log.Warn("bus error", "err", err)
		}),
	)
	if a.User != "" {
		options = append(options, nats.UserInfo(a.User, a.Password), nats.CustomInboxPrefix(InboxPrefix(a.User)))
	}
	if a.Credentials != "" {
		options = append(options, nats.UserCredentialBytes([]byte(a.Credentials)))
	}
	if a.CA != "" {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(a.CA))
		options = append(options, nats.Secure(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}))
	}
	var nc *nats.Conn
	var err error
	for said := false; ; said = true {
		if nc, err = nats.Connect(a.URL, options...); err == nil {
			return nc, nil
		}
		if !said {
			log.Warn("the bus cannot be reached yet, trying again", "url", a.URL, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("join bus at %s: %w", a.URL, errors.Join(err, ctx.Err()))
		case <-time.After(250 * time.Millisecond):
		}
	}
}
