package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"linkstart/pkg/camera"
)

// Shown is what a request shows of who sends it. What is empty is not shown.
type Shown struct {
	From    netip.Addr // the client, behind proxies that are believed
	Bearer  string     // Authorization: Bearer, RFC 6750
	Basic   bool       // Authorization: Basic, RFC 7617, with the next two
	Name    string
	Secret  string
	Session string    // the cookie
	Link    string    // the parameter of a link to pictures
	Proxy   string    // the user that a proxy which is believed has named
	Camera  camera.ID // that the link must be for, "" where no link counts
}

// Authorization takes what the header of that name shows: ErrToken where it cannot be read. Other schemes show nothing.
func (s *Shown) Authorization(header string) error {
	kind, rest, _ := strings.Cut(header, " ")
	switch rest = strings.TrimSpace(rest); strings.ToLower(kind) {
	case "bearer":
		s.Bearer = rest
	case "basic":
		b, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return ErrToken
		}
		s.Basic = true
		s.Name, s.Secret, _ = strings.Cut(string(b), ":")
	}
	return nil
}

const (
	rememberTime  = 10 * time.Minute // how long a password of Authorization: Basic is not computed again
	rememberMost  = 1024
	hashesAtOnce  = 2 // each takes 19 MiB and some ten ms of a core
	hashQueueTime = 10 * time.Second
	maxUser       = 256 // bytes of a name
)

// Gate finds out who somebody is. It is safe for use by many goroutines.
type Gate struct {
	policy   atomic.Pointer[Policy]
	throttle *throttle
	hashing  chan struct{}
	seal     []byte
	seen     *lru.Cache[[sha256.Size]byte, time.Time] // passwords that were right, and when
	now      func() time.Time
}

// NewGate makes a gate that lets nobody in before it is told the rules.
func NewGate() *Gate { return newGate(time.Now) }

func newGate(now func() time.Time) *Gate {
	seal := make([]byte, 32)
	_, _ = rand.Read(seal)                                         // it never fails
	seen, _ := lru.New[[sha256.Size]byte, time.Time](rememberMost) // fails only where there is no room for one
	return &Gate{throttle: newThrottle(now), hashing: make(chan struct{}, hashesAtOnce), seal: seal, seen: seen, now: now}
}

// Set brings other rules into force.
func (g *Gate) Set(p *Policy) { g.policy.Store(p) }

// Policy returns the rules in force, nil before the first.
func (g *Gate) Policy() *Policy { return g.policy.Load() }

// Again judges anew what somebody has shown before, by the rules in force now.
func (g *Gate) Again(who Identity) (Identity, error) {
	p := g.policy.Load()
	if p == nil || who.proof == nil {
		return Identity{}, ErrNotYet
	}
	return who.proof.judge(p, g.now())
}

// Identify says who sends a request. Where something wrong is shown, nothing else counts, lest somebody believes that it works.
func (g *Gate) Identify(ctx context.Context, s Shown) (Identity, error) {
	p, now := g.policy.Load(), g.now()
	switch {
	case p == nil:
		return Identity{}, ErrNotYet
	case p.Open:
		return open{}.judge(p, now)
	case s.Bearer != "":
		return g.token(p, s.From, s.Bearer, now)
	case s.Basic && strings.HasPrefix(s.Secret, tokenPrefix):
		return g.token(p, s.From, s.Secret, now)
	case s.Basic:
		return g.Login(ctx, s.From, s.Name, s.Secret)
	case s.Link != "" && s.Camera != "":
		t, err := p.read(s.Link, forLink, now)
		if err != nil || t.Camera != s.Camera {
			return Identity{}, ErrToken
		}
		return t.judge(p, now)
	case s.Proxy != "":
		return byProxy{s.Proxy}.judge(p, now)
	case s.Session != "":
		t, err := p.read(s.Session, forSession, now)
		if err != nil {
			return Identity{}, ErrLogin // it is of before, and needs no other answer than none
		}
		if who, err := t.judge(p, now); err == nil {
			return who, nil
		}
	}
	return Identity{}, ErrLogin
}

// Plausible reports, without much effort, whether who shows this in a header is known already: by his token, or by a password that was
// right a while ago.
func (g *Gate) Plausible(s Shown) bool {
	p := g.policy.Load()
	if p == nil {
		return false
	}
	secret := s.Bearer
	if s.Basic && strings.HasPrefix(s.Secret, tokenPrefix) {
		secret = s.Secret
	}
	if secret != "" {
		_, err := p.token(secret, g.now())
		return err == nil
	}
	u, ok := p.user(s.Name)
	return s.Basic && ok && g.seen.Contains(g.mark(u, s.Secret))
}

func (g *Gate) token(p *Policy, from netip.Addr, secret string, now time.Time) (Identity, error) {
	who, err := p.token(secret, now)
	if err == nil { // nobody guesses one, so a good one is not kept out by what others show
		return who, nil
	}
	if e := g.Ask(from); e != nil {
		return Identity{}, e
	}
	g.Failed(from)
	return who, err
}

// Ask refuses, with a *TooMany, an attempt to log in from an address where too many have failed.
func (g *Gate) Ask(from netip.Addr) error { return g.throttle.ask(from, "") }

// Failed counts an attempt to log in that has failed.
func (g *Gate) Failed(from netip.Addr) { g.throttle.failed(from, "") }

// Login says who has this name and password: ErrWrong, a *TooMany, or ErrNotYet where it is not known.
func (g *Gate) Login(ctx context.Context, from netip.Addr, name, password string) (Identity, error) {
	p := g.policy.Load()
	if p == nil {
		return Identity{}, ErrNotYet
	}
	if len(name) > maxUser {
		return Identity{}, ErrWrong
	}
	if err := g.throttle.ask(from, name); err != nil { // before all else, lest the right password is told by its being let in
		return Identity{}, err
	}
	u, _ := p.user(name)
	mark := g.mark(u, password)
	if at, ok := g.seen.Get(mark); ok && g.now().Sub(at) < rememberTime {
		g.throttle.succeeded(from, name)
		return byPassword{u.Name, u.fingerprint()}.judge(p, g.now())
	}
	leave, err := g.throttle.queue(from)
	if err != nil {
		return Identity{}, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, hashQueueTime)
	defer cancel()
	select {
	case g.hashing <- struct{}{}:
	case <-ctx.Done():
		return Identity{}, &TooMany{Wait: hashQueueTime}
	}
	defer func() { <-g.hashing }()
	if err := g.throttle.ask(from, name); err != nil { // others that waited may have failed meanwhile
		return Identity{}, err
	}
	right := matches(password, u.Password)
	if !right {
		g.throttle.failed(from, name)
		return Identity{}, ErrWrong
	}
	g.throttle.succeeded(from, name)
	g.seen.Add(mark, g.now())
	return byPassword{u.Name, u.fingerprint()}.judge(p, g.now())
}

// mark stands for a user's password that was right, without holding it.
func (g *Gate) mark(u User, password string) [sha256.Size]byte {
	h := hmac.New(sha256.New, g.seal)
	for _, part := range []string{u.Name, u.Password, password} {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}
