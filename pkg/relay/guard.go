package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/nats-io/nats.go"

	"linkstart/pkg/access"
	"linkstart/pkg/audit"
	"linkstart/pkg/camera"
	"linkstart/pkg/control"
)

// need is what a route asks of whoever calls it.
type need int

const (
	nothing      need = iota // everybody: the page itself, which has no secrets, logging in, and whether all is well
	toSee                    // a viewer, of the cameras that he may see
	toOperate                // an operator, likewise
	toSeeAll                 // a viewer of all cameras
	toAdminister             // an admin of all cameras
)

func (n need) role() access.Role {
	switch n {
	case toOperate:
		return access.Operator
	case toAdminister:
		return access.Admin
	}
	return access.Viewer
}

const (
	policyTime  = 2 * time.Second // of one try to learn who is let in
	policyPause = 50 * time.Millisecond
	policyAwait = 5 * time.Second
	policyEvery = time.Minute // should the news of a change have been lost

	whoKey  = "who"  // of the identity among a request's locals
	fromKey = "from" // of the client's address
)

// admit lets through who may do what the route does.
func (r *Relay) admit(n need) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if n == nothing {
			return c.Next()
		}
		who, err := r.identify(c)
		if err != nil {
			return r.notAdmitted(c, err)
		}
		if err := n.refuses(who); err != nil {
			r.record(c, who, c.Method()+" "+c.Path(), "", err)
			return err
		}
		c.Locals(whoKey, who)
		return c.Next()
	}
}

// refuses says why who may not do what needs n.
func (n need) refuses(who access.Identity) error {
	if !who.May(n.role()) {
		return refuse(codeForbidden, "This takes the role %s; %s has %s.", n.role(), name(who), who.Role)
	}
	if (n == toSeeAll || n == toAdminister) && !who.Scope.All() {
		return refuse(codeForbidden, "This takes somebody who is not limited to some cameras.")
	}
	return nil
}

func name(who access.Identity) string {
	if who.Name == "" {
		return "nobody"
	}
	return who.Name
}

// caller is who sends a request that was admitted.
func caller(c *fiber.Ctx) access.Identity {
	who, _ := c.Locals(whoKey).(access.Identity)
	return who
}

// identify finds out who sends a request.
func (r *Relay) identify(c *fiber.Ctx) (access.Identity, error) {
	shown := access.Shown{From: r.from(c), Session: c.Cookies(r.cookie(c))}
	if err := shown.Authorization(c.Get(fiber.HeaderAuthorization)); err != nil {
		return access.Identity{}, err
	}
	if text := c.Query(linkParameter); text != "" && pictures(c) {
		shown.Link, shown.Camera = text, camera.ID(c.Params("id"))
	}
	if p := r.gate.Policy(); p != nil && p.UserHeader != "" && p.FromProxy(peer(c)) {
		if named := c.Request().Header.PeekAll(p.UserHeader); len(named) == 1 { // two: the proxy has let one of the client through
			shown.Proxy = string(named[0])
		}
	}
	who, err := r.gate.Identify(c.UserContext(), shown)
	if errors.Is(err, access.ErrWrong) {
		r.record(c, access.Identity{Name: shown.Name}, "login", "", err)
	}
	return who, err
}

// mayPush reports whether a request could be of somebody who pushes pictures, before its body is taken.
func (r *Relay) mayPush(authorization string) bool {
	p := r.gate.Policy()
	switch {
	case p == nil:
		return false
	case p.Open:
		return true
	}
	var shown access.Shown
	return shown.Authorization(authorization) == nil && r.gate.Plausible(shown)
}

// pictures reports whether a request is for what a link leads to.
func pictures(c *fiber.Ctx) bool {
	path := c.Path()
	return strings.HasSuffix(path, "/stream.mjpeg") || strings.HasSuffix(path, "/snapshot.jpg")
}

// peer is the other end of the connection.
func peer(c *fiber.Ctx) netip.Addr {
	a, _ := netip.ParseAddrPort(c.Context().RemoteAddr().String())
	return a.Addr().Unmap()
}

// from is the address of the client, behind proxies that are believed.
func (r *Relay) from(c *fiber.Ctx) netip.Addr {
	p := r.gate.Policy()
	if p == nil {
		return peer(c)
	}
	return p.Client(peer(c), string(bytes.Join(c.Request().Header.PeekAll(fiber.HeaderXForwardedFor), []byte(","))))
}

