package broker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
)

const (
	shareTime  = 5 * time.Second  // of one try
	shareEvery = time.Second      // between two
	lookEvery  = 10 * time.Second // whether the buckets are still there
)

// shareBuckets makes the buckets that are missing: others are as whoever made them needs them, in memory while a disk is full, say.
func shareBuckets(ctx context.Context, js jetstream.JetStream, replicas int) error {
	for _, bucket := range []string{bus.SelectionBucket, bus.TakeoverBucket} {
		_, err := js.KeyValue(ctx, bucket)
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			return bus.MakeBuckets(ctx, js, jetstream.FileStorage, replicas)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ShareBuckets makes both buckets on servers that several supervisors share, and makes them anew where these lose them, until the returned
// function is called, which waits. There is nothing to make them with until most of the servers are up.
func ShareBuckets(nc *nats.Conn, replicas int, log *slog.Logger) (stop func(), err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		for failed := 0; ctx.Err() == nil; {
			try, cancel := context.WithTimeout(ctx, shareTime)
			err := shareBuckets(try, js, replicas)
			cancel()
			failed++
			wait := shareEvery
			if err == nil {
				failed, wait = 0, lookEvery
			}
			if failed == 6 && ctx.Err() == nil {
				log.Warn("rooms cannot be switched, as selections cannot be stored on the servers of the bus: see that most of them run, with JetStream; it is tried again", "err", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
	})
	return func() { cancel(); ended.Wait() }, nil
}
