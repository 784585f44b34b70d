package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"

	"linkstart/web"
)

// porter is a server that lets in whom a test wants it to.
type porter struct {
	t       *testing.T
	url     string
	mu      sync.Mutex
	session string // the answer to whoever asks for the session
	conns   []*websocket.Conn
}

const (
	nobodyIn = `{"required":true,"password":false,"oidc":"Log in with the company"}`
	annaIn   = `{"required":true,"name":"anna","role":"admin","via":"session","password":false}`
)

// port serves the page, a provider that lets anna in without a question, and a WebSocket for who is in.
func port(t *testing.T) *porter {
	t.Helper()
	d := &porter{t: t, session: nobodyIn}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(web.Files()))
	mux.HandleFunc("GET /api/v1/session", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, d.answer()) })
	mux.HandleFunc("GET /api/v1/session/oidc", func(w http.ResponseWriter, r *http.Request) {
		d.lets(annaIn)
		http.Redirect(w, r, "/", http.StatusFound) // as the callback does: without what was behind the page's address
	})
	mux.HandleFunc("GET /ws", d.serve)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(func() { d.close(websocket.StatusGoingAway) })
	d.url = server.URL
	return d
}

func (d *porter) answer() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.session
}

func (d *porter) lets(session string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.session = session
}

func (d *porter) serve(w http.ResponseWriter, r *http.Request) {
	if d.answer() == nobodyIn {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	d.mu.Lock()
	d.conns = append(d.conns, ws)
	d.mu.Unlock()
	hello := `{"type":"hello","version":"1","user":{"name":"anna","role":"admin"},"cameras":[{"id":"a","name":"A","state":"live"}],"rooms":[{"room":"main","camera":"a"}]}`
	_ = ws.Write(r.Context(), websocket.MessageText, []byte(hello))
	for {
		if _, _, err := ws.Read(r.Context()); err != nil {
			return
		}
	}
}

// close ends all connections; with StatusAbnormalClosure without a word.
func (d *porter) close(code websocket.StatusCode) {
	d.mu.Lock()
	conns := d.conns
	d.conns = nil
	d.mu.Unlock()
	for _, ws := range conns {
		if code == websocket.StatusAbnormalClosure {
			_ = ws.CloseNow()
		} else {
			_ = ws.Close(code, "")
		}
	}
}

// TestLoginAtAProvider: the browser leaves the page, and comes back to what the address showed.
func TestLoginAtAProvider(t *testing.T) {
	d := port(t)
	p := visit(t, chrome(t), d.url+"/?room=desk2&theme=light#/wall/4", look{}).with(t)
	p.mustLogIn()
	if eval[bool](p, `document.querySelector("#login-name").checkVisibility()`) {
		t.Error("a password is asked for that nobody has")
	}
	if text := eval[string](p, `document.querySelector("#login-oidc").textContent`); text != "Log in with the company" {
		t.Errorf("the button says %q", text)
	}
	p.click("#login-oidc")
	p.until("the camera is there", func(v sight) bool { return len(v.Tiles) == 1 && v.Connection == "open" })
	if v := p.door("back in the page", func(v doors) bool { return v.Page }); v.Login || v.Address != "?room=desk2&theme=light#/wall/4" {
		t.Errorf("seen: %+v", v)
	}
}

// TestTheServerEndsALogin in each of the ways in which a page can hear of it.
func TestTheServerEndsALogin(t *testing.T) {
	d := port(t)
	d.lets(annaIn)
	p := open(t, chrome(t), d.url+"/#/wall/4", look{}).with(t)
	there := func(v sight) bool { return len(v.Tiles) == 1 && v.Connection == "open" }
	p.until("the page is there", there)
	eval[bool](p, `window.same = true`)

	sockets := p.opened()
	d.close(websocket.StatusPolicyViolation) // of a connection that is older than the renewal of its login
	eventually(t, "it connects again", func() error {
		if p.opened() == sockets {
			return fmt.Errorf("it does not")
		}
		return nil
	})
	p.until("a login that was renewed goes on", there)
	if !eval[bool](p, `window.same === true && !document.body.hasAttribute("data-away")`) {
		t.Error("the page began anew, or stays away")
	}

	d.lets(nobodyIn)
	d.close(websocket.StatusAbnormalClosure)
	p.mustLogIn()
	d.lets(annaIn)
	p.do("another tab tells", chromedp.Evaluate[chromedp.Void](`new BroadcastChannel("linkstart /").postMessage("session")`))
	p.until("it goes on", there)
	d.lets(nobodyIn)
	d.close(websocket.StatusPolicyViolation)
	p.mustLogIn()
	p.quietBut("WebSocket", "401")
}
