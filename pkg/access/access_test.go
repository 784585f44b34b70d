package access

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
)

var here = netip.MustParseAddr("192.0.2.1")

// clock is time that passes when a test says so.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// made is a gate with two users, anna (operator, of the hall only) and bob, whose password is none.
func made(t *testing.T) (*Gate, *Policy, *clock) {
	t.Helper()
	hash, err := Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)}
	g := newGate(c.now)
	p := &Policy{
		Users: []User{{Name: "anna", Password: hash, Role: Operator, Scope: Scope{Groups: []string{"hall"}}}, {Name: "bob", Role: Viewer}},
		Key:   []byte(strings.Repeat("k", 32)), SessionTime: time.Hour,
	}
	g.Set(p)
	return g, p, c
}

func (g *Gate) login(t *testing.T, name, password string) Identity {
	t.Helper()
	who, err := g.Login(t.Context(), here, name, password)
	if err != nil {
		t.Fatal(err)
	}
	return who
}

func TestNobodyIsLetInBeforeTheRulesAreKnown(t *testing.T) {
	if _, err := NewGate().Identify(t.Context(), Shown{From: here}); !errors.Is(err, ErrNotYet) {
		t.Error(err)
	}
}

func TestScope(t *testing.T) {
	s := Scope{Cameras: []camera.ID{"a"}, Groups: []string{"hall"}}
	for _, c := range []struct {
		id    camera.ID
		group string
		want  bool
	}{{"a", "", true}, {"b", "hall", true}, {"b", "", false}, {"b", "cellar", false}} {
		if s.Has(c.id, c.group) != c.want {
			t.Errorf("%+v", c)
		}
	}
	if !(Scope{}).Has("x", "") {
		t.Error("no limit is none")
	}
}

func TestPasswordIsNeededAndRight(t *testing.T) {
	g, _, _ := made(t)
	if who := g.login(t, "anna", "correct horse"); who.Name != "anna" || who.Role != Operator || who.Sees("x", "cellar") || !who.Sees("x", "hall") {
		t.Errorf("%+v", who)
	}
	for name, password := range map[string]string{"anna": "wrong horse", "bob": "", "eve": "correct horse", "": ""} {
		if _, err := g.Login(t.Context(), here, name, password); !errors.Is(err, ErrWrong) {
			t.Errorf("%q with %q: %v", name, password, err)
		}
	}
}

// A session holds for its time, is renewed as the same one, and is over after a logout or with another password.
func TestSession(t *testing.T) {
	g, p, c := made(t)
	text, _, err := p.Session(g.login(t, "anna", "correct horse"), c.at)
	if err != nil {
		t.Fatal(err)
	}
	shown := Shown{From: here, Session: text}
	who, err := g.Identify(t.Context(), shown)
	if err != nil || who.Name != "anna" || who.Via() != "session" {
		t.Fatal(who, err)
	}
	if again, _, _ := p.Renew(who, c.at); again != "" {
		t.Error("renewed at once")
	}
	c.at = c.at.Add(40 * time.Minute)
	renewed, until, err := p.Renew(who, c.at)
	if err != nil || renewed == "" || !until.Equal(c.at.Add(time.Hour)) {
		t.Fatal(renewed, until, err)
	}
	c.at = c.at.Add(30 * time.Minute)
	if _, err := g.Identify(t.Context(), shown); !errors.Is(err, ErrLogin) {
		t.Error("the old text is good after its time:", err)
	}
	shown.Session = renewed
	if who, err = g.Identify(t.Context(), shown); err != nil {
		t.Fatal(err)
	}
	ended, ok := p.End(who, c.at)
	if !ok {
		t.Fatal("a session cannot be ended")
	}
	out := *p
	out.Ended = []Ended{ended}
	g.Set(&out)
	if _, err := g.Identify(t.Context(), shown); !errors.Is(err, ErrLogin) {
		t.Error("after the logout:", err)
	}
	if _, err := g.Again(who); !errors.Is(err, ErrToken) {
		t.Error("a connection that is open after the logout:", err)
	}
	changed := *p
	changed.Users = []User{{Name: "anna", Password: p.Users[0].Password + "x", Role: Admin}}
	g.Set(&changed)
	if _, err := g.Identify(t.Context(), shown); !errors.Is(err, ErrLogin) {
		t.Error("with another password:", err)
	}
	g.Set(&Policy{Key: []byte(strings.Repeat("x", 32)), Users: p.Users})
	if _, err := g.Identify(t.Context(), shown); !errors.Is(err, ErrLogin) {
		t.Error("signed by another key:", err)
	}
}

