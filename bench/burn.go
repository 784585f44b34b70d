package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"linkstart/bench/proc"
)

// burnRole makes this program load every core.
const burnRole = "load-every-core"

const burnLimit = 2 * time.Minute

// burn works for nothing on every core until stdin ends, 2 minutes at most.
func burn() error {
	ctx, cancel := context.WithTimeout(context.Background(), burnLimit)
	defer cancel()
	for range runtime.NumCPU() {
		go func() {
			for n := uint64(1); ctx.Err() == nil; {
				for range 1 << 20 {
					n = n*6364136223846793005 + 1442695040888963407
				}
				runtime.KeepAlive(n)
			}
		}()
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	<-ctx.Done()
	return nil
}

// loaded keeps every core busy until stop is called.
func loaded() (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, burnRole)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p, err := proc.Start(cmd)
	if err != nil {
		return nil, err
	}
	return func() {
		_ = stdin.Close()
		p.Stop()
	}, nil
}
