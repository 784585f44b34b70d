package e2e

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"linkstart/pkg/camera"
)

// fault is one way to make something fail: do makes it fail, waits until all is well again, and says what it did; nil where
// nothing was left to fail.
type fault struct {
	name string
	do   func(*chaos) *hit
}

// hit is a fault that was made.
type hit struct {
	name  string
	who   []string // cameras whose pictures it is about
	relay bool     // every connection ends
	took  time.Duration
	gap   // from the fault until all was well again
}

var faults = []fault{
	{"grabber killed (SIGKILL)", toGrabber(syscall.SIGKILL)},
	{"grabber stopped (SIGSTOP)", toGrabber(syscall.SIGSTOP)},
	{"connection to the camera cut", misbehaves(sends, true)},
	{"camera refuses for 1 to 6 s", misbehaves(refuses, true)},
	{"camera silent for 1 to 6 s", misbehaves(silent, false)},
	{"camera sends garbage for 1 to 6 s", misbehaves(garbage, false)},
	{changes, (*chaos).changes},
	{"reload that adds a camera", (*chaos).adds},
	{removes, (*chaos).removes},
	{"reload of a file with mistakes", (*chaos).mistakes},
	{"relay killed (SIGKILL)", toRelay(syscall.SIGKILL)},
	{"relay stopped (SIGSTOP)", toRelay(syscall.SIGSTOP)},
}

const (
	changes = "reload that changes a camera"
	removes = "reload that removes a camera"
)

// toGrabber sends a signal to the process of some camera.
func toGrabber(s syscall.Signal) func(*chaos) *hit {
	return func(c *chaos) *hit {
		id, ok := c.free(anyCamera)
		if !ok {
			return nil
		}
		info := c.becomes(id, camera.Live)
		from := time.Now()
		if err := syscall.Kill(info.PID, s); err != nil {
			c.t.Fatal(err)
		}
		return &hit{who: []string{id}, took: c.viewers.anew(c.t, "after "+s.String(), id, from)}
	}
}

// toRelay sends a signal to the relay; the slowest camera counts.
func toRelay(s syscall.Signal) func(*chaos) *hit {
	return func(c *chaos) *hit {
		if !c.rested("") {
			return nil
		}
		c.faulted[""] = time.Now()
		relay := c.relay()
		from := time.Now()
		if err := syscall.Kill(relay, s); err != nil {
			c.t.Fatal(err)
		}
		c.gone(relay) // what it sent before is not counted
		ended := time.Now()
		h := &hit{who: append(slices.Clone(c.ids), spare), relay: true}
		for _, id := range c.ids {
			h.took = max(h.took, ended.Sub(from)+c.viewers.again(c.t, "after the relay's "+s.String(), id, ended))
		}
		return h
	}
}

// misbehaves has a simulated camera behave in that way for a while; the time counts from the end of that.
func misbehaves(mode int, cut bool) func(*chaos) *hit {
	return func(c *chaos) *hit {
		id, ok := c.free(func(id string) bool { return id[0] == 'h' })
		if !ok {
			return nil
		}
		n := slices.Index(c.ids, id)
		c.farm.become(n, mode, cut)
		if mode != sends {
			time.Sleep(time.Duration(1+c.random.IntN(6)) * time.Second)
		}
		from := time.Now()
		c.farm.become(n, sends, false)
		return &hit{who: []string{id}, took: c.viewers.again(c.t, "after its camera misbehaved", id, from)}
	}
}

// changes: the pictures go on until the old process is stopped, so those of the new one count.
func (c *chaos) changes() *hit {
	id, ok := c.free(func(id string) bool { return id[0] == 'h' || id[0] == 't' })
	if !ok {
		return nil
	}
	c.altered[id] = !c.altered[id]
	from := time.Now()
	c.configure(c.text())
	return &hit{who: []string{id}, took: c.viewers.anew(c.t, "after its configuration changed", id, from)}
}

const spare = "spare" // the camera that is added and removed

func (c *chaos) adds() *hit {
	if c.spare {
		return nil
	}
	c.spare = true
	from := time.Now()
	c.configure(c.text())
	return &hit{who: []string{spare}, took: c.viewers.anew(c.t, "added", spare, from)}
}

// removes: the time is that until the process is gone.
func (c *chaos) removes() *hit {
	if !c.spare {
		return nil
	}
	pid := c.becomes(spare, camera.Live).PID
	c.spare = false
	from := time.Now()
	c.configure(c.text())
	c.gone(pid)
	took := time.Since(from)
	c.eventually("the camera is not shown any more", func() error {
		if info, err := c.camera(spare); err == nil {
			return fmt.Errorf("it is %s", info.State)
		}
		return nil
	})
	c.viewers.forget(spare)
	return &hit{who: []string{spare}, took: took}
}

// mistakes: the time is that until the mistake is told.
func (c *chaos) mistakes() *hit {
	const wrong = "UPPER"
	told := func(want bool) {
		c.eventually("the mistake is told, and then forgotten", func() error {
			if out, err := c.command("status"); err != nil || strings.Contains(out, wrong) != want {
				return fmt.Errorf("status says %s, %v", out, err)
			}
			return nil
		})
	}
	from := time.Now()
	c.configure("cameras: [{id: " + wrong + "}]\n")
	told(true)
	h := &hit{took: time.Since(from)}
	c.configure(c.text())
	told(false)
	return h
}