// A ticket for one thing is good for nothing else, and one without our signature for nothing.
func TestTicketsAreNotExchanged(t *testing.T) {
	g, p, c := made(t)
	who := g.login(t, "anna", "correct horse")
	session, _, err := p.Session(who, c.at)
	if err != nil {
		t.Fatal(err)
	}
	link, _, err := p.Link(who, "a", time.Minute, c.at)
	if err != nil {
		t.Fatal(err)
	}
	underWay, w, err := p.BeginLogin(c.at)
	if err != nil {
		t.Fatal(err)
	}
	const none = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJzZXNzaW9uIiwic3ViIjoiYW5uYSIsImJ5Ijoib3BlbiIsImlhdCI6MSwiZXhwIjo5OTk5OTk5OTk5fQ."
	for what, text := range map[string]string{"link": link, "login": underWay, "unsigned": none, "rubbish": "a.b.c", "long": strings.Repeat("x", maxTicket+1)} {
		if _, err := g.Identify(t.Context(), Shown{From: here, Session: text}); !errors.Is(err, ErrLogin) {
			t.Errorf("%s as a session: %v", what, err)
		}
	}
	for what, text := range map[string]string{"session": session, "login": underWay, "unsigned": none} {
		if _, err := g.Identify(t.Context(), Shown{From: here, Link: text, Camera: "a"}); !errors.Is(err, ErrToken) {
			t.Errorf("%s as a link: %v", what, err)
		}
	}
	if who, err := g.Identify(t.Context(), Shown{From: here, Link: link, Camera: "a"}); err != nil || who.Role != Viewer {
		t.Errorf("the link itself: %+v %v", who, err)
	}
	if _, err := g.Identify(t.Context(), Shown{From: here, Link: link, Camera: "b"}); !errors.Is(err, ErrToken) {
		t.Errorf("the link of another camera: %v", err)
	}
	if _, err := p.EndLogin(underWay, "other", c.at); !errors.Is(err, ErrToken) {
		t.Errorf("a login with another state: %v", err)
	}
	if got, err := p.EndLogin(underWay, w.State, c.at); err != nil || got != w {
		t.Errorf("the login itself: %+v %v", got, err)
	}
	c.at = c.at.Add(2 * time.Minute)
	if _, err := g.Identify(t.Context(), Shown{From: here, Link: link, Camera: "a"}); !errors.Is(err, ErrToken) {
		t.Errorf("the link after its time: %v", err)
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	g, _, c := made(t)
	if _, err := g.Login(t.Context(), netip.MustParseAddr("192.0.2.99"), "anna", "correct horse"); err != nil { // so that it is remembered
		t.Fatal(err)
	}
	guess := func(from netip.Addr, name string) error {
		_, err := g.Login(t.Context(), from, name, "wrong horse")
		return err
	}
	for i := range addressBurst {
		if err := guess(here, "anna"); !errors.Is(err, ErrWrong) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	var many *TooMany
	if err := guess(here, "bob"); !errors.As(err, &many) || many.Wait <= 0 || many.Wait > addressEvery {
		t.Fatalf("another account from that address: %v", err)
	}
	if _, err := g.Login(t.Context(), here, "anna", "correct horse"); !errors.Is(err, ErrTooMany) {
		t.Errorf("the right password is found out all the same: %v", err)
	}
	c.at = c.at.Add(many.Wait)
	if err := guess(here, "anna"); !errors.Is(err, ErrWrong) {
		t.Errorf("after the wait: %v", err)
	}
	// Many addresses on one account: who has logged in from his before is not kept out.
	home := netip.MustParseAddr("2001:db8::1")
	if _, err := g.Login(t.Context(), home, "anna", "correct horse"); err != nil {
		t.Fatal(err)
	}
	for i := range accountBurst + 1 {
		if err := guess(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), "anna"); errors.Is(err, ErrTooMany) {
			break
		}
	}
	if err := guess(netip.MustParseAddr("203.0.113.9"), "anna"); !errors.Is(err, ErrTooMany) {
		t.Errorf("the account is not slowed down: %v", err)
	}
	if _, err := g.Login(t.Context(), netip.MustParseAddr("2001:db8::2"), "anna", "correct horse"); err != nil {
		t.Errorf("from the same network as before: %v", err)
	}
}

// Attempts that wait for their turn are judged by those that have failed meanwhile.
func TestGuessingAtOnceIsSlowedDown(t *testing.T) {
	g, _, _ := made(t)
	outcomes := make(chan error, 60)
	for range cap(outcomes) {
		go func() {
			_, err := g.Login(t.Context(), here, "anna", "wrong horse")
			outcomes <- err
		}()
	}
	looked := 0
	for range cap(outcomes) {
		if err := <-outcomes; errors.Is(err, ErrWrong) {
			looked++
		}
	}
	if most := addressBurst + hashesAtOnce; looked > most {
		t.Errorf("%d guesses were looked at, at most %d are meant", looked, most)
	}
}

// A good token is good whatever others at that address have shown.
func TestGoodTokenAmongBadOnes(t *testing.T) {
	g, p, c := made(t)
	secret, token := NewToken(Token{Name: "recorder", Role: Viewer})
	with := *p
	with.Tokens = []Token{token}
	g.Set(&with)
	for range 2 * addressBurst {
		_, _ = g.Identify(t.Context(), Shown{From: here, Bearer: "ls_no_token"})
	}
	if _, err := g.Identify(t.Context(), Shown{From: here, Bearer: "ls_no_token"}); !errors.Is(err, ErrTooMany) {
		t.Errorf("a bad one: %v", err)
	}
	if _, err := g.Identify(t.Context(), Shown{From: here, Bearer: secret}); err != nil {
		t.Errorf("a good one at %v: %v", c.at, err)
	}
}

// One user's logouts bring back nobody else's session.
func TestEndedSessionsOfOthersAreKept(t *testing.T) {
	s, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := s.End(Ended{ID: "stolen", Name: "anna", Until: now.Add(time.Minute)}, now); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * userEnded {
		if err := s.End(Ended{ID: strconv.Itoa(i), Name: "bob", Until: now.Add(time.Hour)}, now); err != nil {
			t.Fatal(err)
		}
	}
	p := s.Complete(Policy{})
	if len(p.Ended) != userEnded+1 || !p.ended("stolen") {
		t.Errorf("%d sessions are remembered, anna's: %v", len(p.Ended), p.ended("stolen"))
	}
}

func TestTokens(t *testing.T) {
	g, p, c := made(t)
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	secret, made, err := s.Add(Token{Name: "recorder", Role: Viewer, Expires: c.at.Add(time.Hour)}, c.at)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, storeFile)
	content, err := os.ReadFile(file)
	if info, statErr := os.Stat(file); err != nil || statErr != nil || info.Mode().Perm() != 0o600 || strings.Contains(string(content), secret) {
		t.Errorf("the file: %v %v %s", err, info.Mode(), content)
	}
	if s, err = Open(dir); err != nil { // the next start
		t.Fatal(err)
	}
	complete := s.Complete(*p)
	g.Set(&complete)
	for what, shown := range map[string]Shown{"bearer": {From: here, Bearer: secret}, "basic": {From: here, Basic: true, Name: "x", Secret: secret}} {
		if who, err := g.Identify(t.Context(), shown); err != nil || who.Name != "token recorder" || who.Role != Viewer {
			t.Errorf("%s: %+v %v", what, who, err)
		}
	}
	for _, wrong := range []string{secret + "x", secret[:len(secret)-1], "ls_" + made.ID + "_", "ls_", "x"} {
		if _, err := g.Identify(t.Context(), Shown{From: here, Bearer: wrong}); !errors.Is(err, ErrToken) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	c.at = c.at.Add(time.Hour)
	if _, err := g.Identify(t.Context(), Shown{From: here, Bearer: secret}); !errors.Is(err, ErrToken) {
		t.Errorf("after its time: %v", err)
	}
	if _, err := s.Revoke("none"); !errors.Is(err, ErrNoToken) {
		t.Error(err)
	}
	if gone, err := s.Revoke(made.ID); err != nil || gone.Name != "recorder" || len(s.Tokens()) != 0 {
		t.Error(gone, err)
	}
}

// A store that is damaged begins anew, keeps what there was aside, and says so.
func TestDamagedStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, storeFile), []byte(`{"key":"`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err == nil || len(s.Complete(Policy{}).Key) != keyBytes {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, storeFile+".damaged")); err != nil {
		t.Error(err)
	}
	if _, err := Open(dir); err != nil {
		t.Errorf("the next start: %v", err)
	}
}

