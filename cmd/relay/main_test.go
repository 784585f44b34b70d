package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
)

func TestExitCodes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, c := range []struct {
		name, stdin string
		args        []string
		code        int
		say         string
	}{
		{"version", "", []string{"-version"}, 0, "dev"},
		{"help", "", []string{"-h"}, 0, "-version"},
		{"unknown flag", "", []string{"-x"}, 2, "-x"},
		{"no document", "", nil, 1, "read configuration"},
		{"unknown key", `{"colour":1}`, nil, 1, "colour"},
		{"port in use", fmt.Sprintf(`{"listen":%q}`, taken.Addr()), nil, 1, "in use"},
		{"no port", `{"listen":"127.0.0.1"}`, nil, camera.ExitConfig, "is not an address"},
		{"no such port", `{"listen":"127.0.0.1:99999"}`, nil, camera.ExitConfig, "is not an address"},
		{"foreign address", `{"listen":"192.0.2.1:8080"}`, nil, 1, "not one of this machine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			// The document's pipe stays open, as the supervisor's does.
			r, w := io.Pipe()
			defer func() { _ = w.Close() }()
			go func() {
				_, _ = io.WriteString(w, c.stdin)
				if c.stdin == "" {
					_ = w.Close()
				}
			}()
			var out bytes.Buffer
			if code := run(ctx, c.args, r, &out, &out); code != c.code || !strings.Contains(out.String(), c.say) {
				t.Errorf("exit code %d, %s; want %d and %q", code, out.String(), c.code, c.say)
			}
		})
	}
}
