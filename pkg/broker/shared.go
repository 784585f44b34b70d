package broker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
)

const (
	shareTime  = 5 * time.Second // of one try
	shareEvery = time.Second     // between two
)

// shareBuckets makes both buckets unless they are there: then they are as whoever made them needs them, in memory while a disk is full, say.
func shareBuckets(ctx context.Context, js jetstream.JetStream, replicas int) error {
	for _, bucket := range []string{bus.SelectionBucket, bus.TakeoverBucket} {
		if _, err := js.KeyValue(ctx, bucket); err != nil {
			return bus.MakeBuckets(ctx, js, jetstream.FileStorage, replicas)
		}
	}
	return nil
}

// ShareBuckets makes both buckets on servers that several supervisors share, until that has worked or the returned function is called,
// which waits. There is nothing to make them with until most of the servers are up.
func ShareBuckets(nc *nats.Conn, replicas int, log *slog.Logger) (stop func(), err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		for failed := 0; ctx.Err() == nil; failed++ {
			try, cancel := context.WithTimeout(ctx, shareTime)
			err := shareBuckets(try, js, replicas)
			cancel()
			if err == nil {
				return
			}
			if failed == 5 && ctx.Err() == nil {
				log.Warn("rooms cannot be switched yet, as selections cannot be stored on the servers of the bus: see that most of them run, with JetStream; it is tried again", "err", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(shareEvery):
			}
		}
	})
	return func() { cancel(); ended.Wait() }, nil
}
