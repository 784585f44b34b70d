package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"linkstart/pkg/camera"
	"linkstart/pkg/config"
	"linkstart/pkg/discover"
)

func discoverCommand() *cli.Command {
	return &cli.Command{
		Name: "discover", Usage: "search the network for cameras that speak ONVIF, and print them as YAML for cameras.yaml",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "interface", Usage: "only at the network interface `NAME`"},
			&cli.DurationFlag{Name: "time", Usage: "search for so long, at most a minute", Value: discover.Time},
			&cli.BoolFlag{Name: "json", Usage: "as JSON"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			limit := min(max(c.Duration("time"), 100*time.Millisecond), time.Minute)
			found, err := discover.Search(ctx, discover.Options{Interface: c.String("interface"), Time: limit})
			if err != nil {
				return &camera.Error{Say: "the network cannot be searched: " + err.Error(), Err: err}
			}
			if c.Bool("json") {
				out := json.NewEncoder(c.Root().Writer)
				out.SetIndent("", "  ")
				return out.Encode(found)
			}
			if len(found) == 0 {
				fmt.Fprintln(c.Root().ErrWriter, "no camera has answered: ONVIF must be switched on in its settings, and it must be in the same network as this machine")
				return nil
			}
			cfg, err := config.Load(configFile(c))
			if err != nil {
				cfg = &config.Config{} // there is none yet, or it is not finished
			}
			printCameras(c.Root().Writer, found, cfg)
			return nil
		},
	}
}

// printCameras writes what was found as entries of a configuration, and leaves alone the ids that are taken in cfg. What cameras say of
// themselves is nothing but text there.
func printCameras(out io.Writer, found []discover.Camera, cfg *config.Config) {
	known := knownHosts(cfg)
	taken := map[string]bool{}
	for _, c := range cfg.Cameras {
		taken[string(c.ID)] = true
	}
	var passwords []string
	var entries bytes.Buffer
	for _, c := range found {
		what := fmt.Sprintf("%s at %s", cmp.Or(c.Hardware, c.Name, "a camera"), c.Address)
		if id, ok := known[c.Address]; ok {
			fmt.Fprintf(&entries, "\n  # %s is there already: %s\n", what, id)
			continue
		}
		id := newID(c, taken)
		password := strings.ToUpper(strings.ReplaceAll(id, "-", "_")) + "_PASSWORD"
		if password[0] >= '0' && password[0] <= '9' {
			password = "CAMERA_" + password
		}
		passwords = append(passwords, password)
		fmt.Fprintf(&entries, "\n  # %s\n  - id: %s\n    name: %s\n", what, config.Plain(id), config.Plain(cmp.Or(c.Name, c.Hardware, id)))
		if c.Location != "" {
			fmt.Fprintf(&entries, "    group: %s\n", config.Plain(c.Location))
		}
		fmt.Fprintf(&entries, "    source: %s\n", strings.Replace(config.Plain(c.Source), "onvif://", "onvif://admin:${"+password+"}@", 1))
	}
	for i, p := range slices.Sorted(slices.Values(passwords)) {
		if i == 0 {
			fmt.Fprintln(out, "# The passwords come from the environment; write the user of each camera where it is not admin.")
		}
		fmt.Fprintf(out, "#   export %s='…'\n", p)
	}
	fmt.Fprintf(out, "cameras:\n%s", strings.TrimPrefix(entries.String(), "\n"))
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// newID makes an id of the hardware, else of the name, that is not taken yet, and takes it.
func newID(c discover.Camera, taken map[string]bool) string {
	base := ""
	for _, text := range []string{c.Hardware, c.Name} {
		base = cmp.Or(base, strings.Trim(notInID.ReplaceAllString(strings.ToLower(text), "-"), "-"))
	}
	base = strings.Trim(cmp.Or(base, "camera")[:min(len(cmp.Or(base, "camera")), 40)], "-")
	id := base
	for n := 2; taken[id]; n++ {
		id = fmt.Sprintf("%s-%d", base, n)
	}
	taken[id] = true
	return id
}
