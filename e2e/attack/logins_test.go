package attack

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"linkstart/pkg/access"
)

// withUsers is a system of its own, where everybody has to log in. It has anna, whose password is "correct horse".
func (g *target) withUsers() *target {
	g.t.Helper()
	hash, err := access.Hash("correct horse")
	if err != nil {
		g.t.Fatal(err)
	}
	return startWith(g.t, fmt.Sprintf("users:\n  - {name: anna, role: admin, password: %q}\n", hash))
}

// login tries a password from an address of this machine and returns the status of the answer, and how long it says to wait.
func (g *target) login(from net.IP, name, password string) (status int, wait time.Duration, err error) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: patience}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Post("http://"+g.addr+"/api/v1/session", "application/json", strings.NewReader(fmt.Sprintf(`{"name":%q,"password":%q}`, name, password)))
	if err != nil {
		return 0, 0, err
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return resp.StatusCode, time.Duration(seconds) * time.Second, resp.Body.Close()
}

// guesses tries passwords from many addresses at once. None of it gets in, most is not even looked at, and somebody who is logged in
// or logs in from where he always does is not kept out.
func (g *target) guesses(s size) {
	h := g.withUsers()
	home := net.IPv4(127, 7, 7, 7)
	if status, _, err := h.login(home, "anna", "correct horse"); err != nil || status != 200 {
		g.t.Fatalf("login: %d %v", status, err)
	}
	var answers [600]atomic.Int64
	var attackers sync.WaitGroup
	for i := range min(s.connections, 200) {
		attackers.Go(func() {
			from := net.IPv4(127, 1, byte(i>>8), byte(i))
			for n := range 5 * s.repeats {
				name := [...]string{"anna", "root", "admin"}[n%3]
				status, _, err := h.login(from, name, fmt.Sprintf("guess %d of %d", n, i))
				if err != nil {
					g.t.Errorf("guess: %v", err)
					return
				}
				answers[status].Add(1)
			}
		})
	}
	attackers.Wait()
	if answers[401].Load() == 0 || answers[429].Load() == 0 || answers[200].Load() > 0 {
		g.t.Errorf("guesses were answered: 200 %d times, 401 %d times, 429 %d times", answers[200].Load(), answers[401].Load(), answers[429].Load())
	}
	var wait time.Duration
	for i := 0; i < 60 && wait < 15*time.Second; i++ { // until the account takes no more for a while, from addresses that have not guessed yet
		time.Sleep(wait)
		var status int
		var err error
		if status, wait, err = h.login(net.IPv4(127, 2, 0, byte(i)), "anna", "a guess"); err != nil || status == 200 {
			g.t.Fatalf("guess: %d %v", status, err)
		}
	}
	if status, _, err := h.login(net.IPv4(127, 9, 9, 9), "anna", "correct horse"); err != nil || status != 429 {
		g.t.Errorf("the account is open to anybody's guesses: %d %v", status, err)
	}
	if status, _, err := h.login(home, "anna", "correct horse"); err != nil || status != 200 {
		g.t.Errorf("anna is kept out by what others guess: %d %v", status, err)
	}
	if status, body, err := h.ask("GET", "/api/v1/cameras", ""); err != nil || status != 200 {
		g.t.Errorf("who is logged in is kept out: %d %s %v", status, body, err)
	}
}

// replays shows a token, and a link that it has made, after it was revoked.
func (g *target) replays(s size) {
	h := g.withUsers()
	for round := range s.repeats {
		_, body, err := h.ask("POST", "/api/v1/tokens", `{"name":"thief","role":"admin"}`)
		var made struct{ ID, Secret string }
		if err != nil || json.Unmarshal([]byte(body), &made) != nil || made.Secret == "" {
			g.t.Fatalf("make a token: %s %v", body, err)
		}
		thief := *h
		thief.token = made.Secret
		_, body, err = thief.ask("POST", "/api/v1/cameras/clock/link", "")
		var link struct{ Snapshot, Stream string }
		if err != nil || json.Unmarshal([]byte(body), &link) != nil || link.Stream == "" {
			g.t.Fatalf("make a link: %s %v", body, err)
		}
		nobody := *h
		nobody.token = ""
		if status, body, err := nobody.ask("GET", "/"+link.Snapshot, ""); err != nil || status != 200 {
			g.t.Fatalf("the link is not good: %d %s %v", status, body, err)
		}
		if status, body, err := h.ask("DELETE", "/api/v1/tokens/"+made.ID, ""); err != nil || status != 204 {
			g.t.Fatalf("revoke: %d %s %v", status, body, err)
		}
		for _, path := range []string{"/api/v1/cameras", "/api/v1/cameras/clock/stream.mjpeg", "/api/v1/events", "/api/v1/tokens", "/ws", "/metrics"} {
			status, body, err := thief.ask("GET", path, "")
			slowed := round > 0 && status == 429 // each try counts: after ten, the next ones are not even looked at
			if err != nil || status != 401 && !slowed {
				g.t.Errorf("%s with a revoked token: %d %s %v", path, status, body, err)
			}
		}
		for _, path := range []string{link.Snapshot, link.Stream} {
			if status, body, err := nobody.ask("GET", "/"+path, ""); err != nil || status != 401 {
				g.t.Errorf("%s of a revoked token: %d %s %v", path, status, body, err)
			}
		}
	}
}
