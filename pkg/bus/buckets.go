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

// CreateBuckets makes the buckets where they are missing; nc is a connection that may administer JetStream. It also
// shows that JetStream is ready, which comes later than connections.
func CreateBuckets(ctx context.Context, nc *nats.Conn) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	return MakeBuckets(ctx, js, jetstream.FileStorage)
}

// MakeBuckets makes the buckets where they are missing, that of selections in files or, where there is no room, in memory.
func MakeBuckets(ctx context.Context, js jetstream.JetStream, selection jetstream.StorageType) error {
	for name, storage := range map[string]jetstream.StorageType{
		SelectionBucket: selection, TakeoverBucket: jetstream.MemoryStorage,
	} {
		_, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: name, Storage: storage, History: 1, MaxBytes: bucketBytes, MaxValueSize: valueBytes,
		})
		if err != nil {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
	}
	return nil
}

// BucketMade is the subject of the message that the bus sends when it has made or restored a bucket: who watches an older one of
// that name has to watch anew.
func BucketMade(bucket string) string { return "$JS.EVENT.ADVISORY.STREAM.CREATED.KV_" + bucket }
