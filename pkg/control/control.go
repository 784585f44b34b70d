// Package control is how a running supervisor is asked and ordered over the bus, by the relay and by the command line.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"linkstart/pkg/access"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/discover"
	"linkstart/pkg/nodes"
)

// Verbs: the last token of a control subject. The first three act on one camera.
const (
	Restart  = "restart"
	Stop     = "stop"
	Start    = "start"
	Reload   = "reload"
	Status   = "status"
	Logs     = "logs"
	Failures = "failures"
	Test     = "test"     // open a source for its first picture
	EndTest  = "endtest"  // whoever asked for a test has gone
	Add      = "add"      // a camera to the configuration
	Discover = "discover" // cameras of the network

	Access     = "access"     // who is let in
	Token      = "token"      // make an API token
	Tokens     = "tokens"     // list them
	Revoke     = "revoke"     // end one
	EndSession = "endsession" // somebody logs out
	Audit      = "audit"      // what was ordered

	Yield = "yield" // give a camera to another supervisor, which asks for it
)

// Request is the body of an order: JSON. Status and Reload take no camera.
type Request struct {
	Camera  camera.ID `json:"camera,omitempty"`
	Node    string    `json:"node,omitempty"`    // of Yield: whose the camera is to be
	Lines   int       `json:"lines,omitempty"`   // of Logs and Audit: how many of the newest, 0 = all that are kept
	Preview bool      `json:"preview,omitempty"` // of Reload: only say what would change
	Ticket  string    `json:"ticket,omitempty"`  // of Test and EndTest: names the test
	New     *New      `json:"new,omitempty"`     // of Test and Add

	Token *access.Token `json:"token,omitempty"` // of Token: the new one
	ID    string        `json:"id,omitempty"`    // of Revoke: which one
	Ended *access.Ended `json:"ended,omitempty"` // of EndSession
}

// New is a camera that is to be added, or whose source is to be tested. It comes from a page: no text of it may do more than
// that of a page should.
type New struct {
	ID        camera.ID `json:"id,omitempty"` // "": made of the name
	Name      string    `json:"name,omitempty"`
	Group     string    `json:"group,omitempty"`
	Source    string    `json:"source"`             // for a test also HOST or HOST:PORT
	User      string    `json:"user,omitempty"`     // put into source and substream
	Password  string    `json:"password,omitempty"` // put into source and substream
	Substream string    `json:"substream,omitempty"`
	TLSPin    string    `json:"tls_pin,omitempty"` // "": a certificate that authorities vouch for
	FPS       float64   `json:"fps,omitempty"`     // 0: that of the configuration
	Quality   int       `json:"quality,omitempty"` // 0: that of the configuration
}

// Reply is what comes back: which fields are set depends on the verb.
type Reply struct {
	Cameras []camera.Info `json:"cameras,omitempty"` // Status, in the order of the configuration
	Lines   []string      `json:"lines,omitempty"`   // Logs and Audit, oldest first
	Text    string        `json:"text,omitempty"`    // Reload: what changed, for a person

	Failures []camera.Failure `json:"failures,omitempty"` // Failures, newest first
	System   *System          `json:"system,omitempty"`   // Status

	Found []Found `json:"found,omitempty"` // Discover

	Source  string `json:"source,omitempty"` // Test: what was found, without secrets
	Width   int    `json:"width,omitempty"`  // Test, px
	Height  int    `json:"height,omitempty"` // Test, px
	Picture []byte `json:"-"`                // Test, a JPEG

	Policy *access.Policy `json:"policy,omitempty"` // Access, with secrets
	Tokens []access.Token `json:"tokens,omitempty"` // Tokens, Token and Revoke; without hashes
	Secret string         `json:"secret,omitempty"` // Token: what it is used with
}

// Found is a camera of the network.
type Found struct {
	discover.Camera
	Known camera.ID `json:"camera,omitempty"` // it is this one of the configuration already
}

// System is how the supervisor itself fares.
type System struct {
	Version  string          `json:"version"`
	Started  time.Time       `json:"started"`
	Config   Config          `json:"config"`
	Uplink   *Uplink         `json:"uplink,omitempty"` // nil where there is no hub
	Nodes    []nodes.Node    `json:"nodes,omitempty"`  // that this one hears, itself among them
	Defaults Defaults        `json:"defaults"`
	Relay    camera.Restarts `json:"relay_restarts"`
	Warnings []string        `json:"warnings,omitempty"` // what does not work as it should while all goes on, for a person
}

