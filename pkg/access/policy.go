package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"crypto/rand"
)

// Policy is who is let in: what the configuration says, and the tokens and ended sessions that the supervisor keeps. It is told
// to the relays as JSON, with secrets, and never changed.
type Policy struct {
	Open        bool           `json:"open"` // nobody needs to say who he is
	Users       []User         `json:"users,omitempty"`
	Tokens      []Token        `json:"tokens,omitempty"`
	Ended       []Ended        `json:"ended,omitempty"`
	Key         []byte         `json:"key"` // signs sessions and links, 32 bytes
	SessionTime time.Duration  `json:"session_time"`
	Proxies     []netip.Prefix `json:"proxies,omitempty"`     // reverse proxies whose headers are believed
	UserHeader  string         `json:"user_header,omitempty"` // in which they name whom they have let in; "" for none
	Role        Role           `json:"role,omitempty"`        // of those whom a proxy or OpenID Connect knows, and Users does not; "": they are not let in
	OIDC        *OIDC          `json:"oidc,omitempty"`
}

// User is somebody whom the configuration names.
type User struct {
	Name     string `json:"name"`
	Password string `json:"password,omitempty"` // argon2id in the PHC string format; "": no login by password
	Role     Role   `json:"role"`
	Scope
}

// Token is an API token, for programs.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`           // what it is for
	Hash    string    `json:"hash,omitempty"` // SHA-256 of the whole token, hex
	Role    Role      `json:"role"`
	Created time.Time `json:"created"`
	By      string    `json:"by,omitempty"`     // who made it
	Expires time.Time `json:"expires,omitzero"` // zero: never
	Scope
}

// String names the token to a person.
func (t Token) String() string { return t.Name + " (" + t.ID + ")" }

// Ended is a session that was ended before its time.
type Ended struct {
	ID    string    `json:"id"`
	Name  string    `json:"name,omitempty"` // whose it was
	Until time.Time `json:"until"`          // when it would have ended by itself
}

// OIDC is how users log in by OpenID Connect.
type OIDC struct {
	Issuer       string     `json:"issuer"`
	ClientID     string     `json:"client_id"`
	ClientSecret string     `json:"client_secret"`
	RedirectURL  string     `json:"redirect_url"`
	Title        string     `json:"title"`           // on the button
	NameClaim    string     `json:"name_claim"`      // which claim is the user's name
	RolesClaim   string     `json:"roles_claim"`     // which claim holds what Roles looks for; a text or a list of texts
	Roles        []RoleRule `json:"roles,omitempty"` // the highest that fits counts
	Scopes       []string   `json:"scopes,omitempty"`
}

// RoleRule gives a role to those whose claim holds Value.
type RoleRule struct {
	Value string `json:"value"`
	Role  Role   `json:"role"`
	Scope
}

// User finds somebody by name.
func (p *Policy) user(name string) (User, bool) {
	i := slices.IndexFunc(p.Users, func(u User) bool { return u.Name == name })
	if i < 0 {
		return User{}, false
	}
	return p.Users[i], true
}

func (u User) identity(shown proof) Identity {
	return Identity{Name: u.Name, Role: u.Role, Scope: u.Scope, proof: shown}
}

// fingerprint stands for a password in a session: with another password the session is over.
func (u User) fingerprint() string {
	sum := sha256.Sum256([]byte(u.Password))
	return hex.EncodeToString(sum[:8])
}

// external is somebody whom others have let in: the user of that name, or whoever has the role that all of them have.
func (p *Policy) external(name string, shown proof) (Identity, error) {
	if u, ok := p.user(name); ok {
		return u.identity(shown), nil
	}
	if p.Role == "" {
		return Identity{}, ErrRole
	}
	return Identity{Name: name, Role: p.Role, proof: shown}, nil
}

// FromProxy reports whether the headers of a connection from there are believed.
func (p *Policy) FromProxy(from netip.Addr) bool {
	from = from.Unmap()
	return slices.ContainsFunc(p.Proxies, func(n netip.Prefix) bool { return n.Contains(from) })
}

// Client is the address of the client of a request that came from there with these values of X-Forwarded-For: the last one that
// is not a proxy's own. What a client has written into the header itself stands before that, and counts for nothing.
func (p *Policy) Client(from netip.Addr, forwarded string) netip.Addr {
	hops := strings.Split(forwarded, ",")
	for i := len(hops) - 1; i >= 0 && p.FromProxy(from); i-- {
		text := strings.TrimSpace(hops[i])
		hop, err := netip.ParseAddr(text)
		if err != nil {
			with, e := netip.ParseAddrPort(text) // some write the port too
			if e != nil {
				break
			}
			hop = with.Addr()
		}
		from = hop.Unmap()
	}
	return from
}

const tokenPrefix = "ls_"

// NewToken makes the secret of t, of which t itself keeps only the hash. It is shown once.
func NewToken(t Token) (secret string, made Token) {
	t.ID = strings.ToLower(rand.Text()[:8])
	secret = tokenPrefix + t.ID + "_" + strings.ToLower(rand.Text())
	t.Hash = hashToken(secret)
	return secret, t
}

// hashToken needs no salt and no slow function: a token is random.
func hashToken(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// token finds the token that secret is.
func (p *Policy) token(secret string, now time.Time) (Identity, error) {
	id, _, ok := strings.Cut(strings.TrimPrefix(secret, tokenPrefix), "_")
	if !ok || !strings.HasPrefix(secret, tokenPrefix) {
		return Identity{}, ErrToken
	}
	return byToken{id, hashToken(secret)}.judge(p, now)
}

// byToken is somebody who has shown an API token.
type byToken struct{ id, hash string }

func (byToken) via() string { return "token" }

func (b byToken) judge(p *Policy, now time.Time) (Identity, error) {
	i := slices.IndexFunc(p.Tokens, func(t Token) bool { return t.ID == b.id })
	if i < 0 || subtle.ConstantTimeCompare([]byte(p.Tokens[i].Hash), []byte(b.hash)) != 1 {
		return Identity{}, ErrToken
	}
	t := p.Tokens[i]
	if !t.Expires.IsZero() && !now.Before(t.Expires) {
		return Identity{}, ErrToken
	}
	return Identity{Name: "token " + t.Name, Role: t.Role, Scope: t.Scope, proof: b}, nil
}

// byPassword is somebody who has shown a password.
type byPassword struct{ name, fingerprint string }

func (byPassword) via() string { return "password" }

func (b byPassword) judge(p *Policy, _ time.Time) (Identity, error) {
	u, ok := p.user(b.name)
	if !ok || u.Password == "" || u.fingerprint() != b.fingerprint {
		return Identity{}, ErrLogin
	}
	return u.identity(b), nil
}

// byProxy is somebody whom a reverse proxy has named.
type byProxy struct{ name string }

func (byProxy) via() string { return "proxy" }

func (b byProxy) judge(p *Policy, _ time.Time) (Identity, error) {
	if p.UserHeader == "" {
		return Identity{}, ErrLogin
	}
	return p.external(b.name, b)
}

// open is anybody, where nobody has to say who he is.
type open struct{}

func (open) via() string { return "open" }

func (o open) judge(p *Policy, _ time.Time) (Identity, error) {
	if !p.Open {
		return Identity{}, ErrLogin
	}
	return Identity{Role: Admin, proof: o}, nil
}
