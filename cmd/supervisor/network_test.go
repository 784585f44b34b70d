package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/config"
	"linkstart/pkg/nodes"
)

// TestTwoSupervisorsWithOneName: the log tells, once, and not of this supervisor itself or of one that has left.
func TestTwoSupervisorsWithOneName(t *testing.T) {
	var log bytes.Buffer
	s := &system{log: slog.New(slog.NewTextHandler(&log, nil)), started: time.Now()}
	s.inForce.Store(&config.Config{Node: "alpha"})
	node := func(name string, started time.Time, away bool) nodes.Node {
		return nodes.Node{Name: name, Beat: nodes.Beat{Started: started.Round(0).UTC()}, Away: away}
	}
	s.heard(node("alpha", s.started, false))
	s.heard(node("beta", s.started.Add(time.Second), false))
	s.heard(node("alpha", s.started.Add(-time.Minute), true))
	if log.Len() > 0 {
		t.Errorf("said %s", &log)
	}
	for range 3 {
		s.heard(node("alpha", s.started.Add(time.Second), false))
	}
	if strings.Count(log.String(), "same node") != 1 {
		t.Errorf("said %s", &log)
	}
}
