package onfailure_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/capture/execcam"
	"linkstart/pkg/onfailure"
)

// The test program is also the guard of commands, as the grabber is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == execcam.GuardArg {
		execcam.GuardMain()
	}
	goleak.VerifyTestMain(m)
}

var guard = []string{os.Args[0], execcam.GuardArg}

func TestDue(t *testing.T) {
	a := &onfailure.Action{After: time.Minute, Cooldown: 10 * time.Minute}
	start := time.Unix(0, 0).Add(time.Hour)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	for _, c := range []struct {
		name             string
		action           *onfailure.Action
		now, since, last time.Time
		want             bool
	}{
		{"nothing is configured", nil, at(time.Hour), start, time.Time{}, false},
		{"all is well", a, at(time.Hour), time.Time{}, time.Time{}, false},
		{"it may pass", a, at(59 * time.Second), start, time.Time{}, false},
		{"it does not", a, at(time.Minute), start, time.Time{}, true},
		{"done a moment ago", a, at(5 * time.Minute), start, at(time.Minute), false},
		{"done long ago", a, at(11 * time.Minute), start, at(time.Minute), true},
		{"failed anew within the cooldown", a, at(5 * time.Minute), at(3 * time.Minute), at(time.Minute), false},
	} {
		if got := c.action.Due(c.now, c.since, c.last); got != c.want {
			t.Errorf("%s: due is %v", c.name, got)
		}
	}
}

// TestCommandEndsWithContext: what it has started as well.
func TestCommandEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	lines := make(chan string, 10)
	ended := make(chan error, 1)
	a := &onfailure.Action{Guard: guard, Command: `setsid sleep 1000 & echo started $!; cat; wait`}
	go func() { ended <- a.Do(ctx, onfailure.Event{}, func(s string) { lines <- s }) }()
	pid, ok := strings.CutPrefix(<-lines, "started ")
	if !ok {
		t.Fatalf("the command printed %q", pid)
	}
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "ended before it was done") {
		t.Errorf("error is %v", err)
	}
	if stat, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("what it started runs on: %s", stat)
	}
}

func TestFailuresAreTold(t *testing.T) {
	moved := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound))
	defer moved.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for _, c := range []struct {
		action onfailure.Action
		want   string
	}{
		{onfailure.Action{Guard: guard, Command: "exit 3"}, "exit code 3"},
		{onfailure.Action{URL: "http://127.0.0.1:1/", Method: "POST"}, "connection refused"},
		{onfailure.Action{URL: moved.URL, Method: "GET"}, "302 Found"},
	} {
		err := c.action.Do(t.Context(), onfailure.Event{}, func(string) {})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want %q", err, c.want)
		}
	}
}
