package bus

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/camera"
)

// Buckets of the embedded server. Selection survives restarts: key = room, value = camera; and with the key of PatrolKey the
// JSON of a patrol that is shown before it. Both are in one bucket, because only so everybody sees their changes in the same
// order. Takeover (key = room, value = JSON of an alarm that is shown first; and with the key of OpenKey the JSON of an alarm that
// nobody has acknowledged yet) does not survive.
const (
	SelectionBucket = "selection"
	TakeoverBucket  = "takeover"
)

const (
	bucketBytes = 4 << 20
	valueBytes  = 4 << 10
	patrolBytes = 72 << 10 // the names of a thousand cameras
)

// patrolSuffix cannot be in the name of a room.
const patrolSuffix = ".patrol"

// PatrolKey is the key of a room's patrol in SelectionBucket.
func PatrolKey(room camera.ID) string { return string(room) + patrolSuffix }

// openSuffix cannot be in the name of a room or camera.
const openSuffix = ".open"

// OpenKey is the key of a camera's open alarm in TakeoverBucket.
func OpenKey(id camera.ID) string { return string(id) + openSuffix }

// OpenCamera returns the camera whose open alarm a key names; "" where it names none.
func OpenCamera(key string) string {
	id, ok := strings.CutSuffix(key, openSuffix)
	if !ok {
		return ""
	}
	return id
}

// PatrolRoom returns the room whose patrol a key names; "" where it names none.
func PatrolRoom(key string) string {
	room, ok := strings.CutSuffix(key, patrolSuffix)
	if !ok {
		return ""
	}
	return room
}

// CreateBuckets makes the buckets where they are missing; nc is a connection that may administer JetStream. It also
// shows that JetStream is ready, which comes later than connections.
func CreateBuckets(ctx context.Context, nc *nats.Conn) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	return MakeBuckets(ctx, js, jetstream.FileStorage, 1)
}

// MakeBuckets makes the buckets where they are missing, on so many servers, that of selections in files or, where there is no room, in
// memory.
func MakeBuckets(ctx context.Context, js jetstream.JetStream, selection jetstream.StorageType, replicas int) error {
	for _, bucket := range []jetstream.KeyValueConfig{
		{Bucket: SelectionBucket, Storage: selection, MaxValueSize: patrolBytes},
		{Bucket: TakeoverBucket, Storage: jetstream.MemoryStorage, MaxValueSize: valueBytes},
	} {
		bucket.History, bucket.MaxBytes, bucket.Replicas = 1, bucketBytes, replicas
		if _, err := js.CreateOrUpdateKeyValue(ctx, bucket); err != nil {
			return fmt.Errorf("create bucket %s: %w", bucket.Bucket, err)
		}
	}
	return nil
}

// leaseBucket says who runs cameras that several nodes may run.
const leaseBucket = "lease"

// LeaseBucket opens the bucket of leases, on so many servers, and makes it where it is missing.
func LeaseBucket(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.KeyValue, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: leaseBucket, Storage: jetstream.FileStorage, MaxValueSize: valueBytes, History: 1, MaxBytes: bucketBytes, Replicas: replicas,
	})
	if err != nil {
		return nil, fmt.Errorf("create bucket %s: %w", leaseBucket, err)
	}
	return kv, nil
}

// BucketMade is the subject of the message that the bus sends when it has made or restored a bucket: who watches an older one of
// that name has to watch anew.
func BucketMade(bucket string) string { return "$JS.EVENT.ADVISORY.STREAM.CREATED.KV_" + bucket }
