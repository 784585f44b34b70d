package bus

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/nats-io/nats.go"
)

const inboxes = "_INBOX."

// Inbox reports whether an answer may go to reply. Whoever may ask names the subject of the answer, and the bus lets it through,
// whatever it is: so an order, or the picture of another camera, could be sent in the name of who answers.
func Inbox(reply string) bool { return strings.HasPrefix(reply, inboxes) }

// InboxPrefix is where the replies to a user's requests go; no other user may subscribe there.
func InboxPrefix(user string) string { return inboxes + user }

// NodeInboxes are the replies of a node to requests of anybody.
func NodeInboxes(node string) string { return InboxPrefix(All) + ".node." + node + ".>" }

// RequestOf asks a node, and waits for its answer in an inbox of NodeInboxes: a site may answer there only, so it cannot answer what others
// were asked.
func RequestOf(ctx context.Context, nc *nats.Conn, node string, m *nats.Msg) (*nats.Msg, error) {
	prefix := nc.Opts.InboxPrefix
	if prefix == "" {
		prefix = InboxPrefix("any")
	}
	m.Reply = prefix + ".node." + node + "." + rand.Text()
	answer, err := nc.SubscribeSync(m.Reply)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Unsubscribe() }() // fails only where the connection is gone
	if err := nc.PublishMsg(m); err != nil {
		return nil, err
	}
	return answer.NextMsgWithContext(ctx)
}
