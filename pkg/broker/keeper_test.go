package broker_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keep starts a bus with its buckets, as the supervisor does, until the test ends or the returned function is called.
func keep(t *testing.T, dir string) (nc *nats.Conn, selection jetstream.KeyValue, log *logtest.Buffer, stop func()) {
	t.Helper()
	log = new(logtest.Buffer)
	logger := slog.New(slog.NewTextHandler(log, nil))
	s, err := broker.Start(broker.Options{Dir: dir, Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	nc, err = bus.Connect(t.Context(), bus.Access{URL: s.URL(), User: "admin", Password: s.AddUser("admin", broker.AllowAll)}, logger)
	if err != nil {
		t.Fatal(err)
	}
	stopBuckets, err := s.KeepBuckets(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() { stopBuckets(); nc.Close(); s.Stop() })
	t.Cleanup(stop)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if selection, err = js.KeyValue(t.Context(), bus.SelectionBucket); err != nil {
		t.Fatal(err)
	}
	return nc, selection, log, stop
}

func storage(t *testing.T, kv jetstream.KeyValue) jetstream.StorageType {
	t.Helper()
	status, err := kv.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return status.(*jetstream.KeyValueBucketStatus).StreamInfo().Config.Storage
}

func TestSelectionIsOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bus")
	_, kv, _, stop := keep(t, dir)
	if _, err := kv.PutString(t.Context(), "main", "a"); err != nil {
		t.Fatal(err)
	}
	patrol := strings.Repeat("x", 66_000) // as large as one of a thousand cameras
	if _, err := kv.PutString(t.Context(), bus.PatrolKey("main"), patrol); err != nil {
		t.Fatal(err)
	}
	stop()
	_, kv, log, _ := keep(t, dir)
	if e, err := kv.Get(t.Context(), bus.PatrolKey("main")); err != nil || string(e.Value()) != patrol {
		t.Errorf("the patrol is not stored: %v", err)
	}
	if e, err := kv.Get(t.Context(), "main"); err != nil || string(e.Value()) != "a" {
		t.Errorf("main is %v, %v", e, err)
	}
	if storage(t, kv) != jetstream.FileStorage || log.String() != "" {
		t.Errorf("storage %v; log %s", storage(t, kv), log)
	}
}

func TestWithoutAFolderSelectionIsInMemory(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	_, kv, log, stop := keep(t, "")
	if _, err := kv.PutString(t.Context(), "main", "a"); err != nil {
		t.Fatal(err)
	}
	if storage(t, kv) != jetstream.MemoryStorage || strings.Count(log.String(), "kept in memory") != 1 {
		t.Errorf("storage %v; log %s", storage(t, kv), log)
	}
	stop()
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestOnlyTheNewestDamageIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bus")
	for n := range 3 {
		if err := os.WriteFile(dir, fmt.Append(nil, n), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, log, stop := keep(t, dir)
		stop()
		if strings.Count(log.String(), "damaged and lost") != 1 {
			t.Errorf("log %s", log)
		}
		kept, err := filepath.Glob(dir + ".corrupt-*")
		if err != nil || len(kept) != 1 {
			t.Fatalf("kept are %v, %v", kept, err)
		}
		if b, err := os.ReadFile(kept[0]); err != nil || string(b) != fmt.Sprint(n) {
			t.Errorf("kept is %s, %v", b, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// A bucket that has its fill is not a disk that has.
func TestFullBucketStaysOnDisk(t *testing.T) {
	nc, kv, log, _ := keep(t, filepath.Join(t.TempDir(), "bus"))
	checks, err := nc.SubscribeSync("$KV." + bus.SelectionBucket + ".linkstart.check")
	if err != nil {
		t.Fatal(err)
	}
	value := make([]byte, 4000)
	fill := func(name string) {
		t.Helper()
		for n := range 5000 {
			var refused *jetstream.APIError
			_, err := kv.Put(t.Context(), fmt.Sprint(name, n), value)
			if errors.As(err, &refused) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Fatal("the bucket is never full")
	}
	for _, name := range []string{"a", "b"} { // the second look begins when the first has come to its end
		fill(name)
		if _, err := checks.NextMsg(30 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if storage(t, kv) != jetstream.FileStorage || log.String() != "" {
		t.Errorf("storage %v; log %s", storage(t, kv), log)
	}
}

// TestNearlyFullBucketIsNoFullDisk: one that takes the keeper's question, and then not its end, is not moved to memory, where it would
// be as full.
func TestNearlyFullBucketIsNoFullDisk(t *testing.T) {
	_, kv, log, _ := keep(t, filepath.Join(t.TempDir(), "bus"))
	for _, size := range []int{64_000, 1000, 400, 200, 150, 100, 50, 1} { // each leaves less room
		for n := 0; ; n++ {
			if _, err := kv.PutString(t.Context(), fmt.Sprintf("r%d-%d", size, n), strings.Repeat("x", size)); err != nil {
				break
			}
		}
		time.Sleep(300 * time.Millisecond) // twice what it takes the keeper to look
	}
	if said := log.String(); strings.Contains(said, "in memory") || strings.Contains(said, "cannot be switched") {
		t.Errorf("the keeper says %s", said)
	}
}
