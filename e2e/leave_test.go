package e2e

import (
	"encoding/json"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/nodes"
)

// TestLeavingIsSaidLast: who hears that a supervisor leaves may open its cameras, so by then they are closed.
func TestLeavingIsSaidLast(t *testing.T) {
	t.Parallel()
	s := start(t, `cameras: [{id: gate, source: "test:clock"}]`)
	pid := s.becomes("gate", camera.Live).PID
	nc, access := s.bus()
	defer nc.Close()
	left := make(chan error, 1)
	_, err := nc.Subscribe(bus.Subjects{Prefix: access.Prefix}.Node(bus.All), func(m *nats.Msg) {
		var b nodes.Beat
		if err := json.Unmarshal(m.Data, &b); err != nil || b.Leaving {
			left <- errors.Join(err, syscall.Kill(pid, 0))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	select {
	case err := <-left:
		if !errors.Is(err, syscall.ESRCH) {
			t.Errorf("it says that it leaves while the grabber runs: %v", err)
		}
	case <-time.After(patience):
		t.Error("it does not say that it leaves")
	}
}
