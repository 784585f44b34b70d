package access

import (
	"crypto/rand"
	"crypto/subtle"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// underWayTime is how long somebody may take to log in at a provider.
const underWayTime = 10 * time.Minute

// UnderWay is a login at an OpenID provider that has begun. The browser keeps it meanwhile, signed.
type UnderWay struct {
	State    string // RFC 6749 section 10.12
	Nonce    string // OpenID Connect Core section 3.1.2.1
	Verifier string // RFC 7636
}

// BeginLogin makes a login under way, and the text by which it is recognised.
func (p *Policy) BeginLogin(now time.Time) (text string, w UnderWay, err error) {
	w = UnderWay{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	t := newTicket(forLogin, now, underWayTime)
	t.State, t.Nonce, t.Verifier = w.State, w.Nonce, w.Verifier
	text, err = p.sign(t)
	return text, w, err
}

// EndLogin recognises a login under way by its text: ErrToken where the state is another one's.
func (p *Policy) EndLogin(text, state string, now time.Time) (UnderWay, error) {
	t, err := p.read(text, forLogin, now)
	if err != nil || t.State == "" || subtle.ConstantTimeCompare([]byte(t.State), []byte(state)) != 1 {
		return UnderWay{}, ErrToken
	}
	return UnderWay{State: t.State, Nonce: t.Nonce, Verifier: t.Verifier}, nil
}

// Provided is whom an OpenID provider has let in: the user of that name who has no password here, or whoever has the highest role that
// one of the values gives, or the role that all have whom others let in; else ErrRole. A user with a password is another one of that
// name: some providers let users choose theirs.
func (p *Policy) Provided(name string, values []string) (Identity, error) {
	shown := ticket{By: "oidc", Name: name, Issuer: p.OIDC.Issuer}
	for _, rule := range p.OIDC.Roles {
		if slices.Contains(values, rule.Value) && !slices.Contains(shown.Values, rule.Value) {
			shown.Values = append(shown.Values, rule.Value)
		}
	}
	if u, ok := p.user(name); ok && u.Password == "" {
		return u.identity(shown), nil
	}
	best := RoleRule{Role: p.Role}
	for _, rule := range p.OIDC.Roles {
		if slices.Contains(values, rule.Value) && (best.Role == "" || rule.Role.AtLeast(best.Role)) {
			best = rule
		}
	}
	if best.Role == "" {
		return Identity{}, ErrRole
	}
	return Identity{Name: name, Role: best.Role, Scope: best.Scope, proof: shown}, nil
}
