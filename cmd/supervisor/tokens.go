package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

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

func roleOf(c *cli.Command) (access.Role, error) {
	role := access.Role(c.String("role"))
	if !role.AtLeast(access.Viewer) {
		return "", fmt.Errorf("%q is not a role: -role takes viewer, operator or admin", role)
	}
	return role, nil
}

func scopeOf(c *cli.Command) (access.Scope, error) {
	var s access.Scope
	for _, text := range c.StringSlice("camera") {
		id, err := camera.ParseID(text)
		if err != nil {
			return s, fmt.Errorf("camera: %w", err)
		}
		s.Cameras = append(s.Cameras, id)
	}
	if groups := c.StringSlice("group"); len(groups) > 0 {
		s.Groups = groups
	}
	return s, nil
}

func addToken(ctx context.Context, c *cli.Command, s *session) error {
	if c.Args().Len() != 1 {
		return errors.New("name what the token is for: supervisor token add NAME")
	}
	role, err := roleOf(c)
	if err != nil {
		return err
	}
	scope, err := scopeOf(c)
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
		return errors.New("name at least one token: supervisor token revoke ID…")
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

func passwdCommand() *cli.Command {
	return &cli.Command{
		Name: "passwd", Usage: "ask for a password and print an entry for users: in the configuration", ArgsUsage: "NAME",
		Flags: reachFlags("admin"),
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Len() != 1 {
				return errors.New("name the user: supervisor passwd NAME")
			}
			role, err := roleOf(c)
			if err != nil {
				return err
			}
			scope, err := scopeOf(c)
			if err != nil {
				return err
			}
			password, err := askPassword(c.Root().ErrWriter)
			if err != nil {
				return err
			}
			hash, err := access.Hash(password)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.Root().ErrWriter, "Write this into the configuration, without its first line where that has users already. The role %s can be another one by -role.\n", role)
			out := c.Root().Writer
			fmt.Fprintf(out, "users:\n  - name: %q\n    password: %s\n    role: %s\n", c.Args().First(), hash, role)
			for key, n := range map[string]int{"cameras": len(scope.Cameras), "groups": len(scope.Groups)} {
				if n > 0 {
					list, _ := json.Marshal(map[string]any{"cameras": scope.Cameras, "groups": scope.Groups}[key])
					fmt.Fprintf(out, "    %s: %s\n", key, list)
				}
			}
			return nil
		},
	}
}

// askPassword asks twice on a terminal; from anywhere else it takes one line.
func askPassword(say io.Writer) (string, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read password: %w", err)
		}
		return checkPassword(strings.TrimRight(line, "\r\n"))
	}
	var typed [2]string
	for i, prompt := range []string{"Password: ", "Once more: "} {
		fmt.Fprint(say, prompt)
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(say)
		if err != nil {
			return "", fmt.Errorf("read password: %w", err)
		}
		typed[i] = string(b)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two are not the same")
	}
	return checkPassword(typed[0])
}

func checkPassword(password string) (string, error) {
	if len([]rune(password)) < access.MinPassword {
		return "", fmt.Errorf("a password takes at least %d characters", access.MinPassword)
	}
	return password, nil
}