func TestClientBehindProxies(t *testing.T) {
	p := &Policy{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for _, c := range []struct{ from, forwarded, want string }{
		{"192.0.2.7", "198.51.100.1", "192.0.2.7"}, // not a proxy: what it says is its own invention
		{"10.0.0.1", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"},           // the client wrote 1.2.3.4
		{"10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"}, // two proxies
		{"10.0.0.1", "", "10.0.0.1"},
		{"10.0.0.1", "unknown", "10.0.0.1"},
		{"10.0.0.1", "198.51.100.1:4711", "198.51.100.1"},
	} {
		if got := p.Client(netip.MustParseAddr(c.from), c.forwarded); got.String() != c.want {
			t.Errorf("from %s, %q: %s", c.from, c.forwarded, got)
		}
	}
}

func TestProvided(t *testing.T) {
	p := &Policy{
		Users: []User{{Name: "anna", Role: Admin}}, Key: []byte(strings.Repeat("k", 32)), SessionTime: time.Hour,
		OIDC: &OIDC{Roles: []RoleRule{{Value: "guards", Role: Operator, Scope: Scope{Groups: []string{"hall"}}}, {Value: "all", Role: Viewer}}},
	}
	now := time.Now()
	for _, c := range []struct {
		name   string
		values []string
		want   Role
	}{{"anna", nil, Admin}, {"carl", []string{"all", "guards"}, Operator}, {"carl", []string{"all"}, Viewer}, {"carl", []string{"x"}, ""}} {
		who, err := p.Provided(c.name, c.values)
		if who.Role != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s with %v: %+v %v", c.name, c.values, who, err)
		}
		if err != nil {
			continue
		}
		text, _, err := p.Session(who, now)
		if err != nil {
			t.Fatal(err)
		}
		g := NewGate()
		g.Set(p)
		if again, err := g.Identify(t.Context(), Shown{From: here, Session: text}); err != nil || again.Role != c.want || again.Scope.String() != who.Scope.String() {
			t.Errorf("%s by the session: %+v %v", c.name, again, err)
		}
		if renewed, _, err := p.Renew(again(t, g, text), now.Add(59*time.Minute)); err != nil || renewed != "" {
			t.Errorf("%s is let in for longer without the provider: %v", c.name, err)
		}
		changed := *p
		changed.Users, changed.OIDC = nil, &OIDC{Roles: []RoleRule{{Value: "guards", Role: Viewer}}}
		g.Set(&changed)
		who, err = g.Identify(t.Context(), Shown{From: here, Session: text})
		if guard := slices.Contains(c.values, "guards"); guard != (err == nil && who.Role == Viewer) {
			t.Errorf("%s by other rules: %+v %v", c.name, who, err)
		}
		closed := *p
		closed.OIDC, closed.Users = nil, nil
		g.Set(&closed)
		if _, err := g.Identify(t.Context(), Shown{From: here, Session: text}); err == nil {
			t.Errorf("%s is let in although the provider is not asked any more", c.name)
		}
	}
}

func again(t *testing.T, g *Gate, session string) Identity {
	t.Helper()
	who, err := g.Identify(t.Context(), Shown{From: here, Session: session})
	if err != nil {
		t.Fatal(err)
	}
	return who
}

func FuzzTicket(f *testing.F) {
	p := &Policy{Key: []byte(strings.Repeat("k", 32)), SessionTime: time.Hour, Open: true}
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	known := newTicket(forSession, now, time.Hour)
	known.ID, known.By = "known", "open" // the same in every process that takes part
	text, err := p.sign(known)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("eyJhbGciOiJub25lIn0.eyJhdWQiOiJzZXNzaW9uIn0.")
	f.Fuzz(func(t *testing.T, other string) {
		if got, err := p.read(other, forSession, now); err == nil && got.ID != known.ID {
			t.Fatalf("%q is taken for a session: %+v", other, got)
		}
	})
}
