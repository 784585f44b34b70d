package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkstart/pkg/camera"
)

// chaos is a system whose parts are made to fail at random while viewers watch.
type chaos struct {
	*system
	farm     *cameraFarm
	viewers  *audience
	random   *rand.Rand
	ids      []string             // "h…" are served by the farm, "t…" are test pictures
	faulted  map[string]time.Time // when each last had a fault of its own; "" is the relay
	extra    bool                 // one more camera is configured
	altered  map[string]bool      // cameras whose configuration differs from the first one
	took     map[string][]time.Duration
	windows  map[string][]gap // when a camera was under a fault of its own; "" all of them
	injected int
}

// calm is how long a part is left alone after a fault: five failures within a minute are a crash loop, which is retried slowly.
const calm = 75 * time.Second

func startChaos(t *testing.T, cameras int, seed uint64) *chaos {
	t.Helper()
	c := &chaos{
		farm: startFarm(t), random: rand.New(rand.NewPCG(seed, 0)), faulted: make(map[string]time.Time),
		altered: make(map[string]bool), took: make(map[string][]time.Duration), windows: make(map[string][]gap),
	}
	for i := range cameras {
		c.ids = append(c.ids, fmt.Sprintf("%c%d", "ht"[i%2], i))
	}
	c.system = start(t, c.text())
	for _, id := range c.ids {
		c.becomes(id, camera.Live)
	}
	c.viewers = c.audience(t, c.ids)
	for _, id := range c.ids {
		c.viewers.again(t, "at the start", id, time.Now())
	}
	return c
}

// text is the configuration as it is to be now.
func (c *chaos) text() string {
	var b strings.Builder
	b.WriteString("defaults: {fps: 10, read_timeout: 3s, open_timeout: 3s}\ncameras:\n")
	for i, id := range c.ids {
		source := "test:clock?size=320x180"
		if id[0] == 'h' {
			source = c.farm.url(i)
		}
		quality := 80
		if c.altered[id] {
			quality = 70
		}
		fmt.Fprintf(&b, "  - {id: %s, source: %q, quality: %d}\n", id, source, quality)
	}
	if c.extra {
		b.WriteString("  - {id: extra, source: 'test:ball?size=320x180'}\n")
	}
	return b.String()
}

// fault is one way to make something fail: do makes it fail, and returns who is concerned ("" for all) and from when on pictures
// are to come again; nobody is concerned where the name is "-".
type fault struct {
	name string
	do   func(c *chaos) (id string, from time.Time)
}

func (c *chaos) farmed() string {
	return c.free(func(id string) bool { return id[0] == 'h' })
}

// free chooses a camera that had no fault lately, "-" for none.
func (c *chaos) free(of func(string) bool) string {
	list := slices.DeleteFunc(slices.Clone(c.ids), func(id string) bool {
		return !of(id) || !c.faulted[id].IsZero() && time.Since(c.faulted[id]) < calm
	})
	if len(list) == 0 {
		return "-"
	}
	return list[c.random.IntN(len(list))]
}

func anyCamera(string) bool { return true }

// toGrabber sends a signal to the process of some camera.
func toGrabber(s syscall.Signal) func(*chaos) (string, time.Time) {
	return func(c *chaos) (string, time.Time) {
		id := c.free(anyCamera)
		if id == "-" {
			return id, time.Time{}
		}
		info := c.becomes(id, camera.Live)
		now := time.Now()
		_ = syscall.Kill(info.PID, s)
		return id, now
	}
}

func toRelay(s syscall.Signal) func(*chaos) (string, time.Time) {
	return func(c *chaos) (string, time.Time) {
		if !c.faulted[""].IsZero() && time.Since(c.faulted[""]) < calm {
			return "-", time.Time{}
		}
		now := time.Now()
		_ = syscall.Kill(c.relay(), s)
		return "", now
	}
}

// misbehaves has a simulated camera behave in that way for a while.
func misbehaves(mode int, cut bool) func(*chaos) (string, time.Time) {
	return func(c *chaos) (string, time.Time) {
		id := c.farmed()
		if id == "-" {
			return id, time.Time{}
		}
		n := slices.Index(c.ids, id)
		c.farm.become(n, mode, cut)
		if mode != sends {
			time.Sleep(time.Duration(1+c.random.IntN(6)) * time.Second)
		}
		now := time.Now()
		c.farm.become(n, sends, false)
		return id, now
	}
}