// Uplink is how what crosses to the hub fares. It is also what the process that sends it tells each second.
type Uplink struct {
	Connected bool      `json:"connected"`
	Since     time.Time `json:"since"`   // of Connected
	Streams   int       `json:"streams"` // that are asked for at the hub
	Frames    uint64    `json:"frames"`  // that have crossed
	Bytes     uint64    `json:"bytes"`   // of their JPEGs
	Shed      uint64    `json:"shed"`    // frames that the link had no room for
}

// Defaults are what a camera is given that does not say otherwise.
type Defaults struct {
	FPS     float64 `json:"fps"`
	Quality int     `json:"quality"`
}

// Config is how the last reading of the configuration went.
type Config struct {
	Loaded time.Time `json:"loaded"`          // of the configuration that is in force
	Error  string    `json:"error,omitempty"` // what is wrong with the newer file, which is not in force; a line for each mistake
	Failed time.Time `json:"failed,omitzero"` // when that was found
}

// Errors that an order can end in. Handlers return them, clients get them back.
var (
	ErrUnknownCamera = errors.New("no such camera")
	ErrUnavailable   = errors.New("the supervisor does not answer")
)

// Refusal is an order that is not carried out, with a code for programs.
type Refusal struct {
	Code string // one of those below
	Say  string // for the user, without secrets
}

// Codes of refusals. The relay's problems have the same.
const (
	SourceRefused = "source_refused" // it may not come from a page
	LoginRefused  = "login_refused"
	TestFailed    = "test_failed"
	TooManyTests  = "too_many_tests"
	BadCamera     = "bad_camera"
	CameraExists  = "camera_exists"
	NotSaved      = "not_saved"
	BadConfig     = "bad_configuration"
	UnknownToken  = "unknown_token"
	TooManyTokens = "too_many_tokens"
)

func (r *Refusal) Error() string { return r.Code + ": " + r.Say }

const (
	codeUnknownCamera = "404"
	codeFailed        = "500"

	protocolVersion = "1.0.0" // of these verbs and bodies, SemVer as NATS services have it

	timeout     = 10 * time.Second
	testTimeout = 20 * time.Second // a little more than a test takes at most
)

// Handler does what is ordered.
type Handler interface {
	Handle(ctx context.Context, verb string, r Request) (Reply, error)
}

// Serve answers orders for node as a NATS micro service until the returned function is called.
func Serve(ctx context.Context, nc *nats.Conn, s bus.Subjects, node string, h Handler) (stop func() error, err error) {
	service, err := micro.AddService(nc, micro.Config{
		Name: "linkstart-supervisor", Version: protocolVersion, Description: "Linkstart supervisor of node " + node,
		Metadata: map[string]string{"node": node},
	})
	if err != nil {
		return nil, fmt.Errorf("offer control service: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var slow sync.WaitGroup
	for _, verb := range []string{Restart, Stop, Start, Reload, Status, Logs, Failures, Test, EndTest, Add, Discover, Access, Token, Tokens, Revoke, EndSession, Audit, Yield} {
		answer := micro.HandlerFunc(func(m micro.Request) { serve(ctx, m, verb, h) })
		if verb == Test || verb == Add || verb == Discover || verb == Yield { // which take their time, and must not have others wait until nobody waits for them any more
			answer = func(m micro.Request) { slow.Go(func() { serve(ctx, later{m, nc}, verb, h) }) }
		}
		if err := service.AddEndpoint(verb, answer, micro.WithEndpointSubject(s.Control(node, verb))); err != nil {
			cancel()
			return nil, errors.Join(fmt.Errorf("offer control endpoint %s: %w", verb, err), service.Stop())
		}
	}
	return func() error {
		err := service.Stop()
		cancel()
		slow.Wait()
		return err
	}, nil
}

// later is a request that is answered when its handler has returned: by then the library reads, for its figures, what an answer of
// its own would write.
type later struct {
	micro.Request
	nc *nats.Conn
}

// Respond implements micro.Request.
func (l later) Respond(body []byte, options ...micro.RespondOpt) error {
	m := &nats.Msg{Subject: l.Reply(), Data: body, Header: nats.Header{}}
	for _, set := range options {
		set(m)
	}
	return l.nc.PublishMsg(m)
}

// RespondJSON implements micro.Request.
func (l later) RespondJSON(v any, options ...micro.RespondOpt) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return l.Respond(body, options...)
}

// Error implements micro.Request.
func (l later) Error(code, description string, body []byte, options ...micro.RespondOpt) error {
	return l.Respond(body, append(options, micro.WithHeaders(micro.Headers{micro.ErrorHeader: {description}, micro.ErrorCodeHeader: {code}}))...)
}

func serve(ctx context.Context, m micro.Request, verb string, h Handler) {
	var r Request
	if len(m.Data()) > 0 {
		if err := json.Unmarshal(m.Data(), &r); err != nil {
			_ = m.Error("400", "the request is not JSON: "+err.Error(), nil)
			return
		}
	}
	reply, err := h.Handle(ctx, verb, r)
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		_ = m.Error(refusal.Code, refusal.Say, nil)
	case err == nil && reply.Picture != nil:
		respondPicture(m, reply)
	case errors.Is(err, ErrUnknownCamera):
		_ = m.Error(codeUnknownCamera, err.Error(), nil)
	case err != nil:
		_ = m.Error(codeFailed, camera.Say(err), nil)
	default:
		if err := m.RespondJSON(reply); err != nil { // too large for the bus
			_ = m.Error(codeFailed, err.Error(), nil)
		}
	}
}

