// Package child is how a process of Linkstart is told what to do: one JSON document on its standard input, which then
// stays open as a lifeline.
//
// Neither argv nor the environment would do: both can be read by others, and the document holds passwords.
package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
)

// Grabber is the document of a grabber.
type Grabber struct {
	Bus         bus.Access     `json:"bus"`
	Kind        string         `json:"kind"` // which adapter serves the camera: test, http, video, onvif, opencv, exec, push, hikvision
	Camera      camera.Spec    `json:"camera"`
	Substream   *Stream        `json:"substream"` // what sub is made from; nil: from the camera's stream
	Standby     camera.Standby `json:"standby"`
	MinChange   float64        `json:"min_change"`   // percent
	FrozenAfter time.Duration  `json:"frozen_after"` // 0: a picture that never changes is no fault
	MemoryLimit int64          `json:"memory_limit"` // bytes: the collector of garbage works the harder the nearer it is; 0: none
	Secrets     []string       `json:"secrets"`      // to be kept out of whatever is printed
	Hide        []string       `json:"hide"`         // folders that it has no business in, whatever else it may read
}

// Stream is a further stream of a camera; all else is as its Spec says.
type Stream struct {
	Kind   string `json:"kind"`
	Source string `json:"source"` // with secrets
}

// Relay is the document of the relay.
type Relay struct {
	Bus       bus.Access `json:"bus"`
	Listen    string     `json:"listen"`  // host:port
	TLS       *TLS       `json:"tls"`     // nil: HTTP is served
	Origins   []string   `json:"origins"` // further origins whose pages may open the WebSocket, scheme://host[:port]
	Names     []string   `json:"names"`   // further host names that it is reached by
	Rooms     []Room     `json:"rooms"`
	MaxBytes  int        `json:"max_bytes"`  // of a pushed JPEG
	MaxPixels int        `json:"max_pixels"` // of a pushed JPEG
	Version   string     `json:"version"`

	Authority string    `json:"authority"` // the node whose users, tokens and logins hold; "": its own
	Upload    camera.ID `json:"upload"`    // the camera that POST /upload is for; "": none

	FrameAncestors []string `json:"frame_ancestors"` // further origins whose pages may show the viewer in a frame
	MaxConnections int      `json:"max_connections"` // 0: no limit
	MaxPerAddress  int      `json:"max_per_address"` // likewise
}

// Uplink is the document of what sends pictures to a hub.
type Uplink struct {
	Site    bus.Access `json:"site"`
	Hub     bus.Access `json:"hub"`
	MainFPS float64    `json:"main_fps"` // at most, of each camera; 0: small pictures in place of large ones
	SubFPS  float64    `json:"sub_fps"`
}

// TLS names the PEM files that HTTPS is served with. They are read again when they are renewed.
type TLS struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// Room is a room of the configuration. Rooms that are not configured work as well, without takeover by alarms.
type Room struct {
	ID            camera.ID     `json:"id"`
	AlarmTakeover time.Duration `json:"alarm_takeover"` // how long an alarm shows its camera in this room; 0: never
}

const (
	maxDocument  = 1 << 20
	documentTime = 10 * time.Second
)

// ErrOrphaned is the cause of the context when the lifeline ended: the supervisor is gone.
var ErrOrphaned = errors.New("supervisor is gone")

// Read takes the document from r into doc and returns a context that is cancelled with cause ErrOrphaned when r ends.
// The goroutine that waits for this lives as long as r does.
func Read(ctx context.Context, r io.Reader, doc any) (context.Context, error) {
	decoder := json.NewDecoder(io.LimitReader(r, maxDocument))
	decoder.DisallowUnknownFields()
	read := make(chan error, 1)
	go func() { read <- decoder.Decode(doc) }()
	select {
	case err := <-read:
		if err != nil {
			return nil, fmt.Errorf("read configuration from standard input: %w", err)
		}
	case <-time.After(documentTime):
		return nil, fmt.Errorf("read configuration from standard input: nothing came within %s", documentTime)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		_, err := io.Copy(io.Discard, r)
		cancel(errors.Join(ErrOrphaned, err))
	}()
	return ctx, nil
}
