package relay

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"linkstart/pkg/access"
	"linkstart/pkg/camera"
	"linkstart/pkg/control"
)

const (
	maxToken    = 32 << 10 // bytes of the description of a token
	linkSeconds = 300
	auditNewest = 100
	auditMost   = 10_000
)

// listTokens answers with all API tokens, without what they are used with.
func (r *Relay) listTokens(c *fiber.Ctx) error {
	reply, err := r.authority.Do(c.UserContext(), control.Tokens, control.Request{})
	if err != nil {
		return refused(err)
	}
	if reply.Tokens == nil {
		reply.Tokens = []access.Token{}
	}
	return c.JSON(reply.Tokens)
}

// makeToken makes an API token, and answers with what it is used with, this once.
func (r *Relay) makeToken(c *fiber.Ctx) error {
	var new struct {
		Name    string
		Role    access.Role
		Cameras []camera.ID
		Groups  []string
		Expires time.Time
	}
	if len(c.Body()) > maxToken {
		return refuse(codeTooLarge, "The description of a token may have %d bytes.", maxToken)
	}
	body := json.NewDecoder(bytes.NewReader(c.Body()))
	body.DisallowUnknownFields() // a limit that is misspelt would be none
	if err := body.Decode(&new); err != nil {
		return refuse(codeBadRequest, `The body must be JSON such as {"name":"recorder","role":"viewer"}: %v.`, err)
	}
	t := access.Token{Name: new.Name, Role: new.Role, Expires: new.Expires, Scope: access.Scope{Cameras: new.Cameras, Groups: new.Groups}}
	if err := t.Check(); err != nil {
		return refuse(codeBadRequest, "%s.", camera.Say(err))
	}
	if !t.Expires.IsZero() && !time.Now().Before(t.Expires) {
		return refuse(codeBadRequest, "The token would be too old already.")
	}
	t.By = caller(c).Name
	reply, err := r.authority.Do(c.UserContext(), control.Token, control.Request{Token: &t})
	if err != nil {
		r.record(c, caller(c), "make token", t.Name, err)
		return refused(err)
	}
	if err := r.learnAccess(c.UserContext()); err != nil {
		return err
	}
	if len(reply.Tokens) != 1 {
		return refuse(codeSupervisor, "The supervisor did not say what it has made.")
	}
	r.record(c, caller(c), "make token", reply.Tokens[0].String(), nil)
	return c.Status(fiber.StatusCreated).JSON(struct {
		access.Token
		Secret string `json:"secret"`
	}{reply.Tokens[0], reply.Secret})
}

// revokeToken ends a token, and the connections of whoever uses it.
func (r *Relay) revokeToken(c *fiber.Ctx) error {
	id := c.Params("token")
	reply, err := r.authority.Do(c.UserContext(), control.Revoke, control.Request{ID: id})
	if err != nil || len(reply.Tokens) != 1 {
		r.record(c, caller(c), "revoke token", id, err)
		return refused(err)
	}
	r.record(c, caller(c), "revoke token", reply.Tokens[0].String(), nil)
	if err := r.learnAccess(c.UserContext()); err != nil { // so that it holds when the answer is read
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// link answers with addresses of the camera's pictures that are good for a while without a login, such as for an image in another
// page.
func (r *Relay) link(c *fiber.Ctx) error {
	i, err := r.known(c)
	if err != nil {
		return err
	}
	body := struct{ Seconds int }{linkSeconds}
	if len(c.Body()) > 0 {
		if err := json.Unmarshal(c.Body(), &body); err != nil {
			return refuse(codeBadRequest, `The body must be JSON such as {"seconds":300}.`)
		}
	}
	most := int(access.MaxLink / time.Second)
	if body.Seconds < 1 || body.Seconds > most {
		return refuse(codeBadRequest, "seconds takes a whole number of 1 to %d.", most)
	}
	text, expires, err := r.gate.Policy().Link(caller(c), i.ID, time.Duration(body.Seconds)*time.Second, time.Now())
	if err != nil {
		return err
	}
	query := "?" + url.Values{linkParameter: {text}}.Encode()
	path := "api/v1/cameras/" + string(i.ID) + "/" // the page may lie below a path of a proxy
	return c.Status(fiber.StatusCreated).JSON(fiber.Map{
		"snapshot": path + "snapshot.jpg" + query, "stream": path + "stream.mjpeg" + query, "expires": expires.UTC(),
	})
}

// auditTrail answers with what was ordered, the newest last.
func (r *Relay) auditTrail(c *fiber.Ctx) error {
	lines, err := strconv.Atoi(c.Query("lines", strconv.Itoa(auditNewest)))
	if err != nil || lines < 1 || lines > auditMost {
		return refuse(codeBadRequest, "The parameter lines takes a number of 1 to %d.", auditMost)
	}
	reply, err := r.authority.Do(c.UserContext(), control.Audit, control.Request{Lines: lines})
	if err != nil {
		return refused(err)
	}
	records := make([]json.RawMessage, 0, len(reply.Lines))
	for _, line := range reply.Lines {
		if json.Valid([]byte(line)) { // a line may have been cut off when the machine went down
			records = append(records, json.RawMessage(line))
		}
	}
	return c.JSON(records)
}
