package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"linkstart/pkg/access"
	"linkstart/pkg/audit"
	"linkstart/pkg/camera"
)

// What a route asks of whoever calls it, written down once more and independently of the routes themselves.
const (
	anybody       = ""
	viewerOf      = "viewer"
	operatorOf    = "operator"
	unlimited     = "viewer of all"
	administrator = "admin of all"
)

var wanted = map[string]string{
	"GET /api/v1/cameras":                   viewerOf,
	"POST /api/v1/cameras":                  administrator,
	"POST /api/v1/cameras/test":             administrator,
	"POST /api/v1/cameras/discover":         administrator,
	"GET /api/v1/cameras/{id}":              viewerOf,
	"POST /api/v1/cameras/{id}/restart":     operatorOf,
	"POST /api/v1/cameras/{id}/stop":        operatorOf,
	"POST /api/v1/cameras/{id}/start":       operatorOf,
	"GET /api/v1/cameras/{id}/snapshot.jpg": viewerOf,
	"GET /api/v1/cameras/{id}/stream.mjpeg": viewerOf,
	"POST /api/v1/cameras/{id}/link":        viewerOf,
	"POST /api/v1/cameras/{id}/frames":      operatorOf,
	"POST /api/v1/cameras/{id}/alarm":       operatorOf,
	"DELETE /api/v1/cameras/{id}/alarm":     operatorOf,
	"GET /api/v1/cameras/{id}/logs":         operatorOf,
	"GET /api/v1/cameras/{id}/failures":     operatorOf,
	"GET /api/v1/system":                    operatorOf,
	"POST /api/v1/reload":                   administrator,
	"GET /api/v1/rooms/{room}":              viewerOf,
	"PUT /api/v1/rooms/{room}":              operatorOf,
	"PUT /api/v1/rooms/{room}/patrol":       operatorOf,
	"DELETE /api/v1/rooms/{room}/patrol":    operatorOf,
	"GET /api/v1/viewers":                   operatorOf,
	"GET /api/v1/events":                    viewerOf,
	"GET /api/v1/session":                   anybody,
	"POST /api/v1/session":                  anybody,
	"DELETE /api/v1/session":                anybody,
	"GET /api/v1/session/oidc":              anybody,
	"GET /api/v1/session/oidc/callback":     anybody,
	"GET /api/v1/tokens":                    administrator,
	"POST /api/v1/tokens":                   administrator,
	"DELETE /api/v1/tokens/{token}":         administrator,
	"GET /api/v1/audit":                     administrator,
	"GET /api/v1/openapi.json":              anybody,
	"POST /upload":                          operatorOf,
	"GET /ws":                               viewerOf,
	"GET /metrics":                          unlimited,
	"GET /healthz":                          anybody,
	"GET /readyz":                           anybody,
}

// callers are everybody who may come, each limited to the camera own or not.
func callers() []access.Token {
	own := access.Scope{Cameras: []camera.ID{"own"}}
	group := access.Scope{Groups: []string{"hall"}} // own is in it
	var all []access.Token
	for _, role := range access.Roles {
		for _, scope := range []access.Scope{{}, own, group} {
			all = append(all, access.Token{Name: string(role), Role: role, Scope: scope})
		}
	}
	return all
}

// allowed says whether the caller may, by the table; a camera's route is for camera.
func allowed(need string, t access.Token, target camera.ID) bool {
	all := t.Scope.All()
	switch need {
	case anybody:
		return true
	case unlimited:
		return all
	case administrator:
		return t.Role == access.Admin && all
	case operatorOf:
		if t.Role == access.Viewer {
			return false
		}
	}
	return target != "other" || all
}

func rolesWorld(t *testing.T) *world {
	own, other := info("own", camera.Live), info("other", camera.Live)
	own.Group = "hall"
	other.Group = "cellar"
	w := newWorld(t, own, other)
	for _, id := range []camera.ID{"own", "other"} {
		w.grab(id).publish(2000)
	}
	w.require(access.Policy{SessionTime: 3600e9})
	return w
}

