package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/audit"
	"linkstart/pkg/control"
)

const (
	auditNewest = 100
	auditMost   = 10_000
)

// admit takes the orders about who is let in, and about the record of what was ordered.
func (s *system) admit(verb string, r control.Request) (reply control.Reply, err error) {
	now := time.Now()
	switch verb {
	case control.Access:
		p := s.logins.Complete(s.cfg().Policy())
		return control.Reply{Policy: &p}, nil
	case control.Tokens:
		return control.Reply{Tokens: s.logins.Tokens()}, nil
	case control.Audit:
		if r.Lines == 0 {
			r.Lines = auditNewest
		}
		reply.Lines, err = s.trail.Newest(min(r.Lines, auditMost))
		return reply, err
	case control.Token:
		if r.Token == nil {
			return control.Reply{}, errors.New("the request describes no token")
		}
		secret, made, err := s.logins.Add(*r.Token, now)
		if err != nil {
			return control.Reply{}, err
		}
		reply = control.Reply{Secret: secret}
		reply.Tokens = append(reply.Tokens, made)
	case control.Revoke:
		gone, err := s.logins.Revoke(r.ID)
		if gone.ID == "" {
			return control.Reply{}, err
		}
		if err != nil {
			s.log.Error("a token is revoked only until the next start: see that the state directory can be written", "token", r.ID, "err", err)
		}
		reply.Tokens = append(reply.Tokens, gone)
	case control.EndSession:
		if r.Ended == nil || r.Ended.ID == "" {
			return control.Reply{}, errors.New("the request names no session")
		}
		if err := s.logins.End(*r.Ended, now); err != nil {
			s.log.Error("a logout holds only until the next start: see that the state directory can be written", "err", err)
		}
	}
	s.accessChanged()
	return reply, nil
}

// accessChanged has the relays ask anew who is let in.
func (s *system) accessChanged() {
	if err := s.nc.Publish(s.subjects().Access(), nil); err != nil {
		s.log.Warn("relays are not told at once who is let in, and ask for it within a minute", "err", err)
	}
}

// keepAudit writes down what relays and the command line report, until stop.
func (s *system) keepAudit() (stop func(), err error) {
	failing := false // it is said once
	sub, err := s.nc.Subscribe(s.subjects().Audit(), func(m *nats.Msg) {
		r, err := audit.Decode(m.Data)
		if err == nil {
			err = s.trail.Put(r)
		}
		if err != nil && !failing {
			s.log.Error("what is ordered cannot be written down", "err", err)
		}
		failing = err != nil
	})
	if err != nil {
		return nil, fmt.Errorf("listen for what is ordered: %w", err)
	}
	return func() { _ = sub.Drain() }, nil // fails only where the connection is gone
}
