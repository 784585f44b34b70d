package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"linkstart/pkg/access"
)

const loginCameras = `
cameras:
  - {id: clock, name: Clock, group: Hall, source: "test:clock?size=320x180&fps=5"}
  - {id: ball, name: Ball, group: Hall, source: "test:ball?size=320x180&fps=5"}
  - {id: bars, name: Bars, group: Yard, source: "test:bars?size=320x180&fps=5"}
`

// account is an entry of users; more is what else it says.
func account(t *testing.T, name, role, more string) string {
	t.Helper()
	hash, err := access.Hash(passwordOf(name))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("  - {name: %s, role: %s, password: %q%s}\n", name, role, hash, more)
}

func passwordOf(name string) string { return name + " opens the door" }

// doors is what somebody sees of the login and of what is offered.
type doors struct {
	Login    bool // the view stands there, and nothing of the page does
	Page     bool // anything of the page can be seen
	Name     string
	Why      string
	Submit   string
	Enabled  bool
	Canvases int // that hold a picture somebody could see
	Me       string
	Offered  []string // data-action of the buttons that can be seen
	Tabs     []string // of the drawer
	Address  string
}

const doorsScript = `(() => {
	const seen = (e) => e.checkVisibility({ visibilityProperty: true });
	const one = (s) => document.querySelector(s);
	const all = (s) => [...document.querySelectorAll(s)].filter(seen);
	return {
		Login: seen(one("#login")), Page: all(".top, .desk, .notices, dialog").length > 0,
		Name: one("#login-name").value, Why: one("#login-why").textContent, Submit: one("#login-submit").textContent, Enabled: !one("#login-submit").disabled,
		Canvases: all("canvas").length, Me: all(".me, .account p").map((e) => e.textContent).join(" "),
		Offered: [...new Set(all("[data-action]").map((e) => e.dataset.action))].sort(),
		Tabs: all(".drawer [role=tab]").map((e) => e.textContent), Address: location.search + location.hash,
	};
})()`

// door looks until ok, and returns what was seen then.
func (p *tab) door(what string, ok func(doors) bool) doors {
	p.t.Helper()
	var now doors
	eventually(p.t, what, func() error {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		var err error
		if now, err = chromedp.Run(ctx, chromedp.Evaluate[doors](doorsScript)); err != nil {
			return err // it may be loading anew
		}
		if !ok(now) {
			return fmt.Errorf("seen: %+v", now)
		}
		return nil
	})
	return now
}

// mustLogIn waits for the login view.
func (p *tab) mustLogIn() doors {
	p.t.Helper()
	return p.door("the login stands there, and no picture", func(d doors) bool { return d.Login && !d.Page && d.Canvases == 0 })
}

// login fills in the login and presses Enter.
func (p *tab) login(name, password string) {
	p.t.Helper()
	p.mustLogIn()
	for selector, text := range map[string]string{"#login-name": name, "#login-password": password} {
		eval[bool](p, fmt.Sprintf(`(() => { document.querySelector(%q).value = ""; return true; })()`, selector))
		p.do("type", chromedp.SendKeys(chromedp.CSS(selector), text))
	}
	p.do("press Enter", chromedp.SendKeys(chromedp.CSS("#login-password"), "\r"))
}

// inside logs in and waits for the page.
func (p *tab) inside(name string) doors {
	p.t.Helper()
	p.login(name, passwordOf(name))
	return p.door(name+" is in", func(d doors) bool { return !d.Login && d.Page && d.Canvases > 0 })
}

// person is a browser without the cookies of the others.
func person(t *testing.T, browser context.Context) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// guarded is a system with three people.
func guarded(t *testing.T) *system {
	t.Helper()
	users := "users:\n" + account(t, "anna", "admin", "") + account(t, "oskar", "operator", "") + account(t, "vera", "viewer", ", cameras: [ball]")
	return start(t, users+loginCameras)
}

