package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/urfave/cli/v3"
)

const manual = "../../deploy/man/linkstart.1"

var update = flag.Bool("update", false, "write the manual page anew")

// TestManual: the manual page that is shipped is the one that the commands make.
func TestManual(t *testing.T) {
	page := md2man.Render([]byte(manualPage(command("linkstart"))))
	if *update {
		if err := os.WriteFile(manual, page, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shipped, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(shipped, page) {
		t.Errorf("%s is not what the commands make: go test ./cmd/supervisor -update", manual)
	}
	plain := words(regexp.MustCompile(`\\f.|\\`).ReplaceAllString(string(shipped), ""))
	for _, line := range help(t, command("linkstart")) {
		if !strings.Contains(plain, words(line)) {
			t.Errorf("the manual page does not tell %q", line)
		}
	}
}

// words leaves nothing of a text but its words, one space between them.
func words(text string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`(?m)^\.\w+`).ReplaceAllString(text, "")), " ")
}

// help returns what a user is told of a command, and of those below it, by -help: its use and all of its own options.
func help(t *testing.T, root *cli.Command, path ...string) (lines []string) {
	t.Helper()
	var out bytes.Buffer
	asked := command(root.Name)
	asked.Writer = &out
	if err := asked.Run(t.Context(), append(append([]string{root.Name}, path...), "-help")); err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(out.String()) {
		switch text := strings.TrimSpace(line); {
		case text == "OPTIONS:" || text == "GLOBAL OPTIONS:" && len(path) == 0:
			inside = true
		case text == "":
			inside = false
		case inside && !strings.HasPrefix(text, "--help") && !strings.HasPrefix(text, "--version"):
			lines = append(lines, text)
		}
	}
	below := root
	for _, name := range path {
		below = below.Command(name)
	}
	for _, c := range below.VisibleCommands() {
		lines = append(lines, c.Name, c.Usage)
		lines = append(lines, help(t, root, append(path, c.Name)...)...)
	}
	return lines
}

// manualPage writes down what the help tells piece by piece, as Markdown.
func manualPage(root *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%% %s 1 \"\" Linkstart\n", strings.ToUpper(root.Name))
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
		name, usage, _ := strings.Cut(f.String(), "\t")
		fmt.Fprintf(b, "**%s**\n: %s\n\n", strings.TrimSpace(name), usage)
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
**systemctl**(1); the folder docs of the sources, in /usr/share/doc/linkstart where the Debian package is installed
`
