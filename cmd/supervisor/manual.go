//go:build manual

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/urfave/cli/v3"
)

// manualCommands are only in the program that is built to write the manual page, which needs no place on other machines.
func manualCommands() []*cli.Command {
	return []*cli.Command{{
		Name: "manual", Usage: "write the manual page", Hidden: true,
		Action: func(_ context.Context, c *cli.Command) error {
			_, err := c.Root().Writer.Write(md2man.Render([]byte(manualPage(command("linkstart")))))
			return err
		},
	}}
}

// manualPage writes down what the help tells piece by piece, as Markdown.
func manualPage(root *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%% %s 1 \"\" \"Linkstart %s\"\n", strings.ToUpper(root.Name), version)
	fmt.Fprintf(&b, "# NAME\n%s - %s\n# SYNOPSIS\n", root.Name, root.Usage)
	for line := range strings.Lines(root.UsageText) {
		call, does, _ := strings.Cut(line, "  ")
		fmt.Fprintf(&b, "**%s**\n: %s\n\n", call, strings.TrimSpace(does))
	}
	b.WriteString("# OPTIONS\n")
	describeFlags(&b, root)
	b.WriteString("# COMMANDS\n")
	for _, c := range root.VisibleCommands() {
		describeCommand(&b, c.Name, c)
	}
	b.WriteString(manualRest)
	return b.String()
}

func describeCommand(b *strings.Builder, name string, c *cli.Command) {
	heading := name
	if len(c.VisibleFlags()) > 0 {
		heading += " [options]"
	}
	if len(c.Commands) > 0 {
		heading += " command"
	}
	fmt.Fprintf(b, "### %s\n%s\n\n", strings.TrimSpace(heading+" "+c.ArgsUsage), c.Usage)
	describeFlags(b, c)
	for _, below := range c.VisibleCommands() {
		describeCommand(b, name+" "+below.Name, below)
	}
}

func describeFlags(b *strings.Builder, c *cli.Command) {
	for _, f := range c.VisibleFlags() {
		flag, usage, _ := strings.Cut(f.String(), "\t")
		fmt.Fprintf(b, "**%s**\n: %s\n\n", strings.TrimSpace(flag), usage)
	}
}

// manualRest is what the command line cannot tell of itself.
const manualRest = `
# FILES
**/etc/linkstart/cameras.yaml**
: the configuration of the service

**/etc/linkstart/passwords**
: lines such as GATE_PASSWORD=…, what ${GATE_PASSWORD} in the configuration stands for; systemd reads it as root

**/var/lib/linkstart**
: the state directory of the service: selections, sessions, tokens, the audit log

# EXIT STATUS
0 after a stop as told, 78 where the configuration has mistakes or cannot be read, 1 for anything else.

# SIGNALS
SIGTERM and SIGINT stop, SIGHUP reads the configuration again.

# SEE ALSO
**systemctl**(1); the documentation in /usr/share/doc/linkstart
`
