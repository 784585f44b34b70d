// Package onfailure does what the configuration asks for when a camera has failed for a while: runs a command or makes an
// HTTP call, such as to switch the camera's power off and on.
package onfailure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/process"
)

const (
	timeout   = 30 * time.Second // of one command or call
	grace     = 5 * time.Second  // the guard takes less
	maxAnswer = 64 << 10         // bytes read of an answer, so that the connection can be used again
)

// Action is what is to be done. It holds secrets.
type Action struct {
	Command  string            // for /bin/sh; "": none
	Guard    []string          // program and arguments that run it, given on standard input and ended by a NUL, and leave nothing of it behind
	Env      map[string]string // what the command refers to
	Dir      string            // where the command runs
	URL      string            // http(s), called with the Event as JSON; "": none
	Method   string
	After    time.Duration // how long the camera must have failed
	Cooldown time.Duration // between two beginnings
}

// Event is what a command and a call are told.
type Event struct {
	Camera camera.ID    `json:"camera"`
	Name   string       `json:"name"`
	State  camera.State `json:"state"`
	Error  string       `json:"error"` // for the user, without secrets
	Since  time.Time    `json:"since"` // when the camera failed
}

// Due tells whether something is to be done at now for a camera that has failed since then, zero: it has not. last is when it
// was done last.
func (a *Action) Due(now, since, last time.Time) bool {
	return a != nil && !since.IsZero() && now.Sub(since) >= a.After && (last.IsZero() || now.Sub(last) >= a.Cooldown)
}

// Do runs the command and makes the call, each within 30 s, and ends both with ctx. line gets what the command prints. The
// error may hold secrets.
func (a *Action) Do(ctx context.Context, e Event, line func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var errs []error
	if a.Command != "" {
		errs = append(errs, a.run(ctx, e, line))
	}
	if a.URL != "" {
		errs = append(errs, a.call(ctx, e))
	}
	return errors.Join(errs...)
}

func (a *Action) run(ctx context.Context, e Event, line func(string)) error {
	env := []string{
		"LINKSTART_CAMERA=" + string(e.Camera), "LINKSTART_NAME=" + e.Name,
		"LINKSTART_STATE=" + string(e.State), "LINKSTART_ERROR=" + e.Error,
	}
	for name, value := range a.Env {
		env = append(env, name+"="+value)
	}
	p, err := process.Start(process.Spec{
		Path: a.Guard[0], Args: a.Guard[1:], Document: []byte(a.Command + "\x00"), Env: env, Dir: a.Dir, Line: line, Grace: grace,
	})
	if err != nil {
		return fmt.Errorf("run command of on_failure: %w", err)
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Stop(context.Background()) // bounded by grace
		return fmt.Errorf("run command of on_failure: ended before it was done: %w", ctx.Err())
	}
	if exit := p.Exit(); exit != (process.Exit{}) {
		return fmt.Errorf("run command of on_failure: %s", exit)
	}
	return nil
}

// client follows no redirect: what is called may hold a password.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (a *Action) call(ctx context.Context, e Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	var content io.Reader
	if a.Method != http.MethodGet {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, a.Method, a.URL, content)
	if err != nil {
		return fmt.Errorf("call on_failure: %w", err)
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("call on_failure: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	if resp.StatusCode >= 300 {
		return fmt.Errorf("call on_failure: answered with %s", resp.Status)
	}
	return nil
}
