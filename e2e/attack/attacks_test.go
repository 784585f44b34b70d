package attack

import "testing"

// size is how much of everything an attack takes.
type size struct {
	connections int
	bytes       int // of a header or body
	repeats     int // of what is done over and over
}

// small is what runs with all other tests.
var small = size{connections: 60, bytes: 12 << 20, repeats: 1}

// attacks are all that is done. Each asserts how it is answered, and returns when it is over. Another one goes into the table: it
// then runs small with the tests, and at full size with make attack.
var attacks = []struct {
	name string
	run  func(*target, size)
}{
	{"headers that drip", (*target).slowHeaders},
	{"bodies that drip", (*target).slowBodies},
	{"connections that say nothing", (*target).halfOpen},
	{"answers that nobody takes", (*target).deaf},
	{"endless headers", (*target).hugeHeaders},
	{"endless bodies", (*target).hugeBodies},
	{"packed bombs", (*target).packedBombs},
	{"nested JSON", (*target).nestedJSON},
	{"WebSocket frames against the rules", (*target).badFrames},
	{"WebSocket fragments without end", (*target).fragments},
	{"WebSocket orders without end", (*target).orders},
	{"foreign origins", (*target).foreignOrigins},
	{"foreign hosts", (*target).foreignHosts},
	{"paths that lead elsewhere", (*target).paths},
	{"requests within requests", (*target).smuggling},
	{"broken and odd pictures", (*target).pictures},
	{"pictures that say they are huge", (*target).declaredSizes},
	{"lines in the log", (*target).logLines},
	{"guessed passwords", (*target).guesses},
	{"tokens after their end", (*target).replays},
}

// TestAttacks: after each attack the same relay and cameras run, who watched still does, and nothing is left behind.
func TestAttacks(t *testing.T) {
	g := start(t)
	viewers := g.watch()
	processes := map[string]int{"clock": g.pid("clock"), "ball": g.pid("ball"), "door": g.pid("door")}
	before := g.files()
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			h := *g
			h.t = t
			a.run(&h, small)
			h.alive()
			h.flows(viewers)
			for id, before := range processes {
				if now := h.pid(id); now != before {
					_, why, _ := h.ask("GET", "/api/v1/cameras/"+id+"/failures", "")
					t.Errorf("the process of %s is %d, and was %d: %s", id, now, before, why)
					processes[id] = now
				}
			}
		})
	}
	if now := g.child("relay"); now != g.relay {
		t.Errorf("the relay is process %d, and was %d", now, g.relay)
	}
	g.eventually("the relay has closed what was opened", func() error { return g.tidy(before) })
}
