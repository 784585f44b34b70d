// Command relay serves viewers over HTTP and WebSocket, or sends pictures to a hub, whose viewers are served there. The supervisor starts it and tells it what to do by a JSON
// document on standard input, which then stays open as a lifeline.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/relay"
	"linkstart/pkg/uplink"
	"linkstart/web"
)

// version is set when the program is built.
var version = "dev"

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run returns the exit code: 0 after a stop, 2 for wrong arguments, camera.ExitConfig for what cannot work until the
// configuration changes, 1 for all that may be better next time.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("relay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	show := flags.Bool("version", false, "print the version and exit")
	up := flags.Bool("uplink", false, "send pictures to a hub in place of viewers")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if *show {
		fmt.Fprintln(stdout, version)
		return 0
	}
	log := child.Logger(stderr)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	serve := serveViewers
	if *up {
		serve = serveHub
	}
	err := serve(ctx, stdin, log)
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return 0
	case errors.Is(err, camera.ErrConfig):
		log.Error(camera.Say(err), "err", err)
		return camera.ExitConfig
	}
	log.Error(camera.Say(err), "err", err)
	return 1
}

func serveViewers(ctx context.Context, stdin io.Reader, log *slog.Logger) error {
	var config child.Relay
	ctx, err := child.Read(ctx, stdin, &config)
	if err != nil {
		return err
	}
	return relay.Run(ctx, relay.Options{Config: config, Viewer: web.Files(), Log: log})
}

func serveHub(ctx context.Context, stdin io.Reader, log *slog.Logger) error {
	var config child.Uplink
	ctx, err := child.Read(ctx, stdin, &config)
	if err != nil {
		return err
	}
	return uplink.Run(ctx, uplink.Options{Config: config, Log: log})
}
