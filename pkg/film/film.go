package film

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"linkstart/pkg/gst"
)

// What is kept of one stream: so many bytes of compressed pictures, and so many pictures, as each takes time to catch up.
const (
	mostKept  = 16 << 20
	mostUnits = 1500
	unitCosts = 1 << 10 // bytes besides its own
)

// group is the compressed pictures from a keyframe to the newest before the next one.
type group struct {
	units []*gst.Unit // the keyframe first
	bytes int
	next  int  // index of the first that is not decoded yet
	torn  bool // some between the keyframe and the rest were thrown away: only a decoder that was there goes on
	lost  bool // nothing of it but the keyframe can be decoded any more

	wanted bool         // key is to be kept: its Encode may be called
	key    *gst.Picture // the decoded keyframe, nil before
}

func (g *group) pending() bool { return g != nil && !g.lost && g.next < len(g.units) }

// drop throws the units from index from to index to away.
func (g *group) drop(from, to int) {
	for _, u := range g.units[from:to] {
		g.bytes -= u.Size + unitCosts
		u.Free()
	}
	g.units = append(g.units[:from], g.units[to:]...)
}

func (g *group) free() {
	g.drop(0, len(g.units))
	g.next = 0
}

// film is the newest group of a stream and its decoder. Whoever needs a picture first has it decoded; nothing is decoded
// twice. The receiving goroutine alone adds and turns; any may ask for the keyframe.
type film struct {
	decodes *atomic.Int64 // counts units that were decoded
	begun   time.Time     // what stamps count from
	limit   int           // bytes that are kept

	mu      sync.Mutex // held for one decode at a time
	group   *group
	decoder *gst.Decoder
}

// add takes a unit. It reports whether it was thrown away, and whether for that catching up has become impossible just now.
func (f *film) add(u *gst.Unit) (kept, torn bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u.Key {
		if f.group != nil {
			f.group.free()
		}
		f.group = &group{units: []*gst.Unit{u}, bytes: u.Size + unitCosts}
		return true, false
	}
	g := f.group
	if g == nil || g.lost {
		u.Free()
		return g != nil, false
	}
	g.units = append(g.units, u)
	if g.bytes += u.Size + unitCosts; g.bytes > f.limit || len(g.units) > mostUnits {
		torn = !g.torn
		f.tear()
	}
	return true, torn
}

// tear throws away what is decoded already, or if that does not help all but the keyframe.
func (f *film) tear() {
	g := f.group
	g.torn = true
	if g.next > 1 {
		g.drop(1, g.next)
		g.next = 1
	}
	if f.decoder == nil || g.next == 0 || g.bytes > f.limit || len(g.units) > mostUnits {
		g.drop(1, len(g.units))
		g.next = 1
		g.lost = true
	}
}

func (f *film) pending() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.group.pending()
}

// develop decodes the next unit. The picture is nil where the decoder has none to give yet; at is when its unit was complete.
func (f *film) develop() (p *gst.Picture, at time.Time, took time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.group.pending() {
		return nil, time.Time{}, 0, nil
	}
	return f.step()
}

// step is develop for who holds f.mu, and knows that a unit is pending.
func (f *film) step() (p *gst.Picture, at time.Time, took time.Duration, err error) {
	g := f.group
	u := g.units[g.next]
	begun := time.Now()
	if f.decoder == nil {
		if f.decoder, err = gst.NewDecoder(u); err != nil {
			return nil, time.Time{}, 0, err
		}
	}
	f.decodes.Add(1)
	p, err = f.decoder.Decode(u, u.At.Sub(f.begun))
	if err != nil {
		f.close()
		g.lost = true
		return nil, time.Time{}, 0, fmt.Errorf("decode a picture: %w", err)
	}
	first := g.next == 0
	if g.next++; g.torn {
		g.drop(1, g.next)
		g.next = 1
	}
	if p == nil {
		return nil, time.Time{}, 0, nil
	}
	if first && g.wanted && g.key == nil {
		g.key = p.Share()
	}
	at = u.At
	if held := at.Sub(f.begun) - p.Stamp; p.Stamp >= 0 && held > 0 { // for the sake of the order
		at = at.Add(-held) // not begun.Add(p.Stamp): the clock may have been set since
	}
	return p, at, time.Since(begun), nil
}

// keyframe returns the decoded keyframe of g, whose unit is u. It is to be freed.
func (f *film) keyframe(g *group, u *gst.Unit) (*gst.Picture, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if g.key == nil && f.group == g && g.next == 0 {
		p, _, _, err := f.step()
		if err != nil {
			return nil, err
		}
		if p != nil {
			p.Free() // g.key is another hold on it
		}
	}
	if g.key == nil {
		f.decodes.Add(1)
		p, err := decodeAlone(u)
		if err != nil {
			return nil, err
		}
		g.key = p
	}
	return g.key.Share(), nil
}

// decodeAlone decodes a keyframe that a decoder would hold back until others have come.
func decodeAlone(u *gst.Unit) (*gst.Picture, error) {
	d, err := gst.NewDecoder(u)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	p, err := d.Decode(u, 0)
	if err == nil && p == nil {
		p = d.Drain()
	}
	if err == nil && p == nil {
		err = fmt.Errorf("decode a keyframe: there is no picture in it")
	}
	return p, err
}

// want keeps the keyframe for calls of keyframe, once it is decoded, until forget. It returns the group and a hold on its
// unit.
func (f *film) want() (*group, *gst.Unit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.group.wanted = true
	return f.group, f.group.units[0].Share()
}

func (f *film) forget(g *group) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if g.wanted = false; g.key != nil {
		g.key.Free()
		g.key = nil
	}
}

// rest frees the decoder: what it decoded is decoded again when it must be.
func (f *film) rest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.close()
	if g := f.group; g != nil {
		if g.next = 0; g.torn && !g.lost {
			g.drop(1, len(g.units))
			g.lost = true
		}
	}
}

func (f *film) close() {
	if f.decoder != nil {
		f.decoder.Close()
		f.decoder = nil
	}
}

// end frees all.
func (f *film) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.close()
	if f.group != nil {
		f.group.free()
		f.group = nil
	}
}

// stranded tells whether nothing can be decoded until the next keyframe comes, because too much came since the last.
func (f *film) stranded() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.group == nil || !f.group.torn || !f.group.lost {
		return false
	}
	f.group.torn = false // it is told once
	return true
}

// holds tells whether there is a group.
func (f *film) holds() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.group != nil
}

// working tells whether there is a decoder.
func (f *film) working() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.decoder != nil
}
