// Package rig runs Linkstart as users do: the supervisor's program with a configuration file, looked at from outside only.
package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/bench/proc"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/statedir"
)

const (
	patience = 60 * time.Second
	maxBody  = 8 << 20
)

// Camera is one entry of cameras.yaml.
type Camera struct {
	ID, Source string
	Extra      string // further keys, as "fps: 10, quality: 80"
}

// Rig is a supervisor that runs, with all its children.
type Rig struct {
	Addr    string // host:port of the relay
	dir     string
	bin     string
	process *proc.Process
	client  *http.Client
}

// Start runs bin/supervisor with these cameras on a free port of host, and waits until it serves. Stop must be called.
func Start(ctx context.Context, bin, host string, cameras ...Camera) (*Rig, error) {
	return Join(ctx, bin, host, "bench", "", cameras...)
}

// Join is Start for one machine of several: its node's name, and what bus: is to hold, as a map of YAML in one line.
func Join(ctx context.Context, bin, host, node, bus string, cameras ...Camera) (*Rig, error) {
	r, err := begin(bin, host, node, bus, cameras)
	if err != nil {
		return nil, err
	}
	if err := r.Ready(ctx); err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

// JoinAll is Join for several that wait for each other: the first calls of begin all return before any of them serves.
func JoinAll(ctx context.Context, bin, host string, nodes, buses []string, cameras ...Camera) (all []*Rig, err error) {
	for i := range nodes {
		r, err := begin(bin, host, nodes[i], buses[i], cameras)
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	for _, r := range all {
		if err := r.Ready(ctx); err != nil {
			return all, err
		}
	}
	return all, nil
}

// Free is an address of host where nothing listens.
func Free(host string) (string, error) { return free(host) }

func begin(bin, host, node, bus string, cameras []Camera) (*Rig, error) {
	addr, err := free(host)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "linkstart-bench-")
	if err != nil {
		return nil, err
	}
	r := &Rig{Addr: addr, dir: dir, bin: bin, client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}}
	file := filepath.Join(dir, "cameras.yaml")
	if err := os.WriteFile(file, []byte(configuration(addr, node, bus, cameras)), 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := r.Again(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return r, nil
}

// Again starts the supervisor after it was killed.
func (r *Rig) Again() (err error) {
	r.process, err = proc.Start(exec.Command(filepath.Join(r.bin, "supervisor"), "-config", filepath.Join(r.dir, "cameras.yaml")))
	return err
}

// Kill ends the supervisor as a power cut would: its children find that out themselves.
func (r *Rig) Kill() error {
	err := r.process.Signal(syscall.SIGKILL)
	<-r.process.Ended()
	return err
}

// Ready waits until it serves.
func (r *Rig) Ready(ctx context.Context) error {
	if err := r.until(ctx, "it serves", r.ready); err != nil {
		return fmt.Errorf("start supervisor: %w\n%s", err, r.process.Complaints())
	}
	return nil
}

func free(host string) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func configuration(addr, node, bus string, cameras []Camera) string {
	var b strings.Builder
	fmt.Fprintf(&b, "server: {listen: %q, auth: none}\nstate_dir: state\nnode: %s\n", addr, node)
	if bus != "" {
		fmt.Fprintf(&b, "bus: {%s}\n", bus)
	}
	b.WriteString("cameras:\n")
	for _, c := range cameras {
		fmt.Fprintf(&b, "  - {id: %s, source: %q", c.ID, c.Source)
		if c.Extra != "" {
			b.WriteString(", " + c.Extra)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// Stop ends everything and removes its files. It may be called again, and for nil.
func (r *Rig) Stop() {
	if r == nil {
		return
	}
	r.process.Stop()
	r.client.CloseIdleConnections()
	_ = os.RemoveAll(r.dir)
}

// PID is that of the supervisor.
func (r *Rig) PID() int { return r.process.PID() }

// Relay is the process of the relay.
func (r *Rig) Relay() (int, error) {
	for _, pid := range proc.Descendants(r.PID()) {
		if proc.Program(pid) == "relay" {
			return pid, nil
		}
	}
	return 0, errors.New("find relay: none runs")
}

// Cameras is what the API tells of all cameras.
func (r *Rig) Cameras(ctx context.Context) ([]camera.Info, error) {
	b, err := r.get(ctx, "/api/v1/cameras")
	if err != nil {
		return nil, err
	}
	var all []camera.Info
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("read cameras: %w", err)
	}
	return all, nil
}

// Camera is what the API tells of one.
func (r *Rig) Camera(ctx context.Context, id string) (camera.Info, error) {
	var info camera.Info
	b, err := r.get(ctx, "/api/v1/cameras/"+url.PathEscape(id))
	if err == nil {
		err = json.Unmarshal(b, &info)
	}
	return info, err
}

// Live waits until every camera is live.
func (r *Rig) Live(ctx context.Context) error {
	return r.until(ctx, "all cameras are live", func(ctx context.Context) error {
		all, err := r.Cameras(ctx)
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.State != camera.Live {
				return fmt.Errorf("%s is %s: %s", c.ID, c.State, c.Error)
			}
		}
		return nil
	})
}

// Bus joins the bus as the command line does; the caller closes the connection.
func (r *Rig) Bus(ctx context.Context) (*nats.Conn, bus.Subjects, error) {
	access, err := statedir.ReadAccess(filepath.Join(r.dir, "state"))
	if err != nil {
		return nil, bus.Subjects{}, err
	}
	nc, err := bus.Connect(ctx, access, slog.New(slog.DiscardHandler))
	return nc, bus.Subjects{Prefix: access.Prefix}, err
}

func (r *Rig) ready(ctx context.Context) error {
	select {
	case <-r.process.Ended():
		return r.process.Err()
	default:
	}
	_, err := r.get(ctx, "/readyz")
	return err
}

func (r *Rig) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.Addr+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %s: %s", path, resp.Status)
	}
	return b, err
}

func (r *Rig) until(ctx context.Context, what string, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-r.process.Ended():
			return fmt.Errorf("wait until %s: %w", what, r.process.Err())
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w: %w\n%s", what, ctx.Err(), err, r.process.Complaints())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Await waits until a camera is in that state.
func (r *Rig) Await(ctx context.Context, id string, state camera.State) error {
	return r.until(ctx, id+" is "+string(state), func(ctx context.Context) error {
		c, err := r.Camera(ctx, id)
		if err == nil && c.State != state {
			err = fmt.Errorf("%s is %s: %s", id, c.State, c.Error)
		}
		return err
	})
}

// Uplink is the process that sends to a hub.
func (r *Rig) Uplink() (int, error) {
	for _, pid := range proc.Descendants(r.PID()) {
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.Contains(string(args), "-uplink") {
			return pid, nil
		}
	}
	return 0, errors.New("find uplink: none runs")
}
