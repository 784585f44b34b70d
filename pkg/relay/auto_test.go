package relay_test

import (
	"testing"

	"linkstart/pkg/camera"
)

// TestAutoFollowsTheLink: a link that carries less than three large pictures a second gets small ones, and large ones again when
// it is fast.
func TestAutoFollowsTheLink(t *testing.T) {
	w, link := thinWorld(t, 1_500_000)
	g := w.grab("a")
	g.small = subSize
	g.flow(t, period, mainSize)
	v := w.thinView(link)
	v.say(`{"type":"watch","stream":1,"camera":"a","rendition":"auto"}`)
	shown, seq := "", uint32(0)
	until := func(rendition string) {
		t.Helper()
		v.until(func(m message) bool {
			if m.kind() == "watching" {
				shown = m.text["rendition"].(string)
			}
			if m.kind() != "frame" {
				return false
			}
			if m.head.Seq <= seq {
				t.Fatalf("picture %d after %d", m.head.Seq, seq)
			}
			seq = m.head.Seq
			if small := len(m.jpeg) < mainSize; small != (shown == "sub") {
				t.Fatalf("a picture of %d bytes came after watching %s", len(m.jpeg), shown)
			}
			return shown == rendition
		})
	}
	until("main")
	until("sub")
	if err := link.SetRate(t.Context(), 100_000_000); err != nil {
		t.Fatal(err)
	}
	until("main")
}

func TestAutoOverMultipart(t *testing.T) {
	w, link := thinWorld(t, 1_500_000)
	g := w.grab("a")
	g.small = subSize
	g.flow(t, period, mainSize)
	next := w.parts(client(w, link), "?rendition=auto")
	for want := range 2 {
		for g := next(); (g.size < mainSize) != (want == 1); g = next() {
		}
	}
	if err := link.SetRate(t.Context(), 100_000_000); err != nil {
		t.Fatal(err)
	}
	for next().size < mainSize {
	}
}

// TestAutoKeepsThePictureOfACameraWithoutSub: nothing else can be shown, so main is, however slowly.
func TestAutoKeepsThePictureOfACameraWithoutSub(t *testing.T) {
	w, link := thinWorld(t, 1_500_000)
	g := w.grab("a")
	g.flow(t, period, mainSize)
	v := w.thinView(link)
	v.say(`{"type":"watch","stream":1,"camera":"a","rendition":"auto"}`)
	v.until(is("watching", "rendition", camera.Main))
	asked := func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.subs > 0
	}
	for after := 0; after < 3; {
		m := v.next()
		if m.kind() == "watching" {
			t.Fatalf("it changed: %s", m.raw)
		}
		if m.kind() == "frame" && asked() {
			after++
		}
	}
}
