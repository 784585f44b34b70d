package relay

import (
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"linkstart/pkg/access"
)

// loginCookie keeps a login at a provider that is under way.
const loginCookie = "linkstart-login"

// page is where the callback of OpenID Connect leads to: the page, whatever path of a proxy it lies below.
const pageFromCallback = "../../../../"

// beginOIDC leads the browser to the provider.
func (r *Relay) beginOIDC(c *fiber.Ctx) error {
	p := r.gate.Policy()
	if p == nil {
		return r.notAdmitted(c, access.ErrNotYet)
	}
	if p.OIDC == nil {
		return refuse(codeNotFound, "There is no login by OpenID Connect here.")
	}
	text, w, err := p.BeginLogin(time.Now())
	if err != nil {
		return err
	}
	to, err := r.oidc.Begin(c.UserContext(), p.OIDC, w)
	if err != nil {
		r.log.Warn("a login by OpenID Connect could not begin", "err", err)
		return refuse(codeProvider, "The OpenID provider does not answer as it should.")
	}
	r.setCookie(c, r.hostOnly(c, loginCookie), text, time.Time{})
	return c.Redirect(to, fiber.StatusFound)
}

// endOIDC takes whom the provider sends back, and begins a session.
func (r *Relay) endOIDC(c *fiber.Ctx) error {
	p := r.gate.Policy()
	if p == nil {
		return r.notAdmitted(c, access.ErrNotYet)
	}
	if p.OIDC == nil {
		return refuse(codeNotFound, "There is no login by OpenID Connect here.")
	}
	w, err := p.EndLogin(c.Cookies(r.hostOnly(c, loginCookie)), c.Query("state"), time.Now())
	r.clearCookie(c, r.hostOnly(c, loginCookie))
	if err != nil {
		return refuse(codeLoginRequired, "This login was not begun in this browser, or took too long: begin it again.")
	}
	if c.Query("code") == "" {
		return refuse(codeLoginRequired, "The OpenID provider has let nobody in.")
	}
	from := r.from(c)
	if err := r.gate.Ask(from); err != nil { // each try asks the provider
		return r.notAdmitted(c, err)
	}
	name, values, err := r.oidc.End(c.UserContext(), p.OIDC, w, c.Query("code"))
	if err != nil {
		r.gate.Failed(from)
		r.log.Warn("a login by OpenID Connect failed", "err", err)
		r.record(c, access.Identity{}, "login", "", errors.New("the provider's answer is not good"))
		return refuse(codeProvider, "The OpenID provider's answer is not good; the relay's log says more.")
	}
	who, err := p.Provided(name, values)
	if err != nil {
		r.record(c, access.Identity{Name: name}, "login", "", err)
		return r.notAdmitted(c, err)
	}
	if err := r.begin(c, who); err != nil {
		return err
	}
	r.record(c, who, "login", "", nil)
	return c.Redirect(pageFromCallback, fiber.StatusFound)
}
