package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"linkstart/pkg/camera"
)

const proxied = `
cameras:
  - {id: clock, name: Clock, group: Hall, source: "test:clock?size=640x360&fps=15"}
  - {id: ball, name: Ball, group: Hall, source: "test:ball?size=640x360&fps=15"}
rooms: [{id: main, alarm_takeover: 60s}]
`

// entry is a proxy before the system, which serves it under /cams/ and nothing else.
type entry struct {
	url     string
	mu      sync.Mutex
	outside []string // what was asked for beside it
	sockets int
}

// enter starts a proxy. It passes the name that the browser asked for on to the system, or the system's own address.
func enter(t *testing.T, system string, passHost bool) *entry {
	t.Helper()
	e := &entry{}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	target := &url.URL{Scheme: "http", Host: system}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		if passHost {
			r.Out.Host = r.In.Host
		}
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inside := strings.HasPrefix(r.URL.Path, "/cams/")
		e.mu.Lock()
		if !inside {
			e.outside = append(e.outside, r.Method+" "+r.URL.Path)
		} else if r.URL.Path == "/cams/ws" {
			e.sockets++
		}
		e.mu.Unlock()
		if !inside {
			http.NotFound(w, r)
			return
		}
		http.StripPrefix("/cams", proxy).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	e.url = server.URL
	return e
}

// check fails for each request that left the prefix, as the proxy saw it and as the browser did.
func (e *entry) check(p *tab) {
	p.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.outside) > 0 {
		p.t.Errorf("the page asks beside its prefix: %v", e.outside)
	}
	if e.sockets == 0 {
		p.t.Error("no WebSocket came under the prefix")
	}
	loaded := eval[[]string](p, `performance.getEntriesByType("resource").map((e) => e.name)`)
	if len(loaded) < 10 {
		p.t.Errorf("the browser knows of %v only", loaded)
	}
	proxy, err := url.Parse(e.url)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, address := range append(loaded, p.visited()...) {
		u, err := url.Parse(address)
		if err == nil && (u.Scheme == "data" || u.Scheme == "blob") {
			continue // made by the page itself
		}
		if err != nil || u.Host != proxy.Host || !strings.HasPrefix(u.Path, "/cams/") {
			p.t.Errorf("the page asks for %s", address)
		}
	}
}

// TestPageUnderASubPath uses the page behind a proxy: all of it works, nothing is asked for elsewhere, and no rule of the
// Content-Security-Policy is broken (the tab complains of both).
func TestPageUnderASubPath(t *testing.T) {
	s := start(t, proxied)
	s.becomes("clock", camera.Live)
	s.becomes("ball", camera.Live)
	e := enter(t, s.addr, true)
	p := open(t, chrome(t), e.url+"/cams/", look{}).with(t)
	p.until("tiles are live", func(v sight) bool {
		return v.Connection == "open" && v.tile("clock").Picture == "live" && v.tile("ball").Picture == "live"
	})
	p.click(`button.tile[data-camera=ball]`)
	p.shows("ball")
	p.click(`button.tile[data-camera=clock]`)
	p.shows("clock")
	p.gets(`[data-action=snapshot]`, "Saved clock_", "No snapshot of ")

	before := s.becomes("clock", camera.Live).PID
	if status := post(p, "restart"); status != http.StatusOK && status != http.StatusAccepted && status != http.StatusNoContent {
		t.Errorf("a restart is answered with %d", status)
	}
	s.eventually("clock has a new process", func() error {
		info, err := s.camera("clock")
		if err == nil && (info.PID == before || info.State != camera.Live) {
			err = fmt.Errorf("process %d is %s", info.PID, info.State)
		}
		return err
	})
	p.shows("clock")
	e.check(p)
}

// post gives an order for clock from within the page, as its buttons do, and returns the status of the answer.
func post(p *tab, order string) int {
	p.t.Helper()
	return eval[int](p, fmt.Sprintf(`fetch("api/v1/cameras/clock/%s", {method: "POST"}).then((r) => r.status)`, order))
}

// TestProxyThatChangesHost: to the system the page then comes from elsewhere, and may do nothing until that origin is named.
func TestProxyThatChangesHost(t *testing.T) {
	s := start(t, proxied)
	s.becomes("clock", camera.Live)
	e := enter(t, s.addr, false)
	p := open(t, chrome(t), e.url+"/cams/", look{})
	p.until("the page is refused", func(v sight) bool { return v.Connection == "lost" && len(v.Tiles) == 0 })
	if status := post(p, "restart"); status != http.StatusForbidden {
		t.Errorf("a page of another origin gets %d for a restart", status)
	}
	s.configureOrigins(proxied, e.url)
	if out, err := s.command("reload"); err != nil {
		t.Fatalf("reload: %v\n%s", err, out)
	}
	p.until("the page comes in by itself", func(v sight) bool { return v.Connection == "open" && v.tile("clock").Picture == "live" })
	p.click(`button.tile[data-camera=clock]`)
	p.shows("clock")
	if status := post(p, "restart"); status >= 300 {
		t.Errorf("a page of an origin that is named gets %d for a restart", status)
	}
	p.quietBut("403", "WebSocket", "ERR_CONNECTION_REFUSED", "502") // while it was refused, and while the relay started anew
}

// configureOrigins writes the configuration with server.origins.
func (s *system) configureOrigins(cameras, origin string) {
	s.t.Helper()
	text := fmt.Sprintf("server: {listen: %q, origins: [%q]}\nstate_dir: state\n%s", s.addr, origin, cameras)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}
