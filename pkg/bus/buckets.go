package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Buckets of the embedded server. Selection (key = room, value = camera) survives restarts; Takeover (key = room,
// value = JSON of an alarm that is shown first) does not.
const (
	SelectionBucket = "selection"
	TakeoverBucket  = "takeover"
)

const (
	bucketBytes = 4 << 20
	valueBytes  = 4 << 10
)

// trialKey is no name that a room can have.
const trialKey = "_trial"

// try writes an entry and takes it away again.
func try(ctx context.Context, kv jetstream.KeyValue) error {
	if _, err := kv.PutString(ctx, trialKey, ""); err != nil {
		return err
	}
	return kv.Purge(ctx, trialKey)
}

// CreateBuckets makes the buckets where they are missing, and makes sure that they can be written; nc is a connection that may administer JetStream. It also
// shows that JetStream is ready, which comes later than connections.
func CreateBuckets(ctx context.Context, nc *nats.Conn) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	for name, storage := range map[string]jetstream.StorageType{
		SelectionBucket: jetstream.FileStorage, TakeoverBucket: jetstream.MemoryStorage,
	} {
		kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: name, Storage: storage, History: 1, MaxBytes: bucketBytes, MaxValueSize: valueBytes,
		})
		if err != nil {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
		if err := try(ctx, kv); err != nil {
			return fmt.Errorf("write bucket %s: %w", name, err)
		}
	}
	return nil
}
