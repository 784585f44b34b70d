package relay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"linkstart/pkg/pace"
	"linkstart/pkg/wire"
)

// connected is a TCP connection whose other end is handed to read.
func connected(t testing.TB, read func(net.Conn)) net.Conn {
	t.Helper()
	ln, err := listen(t.Context(), "127.0.0.1:0", newCrowd(0, 0, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); read(far) }()
	t.Cleanup(func() { _ = near.Close(); <-done; _ = far.Close() })
	return near
}

// TestMessageLengths checks the three forms of a length (RFC 6455 section 5.2) at their borders.
func TestMessageLengths(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			got := make(chan []byte, 1)
			near := connected(t, func(c net.Conn) { b, _ := io.ReadAll(c); got <- b })
			body := bytes.Repeat([]byte{7}, n)
			g := &gather{conn: near, drain: new(pace.Drain)}
			if err := g.message(time.Now().Add(time.Minute), opText, 0, body); err != nil {
				t.Fatal(err)
			}
			_ = near.Close()
			b := <-got
			if len(b) < 2 || b[0] != 0x81 || b[1]&0x80 != 0 {
				t.Fatalf("starts with %x", b[:min(2, len(b))])
			}
			length, rest := int(b[1]), b[2:]
			switch length {
			case 126:
				length, rest = int(binary.BigEndian.Uint16(rest)), rest[2:]
			case 127:
				length, rest = int(binary.BigEndian.Uint64(rest)), rest[8:]
			}
			if length != n || !bytes.Equal(rest, body) {
				t.Errorf("length %d and %d bytes arrive, want %d", length, len(rest), n)
			}
		})
	}
}

func TestWritingAFrameAllocatesNothing(t *testing.T) {
	g, body := frameWriter(t)
	n := testing.AllocsPerRun(100, func() { writeFrame(t, g, body) })
	if n > 0 {
		t.Errorf("%g allocations for a frame", n)
	}
}

func frameWriter(t testing.TB) (*gather, []byte) {
	near := connected(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	return &gather{conn: near, drain: new(pace.Drain)}, make([]byte, 100<<10)
}

func writeFrame(t testing.TB, g *gather, body []byte) {
	wire.Header{Seq: 1}.Put(g.head[10:])
	if err := g.message(time.Now().Add(writeTime), opBinary, wire.HeaderSize, body); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkWriteFrame100KB(b *testing.B) {
	g, body := frameWriter(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		writeFrame(b, g, body)
	}
}

func TestOutboxKeepsTheNewestOfAKind(t *testing.T) {
	o := outbox{wake: func() {}}
	for n := range 10_000 {
		o.put("status:a", "status", fmt.Append(nil, n))
	}
	o.put("", "", []byte("last"))
	for _, want := range []string{"9999", "last"} {
		if got, err := o.next(); err != nil || got == nil || string(got.body) != want {
			t.Fatalf("next = %v, %v; want %s", got, err, want)
		}
	}
	if got, err := o.next(); got != nil || err != nil {
		t.Errorf("next = %v, %v of an empty outbox", got, err)
	}
}

func TestOutboxThatIsFullIsAnError(t *testing.T) {
	o := outbox{wake: func() {}}
	for range outboxLimit + 1 {
		o.put("", "", nil)
	}
	if _, err := o.next(); !errors.Is(err, errOverflow) {
		t.Errorf("error is %v", err)
	}
}