// TestEveryRouteForEveryRole walks all routes with all roles, for a camera that the caller may see and for one that he may not.
func TestEveryRouteForEveryRole(t *testing.T) {
	w := rolesWorld(t)
	_, b := w.do("GET", "/api/v1/openapi.json", nil)
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	everybody := callers()
	headers := make([]string, len(everybody))
	for i, caller := range everybody {
		_, headers[i] = w.token(caller)
	}
	w.learn(headers[len(headers)-1])
	seen := 0
	for path, methods := range doc.Paths {
		for method := range methods {
			route := strings.ToUpper(method) + " " + path
			need, ok := wanted[route]
			if !ok {
				t.Errorf("%s: the table does not say who may call it", route)
				continue
			}
			seen++
			w.walkAlone(t, route, need)
			for i, caller := range everybody {
				w.walk(t, route, need, caller, headers[i])
			}
		}
	}
	if seen != len(wanted) {
		t.Errorf("%d of %d routes of the table are served", seen, len(wanted))
	}
}

// address is a route with everything filled in.
func address(path string, target camera.ID) string {
	return strings.NewReplacer("{id}", string(target), "{room}", "main", "{token}", "none").Replace(path)
}

// walkAlone calls one route without a login. Some of the routes for everybody refuse as well what is shown to them, in other words.
func (w *world) walkAlone(t *testing.T, route, need string) {
	method, path, _ := strings.Cut(route, " ")
	resp, b := w.ask(method, address(path, "own"))
	if need == anybody && strings.Contains(string(b), "Log in first") || need != anybody && (resp.StatusCode != http.StatusUnauthorized || code(b) != "login_required") {
		t.Errorf("%s without a login: %d %s", route, resp.StatusCode, b)
	}
}

// walk calls one route as somebody, for both cameras where it is for one.
func (w *world) walk(t *testing.T, route, need string, caller access.Token, header string) {
	method, path, _ := strings.Cut(route, " ")
	for _, target := range []camera.ID{"own", "other"} {
		if target == "other" && !strings.Contains(path, "{id}") {
			continue
		}
		resp, b := w.ask(method, address(path, target), "Authorization", header)
		refused := need != anybody && resp.StatusCode == http.StatusUnauthorized || code(b) == "forbidden" || code(b) == "unknown_camera"
		if may := allowed(need, caller, target); may == refused {
			t.Errorf("%s as %s of %s: %d %.200s, and the table says %v", address(path, target), caller.Role, caller.Scope, resp.StatusCode, b, may)
		}
	}
}

// learn waits until the relay knows a token.
func (w *world) learn(header string) {
	w.t.Helper()
	w.tellAccess()
	w.eventually("the relay knows the token", func() bool {
		resp, _ := w.ask("GET", "/api/v1/cameras", "Authorization", header)
		return resp.StatusCode == http.StatusOK
	})
}

// ask sends a request with some body, and reads of the answer what comes at once: it may be endless.
func (w *world) ask(method, path string, header ...string) (*http.Response, []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b := make([]byte, 4<<10)
	n, _ := resp.Body.Read(b)
	return resp, b[:n]
}