func TestLoginInThePage(t *testing.T) {
	s := guarded(t)
	browser := chrome(t)
	t.Run("wrong, then right, and the address stays", func(t *testing.T) { loginRight(t, s.with(t), person(t, browser)) })
	t.Run("a viewer of one camera", func(t *testing.T) { loginViewer(t, s.with(t), person(t, browser)) })
	t.Run("an operator", func(t *testing.T) { loginOperator(t, s.with(t), person(t, browser)) })
	t.Run("an admin makes a token and revokes it", func(t *testing.T) { loginToken(t, s.with(t), person(t, browser)) })
	t.Run("the bar has room for a long name", func(t *testing.T) { loginBar(t, s.with(t), person(t, browser)) })
	t.Run("a logout is followed by other tabs", func(t *testing.T) { loginOut(t, s.with(t), person(t, browser)) })
	t.Run("a kiosk", func(t *testing.T) { loginKiosk(t, s.with(t), person(t, browser)) })
	t.Run("the server ends it", func(t *testing.T) { loginEnded(t, s.with(t), person(t, browser)) })
	t.Run("too many attempts", func(t *testing.T) { loginMany(t, s.with(t), person(t, browser)) })
}

func loginRight(t *testing.T, s *system, who context.Context) {
	p := visit(t, who, s.url("/?theme=dark#/wall/4?group=Hall"), look{}).with(t)
	d := p.mustLogIn()
	if d.Name != "" || d.Why != "" || !d.Enabled {
		t.Errorf("at first: %+v", d)
	}
	p.login("anna", "a wrong one")
	p.door("it is refused, and the name stays", func(d doors) bool {
		return d.Login && d.Why == "The name or the password is wrong." && d.Name == "anna" && d.Enabled
	})
	if focus := eval[string](p, `document.activeElement.id + " " + getSelection().toString().length`); !strings.HasPrefix(focus, "login-password") {
		t.Errorf("the focus is at %s", focus)
	}
	p.click("#login-reveal")
	if kind := eval[string](p, `document.querySelector("#login-password").type`); kind != "text" {
		t.Errorf("a password that is to be seen is a field of type %s", kind)
	}
	d = p.inside("anna")
	if d.Address != "?theme=dark#/wall/4?group=Hall" {
		t.Errorf("the address has become %s", d.Address)
	}
	if left := eval[string](p, `document.querySelector("#login-password").value + document.querySelector("#login-password").type`); left != "password" {
		t.Errorf("of the password there is left %s", left)
	}
	p.until("the wall of the address", func(v sight) bool { return len(v.Tiles) == 2 && v.tile("clock").Picture == "live" })
	p.quietBut("401") // of the wrong password
}

func loginViewer(t *testing.T, s *system, who context.Context) {
	anna := "Basic " + base64.StdEncoding.EncodeToString([]byte("anna:"+passwordOf("anna")))
	if status, _, b := s.request(http.MethodPut, "/api/v1/rooms/main", strings.NewReader(`{"camera":"clock"}`), "Authorization", anna); status != http.StatusOK {
		t.Fatalf("select: %d %s", status, b)
	}
	p := visit(t, who, s.url("/"), look{width: 1440, height: 900}).with(t)
	d := p.inside("vera")
	if !strings.Contains(d.Me, "vera") || !strings.Contains(d.Me, "Viewer") {
		t.Errorf("it says of the user: %s", d.Me)
	}
	p.until("one camera, and words in place of the other", func(v sight) bool {
		return len(v.Tiles) == 1 && v.tile("ball").Picture == "live" && v.Covered && strings.HasPrefix(v.Plate, "This room shows a camera that you may not see: ")
	})
	for _, action := range []string{"restart", "stop", "start", "add", "access"} {
		if slices.Contains(d.Offered, action) {
			t.Errorf("a viewer is offered %s", action)
		}
	}
	p.click(`button.tile[data-camera=ball]`)
	if v := p.shows("ball"); v.Follow {
		t.Error("a viewer's click has switched the room")
	}
	for _, key := range []string{"r", "x", "n", "u"} {
		p.key(key)
	}
	if n := eval[int](p, `document.querySelectorAll("dialog[open]").length`); n != 0 {
		t.Errorf("keys of operators open %d dialogs", n)
	}
	p.click(`[data-action=details]`)
	p.door("the figures alone", func(d doors) bool { return slices.Equal(d.Tabs, []string{"Figures"}) })
	p.click(`.drawer [data-action=share]`)
	p.click(`#share [type=submit]`)
	var link string
	p.door("the link", func(doors) bool {
		link = eval[string](p, `document.querySelector("#share-snapshot").value`)
		return link != ""
	})
	u, err := url.Parse(link)
	if err != nil || u.Host != s.addr {
		t.Fatalf("the link is %s", link)
	}
	if status, header, _ := s.insist(http.MethodGet, u.RequestURI(), nil); status != http.StatusOK || header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("without a login the link answers %d", status)
	}
	p.key("\x1b")
	p.click(`[data-action=follow]`)
	p.until("back in the room", func(v sight) bool { return v.Follow && strings.HasPrefix(v.Plate, "This room shows a camera") })
	p.click(`[data-action=room]`)
	if eval[bool](p, `["#room-drives", "#patrol-form", "#room-name"].some((s) => document.querySelector(s).checkVisibility())`) {
		t.Error("a viewer is offered to drive the room, to begin a patrol, or another name")
	}
}

