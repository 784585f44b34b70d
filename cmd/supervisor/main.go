// Supervisor runs Linkstart: it serves the bus, and starts, watches and restarts the relay and a grabber for each camera.
// With a subcommand it talks to a supervisor that runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/config"
)

// version is set by the linker.
var version = "dev"

// installedConfig is the configuration of the service of this machine.
const installedConfig = "/etc/linkstart/cameras.yaml"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := command(filepath.Base(os.Args[0])).Run(ctx, os.Args)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, camera.Say(err))
	var problems config.Problems
	if errors.As(err, &problems) || errors.Is(err, camera.ErrConfig) {
		os.Exit(camera.ExitConfig)
	}
	os.Exit(1)
}

// command describes the command line under the name that it is called by: supervisor where it is built, linkstart where it is
// installed.
func command(name string) *cli.Command {
	return &cli.Command{
		Name:      name,
		Usage:     "many IP cameras, live in any browser",
		UsageText: name + " -config cameras.yaml          run everything\n" + name + " COMMAND [-config cameras.yaml] …  talk to one that runs",
		Version:   version,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Usage: "configuration `FILE`; without one in this folder, " + installedConfig, Value: "cameras.yaml"},
		},
		Action:                runAction,
		Commands:              append([]*cli.Command{checkCommand(), passwdCommand(), discoverCommand(), formatsCommand()}, clientCommands()...),
		EnableShellCompletion: true,
		HideHelpCommand:       true,
	}
}

// configFile is the file that -config names; where it names none, one in this folder, else the one of the machine.
func configFile(c *cli.Command) string {
	file := c.String("config")
	if c.IsSet("config") || exists(file) || !exists(installedConfig) {
		return file
	}
	return installedConfig
}

func checkCommand() *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "validate the configuration and do nothing else; exit code 78 if it has mistakes",
		Action: func(_ context.Context, c *cli.Command) error {
			file := configFile(c)
			cfg, err := load(file)
			if err != nil {
				return err
			}
			for _, doubt := range cfg.Doubts {
				fmt.Fprintln(c.Root().Writer, doubt)
			}
			fmt.Fprintf(c.Root().Writer, "%s: no mistakes, %d cameras\n", file, len(cfg.Cameras))
			return nil
		},
	}
}

func runAction(ctx context.Context, c *cli.Command) error {
	if c.Args().Present() {
		return fmt.Errorf("%[1]q is not a command of %[2]s: see %[2]s -help", c.Args().First(), c.Root().Name)
	}
	file := configFile(c)
	cfg, err := load(file)
	if err != nil {
		return err
	}
	syscall.Umask(0o077) // whatever is written from here on, by the bus too, is for this user alone
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	return run(ctx, file, cfg, reload, newLogger())
}

// load reads the configuration; an error of it ends the program with exit code 78.
func load(file string) (*config.Config, error) {
	cfg, err := config.Load(file)
	var problems config.Problems
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &camera.Error{Say: fmt.Sprintf("there is no configuration file %s: name one with -config", file), Err: camera.ErrConfig}
	case err != nil && !errors.As(err, &problems):
		return nil, &camera.Error{Say: err.Error(), Err: camera.ErrConfig}
	}
	return cfg, err
}

// newLogger writes for people on a terminal, for machines elsewhere.
func newLogger() *slog.Logger {
	if term.IsTerminal(int(os.Stderr.Fd())) {
		return slog.New(tint.NewTextHandler(os.Stderr, &tint.Options{TimeFormat: time.TimeOnly, ReplaceAttr: child.Tidy}))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: child.Tidy}))
}
