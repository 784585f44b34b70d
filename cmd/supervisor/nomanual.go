//go:build !manual

package main

import "github.com/urfave/cli/v3"

func manualCommands() []*cli.Command { return nil }
