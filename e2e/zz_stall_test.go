//go:build screenshot

package e2e

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestStall(t *testing.T) {
	s := start(t, hall())
	s.becomes("cam6", "live")
	v, _ := s.view(t)
	for i := range 25 {
		v.send(`{"type":"watch","stream":1,"camera":"cam6","rendition":"auto","fps":30}`)
		sub := false
		for end := time.Now().Add(time.Duration(1500+rand.IntN(3000)) * time.Millisecond); time.Now().Before(end); {
			f, m := v.next()
			if m != nil && m.Type == "watching" {
				sub = true
			}
			if f != nil {
				time.Sleep(time.Duration(rand.IntN(700)) * time.Millisecond)
				v.send(`{"type":"ack","stream":%d,"seq":%d}`, f.stream, f.seq)
			}
		}
		v.send(`{"type":"watch","stream":1,"camera":"cam6","rendition":"sub","fps":10}`)
		began := time.Now()
		v.frames(1, 5)
		d := time.Since(began)
		t.Log(i, sub, d)
	}
}