// closed reads on to the end of the connection.
func (v *viewer) closed() websocket.StatusCode {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), patience)
	defer cancel()
	for {
		if _, _, err := v.conn.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func code(b []byte) string {
	var p struct{ Code string }
	_ = json.Unmarshal(b, &p) // what is no problem has none
	return p.Code
}

// TestLimitedViewerIsToldOfNoOtherCamera looks at all that comes over a WebSocket and as events.
func TestLimitedViewerIsToldOfNoOtherCamera(t *testing.T) {
	w := rolesWorld(t)
	own, other := w.grab("own"), w.grab("other")
	_, all := w.token(access.Token{Name: "boss", Role: access.Admin})
	_, limited := w.token(access.Token{Name: "guard", Role: access.Viewer, Scope: access.Scope{Cameras: []camera.ID{"own"}}})
	w.learn(limited)
	if resp, b := w.do("PUT", "/api/v1/rooms/main", []byte(`{"camera":"other"}`), "Authorization", all); resp.StatusCode != 200 {
		t.Fatal(resp.StatusCode, string(b))
	}
	v := w.viewAs(limited)
	hello := v.untilKind("hello")
	if text := string(hello.raw); strings.Contains(text, `"other"`) || !strings.Contains(text, `"own"`) || !strings.Contains(text, `"role":"viewer"`) {
		t.Errorf("greeted with %s", text)
	}
	v.say(`{"type":"watch","stream":1,"camera":"other"}`)
	v.until(is("error", "code", "unknown_camera"))
	v.say(`{"type":"select","room":"main","camera":"own"}`)
	v.until(is("error", "code", "forbidden"))
	v.say(`{"type":"follow","stream":2,"room":"main"}`)
	v.say(`{"type":"watch","stream":3,"camera":"own"}`)
	v.until(is("watching", "stream", 3.0))
	// An alarm of the other camera, its status and its pictures must not come; those of the own one must.
	frames := 0
	watch := func() {
		end := frames + 20
		v.until(func(m message) bool {
			if m.jpeg != nil {
				if strings.HasSuffix(string(m.jpeg), "/other") {
					t.Error("a picture of the other camera came")
				}
				frames++
			} else if strings.Contains(string(m.raw), `"other"`) {
				t.Errorf("told of the other camera: %s", m.raw)
			}
			return frames > end
		})
	}
	defer other.flow(t, 20e6, 2000)()
	defer own.flow(t, 20e6, 2000)()
	watch()
	for _, id := range []string{"other", "own"} {
		if resp, b := w.do("POST", "/api/v1/cameras/"+id+"/alarm", []byte(`{"kind":"smoke","level":"high","text":"fire"}`), "Authorization", all); resp.StatusCode != 202 {
			t.Fatal(resp.StatusCode, string(b))
		}
	}
	w.announce(info("other", camera.Reconnecting))
	watch()
}

// TestRoomWithoutASelection shows a limited viewer the first camera that he may see.
func TestRoomWithoutASelection(t *testing.T) {
	other, own := info("other", camera.Live), info("own", camera.Live)
	w := newWorld(t, other, own)
	w.grab("own").publish(2000)
	w.require(access.Policy{SessionTime: 3600e9})
	_, header := w.token(access.Token{Name: "guard", Role: access.Viewer, Scope: access.Scope{Cameras: []camera.ID{"own"}}})
	w.learn(header)
	v := w.viewAs(header)
	v.say(`{"type":"follow","stream":1,"room":"main"}`)
	v.until(is("watching", "stream", 1.0, "camera", "own"))
	if resp, b := w.do("GET", "/api/v1/rooms/main", nil, "Authorization", header); resp.StatusCode != 200 || !strings.Contains(string(b), `"own"`) {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
}

// TestRevokedTokenIsGoodForNothing replays a token after its end, on connections that are open and on new ones.
func TestRevokedTokenIsGoodForNothing(t *testing.T) {
	w := rolesWorld(t)
	own := w.grab("own")
	defer own.flow(t, 20e6, 2000)()
	_, admin := w.token(access.Token{Name: "boss", Role: access.Admin})
	id, header := w.token(access.Token{Name: "guard", Role: access.Viewer})
	w.learn(header)
	v := w.viewAs(header)
	v.untilKind("hello")
	stream := w.openAs("/api/v1/cameras/own/stream.mjpeg", header)
	resp, b := w.do("POST", "/api/v1/cameras/own/link", nil, "Authorization", header)
	var link struct{ Snapshot string }
	if err := json.Unmarshal(b, &link); err != nil || resp.StatusCode != 201 {
		t.Fatal(resp.StatusCode, string(b))
	}
	if resp, b := w.do("GET", "/"+link.Snapshot, nil); resp.StatusCode != 200 {
		t.Fatal(resp.StatusCode, string(b))
	}
	if resp, b := w.do("GET", "/"+strings.Replace(link.Snapshot, "own", "other", 1), nil); resp.StatusCode != 401 {
		t.Errorf("the link of one camera leads to another one: %d %s", resp.StatusCode, b)
	}
	if resp, b := w.do("GET", "/api/v1/cameras?"+strings.SplitN(link.Snapshot, "?", 2)[1], nil); resp.StatusCode != 401 {
		t.Errorf("a link to pictures leads to the API: %d %s", resp.StatusCode, b)
	}

	linked := w.open("/" + strings.Replace(link.Snapshot, "snapshot.jpg", "stream.mjpeg", 1))
	w.tellAccess() // which touches nobody whose rights are the same
	for _, s := range []*http.Response{stream, linked} {
		if _, err := io.CopyN(io.Discard, s.Body, 64<<10); err != nil {
			t.Fatal(err)
		}
	}

	if resp, b := w.do("DELETE", "/api/v1/tokens/"+id, nil, "Authorization", admin); resp.StatusCode != 204 {
		t.Fatal(resp.StatusCode, string(b))
	}
	for _, path := range []string{"/api/v1/cameras", "/api/v1/cameras/own/snapshot.jpg", "/ws"} {
		if resp, b := w.do("GET", path, nil, "Authorization", header); resp.StatusCode != 401 {
			t.Errorf("%s with a revoked token: %d %s", path, resp.StatusCode, b)
		}
	}
	if resp, b := w.do("GET", "/"+link.Snapshot, nil); resp.StatusCode != 401 {
		t.Errorf("a link that a revoked token has made: %d %s", resp.StatusCode, b)
	}
	if status := v.closed(); status != websocket.StatusPolicyViolation {
		t.Errorf("the connection was closed with %d", status)
	}
	for _, s := range []*http.Response{stream, linked} {
		_, _ = io.Copy(io.Discard, s.Body) // to its end
	}
}

// TestCameraThatLeavesItsGroup is shown no more to who is limited to that group.
func TestCameraThatLeavesItsGroup(t *testing.T) {
	w := rolesWorld(t)
	defer w.grab("own").flow(t, 20e6, 2000)()
	_, header := w.token(access.Token{Name: "guard", Role: access.Viewer, Scope: access.Scope{Groups: []string{"hall"}}})
	w.learn(header)
	v := w.viewAs(header)
	v.say(`{"type":"watch","stream":1,"camera":"own"}`)
	v.untilKind("frame")
	stream := w.openAs("/api/v1/cameras/own/stream.mjpeg", header)
	_, operator := w.token(access.Token{Name: "op", Role: access.Operator, Scope: access.Scope{Groups: []string{"hall"}}})
	w.learn(operator)
	log := w.openAs("/api/v1/cameras/own/logs?follow=1", operator)
	if _, err := io.CopyN(io.Discard, log.Body, 5); err != nil {
		t.Fatal(err)
	}
	moved := info("own", camera.Live)
	moved.Group = "cellar"
	w.announce(moved)
	if status := v.closed(); status != websocket.StatusServiceRestart {
		t.Errorf("closed with %d", status)
	}
	_, _ = io.Copy(io.Discard, stream.Body) // to its end
	_, _ = io.Copy(io.Discard, log.Body)
	if resp, b := w.do("GET", "/api/v1/cameras/own", nil, "Authorization", header); resp.StatusCode != 404 {
		t.Errorf("afterwards: %d %s", resp.StatusCode, b)
	}
}

// TestLoginThrottleAndSession goes the way of a browser.
func TestLoginThrottleAndSession(t *testing.T) {
	w := rolesWorld(t)
	hash, err := access.Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	records := w.records(t)
	w.require(access.Policy{SessionTime: 3600e9, Users: []access.User{{Name: "anna", Password: hash, Role: access.Operator}}})
	login := func(name, password string) (*http.Response, []byte) {
		return w.do("POST", "/api/v1/session", fmt.Appendf(nil, `{"name":%q,"password":%q}`, name, password))
	}
	if resp, b := login("anna", "wrong horse"); resp.StatusCode != 401 || code(b) != "wrong_login" {
		t.Errorf("wrong password: %d %s", resp.StatusCode, b)
	}
	resp, b := login("anna", "correct horse")
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, b)
	}
	cookies := resp.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode {
		t.Fatalf("cookies %v", cookies)
	}
	session := cookies[0].Name + "=" + cookies[0].Value
	if resp, b := w.do("GET", "/api/v1/cameras", nil, "Cookie", session); resp.StatusCode != 200 {
		t.Errorf("with the cookie: %d %s", resp.StatusCode, b)
	}
	if resp, b := w.do("PUT", "/api/v1/rooms/main", []byte(`{"camera":"own"}`), "Cookie", session, "Origin", "https://evil.example"); code(b) != "foreign_origin" {
		t.Errorf("with the cookie, from another site's page: %d %s", resp.StatusCode, b)
	}
	if resp, b := w.do("PUT", "/api/v1/rooms/main", []byte(`{"camera":"own"}`), "Cookie", session, "Origin", w.url); resp.StatusCode != 200 {
		t.Errorf("with the cookie, from the own page: %d %s", resp.StatusCode, b)
	}
	// Whatever else is shown, such as what the browser remembers of Basic.
	if resp, b := w.do("DELETE", "/api/v1/session", nil, "Cookie", session, "Authorization", "Bearer nonsense"); resp.StatusCode != 204 {
		t.Errorf("logout: %d %s", resp.StatusCode, b)
	}
	if resp, b := w.do("GET", "/api/v1/cameras", nil, "Cookie", session); resp.StatusCode != 401 {
		t.Errorf("with the cookie after the logout: %d %s", resp.StatusCode, b)
	}
	for range 30 {
		if resp, b := login("anna", "wrong horse"); resp.StatusCode == 429 {
			if resp.Header.Get("Retry-After") == "" || code(b) != "too_many_logins" {
				t.Errorf("throttled with %v %s", resp.Header, b)
			}
			break
		}
	}
	if resp, b := login("nobody", "correct horse"); resp.StatusCode != 429 {
		t.Errorf("the address is not slowed down: %d %s", resp.StatusCode, b)
	}
	for _, want := range []audit.Record{
		{Who: "anna", Action: "login", Outcome: access.ErrWrong.Error()},
		{Who: "anna", Action: "login", Outcome: audit.OK, Via: "password"},
		{Who: "anna", Action: "select", Target: "main own", Outcome: audit.OK, Via: "session"},
		{Who: "anna", Action: "logout", Outcome: audit.OK, Via: "session"},
	} {
		if err := records(want); err != nil {
			t.Error(err)
		}
	}
}

