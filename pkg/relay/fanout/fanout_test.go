package fanout

import (
	"bytes"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"linkstart/pkg/camera"
	"linkstart/pkg/pace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type allLive struct{}

func (allLive) Live(camera.ID) bool { return true }

func (allLive) Get(camera.ID) (camera.Info, bool) { return camera.Info{State: camera.Live}, true }

// crowd is a channel with n viewers who want every frame.
func crowd(n int) *channel {
	ch := &channel{hub: &Hub{cameras: allLive{}}, key: key{"a", camera.Main}}
	for range n {
		ch.join(&Slot{Camera: "a", channel: ch, limiter: pace.NewLimiter(0), wake: func() {}})
	}
	return ch
}

func frame(seq uint32, size int) *camera.Frame {
	return &camera.Frame{JPEG: make([]byte, size), Seq: seq, Captured: time.Now()}
}

func TestSlotKeepsTheNewestAndCountsTheRest(t *testing.T) {
	ch := crowd(1)
	s := ch.slots[0]
	if f, _ := s.Take(); f != nil {
		t.Fatal("an empty slot gave a frame")
	}
	for seq := range uint32(5) {
		ch.deliver(frame(seq+1, 1))
	}
	if f, skipped := s.Take(); f == nil || f.Seq != 5 || skipped != 4 {
		t.Errorf("Take = %+v, %d; want frame 5 after 4 skipped", f, skipped)
	}
	if s.Ready() {
		t.Error("the slot is ready though it was emptied")
	}
	ch.deliver(frame(6, 1))
	if f, skipped := s.Take(); f == nil || f.Seq != 6 || skipped != 0 {
		t.Errorf("Take = %+v, %d; want frame 6 after none", f, skipped)
	}
}

func TestLateViewerGetsTheLastFrame(t *testing.T) {
	ch := crowd(0)
	ch.deliver(frame(9, 1))
	s := &Slot{channel: ch, limiter: pace.NewLimiter(1), wake: func() {}}
	ch.join(s)
	if f, _ := s.Take(); f == nil || f.Seq != 9 {
		t.Errorf("Take = %+v, want frame 9", f)
	}
	ch.deliver(frame(10, 1)) // what was handed over first does not count against the rate
	if f, _ := s.Take(); f == nil || f.Seq != 10 {
		t.Errorf("Take = %+v, want frame 10", f)
	}
}

func TestRateOfOneViewer(t *testing.T) {
	ch := crowd(1)
	slow := &Slot{channel: ch, fps: 5, limiter: pace.NewLimiter(5), wake: func() {}}
	ch.join(slow)
	now, taken, skipped := time.Now(), 0, uint32(0)
	for n := range 100 { // 4 s at 25 fps
		slow.offer(frame(uint32(n), 1), nil, now.Add(time.Duration(n)*40*time.Millisecond))
		if f, s := slow.Take(); f != nil {
			taken++
			skipped += s
		}
	}
	if taken < 18 || taken > 22 || skipped < 70 {
		t.Errorf("%d frames taken and %d skipped, want about 20 and 80", taken, skipped)
	}
	if most := ch.wanted(); most != 0 {
		t.Errorf("wanted is %g, want 0: one viewer wants all", most)
	}
	ch.slots = ch.slots[1:]
	if most := ch.wanted(); most != 5 {
		t.Errorf("wanted is %g, want 5", most)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var m memory
	const size = 8 << 20
	for _, id := range []camera.ID{"a", "b", "c", "d", "e", "f", "g", "h"} {
		m.put(key{id, camera.Main}, frame(1, size))
	}
	m.get(key{"a", camera.Main}) // used: b is now the oldest
	m.put(key{"i", camera.Main}, frame(1, size))
	m.put(key{"i", camera.Main}, frame(2, size))
	m.put(key{"huge", camera.Main}, frame(1, memoryBytes+1))
	for id, want := range map[camera.ID]uint32{"a": 1, "b": 0, "c": 1, "i": 2, "huge": 0} {
		var seq uint32
		if f := m.get(key{id, camera.Main}); f != nil {
			seq = f.Seq
		}
		if seq != want {
			t.Errorf("%s: frame %d is remembered, want %d", id, seq, want)
		}
	}
	if m.bytes != memoryBytes {
		t.Errorf("%d bytes are kept, want %d", m.bytes, memoryBytes)
	}
}

func TestFanOutAllocatesNothing(t *testing.T) {
	ch, f := crowd(300), frame(1, 1)
	if n := testing.AllocsPerRun(100, func() { handOver(ch, f) }); n > 0 {
		t.Errorf("%g allocations for a frame to 300 viewers", n)
	}
}

// TestSheetsAreClosed: whatever becomes of a picture, taken, replaced or left in a slot that is closed, its file is closed.
func TestSheetsAreClosed(t *testing.T) {
	before := openFiles(t)
	ch := crowd(sheetViewers)
	for seq := range uint32(20) {
		ch.deliver(frame(seq+1, sheetBytes))
	}
	f, sheet, _ := ch.slots[0].TakeSheet()
	if f == nil || sheet == nil || f.Seq != 20 {
		t.Fatalf("TakeSheet = %+v, %v; want frame 20 on a sheet", f, sheet)
	}
	content := make([]byte, sheetBytes+1)
	if n, err := unix.Pread(sheet.FD(), content, 0); n != sheetBytes || err != nil || !bytes.Equal(content[:n], f.JPEG) {
		t.Errorf("the sheet has %d bytes, %v", n, err)
	}
	sheet.Release()
	ch.slots[1].Take()
	for _, s := range ch.slots { // as Close does; this channel has no feed
		s.closed.Store(true)
		s.drop()
	}
	ch.deliver(f) // what comes after the end is not kept
	if after := openFiles(t); after != before {
		t.Errorf("%d files are open, %d before", after, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func handOver(ch *channel, f *camera.Frame) {
	ch.deliver(f)
	for _, s := range ch.slots {
		s.Take()
	}
}

func BenchmarkFanOut300(b *testing.B) {
	ch, f := crowd(300), frame(1, 1)
	b.ReportAllocs()
	for b.Loop() {
		handOver(ch, f)
	}
}
