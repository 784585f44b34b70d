// Bench measures Linkstart from outside, as its users and cameras see it, beside other programs in the same run. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"linkstart/bench/simcam"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			if err := role(); err != nil {
				log.Fatal(err)
			}
			return
		}
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	reached, err := run(ctx, os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		log.Fatal(err)
	case !reached:
		os.Exit(1)
	}
}

// roles are what this program does in processes of its own, by its first argument.
var roles = map[string]func() error{
	simcam.Role: func() error { return simcam.ServeHTTP(os.Stdin, os.Stdout) },
	burnRole:    burn,
}

// options are the command line.
type options struct {
	quick                 bool
	only, makes, bin, out string
	strict                bool
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&o.quick, "quick", false, "short sections, less than 5 minutes in all: to see that it works, not to publish")
	f.StringVar(&o.only, "only", "", "sections to run, with commas between: "+strings.Join(names(), ", "))
	f.StringVar(&o.makes, "make", "build", "targets of make to build before; empty for none")
	f.StringVar(&o.bin, "bin", "bin", "folder of Linkstart's programs")
	f.StringVar(&o.out, "out", "bench/results", "folder for latest.json, latest.md and the charts")
	f.BoolVar(&o.strict, "strict", false, "exit with 1 unless all goals are reached")
	if err := f.Parse(args); err != nil {
		return o, flag.ErrHelp
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o, nil
}

// run measures and writes the report; reached is false where -strict is given and a goal was missed or a section failed.
func run(ctx context.Context, args []string) (reached bool, err error) {
	o, err := parse(args)
	if err != nil {
		return false, err
	}
	chosen, err := choose(o.only)
	if err != nil {
		return false, err
	}
	if o.makes != "" {
		build := exec.CommandContext(ctx, "make", append([]string{"--no-print-directory"}, strings.Fields(o.makes)...)...)
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			return false, fmt.Errorf("build what is to be measured: %w", err)
		}
	}
	l, err := newLab(ctx, o, os.Stdout)
	if err != nil {
		return false, err
	}
	defer l.close()
	l.runAll(ctx, chosen)
	l.report.Table(os.Stdout)
	if err := l.report.Write(o.out); err != nil {
		return false, err
	}
	fmt.Printf("written to %s\n", o.out)
	_, missed, none := l.report.Tally()
	return !o.strict || missed+none+len(l.report.Failed) == 0, ctx.Err()
}