// records follows what is written down; the returned function waits for a record.
func (w *world) records(t *testing.T) func(audit.Record) error {
	t.Helper()
	sub, err := w.admin.SubscribeSync(subjects.Audit())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := w.admin.Flush(); err != nil {
		t.Fatal(err)
	}
	return func(want audit.Record) error {
		for {
			m, err := sub.NextMsg(patience)
			if err != nil {
				return fmt.Errorf("%+v was not written down: %w", want, err)
			}
			r, err := audit.Decode(m.Data)
			if err != nil {
				return err
			}
			if r.From != "127.0.0.1" || r.Time.IsZero() {
				return errors.New("written down without time or address: " + string(m.Data))
			}
			r.Time, r.From = want.Time, want.From
			if r.Via == "" || want.Via == "" {
				r.Via, want.Via = "", ""
			}
			if r == want {
				return nil
			}
		}
	}
}

// TestProxyIsBelievedFromNamedAddressesOnly has a proxy name the user.
func TestProxyIsBelievedFromNamedAddressesOnly(t *testing.T) {
	w := rolesWorld(t)
	rules := access.Policy{UserHeader: "X-Forwarded-User", Users: []access.User{{Name: "anna", Role: access.Operator}}}
	w.require(rules) // nobody is believed
	if resp, b := w.do("GET", "/api/v1/viewers", nil, "X-Forwarded-User", "anna"); resp.StatusCode != 401 {
		t.Errorf("anybody is believed: %d %s", resp.StatusCode, b)
	}
	rules.Proxies = append(rules.Proxies, netip.MustParsePrefix("127.0.0.0/8"))
	w.require(rules)
	w.eventually("the proxy is believed", func() bool {
		resp, _ := w.do("GET", "/api/v1/viewers", nil, "X-Forwarded-User", "anna")
		return resp.StatusCode == 200
	})
	if resp, b := w.do("GET", "/api/v1/cameras", nil, "X-Forwarded-User", "bob"); resp.StatusCode != 403 {
		t.Errorf("somebody without a role: %d %s", resp.StatusCode, b)
	}
	_, header := w.token(access.Token{Name: "t", Role: access.Admin})
	w.learn(header)
	for _, body := range []string{`{"name":"t","role":"viewer","camera":["own"]}`, `{"name":"t","role":"viewer","cameras":[]}`, `{"name":"t","role":"root"}`} {
		if resp, b := w.do("POST", "/api/v1/tokens", []byte(body), "Authorization", header); resp.StatusCode != 400 {
			t.Errorf("%s: %d %s", body, resp.StatusCode, b)
		}
	}
	v := w.viewAs(header)
	v.untilKind("hello")
	resp, b := w.do("GET", "/api/v1/viewers", nil, "X-Forwarded-User", "anna")
	var list []struct{ User, Address string }
	if err := json.Unmarshal(b, &list); err != nil || resp.StatusCode != 200 || !slices.Contains(list, struct{ User, Address string }{"token t", "127.0.0.1"}) {
		t.Errorf("viewers: %d %s", resp.StatusCode, b)
	}
}
