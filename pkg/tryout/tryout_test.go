package tryout_test

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/process"
	"linkstart/pkg/tryout"
)

const stubborn = "LINKSTART_STUBBORN"

// TestMain is also a process that sends no picture, and does not end when it is asked to.
func TestMain(m *testing.M) {
	if os.Getenv(stubborn) != "" {
		signal.Ignore(syscall.SIGTERM)
		os.Stdout.WriteString("ready\n")
		time.Sleep(time.Minute)
		return
	}
	goleak.VerifyTestMain(m)
}

// Whoever gives up a test and begins the next, again and again, cannot have any number of processes that end.
func TestGivenUpTestsDoNotPileUp(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	nc, err := bus.Connect(t.Context(), bus.Access{URL: server.URL(), User: "admin", Password: server.AddUser("admin", broker.AllowAll)}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	var running, most atomic.Int64
	begun := make(chan struct{}, 100)
	tester := tryout.New(tryout.Options{
		Conn: nc, Subjects: bus.Subjects{Prefix: "linkstart"}, Log: log, Reachable: func() tryout.Reachable { return nil },
		Start: func(camera.ID, string, string, netip.Addr) (*process.Process, func(), error) {
			most.Store(max(most.Load(), running.Add(1)))
			p, err := process.Start(process.Spec{Path: os.Args[0], Env: []string{stubborn + "=1"}, Grace: 500 * time.Millisecond, Line: func(string) { begun <- struct{}{} }})
			return p, func() { running.Add(-1) }, err
		},
	})
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := tester.Try(ctx, tryout.Wanted{Source: "test:clock"})
			ended <- err
		}()
		select {
		case <-begun:
		case err := <-ended:
			t.Fatal(err)
		}
		cancel()
		<-ended
	}
	tester.Close()
	if most.Load() > 8 || running.Load() != 0 {
		t.Errorf("%d processes ran at a time, %d are left", most.Load(), running.Load())
	}
}
