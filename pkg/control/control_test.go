package control_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handler looks up hosts that take their time: an order for a camera is carried out when the one for another has come.
type handler struct{ come sync.WaitGroup }

func (h *handler) Handle(_ context.Context, verb string, _ control.Request) (control.Reply, error) {
	if verb == control.Add {
		h.come.Done()
		h.come.Wait()
		return control.Reply{}, &control.Refusal{Code: control.BadCamera, Say: "no"}
	}
	return control.Reply{}, nil
}

// Who adds a camera does not wait for another one's: with many he would be gone before it is added.
func TestAddsDoNotWaitForEachOther(t *testing.T) {
	log, subjects := slog.New(slog.DiscardHandler), bus.Subjects{Prefix: "linkstart"}
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	access := bus.Access{URL: server.URL(), User: "admin", Password: server.AddUser("admin", broker.AllowAll), Prefix: "linkstart", Node: "here"}
	nc, err := bus.Connect(t.Context(), access, log)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	h := new(handler)
	h.come.Add(2)
	stop, err := control.Serve(t.Context(), nc, subjects, "here", h)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushTimeout(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	answers := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := control.NewClient(nc, access).Do(t.Context(), control.Add, control.Request{New: &control.New{}})
			answers <- err
		}()
	}
	for range 2 {
		var refusal *control.Refusal
		if err := <-answers; !errors.As(err, &refusal) || refusal.Code != control.BadCamera || refusal.Say != "no" {
			t.Error(err)
			h.come.Add(-1) // the one that has not come
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
