package grab

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
)

// answer renews a lease and, where a reply is asked for, gives the newest frame at once: before the source is told that
// somebody watches, so that the answer does not wait for what that sets off.
func (g *Grabber) answer(m *nats.Msg) {
	r, err := camera.ParseRendition(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
	if err != nil {
		return
	}
	var w bus.Want
	if len(m.Data) > 0 && json.Unmarshal(m.Data, &w) != nil {
		w = bus.Want{}
	}
	if bus.Inbox(m.Reply) {
		g.reply(m.Reply, r)
	}
	g.leases.Renew(r, w.FPS, time.Now())
	g.arouse()
}

func (g *Grabber) reply(subject string, r camera.Rendition) {
	reply := &nats.Msg{Subject: subject}
	in := g.from(r)
	f, err := in.newest.frame(r)
	switch {
	case err == nil && in.state.live():
		reply = bus.EncodeFrame(subject, f)
	case err == nil:
		reply = bus.EncodeFrame(subject, notLive(f))
	case !errors.Is(err, bus.ErrNoFrame):
		in.state.damaged(err)
	}
	if err := g.Conn.PublishMsg(reply); err != nil {
		g.Log.Debug("answer want", "err", err)
	}
}
