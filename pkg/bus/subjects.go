// Package bus is Linkstart's use of NATS: subjects, frames as messages, leases on frames, buckets.
package bus

import (
	"strings"

	"linkstart/pkg/camera"
)

// Subjects builds subject names below a prefix such as "linkstart".
type Subjects struct{ Prefix string }

// All stands for every camera or node where a subject is subscribed.
const All = "*"

func (s Subjects) join(parts ...string) string { return s.Prefix + "." + strings.Join(parts, ".") }

// Frame carries a camera's frames: one JPEG each, with the headers of EncodeFrame.
func (s Subjects) Frame(id camera.ID, r camera.Rendition) string {
	return s.join("frame", string(id), string(r))
}

// Want asks for frames: see Want.
func (s Subjects) Want(id camera.ID, r camera.Rendition) string {
	return s.join("want", string(id), string(r))
}

// Status carries camera.Status as JSON each second.
func (s Subjects) Status(id camera.ID) string { return s.join("status", string(id)) }

// Log carries a camera's log lines.
func (s Subjects) Log(id camera.ID) string { return s.join("log", string(id)) }

// Alarm carries a camera's alarms as JSON.
func (s Subjects) Alarm(id camera.ID) string { return s.join("alarm", string(id)) }

// Push takes a JPEG for a push: camera by request; the reply is empty, or a sentence that says why it was refused.
func (s Subjects) Push(id camera.ID) string { return s.join("push", string(id)) }

// Headers of an empty message on Camera: which node it is that does not have the camera any more, and that another one will.
const (
	HeaderNode  = "Node"
	HeaderMoved = "Moved"
)

// Camera announces a camera as camera.Info in JSON whenever its state or description changes; an empty message says
// that it was removed from the configuration.
func (s Subjects) Camera(id camera.ID) string { return s.join("camera", string(id)) }

// Cameras says, without content, that the list of cameras or its order has changed.
func (s Subjects) Cameras() string { return s.join("cameras") }

// Config carries control.Config as JSON whenever the configuration has been read again.
func (s Subjects) Config() string { return s.join("config") }

// Access says, without content, that other users, tokens or sessions are let in than before.
func (s Subjects) Access() string { return s.join("access") }

// Audit carries audit.Record as JSON whenever somebody has logged in or ordered something.
func (s Subjects) Audit() string { return s.join("audit") }

// Lease tells who runs a camera that several nodes may run, as JSON, when that has changed.
func (s Subjects) Lease(id camera.ID) string { return s.join("lease", string(id)) }

// Node carries the sign of life of a supervisor each second, as a nodes.Beat in JSON.
func (s Subjects) Node(node string) string { return s.join("node", node) }

// Uplink carries control.Uplink as JSON each second: how what a node sends to its hub fares.
func (s Subjects) Uplink(node string) string { return s.join("uplink", node) }

// Relay carries the sign of life of a node's relay each second, without content.
func (s Subjects) Relay(node string) string { return s.join("relay", node) }

// People carries the people who are in rooms at one relay, as JSON, when that changes and every other second. Relay is a name
// that it gives itself at its start.
func (s Subjects) People(relay string) string { return s.join("people", relay) }

// Control is an endpoint of the node's supervisor: restart, stop, start, reload, status, logs, failures, test,
// endtest, add, access, token, tokens, revoke, endsession, audit.
func (s Subjects) Control(node, verb string) string { return s.join("ctl", node, verb) }

// CameraOf returns the camera that a subject built here is about, "" for one that is about none.
func (s Subjects) CameraOf(subject string) camera.ID {
	rest, ok := strings.CutPrefix(subject, s.Prefix+".")
	if !ok {
		return ""
	}
	_, rest, ok = strings.Cut(rest, ".")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, ".")
	return camera.ID(id)
}
