package grab

// noise is by how much, of 255, the mean of a block changes though nothing does: a sensor's noise and a codec's.
const noise = 6

// reference is what the last frame sent looked like, so that a picture that shows the same need not be sent: always
// compared with what viewers see, so that a slow change adds up.
type reference struct {
	minChange float64 // percent of the blocks that must differ; 0: nothing is compared
	sent      []byte  // brightness of blocks
	now       []byte
}

// differs tells whether the newest picture is different enough. One that cannot be compared is.
func (r *reference) differs(n *newest) bool {
	if r.minChange <= 0 {
		return true
	}
	now, err := n.luma(r.now[:0])
	if err != nil {
		r.now = r.now[:0]
		return true
	}
	r.now = now
	if len(r.now) != len(r.sent) {
		return true
	}
	different := 0
	for i, b := range r.now {
		if d := int(b) - int(r.sent[i]); d > noise || d < -noise {
			different++
		}
	}
	return float64(different)*100 >= r.minChange*float64(len(r.now))
}

// keep makes the picture that was compared last the one that others are compared with.
func (r *reference) keep() { r.sent, r.now = r.now, r.sent }
