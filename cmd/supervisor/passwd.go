package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"linkstart/pkg/access"
)

func passwdCommand() *cli.Command {
	return &cli.Command{
		Name: "passwd", Usage: "ask for a password and print an entry for users: in the configuration", ArgsUsage: "NAME",
		Flags: reachFlags("admin"),
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Len() != 1 {
				return fmt.Errorf("name the user: %s passwd NAME", c.Root().Name)
			}
			role, scope, err := reachOf(c)
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
			if len(scope.Cameras) > 0 {
				fmt.Fprintf(out, "    cameras: %s\n", flow(scope.Cameras))
			}
			if len(scope.Groups) > 0 {
				fmt.Fprintf(out, "    groups: %s\n", flow(scope.Groups))
			}
			return nil
		},
	}
}

// flow writes a list as YAML takes it, which JSON is.
func flow(list any) []byte {
	b, _ := json.Marshal(list) // texts always can be
	return b
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
