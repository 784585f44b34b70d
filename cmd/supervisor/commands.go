package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/urfave/cli/v3"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/config"
	"linkstart/pkg/control"
	"linkstart/pkg/rooms"
	"linkstart/pkg/statedir"
)

const connectTime = 5 * time.Second

// clientCommands talk to a supervisor that runs.
func clientCommands() []*cli.Command {
	return []*cli.Command{
		{
			Name: "status", Usage: "show every camera",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "json", Usage: "as JSON"},
				&cli.BoolFlag{Name: "watch", Usage: "again each second, until Ctrl-C"},
			},
			Action: withSupervisor(status),
		},
		cameraCommand(control.Restart, "restart cameras, whatever they are doing"),
		cameraCommand(control.Stop, "stop cameras until they are started again"),
		cameraCommand(control.Start, "start cameras that are stopped"),
		{
			Name: "logs", Usage: "show what a camera's process has logged", ArgsUsage: "ID",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "f", Usage: "follow: go on with each new line"},
				&cli.IntFlag{Name: "n", Usage: "only the newest `LINES`, 0 for all that are kept", Value: 50},
			},
			Action: withSupervisor(logs),
		},
		{
			Name: "failures", Usage: "show what has failed of a camera, the newest first", ArgsUsage: "ID",
			Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "as JSON"}},
			Action: withSupervisor(failures),
		},
		{
			Name: "select", Usage: "show a camera to everyone who follows a room", ArgsUsage: "ROOM ID",
			Action: withSupervisor(selectCamera),
		},
		{
			Name: "reload", Usage: "read the configuration again; only what has changed is touched",
			Flags:  []cli.Flag{&cli.BoolFlag{Name: "preview", Usage: "only say what would change"}},
			Action: withSupervisor(reloadConfig),
		},
		tokenCommand(),
		{
			Name: "audit", Usage: "show who has logged in and what was ordered, the newest last",
			Flags: []cli.Flag{
				&cli.IntFlag{Name: "n", Usage: "only the newest `RECORDS`", Value: 50},
				&cli.BoolFlag{Name: "json", Usage: "as JSON, a line for each"},
			},
			Action: withSupervisor(auditTrail),
		},
	}
}

// session is a connection to the running supervisor.
type session struct {
	nc       *nats.Conn
	subjects bus.Subjects
	control  *control.Client
	out      io.Writer
}

func withSupervisor(do func(context.Context, *cli.Command, *session) error) cli.ActionFunc {
	return func(ctx context.Context, c *cli.Command) error {
		access, err := statedir.ReadAccess(config.StateDir(configFile(c)))
		if err != nil {
			return err
		}
		connecting, cancel := context.WithTimeout(ctx, connectTime)
		defer cancel()
		nc, err := bus.Connect(connecting, access, slog.New(slog.DiscardHandler))
		if err != nil {
			return &camera.Error{Say: "the supervisor does not answer: is it still running?", Err: err}
		}
		defer nc.Close()
		return do(ctx, c, &session{
			nc: nc, subjects: bus.Subjects{Prefix: access.Prefix}, control: control.NewClient(nc, access), out: c.Root().Writer,
		})
	}
}

// order gives an order about a camera to the supervisor that has it: this one, or another that it hears.
func (s *session) order(ctx context.Context, verb string, r control.Request) (control.Reply, error) {
	reply, err := s.control.Do(ctx, verb, r)
	if !errors.Is(err, control.ErrUnknownCamera) {
		return reply, err
	}
	own, statusErr := s.control.Do(ctx, control.Status, control.Request{})
	if statusErr != nil || own.System == nil {
		return reply, err
	}
	for _, n := range own.System.Nodes {
		if n.Away || n.Name == s.control.Node() {
			continue
		}
		reply, other := s.control.At(n.Name).Do(ctx, verb, r)
		if !errors.Is(other, control.ErrUnknownCamera) {
			return reply, other
		}
	}
	return reply, err
}

func cameraCommand(verb, usage string) *cli.Command {
	return &cli.Command{
		Name: verb, Usage: usage, ArgsUsage: "ID…",
		Action: withSupervisor(func(ctx context.Context, c *cli.Command, s *session) error {
			if !c.Args().Present() {
				return fmt.Errorf("name at least one camera: %s %s ID…", c.Root().Name, verb)
			}
			failed := 0
			for _, id := range c.Args().Slice() {
				_, err := s.order(ctx, verb, control.Request{Camera: camera.ID(id)})
				s.record(verb, id, err)
				if err != nil {
					fmt.Fprintln(c.Root().ErrWriter, camera.Say(err))
					failed++
					continue
				}
				fmt.Fprintf(s.out, "%s: %s ordered\n", id, verb)
			}
			if failed > 0 {
				return fmt.Errorf("%d of %d orders failed", failed, c.Args().Len())
			}
			return nil
		}),
	}
}

func logs(ctx context.Context, c *cli.Command, s *session) error {
	id := camera.ID(c.Args().First())
	if id == "" {
		return fmt.Errorf("name a camera: %s logs [-f] ID", c.Root().Name)
	}
	lines := make(chan *nats.Msg, 256)
	if c.Bool("f") { // before the old lines are asked for, so that none is missed
		sub, err := s.nc.ChanSubscribe(s.subjects.Log(id), lines)
		if err != nil {
			return fmt.Errorf("follow log: %w", err)
		}
		defer func() { _ = sub.Unsubscribe() }()
	}
	reply, err := s.order(ctx, control.Logs, control.Request{Camera: id, Lines: int(c.Int("n"))})
	if err != nil {
		return err
	}
	for _, line := range reply.Lines {
		fmt.Fprintln(s.out, line)
	}
	away := s.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	for c.Bool("f") {
		select {
		case <-away: // the next supervisor has another address
			return errors.New("the supervisor has stopped")
		case <-ctx.Done():
			return nil
		case m := <-lines:
			fmt.Fprintln(s.out, string(m.Data))
		}
	}
	return nil
}

func selectCamera(ctx context.Context, c *cli.Command, s *session) error {
	if c.Args().Len() != 2 {
		return fmt.Errorf("name a room and a camera: %s select ROOM ID", c.Root().Name)
	}
	room, err := camera.ParseID(c.Args().Get(0))
	if err != nil {
		return fmt.Errorf("room: %w", err)
	}
	id := camera.ID(c.Args().Get(1))
	// Asking for its log is how to learn whether the camera exists.
	if _, err := s.order(ctx, control.Logs, control.Request{Camera: id, Lines: 1}); err != nil {
		return err
	}
	js, err := jetstream.New(s.nc)
	if err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	err = rooms.Select(ctx, js, room, id)
	s.record("select", string(room)+" "+string(id), err)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: everyone who follows it sees %s\n", room, id)
	return nil
}
