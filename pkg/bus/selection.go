package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/camera"
)

// Select makes id the camera of a room: all who follow it are switched.
func Select(ctx context.Context, nc *nats.Conn, room, id camera.ID) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	kv, err := js.KeyValue(ctx, SelectionBucket)
	if err != nil {
		return fmt.Errorf("open selections: %w", err)
	}
	if _, err := kv.PutString(ctx, string(room), string(id)); err != nil {
		return fmt.Errorf("select %s in room %s: %w", id, room, err)
	}
	return nil
}
