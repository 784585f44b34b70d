package relay

import (
	"bytes"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/gate"
	"linkstart/pkg/pace"
	"linkstart/pkg/relay/fanout"
	"linkstart/pkg/wire"
)

// sheetWriter returns what the hub makes of a picture for many viewers, and a writer to read.
func sheetWriter(t testing.TB, body []byte, read func(net.Conn)) (*gather, *sender, *fanout.Sheet) {
	t.Helper()
	sheet := fanout.NewSheet(&camera.Frame{JPEG: body}, nil)
	if sheet == nil {
		t.Fatal("this kernel makes no sheets")
	}
	t.Cleanup(sheet.Release)
	raw := rawConn(connected(t, read))
	return &gather{conn: raw, drain: new(pace.Drain)}, newSender(raw), sheet
}

func sendSheet(t testing.TB, g *gather, s *sender, sheet *fanout.Sheet, size int) {
	t.Helper()
	wire.Header{Seq: 7}.Put(g.head[10:])
	if err := g.sheet(time.Now().Add(writeTime), s, g.start(opBinary, wire.HeaderSize, wire.HeaderSize+size), sheet, size); err != nil {
		t.Fatal(err)
	}
}

// TestSheetAndCopyLookTheSame: a client cannot tell by which way a picture came, also where it reads slowly.
func TestSheetAndCopyLookTheSame(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcde"), 400_000) // more than the kernel takes at once
	got := make(chan []byte, 1)
	g, s, sheet := sheetWriter(t, body, func(c net.Conn) { b, _ := io.ReadAll(c); got <- b })
	sendSheet(t, g, s, sheet, len(body))
	if err := g.message(time.Now().Add(writeTime), opBinary, wire.HeaderSize, body); err != nil {
		t.Fatal(err)
	}
	_ = g.conn.Close()
	b := <-got
	if half := len(b) / 2; len(b) != 2*(10+wire.HeaderSize+len(body)) || !bytes.Equal(b[:half], b[half:]) {
		t.Errorf("%d bytes came, and their halves differ or are too short", len(b))
	}
	if g.drain.Written() != int64(len(b)) {
		t.Errorf("%d bytes are counted of %d", g.drain.Written(), len(b))
	}
}

func TestSendingASheetAllocatesNothing(t *testing.T) {
	body := make([]byte, 100<<10)
	g, s, sheet := sheetWriter(t, body, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	held := gate.New(g.conn, func() {})
	defer held.Stop()
	n := testing.AllocsPerRun(100, func() {
		held.Open(time.Now())
		sendSheet(t, g, s, sheet, len(body))
	})
	if n > 0 {
		t.Errorf("%g allocations for a picture", n)
	}
}

func TestSheetOfAClientThatHasLeft(t *testing.T) {
	body := make([]byte, 8<<20)
	g, s, sheet := sheetWriter(t, body, func(c net.Conn) { _ = c.Close() })
	var err error
	for end := time.Now().Add(20 * time.Second); err == nil && time.Now().Before(end); {
		err = g.sheet(time.Now().Add(writeTime), s, nil, sheet, len(body))
	}
	if err == nil {
		t.Error("no error though nobody is there")
	}
	before := files(t)
	other := fanout.NewSheet(&camera.Frame{JPEG: body}, nil)
	other.Release()
	if after := files(t); after != before {
		t.Errorf("%d files are open, %d before", after, before)
	}
}

func files(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func BenchmarkWriteSheet100KB(b *testing.B) {
	body := make([]byte, 100<<10)
	g, s, sheet := sheetWriter(b, body, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		sendSheet(b, g, s, sheet, len(body))
	}
}
