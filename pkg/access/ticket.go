package access

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"linkstart/pkg/camera"
)

// What a ticket is for: its audience (RFC 7519 section 4.1.3), so that none can be used as another.
const (
	forSession = "session"
	forLink    = "link"
	forLogin   = "login" // at an OpenID provider, under way
)

// MaxLink is how long a link to pictures may be good at most.
const MaxLink = 24 * time.Hour

// ticket is what a session or a link shows: a JSON Web Token (RFC 7519) that only we can sign. Nothing of it is kept, so it holds
// also over restarts, and at every relay.
type ticket struct {
	ID      string           `json:"jti"`
	For     string           `json:"aud"`
	Name    string           `json:"sub,omitempty"`
	Issued  *jwt.NumericDate `json:"iat"`
	Expires *jwt.NumericDate `json:"exp"`

	By     string    `json:"by"`               // how whoever it was made for had proved it: password, token, proxy or oidc
	Proof  string    `json:"proof,omitempty"`  // fingerprint of the password, or hash of the token
	Token  string    `json:"token,omitempty"`  // id of the token
	Issuer string    `json:"issuer,omitempty"` // the provider that has let the user in
	Values []string  `json:"values,omitempty"` // of its claim, those that roles are given for
	Parent string    `json:"parent,omitempty"` // of a link: the session that made it
	Camera camera.ID `json:"camera,omitempty"` // of a link

	State    string `json:"state,omitempty"`    // of a login under way: RFC 6749 section 10.12
	Nonce    string `json:"nonce,omitempty"`    // OpenID Connect Core section 3.1.2.1
	Verifier string `json:"verifier,omitempty"` // RFC 7636
}

func (t ticket) via() string {
	switch t.For {
	case forSession, forLink:
		return t.For
	}
	return t.By
}

func (t ticket) until() time.Time { return t.Expires.Time() }

func newTicket(audience string, now time.Time, good time.Duration) ticket {
	return ticket{ID: strings.ToLower(rand.Text()), For: audience, Issued: jwt.NewNumericDate(now), Expires: jwt.NewNumericDate(now.Add(good))}
}

func (p *Policy) sign(t ticket) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: p.Key}, nil)
	if err != nil {
		return "", fmt.Errorf("sign ticket: %w", err)
	}
	return jwt.Signed(signer).Claims(t).Serialize()
}

// maxTicket bounds what is read of one, bytes.
const maxTicket = 8 << 10

// read returns a ticket that is ours, for that and still good.
func (p *Policy) read(text, audience string, now time.Time) (ticket, error) {
	if len(text) > maxTicket {
		return ticket{}, ErrToken
	}
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.HS256})
	var t ticket
	if err != nil || parsed.Claims(p.Key, &t) != nil {
		return ticket{}, ErrToken
	}
	if t.For != audience || t.Expires == nil || t.Issued == nil || !now.Before(t.Expires.Time()) {
		return ticket{}, ErrToken
	}
	return t, nil
}

func (p *Policy) ended(id string) bool {
	return id != "" && slices.ContainsFunc(p.Ended, func(e Ended) bool { return e.ID == id })
}

// judge implements proof.
func (t ticket) judge(p *Policy, now time.Time) (Identity, error) {
	if !now.Before(t.Expires.Time()) || p.ended(t.ID) || p.ended(t.Parent) {
		return Identity{}, ErrToken
	}
	var who Identity
	var err error
	switch t.By {
	case "password":
		who, err = byPassword{t.Name, t.Proof}.judge(p, now)
	case "token":
		who, err = byToken{t.Token, t.Proof}.judge(p, now)
	case "proxy":
		who, err = byProxy{t.Name}.judge(p, now)
	case "oidc":
		who, err = t.provided(p)
	case "open":
		who, err = open{}.judge(p, now)
	default:
		err = ErrToken
	}
	if err != nil {
		return Identity{}, ErrToken
	}
	if t.For == forLink {
		who.Role = Viewer
	}
	who.proof = t
	return who, nil
}

// provided is who an OpenID provider has let in.
func (t ticket) provided(p *Policy) (Identity, error) {
	if p.OIDC == nil || p.OIDC.Issuer != t.Issuer {
		return Identity{}, ErrToken
	}
	return p.Provided(t.Name, t.Values)
}

// Session makes the text of a session for somebody, who has just logged in.
func (p *Policy) Session(who Identity, now time.Time) (string, time.Time, error) {
	t := newTicket(forSession, now, p.SessionTime)
	if err := t.carry(who); err != nil {
		return "", time.Time{}, err
	}
	text, err := p.sign(t)
	return text, t.Expires.Time(), err
}

// Link makes the text that lets whoever has it see one camera for a while, as long as who may.
func (p *Policy) Link(who Identity, id camera.ID, good time.Duration, now time.Time) (string, time.Time, error) {
	t := newTicket(forLink, now, min(good, MaxLink))
	t.Camera = id
	if err := t.carry(who); err != nil {
		return "", time.Time{}, err
	}
	if e := who.Expires(); !e.IsZero() && e.Before(t.Expires.Time()) {
		t.Expires = jwt.NewNumericDate(e)
	}
	text, err := p.sign(t)
	return text, t.Expires.Time(), err
}

// carry takes over what who has shown, so that the ticket is worth something only as long as that is.
func (t *ticket) carry(who Identity) error {
	t.Name = who.Name
	switch shown := who.proof.(type) {
	case byPassword:
		t.By, t.Proof = "password", shown.fingerprint
	case byToken:
		t.By, t.Token, t.Proof = "token", shown.id, shown.hash
	case byProxy:
		t.By = "proxy"
	case open:
		t.By = "open"
	case ticket:
		t.By, t.Proof, t.Token, t.Issuer, t.Values = shown.By, shown.Proof, shown.Token, shown.Issuer, shown.Values
		if t.For == forLink {
			t.Parent = shown.ID
		}
	default:
		return ErrLogin
	}
	return nil
}

// Renew makes who's session last longer where half of its time is over; "" where it is not yet time, there is none, or only the
// provider could say that the user is still let in. It stays the
// same session: when it is ended, no older text of it is good any more.
func (p *Policy) Renew(who Identity, now time.Time) (string, time.Time, error) {
	t, ok := who.proof.(ticket)
	if !ok || t.For != forSession || t.By == "oidc" || t.Expires.Time().Sub(now) > p.SessionTime/2 {
		return "", time.Time{}, nil
	}
	t.Expires = jwt.NewNumericDate(now.Add(p.SessionTime))
	text, err := p.sign(t)
	return text, t.Expires.Time(), err
}

// End is what has to be remembered so that who's session is over; ok is false where there is no session.
func (p *Policy) End(who Identity, now time.Time) (e Ended, ok bool) {
	t, ok := who.proof.(ticket)
	if !ok || t.For != forSession {
		return Ended{}, false
	}
	return Ended{ID: t.ID, Name: t.Name, Until: now.Add(max(p.SessionTime, t.Expires.Time().Sub(now)))}, true
}