var faults = []fault{
	{"grabber killed (SIGKILL)", toGrabber(syscall.SIGKILL)},
	{"grabber stopped (SIGSTOP)", toGrabber(syscall.SIGSTOP)},
	{"connection to the camera cut", misbehaves(sends, true)},
	{"camera refuses for 1 to 6 s", misbehaves(refuses, true)},
	{"camera silent for 1 to 6 s", misbehaves(silent, false)},
	{"camera sends garbage for 1 to 6 s", misbehaves(garbage, false)},
	{"reload that changes a camera", func(c *chaos) (string, time.Time) {
		id := c.free(anyCamera)
		if id == "-" {
			return id, time.Time{}
		}
		c.altered[id] = !c.altered[id]
		now := time.Now()
		c.configure(c.text())
		return id, now
	}},
	{"reload that adds or removes a camera", func(c *chaos) (string, time.Time) {
		c.extra = !c.extra
		c.configure(c.text())
		return "-", time.Now()
	}},
	{"reload of a file with mistakes", func(c *chaos) (string, time.Time) {
		c.configure("cameras: [{id: UPPER}]\n")
		c.eventually("the mistake is told", func() error {
			if out, err := c.command("status"); err != nil || !strings.Contains(out, "UPPER") {
				return fmt.Errorf("status says %s, %v", out, err)
			}
			return nil
		})
		c.configure(c.text())
		return "-", time.Now()
	}},
	{"relay killed (SIGKILL)", toRelay(syscall.SIGKILL)},
	{"relay stopped (SIGSTOP)", toRelay(syscall.SIGSTOP)},
}

// inject makes one thing fail, and waits until all pictures come again.
func (c *chaos) inject(f fault) bool {
	c.t.Helper()
	began := time.Now()
	id, from := f.do(c)
	if id == "-" && from.IsZero() {
		return false
	}
	c.injected++
	concerned := []string{id}
	switch id {
	case "-":
		concerned = nil
	case "":
		concerned = c.ids
	}
	var slowest time.Duration
	for _, v := range concerned {
		slowest = max(slowest, c.viewers.again(c.t, f.name, v, from))
	}
	if id != "-" {
		c.took[f.name] = append(c.took[f.name], slowest)
		c.faulted[id] = time.Now()
		c.windows[id] = append(c.windows[id], gap{began, time.Now()})
	} else {
		c.took[f.name] = append(c.took[f.name], 0)
	}
	return true
}

// disturbed counts the gaps in the pictures of cameras that had no fault of their own at the time.
func (c *chaos) disturbed() (list []string) {
	c.viewers.mu.Lock()
	defer c.viewers.mu.Unlock()
	for id, gaps := range c.viewers.gaps {
		for _, g := range gaps {
			own := func(w gap) bool { return g.from.Before(w.to) && g.to.After(w.from) }
			if !slices.ContainsFunc(c.windows[id], own) && !slices.ContainsFunc(c.windows[""], own) {
				list = append(list, fmt.Sprintf("%s for %s", id, g.to.Sub(g.from).Round(time.Millisecond)))
			}
		}
	}
	return list
}

// belongings are what the supervisor and its children hold: how many processes of each kind, how many files each has open at most.
type belongings struct {
	processes map[string]int
	files     map[string]int
	zombies   int
}

func (c *chaos) belongings() belongings {
	b := belongings{processes: make(map[string]int), files: make(map[string]int)}
	for _, pid := range append([]int{c.cmd.Process.Pid}, c.children()...) {
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || strings.Contains(string(stat), ") Z ") {
			b.zombies++
			continue
		}
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		kind := filepath.Base(exe)
		b.processes[kind]++
		b.files[kind] = max(b.files[kind], len(files))
	}
	return b
}

// spare is how many more files a process may have open than before: connections that are just ending.
const spare = 6

// whole checks that nothing is left of all the faults.
func (c *chaos) whole(before belongings, viewers int) {
	c.t.Helper()
	if c.extra {
		c.extra = false
		c.configure(c.text())
	}
	for _, id := range c.ids {
		c.becomes(id, camera.Live)
		c.viewers.again(c.t, "at the end", id, time.Now())
	}
	c.eventually("nothing is left behind", func() error {
		now := c.belongings()
		for kind, n := range now.processes {
			if n != before.processes[kind] {
				return fmt.Errorf("%d processes %s, %d before", n, kind, before.processes[kind])
			}
			if now.files[kind] > before.files[kind]+spare {
				return fmt.Errorf("a process %s has %d open files, %d before", kind, now.files[kind], before.files[kind])
			}
		}
		if now.zombies > 0 {
			return fmt.Errorf("%d zombies", now.zombies)
		}
		return nil
	})
	c.viewers.mu.Lock()
	defer c.viewers.mu.Unlock()
	if c.viewers.lost > viewers {
		c.t.Errorf("the viewer was cut off %d times, by %d faults of the relay", c.viewers.lost, viewers)
	}
}

// relayFaults counts the faults that end every connection.
func (c *chaos) relayFaults() int { return len(c.windows[""]) }

// TestChaos is the short one: every kind of fault once. `make chaos` takes minutes.
func TestChaos(t *testing.T) {
	c := startChaos(t, 12, 1)
	before := c.belongings()
	for _, i := range c.random.Perm(len(faults)) {
		f := faults[i]
		if !c.inject(f) && !strings.HasPrefix(f.name, "relay") {
			t.Errorf("%s: nobody was left for it", f.name)
		}
	}
	c.whole(before, c.relayFaults())
	if list := c.disturbed(); len(list) > 0 {
		t.Logf("disturbed without a fault of their own, on a machine as busy as it may be: %s", strings.Join(list, ", "))
	}
}
