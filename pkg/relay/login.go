package relay

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"linkstart/pkg/access"
	"linkstart/pkg/control"
)

const (
	cookieName    = "linkstart"
	maxLogin      = 4 << 10 // bytes of the body of a login
	linkParameter = "link"
)

// secure reports whether the client's connection is encrypted, up to a proxy that is believed.
func (r *Relay) secure(c *fiber.Ctx) bool {
	if c.Context().IsTLS() {
		return true
	}
	p := r.gate.Policy()
	return p != nil && p.FromProxy(peer(c)) && strings.EqualFold(lastOf(c.Get(fiber.HeaderXForwardedProto)), "https")
}

// lastOf is the last of a header's values: it is of the proxy next to us.
func lastOf(header string) string {
	return strings.TrimSpace(header[strings.LastIndexByte(header, ',')+1:])
}

// cookie is the name of the session's cookie. With the prefix no page of a neighbouring host can set it (RFC 6265bis section
// 4.1.3.2), which only works over TLS.
func (r *Relay) cookie(c *fiber.Ctx) string { return r.hostOnly(c, cookieName) }

func (r *Relay) hostOnly(c *fiber.Ctx, name string) string {
	if r.secure(c) {
		return "__Host-" + name
	}
	return name
}

// setCookie gives the browser a session; it is sent from pages of this site only, and no script can read it.
func (r *Relay) setCookie(c *fiber.Ctx, name, value string, expires time.Time) {
	c.Cookie(&fiber.Cookie{
		Name: name, Value: value, Path: "/", Expires: expires, HTTPOnly: true, Secure: r.secure(c), SameSite: fiber.CookieSameSiteLaxMode,
	})
}

func (r *Relay) clearCookie(c *fiber.Ctx, name string) { r.setCookie(c, name, "", time.Unix(1, 0)) }

// begin starts a session for somebody who has just logged in.
func (r *Relay) begin(c *fiber.Ctx, who access.Identity) error {
	p := r.gate.Policy()
	if p == nil {
		return access.ErrNotYet
	}
	text, expires, err := p.Session(who, time.Now())
	if err != nil {
		return err
	}
	r.setCookie(c, r.cookie(c), text, expires)
	return nil
}

// session is what a page learns about who it is for.
type sessionInfo struct {
	Required bool             `json:"required"` // whether a login is needed at all
	User     *access.Identity `json:"-"`
	Name     string           `json:"name,omitempty"`
	Role     access.Role      `json:"role,omitempty"`
	Limited  bool             `json:"limited,omitempty"` // to some cameras
	Via      string           `json:"via,omitempty"`
	Expires  time.Time        `json:"expires,omitzero"`
	Password bool             `json:"password"`       // somebody can log in by password
	OIDC     string           `json:"oidc,omitempty"` // title of the button to log in by OpenID Connect
}

// getSession tells a page whether it has to log in, and how. It renews a session of which half is over.
func (r *Relay) getSession(c *fiber.Ctx) error {
	p := r.gate.Policy()
	if p == nil {
		return r.notAdmitted(c, access.ErrNotYet)
	}
	info := sessionInfo{Required: !p.Open}
	for _, u := range p.Users {
		info.Password = info.Password || u.Password != ""
	}
	if p.OIDC != nil {
		info.OIDC = p.OIDC.Title
	}
	who, err := r.identify(c)
	switch {
	case errors.Is(err, access.ErrLogin), errors.Is(err, access.ErrToken):
		return c.JSON(info)
	case err != nil:
		return r.notAdmitted(c, err)
	}
	info.Name, info.Role, info.Limited, info.Via, info.Expires = who.Name, who.Role, !who.Scope.All(), who.Via(), who.Expires()
	text, expires, err := p.Renew(who, time.Now())
	if err != nil {
		return err
	}
	if text != "" {
		info.Expires = expires
		r.setCookie(c, r.cookie(c), text, expires)
	}
	return c.JSON(info)
}

// login takes a name and a password, and begins a session.
func (r *Relay) login(c *fiber.Ctx) error {
	var body struct{ Name, Password string }
	if len(c.Body()) > maxLogin || json.Unmarshal(c.Body(), &body) != nil { // the error could repeat the password
		return refuse(codeBadRequest, `The body must be JSON such as {"name":"anna","password":"…"}.`)
	}
	who, err := r.gate.Login(c.UserContext(), r.from(c), body.Name, body.Password)
	switch {
	case errors.Is(err, access.ErrWrong):
		r.record(c, access.Identity{Name: body.Name}, "login", "", err)
		return refuse(codeWrongLogin, "The name or the password is wrong.")
	case errors.Is(err, access.ErrTooMany) && r.throttled.due():
		r.log.Warn("logins are not looked at, because too many have failed", "who", shown(body.Name), "from", r.from(c))
	}
	if err != nil {
		return r.notAdmitted(c, err)
	}
	if err := r.begin(c, who); err != nil {
		return err
	}
	r.record(c, who, "login", "", nil)
	return c.JSON(sessionInfo{Required: true, Name: who.Name, Role: who.Role, Limited: !who.Scope.All(), Via: who.Via(), Password: true})
}

// logout ends the session, for whoever else has its cookie as well.
func (r *Relay) logout(c *fiber.Ctx) error {
	who, err := r.gate.Identify(c.UserContext(), access.Shown{Session: c.Cookies(r.cookie(c))}) // whatever else is shown
	if errors.Is(err, access.ErrNotYet) {
		return r.notAdmitted(c, err)
	}
	r.clearCookie(c, r.cookie(c))
	if err != nil {
		return c.SendStatus(fiber.StatusNoContent) // there was none
	}
	if ended, ok := r.gate.Policy().End(who, time.Now()); ok {
		if _, err := r.authority.Do(c.UserContext(), control.EndSession, control.Request{Ended: &ended}); err != nil {
			return err
		}
		if err := r.learnAccess(c.UserContext()); err != nil { // so that it holds when the answer is read
			return err
		}
		r.record(c, who, "logout", "", nil)
	}
	return c.SendStatus(fiber.StatusNoContent)
}
