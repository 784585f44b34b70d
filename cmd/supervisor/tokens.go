package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/user"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"linkstart/pkg/access"
	"linkstart/pkg/audit"
	"linkstart/pkg/camera"
	"linkstart/pkg/control"
)

// record has an order of the command line written down.
func (s *session) record(action, target string, err error) {
	r := audit.Record{Time: time.Now().UTC(), Via: "command line", Action: action, Target: target, Outcome: audit.OK}
	if u, err := user.Current(); err == nil {
		r.Who = u.Username
	}
	if err != nil {
		r.Outcome = camera.Say(err)
	}
	if b, err := json.Marshal(r.Clean()); err == nil { // it always can be
		_ = s.nc.Publish(s.subjects.Audit(), b) // closing the connection flushes
		_ = s.nc.FlushTimeout(connectTime)
	}
}

const year = 365 * 24 * time.Hour

func tokenCommand() *cli.Command {
	return &cli.Command{
		Name: "token", Usage: "make, list and revoke API tokens: what programs log in with",
		Commands: []*cli.Command{
			{
				Name: "add", Usage: "make a token and print it, once", ArgsUsage: "NAME",
				Flags:  append(reachFlags("viewer"), &cli.DurationFlag{Name: "for", Usage: "how long it is good, such as 720h; 0 until it is revoked", Value: year}),
				Action: withSupervisor(addToken),
			},
			{
				Name: "list", Usage: "show all tokens, without what they are used with",
				Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "as JSON"}},
				Action: withSupervisor(listTokens),
			},
			{Name: "revoke", Usage: "end tokens at once", ArgsUsage: "ID…", Action: withSupervisor(revokeTokens)},
		},
	}
}

func reachFlags(role string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "role", Usage: "viewer, operator or admin", Value: role},
		&cli.StringSliceFlag{Name: "camera", Usage: "limit to this `ID`; may be given again"},
		&cli.StringSliceFlag{Name: "group", Usage: "limit to the cameras of this `GROUP`; may be given again"},
	}
}

// reachOf reads what reachFlags names.
func reachOf(c *cli.Command) (role access.Role, scope access.Scope, err error) {
	if role = access.Role(c.String("role")); !role.AtLeast(access.Viewer) {
		return "", scope, fmt.Errorf("%q is not a role: -role takes viewer, operator or admin", role)
	}
	for _, text := range c.StringSlice("camera") {
		id, err := camera.ParseID(text)
		if err != nil {
			return "", scope, fmt.Errorf("camera: %w", err)
		}
		scope.Cameras = append(scope.Cameras, id)
	}
	if groups := c.StringSlice("group"); len(groups) > 0 {
		scope.Groups = groups
	}
	return role, scope, nil
}

func addToken(ctx context.Context, c *cli.Command, s *session) error {
	if c.Args().Len() != 1 {
		return fmt.Errorf("name what the token is for: %s token add NAME", c.Root().Name)
	}
	role, scope, err := reachOf(c)
	if err != nil {
		return err
	}
	t := access.Token{Name: c.Args().First(), Role: role, Scope: scope, By: "command line"}
	if d := c.Duration("for"); d > 0 {
		t.Expires = time.Now().Add(d).UTC().Truncate(time.Second)
	}
	if err := t.Check(); err != nil {
		return err
	}
	reply, err := s.control.Do(ctx, control.Token, control.Request{Token: &t})
	if err != nil {
		s.record("make token", t.Name, err)
		return err
	}
	for _, made := range reply.Tokens {
		s.record("make token", made.String(), nil)
	}
	fmt.Fprintln(c.Root().ErrWriter, "This is shown once. Send it as Authorization: Bearer, or as the password of Authorization: Basic:")
	fmt.Fprintln(s.out, reply.Secret)
	return nil
}

func listTokens(ctx context.Context, c *cli.Command, s *session) error {
	reply, err := s.control.Do(ctx, control.Tokens, control.Request{})
	if err != nil {
		return err
	}
	if c.Bool("json") {
		if reply.Tokens == nil {
			reply.Tokens = []access.Token{}
		}
		return json.NewEncoder(s.out).Encode(reply.Tokens)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tROLE\tCAMERAS\tMADE\tGOOD UNTIL")
	for _, t := range reply.Tokens {
		until := "revoked"
		if !t.Expires.IsZero() {
			until = t.Expires.Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Role, t.Scope, t.Created.Local().Format(time.DateTime), until)
	}
	return w.Flush()
}

func revokeTokens(ctx context.Context, c *cli.Command, s *session) error {
	if !c.Args().Present() {
		return fmt.Errorf("name at least one token: %s token revoke ID…", c.Root().Name)
	}
	var errs []error
	for _, id := range c.Args().Slice() {
		reply, err := s.control.Do(ctx, control.Revoke, control.Request{ID: id})
		target := id
		if err == nil && len(reply.Tokens) == 1 {
			target = reply.Tokens[0].String()
		}
		s.record("revoke token", target, err)
		var refusal *control.Refusal
		switch {
		case errors.As(err, &refusal):
			errs = append(errs, fmt.Errorf("%s: %s; revoke takes the ID that token list shows", id, refusal.Say))
		case err != nil:
			return err
		default:
			fmt.Fprintf(s.out, "%s: revoked\n", target)
		}
	}
	return errors.Join(errs...)
}

func auditTrail(ctx context.Context, c *cli.Command, s *session) error {
	reply, err := s.control.Do(ctx, control.Audit, control.Request{Lines: int(c.Int("n"))})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	if !c.Bool("json") {
		fmt.Fprintln(w, "TIME\tWHO\tVIA\tFROM\tACTION\tTARGET\tOUTCOME")
	}
	for _, line := range reply.Lines {
		r, err := audit.Decode([]byte(line))
		if c.Bool("json") || err != nil {
			fmt.Fprintln(s.out, line)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Time.Local().Format(time.DateTime), r.Who, r.Via, r.From, r.Action, r.Target, r.Outcome)
	}
	return w.Flush()
}
