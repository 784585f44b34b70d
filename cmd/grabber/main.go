// Grabber runs one camera: it reads its configuration from standard input and publishes frames to the bus while somebody
// wants them. The supervisor starts one for each camera.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/capture/execcam"
	"linkstart/pkg/child"
	"linkstart/pkg/grab"
	"linkstart/pkg/secret"
)

const flushTime = time.Second

func main() {
	if len(os.Args) == 2 && os.Args[1] == execcam.GuardArg {
		execcam.GuardMain()
	}
	// One processor for Go is plenty: decoding and encoding happen in C, outside of it. With more of them the runtime keeps
	// one for each call into C and looks after it every few dozen µs, which costs a tenth of what the video does.
	runtime.GOMAXPROCS(1)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Stdin, os.Stderr)
	stop()
	switch {
	case err == nil:
	case errors.Is(err, camera.ErrConfig):
		os.Exit(camera.ExitConfig)
	default:
		os.Exit(1)
	}
}

// run grabs until ctx ends or in does. What went wrong is logged here, once.
func run(ctx context.Context, in io.Reader, out io.Writer) error {
	log := child.Logger(out)
	var doc child.Grabber
	ctx, err := child.Read(ctx, in, &doc)
	if err != nil {
		log.Error("not started: a grabber is started by the supervisor", "err", err)
		return err
	}
	if doc.MemoryLimit > 0 {
		debug.SetMemoryLimit(doc.MemoryLimit / 10 * 9)
	}
	lockUp(doc, log)
	nc, err := bus.Connect(ctx, doc.Bus, log)
	if err != nil {
		log.Error("not started", "err", err)
		return err
	}
	defer nc.Close()
	if err := grabOn(ctx, nc, doc, log); err != nil {
		log.Error("grabber ends", "err", err)
		say(nc, doc, err, log)
		return err
	}
	return nil
}

func grabOn(ctx context.Context, nc *nats.Conn, doc child.Grabber, log *slog.Logger) error {
	subjects := bus.Subjects{Prefix: doc.Bus.Prefix}
	source, err := newSource(doc, nc, subjects, log)
	if err != nil {
		return err
	}
	substream, err := newSubstream(doc, source, nc, subjects, log)
	if err != nil {
		return err
	}
	return grab.New(grab.Options{
		Spec: doc.Camera, FrozenAfter: doc.FrozenAfter, Standby: doc.Standby, MinChange: doc.MinChange,
		Source: source, Substream: substream, Conn: nc, Subjects: subjects, Log: log,
		Scrub: secret.NewScrubber(doc.Secrets...).Scrub,
	}).Run(ctx)
}

// say publishes a last heartbeat that tells the user why this process ends.
func say(nc *nats.Conn, doc child.Grabber, err error, log *slog.Logger) {
	status := camera.Status{State: camera.Reconnecting, AgeMs: -1, Error: secret.NewScrubber(doc.Secrets...).Scrub(camera.Say(err))}
	if errors.Is(err, camera.ErrConfig) {
		status.State = camera.Misconfigured
	}
	b, e := json.Marshal(status)
	if e == nil {
		e = nc.Publish(bus.Subjects{Prefix: doc.Bus.Prefix}.Status(doc.Camera.ID), b)
	}
	if e == nil {
		e = nc.FlushTimeout(flushTime)
	}
	if e != nil {
		log.Debug("last words not heard", "err", fmt.Errorf("publish status: %w", e))
	}
}
