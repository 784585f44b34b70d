package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
)

const (
	storeTime    = 150 * time.Millisecond // after which a selection is looked up again
	bucketTime   = time.Second            // of one call to a bucket
	firstReturn  = 5 * time.Second        // before the disk is tried again, doubling to lastReturn while it fails
	lastReturn   = 5 * time.Minute
	forgetsAfter = 10 * time.Minute // of a disk that works
	checks       = 5                // of a bucket that does not answer, on a disk that works
	putsQueued   = 4096             // more rooms than that at once are not looked after

	checkKey = "linkstart.check" // no room can be called that
)

// keeper sees that the buckets go on working whatever becomes of the disk: selections go to memory while they cannot be stored,
// and back when they can. It remembers them for that.
type keeper struct {
	store *store
	js    jetstream.JetStream
	log   *slog.Logger

	selected map[string][]byte // by key: a room, or its patrol
	doubtful map[string]bool   // rooms whose selection may not be stored
	look     <-chan time.Time  // when to look
	back     <-chan time.Time  // when to try the disk again
	wait     time.Duration     // for back
	since    time.Time         // that the disk works
}

// KeepBuckets makes both buckets and keeps them working until the returned function is called, which waits until that has
// ended. nc is a connection that may administer JetStream. Only one may be kept at a time.
func (s *Server) KeepBuckets(ctx context.Context, nc *nats.Conn) (stop func(), err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	k := &keeper{
		store: s.store, js: js, log: s.store.log, wait: firstReturn,
		selected: make(map[string][]byte), doubtful: make(map[string]bool),
	}
	puts := make(chan *nats.Msg, putsQueued)
	heard, err := nc.ChanSubscribe("$KV."+bus.SelectionBucket+".>", puts)
	if err != nil {
		return nil, fmt.Errorf("follow selections: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	s.store.flush = func() {
		ctx, cancel := context.WithTimeout(ctx, bucketTime)
		defer cancel()
		_ = nc.FlushWithContext(ctx) // what does not answer asks nothing either
	}
	k.begin(ctx)
	var ended sync.WaitGroup
	ended.Go(func() { k.run(ctx, puts) })
	return func() {
		cancel()
		ended.Wait()
		_ = heard.Unsubscribe() // fails only where the connection is gone
	}, nil
}

func (k *keeper) run(ctx context.Context, puts <-chan *nats.Msg) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-puts:
			k.heard(m)
		case <-k.look:
			k.verify(ctx)
		case <-k.back:
			k.returns(ctx)
		}
	}
}

// begin makes the buckets after the start, with what was stored.
func (k *keeper) begin(ctx context.Context) {
	if k.store.inMemory() {
		k.selected = k.values(ctx, bus.SelectionBucket) // of the copy, in which it is a bucket of files
		_ = k.js.DeleteKeyValue(ctx, bus.SelectionBucket)
		k.toMemory(ctx, nil)
		return
	}
	err := k.create(ctx, jetstream.FileStorage)
	if err != nil && ctx.Err() == nil && k.store.moveAside(err) {
		if err = k.store.openDir(); err == nil {
			err = k.create(ctx, jetstream.FileStorage)
		}
	}
	k.selected = k.values(ctx, bus.SelectionBucket)
	if what := k.store.damage.Load(); err == nil && what != nil {
		k.log.Warn("the stored selections are damaged or were not closed: what can be read of them is kept, other rooms start without a camera",
			"rooms", k.rooms(), "dir", k.store.dir, "err", *what)
	}
	if err == nil {
		err = probe(k.store.dir)
	}
	if err != nil && ctx.Err() == nil {
		k.toMemory(ctx, err)
		return
	}
	k.since = time.Now()
}

// rooms is how many have a selection.
func (k *keeper) rooms() (n int) {
	for key := range k.selected {
		if bus.PatrolRoom(key) == "" {
			n++
		}
	}
	return n
}

// heard remembers what somebody selects, and has it looked up in a moment.
func (k *keeper) heard(m *nats.Msg) {
	room := strings.TrimPrefix(m.Subject, "$KV."+bus.SelectionBucket+".")
	if room == checkKey {
		return
	}
	if m.Header.Get("KV-Operation") == "" {
		k.selected[room] = m.Data
	} else {
		delete(k.selected, room)
	}
	k.doubtful[room] = true
	if k.look == nil {
		k.look = time.After(storeTime)
	}
}

// verify looks whether what was selected is stored, and moves to memory when it is not.
func (k *keeper) verify(ctx context.Context) {
	k.look = nil
	var missing []string
	for room := range k.doubtful {
		value, err := k.value(ctx, room)
		if want, set := k.selected[room]; err == nil && (value != nil) == set && string(value) == string(want) {
			continue
		}
		missing = append(missing, room)
		if err != nil { // the others would say the same, each after bucketTime
			break
		}
	}
	clear(k.doubtful)
	if len(missing) == 0 || ctx.Err() != nil {
		return
	}
	if err := k.check(ctx); err != nil {
		if ctx.Err() == nil {
			k.toMemory(ctx, err)
		}
		return
	}
	for _, room := range missing { // the bucket works, and has refused this one or has a newer one
		if value, err := k.value(ctx, room); err == nil && value != nil {
			k.selected[room] = value
		} else {
			delete(k.selected, room)
		}
	}
}