func loginOperator(t *testing.T, s *system, who context.Context) {
	p := visit(t, who, s.url("/"), look{width: 1440, height: 900}).with(t)
	d := p.inside("oskar")
	if !slices.Contains(d.Offered, "restart") || slices.Contains(d.Offered, "add") {
		t.Errorf("an operator is offered %v", d.Offered)
	}
	p.click(`button.tile[data-camera=bars]`)
	if v := p.shows("bars"); !v.Follow {
		t.Error("an operator's click is an own choice")
	}
	p.key("d")
	p.door("all tabs", func(d doors) bool { return len(d.Tabs) == 4 })
	p.key("u")
	if eval[bool](p, `document.querySelector("#access").open`) {
		t.Error("an operator gets at the tokens")
	}
}

func loginToken(t *testing.T, s *system, who context.Context) {
	p := visit(t, who, s.url("/"), look{width: 1440, height: 900}).with(t)
	p.inside("anna")
	p.until("the cameras are there", func(v sight) bool { return len(v.Tiles) == 3 })
	p.key("u")
	p.do("type the name", chromedp.SendKeys(chromedp.CSS("[name=token-name]"), "Recorder <b>"))
	p.click(`[name=token-which][value=some]`)
	if eval[bool](p, `!document.querySelector("#token-make").disabled`) {
		t.Error("a token for no camera can be made, which would see all")
	}
	p.click(`#token-cameras [value=bars]`)
	p.click("#token-make")
	var secret string
	p.door("the secret is shown", func(doors) bool {
		secret = eval[string](p, `document.querySelector("#token-made").checkVisibility() ? document.querySelector("#token-secret").value : ""`)
		return secret != ""
	})
	var list []struct{ ID string }
	_, _, body := s.request(http.MethodGet, "/api/v1/cameras", nil, "Authorization", "Bearer "+secret)
	if err := json.Unmarshal(body, &list); err != nil || len(list) != 1 || list[0].ID != "bars" {
		t.Fatalf("the token sees %s", body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url("/api/v1/cameras/bars/stream.mjpeg"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+secret)
	stream, err := http.DefaultClient.Do(request)
	if err != nil || stream.StatusCode != http.StatusOK {
		t.Fatalf("the stream answers %v, %v", stream, err)
	}
	defer stream.Body.Close()
	if _, err := io.CopyN(io.Discard, stream.Body, 10_000); err != nil {
		t.Fatalf("the stream ends: %v", err)
	}
	p.click(".token button")
	p.click("dialog.confirm [data-action=confirm]")
	_, _ = io.Copy(io.Discard, stream.Body) // in whatever way it ends
	if ctx.Err() != nil {
		t.Error("the stream goes on without its token")
	}
	s.eventually("the token is worth nothing", func() error {
		if status, _, _ := s.request(http.MethodGet, "/api/v1/cameras", nil, "Authorization", "Bearer "+secret); status != http.StatusUnauthorized {
			return fmt.Errorf("it gets %d", status)
		}
		return nil
	})
	p.door("the list says so", func(doors) bool { return eval[int](p, `document.querySelectorAll(".token").length`) == 0 })
	p.click("#tab-audit")
	deeds := func() string {
		return eval[string](p, `document.querySelector("#audit").innerText.replace(/\s+/g, " ")`)
	}
	p.door("it is written down", func(doors) bool {
		return strings.Contains(deeds(), "Revoke token") && strings.Contains(deeds(), "Make token Recorder <b>")
	})
	p.do("filter", chromedp.SendKeys(chromedp.CSS("#audit-filter"), "anna revoke"))
	p.door("only what matches", func(doors) bool { return strings.Count(deeds(), "anna") == 1 })
	p.key("\x1b")
}

func loginBar(t *testing.T, s *system, who context.Context) {
	p := visit(t, who, s.url("/"), look{}).with(t)
	p.inside("anna")
	p.until("the page is there", func(v sight) bool { return len(v.Tiles) == 3 && v.Connection == "open" })
	eval[bool](p, `(document.querySelector(".me-name").textContent = "a name that is very long indeed", true)`)
	for _, width := range []int64{1920, 1561, 1560, 1401, 1400, 1366, 1281, 1280, 1181, 1180, 1111, 1110, 961, 960, 791, 790, 700} {
		p.dress(look{width: width, height: 600})
		if free := eval[float64](p, `(() => {
			const buttons = [...document.querySelectorAll(".top button")].filter((e) => e.checkVisibility());
			return innerWidth - Math.max(...buttons.map((e) => e.getBoundingClientRect().right));
		})()`); free < 0 {
			t.Errorf("at %d px the bar is %g px too wide", width, -free)
		}
	}
}

func loginOut(t *testing.T, s *system, who context.Context) {
	one := visit(t, who, s.url("/#/wall/9"), look{}).with(t)
	one.inside("oskar")
	two := open(t, who, s.url("/"), look{}).with(t)
	two.until("it needs no other login", func(v sight) bool { return v.tile("clock").Picture == "live" })
	two.click(`[data-action=settings]`)
	two.click(`[data-action=logout]`)
	two.mustLogIn()
	one.mustLogIn()
	if status := eval[int](one, `fetch("api/v1/cameras").then((r) => r.status)`); status != http.StatusUnauthorized {
		t.Errorf("after the logout the cameras are told with %d", status)
	}
	one.inside("oskar")
	two.door("the other tab is in again by itself", func(d doors) bool { return !d.Login && d.Canvases > 0 })
	if d := one.door("it is there", func(d doors) bool { return d.Page }); d.Address != "#/wall/9" {
		t.Errorf("the address has become %s", d.Address)
	}
	one.quietBut("401", "WebSocket")
	two.quietBut("401", "WebSocket")
}

func loginKiosk(t *testing.T, s *system, who context.Context) {
	p := visit(t, who, s.url("/?kiosk&lang=zh#/wall/4"), look{}).with(t)
	d := p.mustLogIn()
	if d.Submit != "登录" {
		t.Errorf("the button says %s", d.Submit)
	}
	p.inside("oskar")
	p.until("the wall", func(v sight) bool { return len(v.Tiles) == 3 && v.tile("ball").Picture == "live" })
	if eval[bool](p, `document.querySelector(".top").checkVisibility()`) {
		t.Error("it is no kiosk")
	}
}

func loginEnded(t *testing.T, s *system, who context.Context) {
	p := visit(t, who, s.url("/#/camera/ball"), look{}).with(t)
	p.inside("vera")
	p.shows("ball")
	users := func(vera string) string {
		return "users:\n" + account(t, "anna", "admin", "") + account(t, "oskar", "operator", "") + vera
	}
	reload := func(users string) {
		t.Helper()
		s.configure(users + loginCameras)
		if out, err := s.command("reload"); err != nil {
			t.Fatalf("reload: %v\n%s", err, out)
		}
	}
	hash, err := access.Hash("another password")
	if err != nil {
		t.Fatal(err)
	}
	reload(users(fmt.Sprintf("  - {name: vera, role: viewer, password: %q}\n", hash)))
	p.mustLogIn()
	p.login("vera", "another password")
	p.door("the address is as it was", func(d doors) bool { return d.Page && d.Address == "#/camera/ball" })
	p.shows("ball")
	reload(users(fmt.Sprintf("  - {name: vera, role: operator, password: %q}\n", hash)))
	p.door("rights that have changed are there by themselves", func(d doors) bool { return d.Page && slices.Contains(d.Offered, "restart") })
	p.shows("ball")
	p.quietBut("401", "WebSocket")
}

func loginMany(t *testing.T, s *system, who context.Context) {
	p := visit(t, who, s.url("/"), look{}).with(t)
	var d doors
	for range 40 {
		p.login("nobody", "a wrong one")
		d = p.door("an answer", func(d doors) bool { return d.Why != "" })
		if !d.Enabled {
			break
		}
	}
	if !strings.HasPrefix(d.Why, "Too many logins have failed. Wait ") || !strings.HasPrefix(d.Submit, "Wait ") || d.Name != "nobody" {
		t.Fatalf("seen: %+v", d)
	}
	p.door("it counts down", func(now doors) bool { return now.Submit != d.Submit })
	p.door("it can be tried again", func(d doors) bool { return d.Enabled && d.Submit == "Log in" && d.Why == "" })
	p.quietBut("401", "429")
}