// notAdmitted answers who has not shown who he is.
func (r *Relay) notAdmitted(c *fiber.Ctx, err error) error {
	var many *access.TooMany
	switch {
	case errors.As(err, &many):
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(many.Wait.Seconds())))
		return refuse(codeTooManyLogins, "Too many logins have failed: wait %s.", many.Wait)
	case errors.Is(err, access.ErrNotYet):
		return refuse(codeUnavailable, "The supervisor has not yet said who is let in.")
	case errors.Is(err, access.ErrRole):
		return refuse(codeForbidden, "Nobody has given this user a role: see users and access.role in the configuration.")
	}
	// A browser would ask for a password by itself, over the page that does so better.
	if mode := c.Get("Sec-Fetch-Mode"); (mode == "" || mode == "navigate") && c.Query(linkParameter) == "" {
		c.Append(fiber.HeaderWWWAuthenticate, `Basic realm="Linkstart", charset="UTF-8"`)
	}
	c.Append(fiber.HeaderWWWAuthenticate, `Bearer realm="Linkstart"`)
	switch {
	case errors.Is(err, access.ErrWrong):
		return refuse(codeWrongLogin, "The name or the password is wrong.")
	case errors.Is(err, access.ErrToken) && c.Query(linkParameter) != "":
		return refuse(codeLoginRequired, "This link is too old, or was taken back: ask for another one.")
	case errors.Is(err, access.ErrToken):
		return refuse(codeLoginRequired, "The token or link is unknown, revoked or too old.")
	case errors.Is(err, access.ErrLogin):
		return refuse(codeLoginRequired, "Log in first.")
	}
	return err
}

// record has it written down that somebody has done something, or err why not.
func (r *Relay) record(c *fiber.Ctx, who access.Identity, action, target string, err error) {
	r.trace(who, r.from(c).String(), action, target, err)
}

// trace is record for what does not come by a request.
func (r *Relay) trace(who access.Identity, from, action, target string, err error) {
	if !r.chatter.allow(who.Name+" "+from, time.Now()) {
		if r.unrecorded.due() {
			r.log.Warn("somebody does so much that not all of it is written down", "who", who.Name, "from", from)
		}
		return
	}
	outcome := audit.OK
	if err != nil {
		outcome = camera.Say(err)
		var p *problem
		if errors.As(err, &p) {
			outcome = p.detail
		}
	}
	b, err := json.Marshal(audit.Record{
		Time: time.Now().UTC(), Who: who.Name, Via: who.Via(), From: from, Action: action, Target: target, Outcome: outcome,
	}.Clean())
	if err == nil && r.nc.IsConnected() {
		err = r.nc.Publish(r.subjects.Audit(), b)
	} else if err == nil {
		err = errors.New("the bus is away")
	}
	if err != nil { // then the log has it at least
		r.log.Info("audit", "who", who.Name, "from", from, "action", action, "target", target, "outcome", outcome, "err", err)
	}
}

// followAccess learns who is let in, and goes on learning it until ctx ends.
func (r *Relay) followAccess(ctx context.Context) (run func(), err error) {
	news := make(chan *nats.Msg, 1)
	sub, err := r.nc.ChanSubscribe(r.subjects.Access(), news)
	if err != nil {
		return nil, fmt.Errorf("subscribe to news of who is let in: %w", err)
	}
	return func() {
		defer func() { _ = sub.Unsubscribe() }() // fails only where the connection is gone
		for ctx.Err() == nil {
			wait := policyEvery
			if err := r.learnAccess(ctx); err != nil {
				wait = policyPause
				r.log.Debug("who is let in is not known", "err", err)
				r.judgeClients() // time passes all the same
			}
			select {
			case <-ctx.Done():
			case <-news:
			case <-time.After(wait):
			}
		}
	}, nil
}

// awaitAccess waits a little until it is known who is let in: until then nobody is.
func (r *Relay) awaitAccess(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, policyAwait)
	defer cancel()
	tick := time.NewTicker(policyPause)
	defer tick.Stop()
	for r.gate.Policy() == nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// learnAccess asks the supervisor who is let in, and closes the connections of those who are not any more.
func (r *Relay) learnAccess(ctx context.Context) error {
	r.learning.Lock() // or an older answer could come after a newer one
	defer r.learning.Unlock()
	ctx, cancel := context.WithTimeout(ctx, policyTime)
	defer cancel()
	reply, err := r.authority.Do(ctx, control.Access, control.Request{})
	if err != nil {
		return err
	}
	if reply.Policy == nil {
		return errors.New("the supervisor has not said who is let in")
	}
	r.gate.Set(reply.Policy)
	r.crowd.trust(reply.Policy.Proxies)
	r.judgeClients()
	return nil
}

// tellPlainLogins warns where passwords and pictures go over a network as they are.
func (r *Relay) tellPlainLogins(at net.Addr) {
	tcp, ok := at.(*net.TCPAddr)
	p := r.gate.Policy()
	if ok && p != nil && !p.Open && r.config.TLS == nil && !tcp.IP.IsLoopback() && len(p.Proxies) == 0 {
		r.log.Warn("passwords and pictures go over the network unencrypted: set server.tls, or have a proxy do that and name it in access.proxies")
	}
}

// judgeClients closes the connections of those who may not have them any more, or may see other cameras than before: they come
// again.
func (r *Relay) judgeClients() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.clients {
		r.judge(c)
	}
}

// judge closes a connection that may not be had any more, and reports whether it may. The mutex is held.
func (r *Relay) judge(c client) bool {
	was := c.identity()
	now, err := r.gate.Again(was)
	switch {
	case errors.Is(err, access.ErrNotYet):
		return true // nobody is let in before
	case err != nil:
		c.stop(closeLogin, "log in again")
	case now.Name != was.Name || now.Same() != was.Same():
		c.stop(closeServiceRestart, "your rights have changed")
	default:
		return true
	}
	return false
}
