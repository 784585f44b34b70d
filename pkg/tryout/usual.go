package tryout

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"linkstart/pkg/camera"
)

// usual are the addresses that are tried where a page names a host only. docs/operations.md lists them.
var usual = []struct {
	scheme, port string
	paths        []string
}{
	{"rtsp", "554", []string{
		"/Streaming/Channels/101",              // Hikvision
		"/cam/realmonitor?channel=1&subtype=0", // Dahua, Amcrest
		"/axis-media/media.amp",                // Axis
		"/h264Preview_01_main",                 // Reolink
		"/stream1",                             // TP-Link and many others
		"/",
	}},
	{"http", "80", []string{
		"/axis-cgi/mjpg/video.cgi", // Axis
		"/videostream.cgi",         // Foscam
		"/mjpg/video.mjpg",
		"/video", // IP Webcam
		"/stream",
	}},
}

const (
	together = 3 // addresses of one host
	knock    = 2 * time.Second
)

// search tries the usual addresses of a host; the first picture wins. A refused login ends it: the others would be refused
// too, and cameras lock accounts.
func (t *Tester) search(ctx context.Context, w Wanted) (Result, error) {
	host, port := split(w.Source)
	addr, err := t.Reachable().resolve(ctx, host)
	if err != nil {
		return Result{}, err
	}
	sources, err := t.open(ctx, w, host, port, addr)
	if err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan string, len(sources))
	for _, s := range sources {
		queue <- s
	}
	close(queue)
	type outcome struct {
		Result
		err error
	}
	outcomes := make(chan outcome, len(sources))
	var workers sync.WaitGroup
	for range together {
		workers.Go(func() {
			for s := range queue {
				if ctx.Err() != nil {
					return
				}
				r, err := t.one(ctx, s, "", addr)
				outcomes <- outcome{r, err}
			}
		})
	}
	t.running.Go(func() { workers.Wait(); close(outcomes) })
	for o := range outcomes {
		if o.err == nil || errors.Is(o.err, camera.ErrAuth) {
			return o.Result, o.err
		}
	}
	if ctx.Err() != nil {
		return Result{}, late()
	}
	return Result{}, &camera.Error{Say: fmt.Sprintf("%s answers, but sends no pictures at the usual addresses: write the whole address, e.g. rtsp://%s/…", host, host), Err: ErrNoPicture}
}

// open returns the usual sources of those ports that are open.
func (t *Tester) open(ctx context.Context, w Wanted, host, port string, addr netip.Addr) ([]string, error) {
	knocking, cancel := context.WithTimeout(ctx, knock)
	defer cancel()
	isOpen := make([]bool, len(usual))
	var all sync.WaitGroup
	for i, u := range usual {
		all.Go(func() {
			p := u.port
			if port != "" {
				p = port
			}
			conn, err := new(net.Dialer).DialContext(knocking, "tcp", net.JoinHostPort(addr.String(), p))
			if err == nil {
				isOpen[i] = true
				_ = conn.Close()
			}
		})
	}
	all.Wait()
	var sources, ports []string
	for i, u := range usual {
		if port == "" {
			ports = append(ports, u.port)
		}
		if !isOpen[i] {
			continue
		}
		where := host
		if port != "" {
			where = net.JoinHostPort(host, port)
		} else if strings.Contains(host, ":") {
			where = "[" + host + "]"
		}
		for _, path := range u.paths {
			source, _, err := Wanted{Source: u.scheme + "://" + where + path, User: w.User, Password: w.Password}.Complete()
			if err != nil {
				return nil, err
			}
			sources = append(sources, source)
		}
	}
	if len(sources) == 0 {
		if port != "" {
			ports = []string{port}
		}
		return nil, &camera.Error{Say: fmt.Sprintf("%s does not answer at port %s: is it on, and is the address right?", host, strings.Join(ports, " or ")), Err: ErrNoPicture}
	}
	return sources, nil
}

// split takes HOST or HOST:PORT apart.
func split(bare string) (host, port string) {
	bare = strings.TrimSpace(bare)
	if host, port, err := net.SplitHostPort(bare); err == nil {
		return host, port
	}
	return strings.Trim(bare, "[]"), ""
}
