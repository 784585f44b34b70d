package relay_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"linkstart/pkg/access"
	"linkstart/pkg/audit"
)

// provider is a real OpenID provider with one user. It returns its address.
func provider(t *testing.T, redirect string) (issuer, user string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer = "http://" + server.Listener.Addr().String() + "/"
	users := storage.NewUserStore(issuer)
	id := users.GetUserByID("id1")
	client := storage.WebClient("linkstart", "s3cret", redirect)
	store := storage.NewStorageWithClients(users, map[string]*storage.Client{"linkstart": client})
	server.Config.Handler = exampleop.SetupServer(issuer, store, nil, false,
		op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	server.Start()
	t.Cleanup(server.Close)
	return issuer, id.Username
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// loginAt goes the way of a browser: to the provider, in with the password, and back.
func loginAt(t *testing.T, browser *http.Client, start, user, password string) *http.Response {
	t.Helper()
	form, err := browser.Get(start)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.LimitReader(form.Body, 1<<20))
	_ = form.Body.Close()
	id := requestID.FindSubmatch(b)
	if err != nil || id == nil {
		t.Fatalf("the provider's page: %d %v %.300s", form.StatusCode, err, b)
	}
	to := *form.Request.URL
	to.RawQuery = ""
	resp, err := browser.PostForm(to.String(), url.Values{"id": {string(id[1])}, "username": {user}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport}
}

func TestLoginAtAnOpenIDProvider(t *testing.T) {
	w := rolesWorld(t)
	records := w.records(t)
	callback := w.url + "/api/v1/session/oidc/callback"
	issuer, user := provider(t, callback)
	rules := access.Policy{SessionTime: 3600e9, OIDC: &access.OIDC{
		Issuer: issuer, ClientID: "linkstart", ClientSecret: "s3cret", RedirectURL: callback, Title: "The provider",
		NameClaim: "preferred_username", RolesClaim: "name", Scopes: []string{"profile"},
		Roles: []access.RoleRule{{Value: "Test User", Role: access.Operator, Scope: access.Scope{Groups: []string{"hall"}}}},
	}}
	w.require(rules)
	browser := newBrowser(t)
	resp := loginAt(t, browser, w.url+"/api/v1/session/oidc", user, "verysecure")
	if resp.StatusCode != 200 || resp.Request.URL.String() != w.url+"/" {
		t.Fatalf("led to %s: %d", resp.Request.URL, resp.StatusCode)
	}
	cameras, err := browser.Get(w.url + "/api/v1/cameras")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(cameras.Body)
	_ = cameras.Body.Close()
	if err != nil || cameras.StatusCode != 200 || strings.Contains(string(b), `"other"`) || !strings.Contains(string(b), `"own"`) {
		t.Errorf("cameras: %d %v %s", cameras.StatusCode, err, b)
	}
	session, err := browser.Get(w.url + "/api/v1/session")
	if err != nil {
		t.Fatal(err)
	}
	var is struct{ Name, Role, OIDC string }
	err = json.NewDecoder(session.Body).Decode(&is)
	_ = session.Body.Close()
	if err != nil || is.Name != user || is.Role != "operator" || is.OIDC != "The provider" {
		t.Errorf("session: %+v %v", is, err)
	}
	if err := records(audit.Record{Who: user, Action: "login", Outcome: audit.OK}); err != nil {
		t.Error(err)
	}

	// Where the claim gives no role, nobody is let in.
	rules.OIDC.Roles[0].Value = "Someone"
	w.require(rules)
	if resp := loginAt(t, newBrowser(t), w.url+"/api/v1/session/oidc", user, "verysecure"); resp.StatusCode != 403 {
		t.Errorf("without a role: %d", resp.StatusCode)
	}
}

// A callback that this browser has not begun is refused: another one's login could be put upon it.
func TestForgedCallback(t *testing.T) {
	w := rolesWorld(t)
	callback := w.url + "/api/v1/session/oidc/callback"
	issuer, user := provider(t, callback)
	w.require(access.Policy{SessionTime: 3600e9, Role: access.Viewer, OIDC: &access.OIDC{
		Issuer: issuer, ClientID: "linkstart", ClientSecret: "s3cret", RedirectURL: callback, NameClaim: "preferred_username", Scopes: []string{"profile"},
	}})
	attacker := newBrowser(t)
	var back string
	attacker.CheckRedirect = func(to *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(to.URL.String(), callback) {
			back = to.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	loginAt(t, attacker, w.url+"/api/v1/session/oidc", user, "verysecure")
	if back == "" {
		t.Fatal("the provider leads nowhere")
	}
	victim := newBrowser(t)
	begun, err := victim.Get(w.url + "/api/v1/session/oidc") // a login of his own, which is another one
	if err != nil {
		t.Fatal(err)
	}
	_ = begun.Body.Close()
	resp, err := victim.Get(back)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != 401 || len(victim.Jar.Cookies(resp.Request.URL)) != 0 {
		t.Errorf("somebody else's login: %d, cookies %v", resp.StatusCode, victim.Jar.Cookies(resp.Request.URL))
	}
}