// check tells whether the bucket stores what it is given. Where the disk works, a busy machine may take longer than usual.
func (k *keeper) check(ctx context.Context) error {
	err := k.try(ctx)
	for range checks - 1 {
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil || probe(k.store.dir) != nil {
			break
		}
		err = k.try(ctx)
	}
	return err
}

// try stores something in the bucket.
func (k *keeper) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	kv, err := k.js.KeyValue(ctx, bus.SelectionBucket)
	if err != nil {
		return err
	}
	if _, err = kv.PutString(ctx, checkKey, ""); err == nil {
		err = kv.Purge(ctx, checkKey)
	}
	if refused := (*jetstream.APIError)(nil); errors.As(err, &refused) {
		return nil // because it is full, say
	}
	if err != nil {
		return errors.Join(errors.New("a selection was not stored"), probe(k.store.dir), err)
	}
	return nil
}

// toMemory moves both buckets to memory, because of why; nil: the store is there already.
func (k *keeper) toMemory(ctx context.Context, why error) {
	held := k.values(ctx, bus.TakeoverBucket)
	if why != nil {
		k.store.openTemp(why, "")
	}
	if err := k.fill(ctx, jetstream.MemoryStorage, held); err != nil && ctx.Err() == nil {
		k.log.Error("rooms cannot be switched", "err", err)
	}
	if !k.since.IsZero() && time.Since(k.since) > forgetsAfter {
		k.wait = firstReturn
	}
	if k.store.dir != "" {
		k.back = time.After(k.wait)
		k.wait = min(2*k.wait, lastReturn)
	}
}

// returns moves both buckets back to the disk if there is room now.
func (k *keeper) returns(ctx context.Context) {
	k.back = nil
	err := probe(filepath.Dir(k.store.dir))
	if err == nil {
		held := k.values(ctx, bus.TakeoverBucket)
		if err = k.store.openDir(); err == nil {
			_ = k.js.DeleteKeyValue(ctx, bus.SelectionBucket) // older than what is known here, and may be missing
			err = k.fill(ctx, jetstream.FileStorage, held)
		}
		if err != nil && ctx.Err() == nil {
			k.toMemory(ctx, err)
			return
		}
	}
	if err != nil {
		k.back = time.After(k.wait)
		k.wait = min(2*k.wait, lastReturn)
		return
	}
	k.since, k.store.told = time.Now(), false
	k.store.warning.Store(nil)
	k.log.Info("selections are stored again", "dir", k.store.dir)
}

// create makes both buckets where they are missing.
func (k *keeper) create(ctx context.Context, selection jetstream.StorageType) error {
	ctx, cancel := context.WithTimeout(ctx, 5*bucketTime) // JetStream may still be starting
	defer cancel()
	return bus.MakeBuckets(ctx, k.js, selection, 1)
}

// fill makes both buckets and puts in what is known, except where somebody was faster.
func (k *keeper) fill(ctx context.Context, selection jetstream.StorageType, takeovers map[string][]byte) error {
	if err := k.create(ctx, selection); err != nil {
		return err
	}
	return errors.Join(k.put(ctx, bus.SelectionBucket, k.selected), k.put(ctx, bus.TakeoverBucket, takeovers))
}

func (k *keeper) put(ctx context.Context, bucket string, values map[string][]byte) error {
	kv, err := k.js.KeyValue(ctx, bucket)
	if err != nil {
		return fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	for key, value := range values {
		call, cancel := context.WithTimeout(ctx, bucketTime)
		_, err := kv.Create(call, key, value)
		cancel()
		if err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
			return fmt.Errorf("put %s into bucket %s: %w", key, bucket, err)
		}
	}
	return nil
}

// value returns what is stored for a room, nil for nothing.
func (k *keeper) value(ctx context.Context, room string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	kv, err := k.js.KeyValue(ctx, bus.SelectionBucket)
	if err != nil {
		return nil, err
	}
	e, err := kv.Get(ctx, room)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return e.Value(), nil
}

// values reads a bucket, as far as that is possible.
func (k *keeper) values(ctx context.Context, bucket string) map[string][]byte {
	ctx, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	values := make(map[string][]byte)
	kv, err := k.js.KeyValue(ctx, bucket)
	if err != nil {
		return values
	}
	w, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return values
	}
	defer func() { _ = w.Stop() }() // fails only where the store is gone
	for {
		select {
		case e := <-w.Updates():
			if e == nil {
				return values
			}
			values[e.Key()] = e.Value()
		case <-ctx.Done():
			return values
		}
	}
}
