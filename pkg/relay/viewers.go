package relay

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"linkstart/pkg/access"
	"linkstart/pkg/camera"
	"linkstart/pkg/pace"
)

// Kinds of connections that stay open.
const (
	kindWebSocket = "websocket"
	kindMultipart = "multipart"
	kindEvents    = "events"
	kindLogs      = "logs"
)

// guest is who is at the other end of a connection that stays open.
type guest struct {
	who     access.Identity
	id      string
	number  uint64
	kind    string
	address string
	agent   string
	since   time.Time
}

func (r *Relay) guest(who access.Identity, kind, address, agent string) guest {
	n := r.number.Add(1)
	return guest{
		who: who, id: fmt.Sprintf("%s-%d", r.name, n), number: n, kind: kind, address: address,
		agent: shown(agent), since: time.Now().Round(time.Millisecond),
	}
}

func (g *guest) identity() access.Identity { return g.who }

// viewer is a connection as the API tells of it.
type viewer struct {
	ID      string       `json:"id"`
	Kind    string       `json:"kind"`
	User    string       `json:"user"`    // who has logged in, "" where nobody has to
	Name    string       `json:"name"`    // that it joined a room with
	Address string       `json:"address"` // of the client or its proxy
	Agent   string       `json:"agent"`
	Since   time.Time    `json:"since"`
	Room    camera.ID    `json:"room"` // joined
	Streams []viewStream `json:"streams"`
	number  uint64
}

// viewStream is what a stream shows.
type viewStream struct {
	Camera    camera.ID        `json:"camera"`
	Rendition camera.Rendition `json:"rendition"`
	FPS       float64          `json:"fps"`     // sent lately
	Skipped   uint64           `json:"skipped"` // since it shows this camera
}

func (g *guest) describe() viewer {
	return viewer{
		ID: g.id, Kind: g.kind, User: g.who.Name, Address: g.address, Agent: g.agent, Since: g.since, Streams: []viewStream{}, number: g.number,
	}
}

// meanRate is in pictures per second, with one decimal.
func meanRate(m *pace.Meter, now time.Time) float64 {
	events, _ := m.Rates(now)
	return math.Round(events*10) / 10
}

func (s *session) viewer(now time.Time) viewer {
	v := s.describe()
	s.mu.Lock()
	defer s.mu.Unlock()
	v.Name, v.Room = s.name, s.room
	for _, st := range s.streams {
		if st.view != nil {
			v.Streams = append(v.Streams, viewStream{st.camera, st.view.slot.Rendition, meanRate(&st.sent, now), st.skipped})
		}
	}
	return v
}

func (e *endless) viewer(now time.Time) viewer {
	v := e.describe()
	v.Streams = append(v.Streams, e.shows.list(now)...)
	return v
}

// picturesSent is what a multipart stream shows; nothing where it was never begun.
type picturesSent struct {
	mu        sync.Mutex
	camera    camera.ID
	rendition camera.Rendition
	sent      pace.Meter
	skipped   uint64
	log       camera.ID // "" where it is not that of a camera
}

func (p *picturesSent) begin(id camera.ID, r camera.Rendition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.camera, p.rendition = id, r
}

// beginLog notes whose log a stream is.
func (p *picturesSent) beginLog(id camera.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = id
}

func (p *picturesSent) isLog(id camera.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log == id
}

func (p *picturesSent) is(id camera.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.camera == id
}

func (p *picturesSent) add(now time.Time, bytes int, skipped uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent.Add(now, bytes)
	p.skipped += uint64(skipped)
}

func (p *picturesSent) list(now time.Time) []viewStream {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.camera == "" {
		return nil
	}
	return []viewStream{{p.camera, p.rendition, meanRate(&p.sent, now), p.skipped}}
}

// listViewers answers with who watches what at this relay, the oldest connection first.
func (r *Relay) listViewers(c *fiber.Ctx) error {
	now := time.Now()
	r.mu.Lock()
	list := make([]viewer, 0, len(r.clients))
	for client := range r.clients {
		list = append(list, client.viewer(now))
	}
	r.mu.Unlock()
	if who := caller(c); !who.Scope.All() {
		list = slices.DeleteFunc(list, func(v viewer) bool {
			return !slices.ContainsFunc(v.Streams, func(s viewStream) bool { return r.sees(who, s.Camera) })
		})
		for i := range list {
			list[i].Streams = slices.DeleteFunc(list[i].Streams, func(s viewStream) bool { return !r.sees(who, s.Camera) })
		}
	}
	slices.SortFunc(list, func(a, b viewer) int { return cmp.Compare(a.number, b.number) })
	return c.JSON(list)
}
