// Package control is how a running supervisor is asked and ordered over the bus, by the relay and by the command line.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
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
)

// Request is the body of an order: JSON. Status and Reload take no camera.
type Request struct {
	Camera  camera.ID `json:"camera,omitempty"`
	Lines   int       `json:"lines,omitempty"`   // of Logs: how many of the newest, 0 = all that are kept
	Preview bool      `json:"preview,omitempty"` // of Reload: only say what would change
}

// Reply is what comes back: which fields are set depends on the verb.
type Reply struct {
	Cameras []camera.Info `json:"cameras,omitempty"` // Status, in the order of the configuration
	Lines   []string      `json:"lines,omitempty"`   // Logs, oldest first
	Text    string        `json:"text,omitempty"`    // Reload: what changed, for a person

	Failures []camera.Failure `json:"failures,omitempty"` // Failures, newest first
	System   *System          `json:"system,omitempty"`   // Status
}

// System is how the supervisor itself fares.
type System struct {
	Version  string          `json:"version"`
	Started  time.Time       `json:"started"`
	Config   Config          `json:"config"`
	Relay    camera.Restarts `json:"relay_restarts"`
	Warnings []string        `json:"warnings,omitempty"` // what does not work as it should while all goes on, for a person
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

const (
	codeUnknownCamera = "404"
	codeFailed        = "500"

	protocolVersion = "1.0.0" // of these verbs and bodies, SemVer as NATS services have it

	timeout = 5 * time.Second
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
	for _, verb := range []string{Restart, Stop, Start, Reload, Status, Logs, Failures} {
		answer := micro.HandlerFunc(func(m micro.Request) { serve(ctx, m, verb, h) })
		if err := service.AddEndpoint(verb, answer, micro.WithEndpointSubject(s.Control(node, verb))); err != nil {
			return nil, errors.Join(fmt.Errorf("offer control endpoint %s: %w", verb, err), service.Stop())
		}
	}
	return service.Stop, nil
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
	switch {
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

// Do orders and waits for the answer: ErrUnknownCamera, ErrUnavailable, or what the supervisor says was wrong.
func (c *Client) Do(ctx context.Context, verb string, r Request) (Reply, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Reply{}, fmt.Errorf("encode order: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	m, err := c.nc.RequestWithContext(ctx, c.subjects.Control(c.node, verb), body)
	if err != nil {
		return Reply{}, fmt.Errorf("order %s: %w: %w", verb, ErrUnavailable, err)
	}
	if said := m.Header.Get(micro.ErrorHeader); said != "" {
		if m.Header.Get(micro.ErrorCodeHeader) == codeUnknownCamera {
			return Reply{}, fmt.Errorf("%s %s: %w", verb, r.Camera, ErrUnknownCamera)
		}
		return Reply{}, &camera.Error{Say: said}
	}
	var reply Reply
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return Reply{}, fmt.Errorf("read answer to %s: %w", verb, err)
	}
	return reply, nil
}
