package e2e

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/nettest"
	"linkstart/pkg/nodes"
)

// newPool starts supervisors whose servers are a cluster, with cameras that each of them may run.
func newPool(t *testing.T, cameras ...string) []*system {
	t.Helper()
	const size = 3
	var routes [size]string
	for i := range routes {
		routes[i] = nettest.FreeAddr()
	}
	var list strings.Builder
	for _, id := range cameras {
		fmt.Fprintf(&list, "  - {id: %s, source: \"test:clock?size=640x360&fps=10\", nodes: any}\n", id)
	}
	all := make([]*system, size)
	for i := range all {
		all[i] = prepare(t, fmt.Sprintf("node: n%d\nbus: {cluster: {listen: %q, routes: [%q, %q], password: \"${CLUSTER}\"}}\ncameras:\n%s",
			i, routes[i], routes[(i+1)%size], routes[(i+2)%size], &list), "CLUSTER=nobody-else-knows-this-one")
		all[i].begin()
		t.Cleanup(all[i].stop)
	}
	for _, s := range all {
		s.ready()
	}
	return all
}

// owners returns who runs which camera, as s sees it; an error unless all are live on these nodes.
func (s *system) owners(cameras []string, nodes ...string) (map[string]string, error) {
	by := make(map[string]string)
	for _, id := range cameras {
		i, err := s.camera(id)
		if err != nil {
			return nil, err
		}
		if i.State != camera.Live {
			return nil, fmt.Errorf("%s is %s: %s", id, i.State, i.Error)
		}
		if !strings.Contains(strings.Join(nodes, " "), i.Node) {
			return nil, fmt.Errorf("%s is on %s", id, i.Node)
		}
		by[id] = i.Node
	}
	return by, nil
}

// grabbers counts the processes that these supervisors have for cameras.
func grabbers(all ...*system) (n int) {
	for _, s := range all {
		for _, pid := range s.children() {
			if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); filepath.Base(exe) == "grabber" {
				n++
			}
		}
	}
	return n
}

// runs waits until these supervisors have so many processes for cameras: those of cameras that were given away may take long to end.
func runs(t *testing.T, cameras int, all ...*system) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d processes run for %d cameras", cameras, cameras), func() error {
		if n := grabbers(all...); n != cameras {
			return fmt.Errorf("%d run", n)
		}
		return nil
	})
}

// silences hears the signs of life of some nodes. The function it returns ends that, and tells how long nothing came of one of them.
func (s *system) silences(names ...string) (longest func() time.Duration) {
	s.t.Helper()
	nc, access := s.bus()
	s.t.Cleanup(nc.Close)
	var mu sync.Mutex
	var most time.Duration
	last := make(map[string]time.Time)
	heard := func(name string) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		most, last[name] = max(most, now.Sub(last[name])), now
		return most
	}
	for _, name := range names {
		last[name] = time.Now()
	}
	for _, name := range names {
		if _, err := nc.Subscribe(bus.Subjects{Prefix: access.Prefix}.Node(name), func(*nats.Msg) { heard(name) }); err != nil {
			s.t.Fatal(err)
		}
	}
	return func() (longest time.Duration) {
		nc.Close()
		for _, name := range names {
			longest = heard(name)
		}
		return longest
	}
}

// TestPool: three machines share cameras; one that is killed loses them to the others, and gets a share when it comes back.
func TestPool(t *testing.T) {
	cameras := []string{"a", "b", "c", "d", "e", "f"}
	all := newPool(t, cameras...)
	var owners map[string]string
	fair := func(nodes ...string) {
		t.Helper()
		eventually(t, "all cameras run on "+strings.Join(nodes, ", "), func() (err error) {
			if owners, err = all[0].owners(cameras, nodes...); err != nil {
				return err
			}
			for _, node := range nodes {
				n := 0
				for _, owner := range owners {
					if owner == node {
						n++
					}
				}
				if n < len(cameras)/len(nodes) {
					return fmt.Errorf("%s has %d cameras of %v", node, n, owners)
				}
			}
			return nil
		})
		runs(t, len(cameras), all...)
	}
	fair("n0", "n1", "n2")
	page := open(t, chrome(t), all[0].url("/"), look{})
	for again := true; again; all[2].launch() { // where a survivor was as silent as the dead, so that its cameras moved as well
		fair("n0", "n1", "n2")
		again = false
		before := owners
		watched := "" // a camera of the machine that will be killed, in the page of another
		for id, node := range before {
			if node == "n2" {
				watched = id
			}
		}
		all[0].eventually("the room shows it", func() error { // the servers may still be choosing which of them stores selections
			status, _, body := all[0].request("PUT", "/api/v1/rooms/main", strings.NewReader(`{"camera":"`+watched+`"}`), "Content-Type", "application/json")
			if status != http.StatusOK {
				return fmt.Errorf("select: %d %s", status, body)
			}
			return nil
		})
		silent := all[0].silences("n0", "n1")
		page.shows(watched)
		sockets := page.opened()

		killed := time.Now()
		children := all[2].children()
		if err := all[2].cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		all[2].gone(children...)
		eventually(t, "the others have its cameras", func() (err error) {
			owners, err = all[0].owners(cameras, "n0", "n1")
			return err
		})
		longest := silent()
		t.Logf("its cameras are live elsewhere %.1f s after it was killed", time.Since(killed).Seconds())
		page.shows(watched)
		if page.opened() != sockets {
			t.Error("the page has connected again")
		}
		for id, node := range before {
			if node == "n2" || owners[id] == node {
				continue
			}
			t.Logf("camera %s has moved from %s to %s; of a survivor nothing was heard for %.1f s", id, node, owners[id], longest.Seconds())
			if again = longest > nodes.Silence-time.Second; !again { // supervisors may have heard it a little earlier
				t.Error("it need not have moved")
			}
		}
		runs(t, len(cameras), all[:2]...)
	}
	fair("n0", "n1", "n2")

	stopped := time.Now()
	all[2].stop()
	eventually(t, "the others have its cameras", func() (err error) {
		_, err = all[0].owners(cameras, "n0", "n1")
		return err
	})
	t.Logf("its cameras are live elsewhere %.1f s after it was told to stop", time.Since(stopped).Seconds())
	all[2].launch()
}

// TestPoolTornApart: a supervisor that reaches nobody any more gives up what it has, which the others have taken over.
func TestPoolTornApart(t *testing.T) {
	t.Parallel()
	cameras := []string{"a", "b", "c"}
	all := newPool(t, cameras...)
	eventually(t, "all cameras run, and not all on the others", func() error {
		owners, err := all[0].owners(cameras, "n0", "n1", "n2")
		if err == nil && !slices.Contains(slices.Collect(maps.Values(owners)), "n2") {
			err = fmt.Errorf("n2 has none: %v", owners)
		}
		return err
	})
	for _, other := range all[:2] { // what is stopped answers as little as what is cut off
		if err := other.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	resume := func() error {
		return errors.Join(all[0].cmd.Process.Signal(syscall.SIGCONT), all[1].cmd.Process.Signal(syscall.SIGCONT))
	}
	defer func() { _ = resume() }()
	eventually(t, "it runs none", func() error {
		if n := grabbers(all[2]); n != 0 {
			return fmt.Errorf("%d run", n)
		}
		return nil
	})
	all[2].logs("are stopped here")
	if err := resume(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all cameras run again", func() error {
		if _, err := all[0].owners(cameras, "n0", "n1", "n2"); err != nil {
			return err
		}
		if n := grabbers(all...); n != len(cameras) {
			return fmt.Errorf("%d processes run for %d cameras", n, len(cameras))
		}
		return nil
	})
}