// headerReply holds the rest of a reply whose body is a picture.
const headerReply = "Reply"

func respondPicture(m micro.Request, reply Reply) {
	b, err := json.Marshal(reply)
	if err == nil {
		err = m.Respond(reply.Picture, micro.WithHeaders(micro.Headers{headerReply: {string(b)}}))
	}
	if err != nil { // too large for the bus
		_ = m.Error(codeFailed, err.Error(), nil)
	}
}

// Client orders from afar.
type Client struct {
	nc       *nats.Conn
	subjects bus.Subjects
	node     string
}

// NewClient speaks with the supervisor of a.Node over nc.
func NewClient(nc *nats.Conn, a bus.Access) *Client {
	return &Client{nc: nc, subjects: bus.Subjects{Prefix: a.Prefix}, node: a.Node}
}

// At speaks with another node's supervisor.
func (c *Client) At(node string) *Client { return &Client{nc: c.nc, subjects: c.subjects, node: node} }

// Node is whose supervisor it speaks with.
func (c *Client) Node() string { return c.node }

// Do orders and waits for the answer: ErrUnknownCamera, ErrUnavailable, a *Refusal, or what the supervisor says was wrong.
func (c *Client) Do(ctx context.Context, verb string, r Request) (Reply, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Reply{}, fmt.Errorf("encode order: %w", err)
	}
	limit := timeout
	if verb == Test || verb == Discover {
		limit = testTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	m, err := bus.RequestOf(ctx, c.nc, c.node, &nats.Msg{Subject: c.subjects.Control(c.node, verb), Data: body})
	if err != nil {
		return Reply{}, fmt.Errorf("order %s: %w: %w", verb, ErrUnavailable, err)
	}
	if said := m.Header.Get(micro.ErrorHeader); said != "" {
		if m.Header.Get(micro.ErrorCodeHeader) == codeUnknownCamera {
			return Reply{}, fmt.Errorf("%s %s: %w", verb, r.Camera, ErrUnknownCamera)
		}
		switch code := m.Header.Get(micro.ErrorCodeHeader); code {
		case codeFailed, "400":
			return Reply{}, &camera.Error{Say: said}
		default:
			return Reply{}, &Refusal{Code: code, Say: said}
		}
	}
	var reply Reply
	if rest := m.Header.Get(headerReply); rest != "" {
		if err := json.Unmarshal([]byte(rest), &reply); err != nil {
			return Reply{}, fmt.Errorf("read answer to %s: %w", verb, err)
		}
		reply.Picture = m.Data
		return reply, nil
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return Reply{}, fmt.Errorf("read answer to %s: %w", verb, err)
	}
	return reply, nil
}
