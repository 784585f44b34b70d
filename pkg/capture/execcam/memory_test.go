package execcam_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/execcam"
)

// A grandchild holds 64 MB: tail keeps all that it may have to print.
func TestMemoryOfTheCommand(t *testing.T) {
	const held = 64_000_000
	s, err := execcam.New(spec(folder(t), `cat a.jpg; (head -c 64000000 /dev/zero; sleep 600) | tail -c 64000000 | cat >&2`), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	m := s.(camera.MemoryUser)
	if got := m.Memory(); got != 0 {
		t.Errorf("%d bytes before anything runs", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended, first := make(chan error, 1), make(chan struct{}, 1)
	go func() {
		ended <- s.Stream(ctx, func(camera.Picture) { first <- struct{}{} })
	}()
	<-first
	for end := time.Now().Add(20 * time.Second); m.Memory() < held; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are told, %d are held", m.Memory(), held)
		}
	}
	if got := m.Memory(); got > 2*held {
		t.Errorf("%d bytes are told, %d are held", got, held)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Stream = %v", err)
	}
	if got := m.Memory(); got != 0 {
		t.Errorf("%d bytes after all has ended", got)
	}
}
