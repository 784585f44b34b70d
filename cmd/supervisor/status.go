package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/control"
)

const (
	watchEvery  = time.Second
	clearScreen = "\x1b[H\x1b[2J\x1b[3J" // ECMA-48: home, erase display, and what has scrolled away
)

func status(ctx context.Context, c *cli.Command, s *session) error {
	show := func() error {
		reply, err := s.control.Do(ctx, control.Status, control.Request{})
		if err != nil {
			return err
		}
		reply.Cameras = append(reply.Cameras, s.elsewhere(ctx, reply.System)...)
		if c.Bool("json") {
			return printJSON(s.out, reply.Cameras)
		}
		var screen bytes.Buffer
		if c.Bool("watch") {
			screen.WriteString(clearScreen)
		}
		if err := table(&screen, reply.Cameras, s.control.Node(), time.Now()); err != nil {
			return err
		}
		condition(&screen, reply.System)
		_, err = s.out.Write(screen.Bytes())
		return err
	}
	for c.Bool("watch") {
		if err := show(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
	return show()
}

// elsewhere returns the cameras of the other supervisors that this one hears.
func (s *session) elsewhere(ctx context.Context, own *control.System) (all []camera.Info) {
	if own == nil {
		return nil
	}
	for _, n := range own.Nodes {
		if n.Away || n.Name == s.control.Node() {
			continue
		}
		if reply, err := s.control.At(n.Name).Do(ctx, control.Status, control.Request{}); err == nil {
			all = append(all, reply.Cameras...)
		}
	}
	return all
}

func printJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

func table(out io.Writer, cameras []camera.Info, node string, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	several := slices.ContainsFunc(cameras, func(c camera.Info) bool { return c.Node != node })
	if several {
		fmt.Fprint(w, "NODE\t")
	}
	fmt.Fprintln(w, "ID\tSTATE\tFOR\tSIZE\tFPS\tAGE\tRESTARTS\tMEMORY\tPID\tNAME\tERROR")
	for _, c := range cameras {
		size, age, memory, pid, why := "-", "-", "-", "-", child.Clean(c.Error)
		if c.Width > 0 {
			size = fmt.Sprintf("%dx%d", c.Width, c.Height)
		}
		if c.AgeMs >= 0 {
			age = (time.Duration(c.AgeMs) * time.Millisecond).String()
		}
		if c.RSS > 0 {
			memory = fmt.Sprintf("%d MiB", c.RSS>>20)
		}
		if c.PID > 0 {
			pid = fmt.Sprint(c.PID)
		}
		if wait := c.RetryAt.Sub(now).Round(time.Second); wait > 0 && why != "" {
			why += fmt.Sprintf(" (tried again in %s)", wait)
		}
		if several {
			fmt.Fprintf(w, "%s\t", c.Node)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.1f\t%s\t%d\t%s\t%s\t%s\t%s\n",
			c.ID, c.State, now.Sub(c.Since).Round(time.Second), size, c.FPS, age, c.Restarts, memory, pid, child.Clean(c.Name), why)
	}
	return w.Flush()
}

// condition says below the table what an operator should know of the supervisor itself.
func condition(out io.Writer, s *control.System) {
	if s == nil {
		return
	}
	if s.Config.Error != "" {
		fmt.Fprintf(out, "\nThe configuration has mistakes since %s and is not in force; all goes on as before:\n%s\n",
			s.Config.Failed.Local().Format(time.DateTime), s.Config.Error)
	}
	for _, n := range s.Nodes {
		if n.Away {
			fmt.Fprintf(out, "\nThe machine %s has not been heard since %s; its cameras are not listed.\n", n.Name, n.Since.Local().Format(time.DateTime))
		}
	}
	if s.Uplink != nil {
		link(out, s.Uplink)
	}
	for _, w := range s.Warnings {
		fmt.Fprintf(out, "\n%s\n", w)
	}
}

// link says how what crosses to the hub fares.
func link(out io.Writer, u *control.Uplink) {
	if u.Connected {
		fmt.Fprintf(out, "\nHub: connected since %s; %d streams, %d pictures (%d MB) sent, %d passed over for want of room\n",
			u.Since.Local().Format(time.DateTime), u.Streams, u.Frames, u.Bytes/1e6, u.Shed)
		return
	}
	fmt.Fprintf(out, "\nHub: not connected since %s; all goes on here, and it is tried again by itself\n", u.Since.Local().Format(time.DateTime))
}

func failures(ctx context.Context, c *cli.Command, s *session) error {
	id := camera.ID(c.Args().First())
	if id == "" {
		return fmt.Errorf("name a camera: %s failures ID", c.Root().Name)
	}
	reply, err := s.order(ctx, control.Failures, control.Request{Camera: id})
	if err != nil {
		return err
	}
	if c.Bool("json") {
		if reply.Failures == nil {
			reply.Failures = []camera.Failure{}
		}
		return printJSON(s.out, reply.Failures)
	}
	for _, f := range reply.Failures {
		ran := (time.Duration(f.RanMs) * time.Millisecond).Round(time.Millisecond)
		fmt.Fprintf(s.out, "%s  %s after %s: %s\n", f.At.Local().Format(time.DateTime), f.Cause, ran, cmp.Or(f.Text, "no reason was given"))
		if len(f.Tail) > 0 {
			fmt.Fprintf(s.out, "    %s\n", strings.Join(f.Tail, "\n    "))
		}
	}
	if len(reply.Failures) == 0 {
		fmt.Fprintf(s.out, "%s: nothing has failed since the supervisor was started\n", id)
	}
	return nil
}

func reloadConfig(ctx context.Context, c *cli.Command, s *session) error {
	reply, err := s.control.Do(ctx, control.Reload, control.Request{Preview: c.Bool("preview")})
	if err == nil {
		fmt.Fprintln(s.out, reply.Text)
	}
	return err
}
