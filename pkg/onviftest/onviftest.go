// Package onviftest gives tests an ONVIF camera of this or that maker: a server that answers over HTTP as theirs do, with their
// mistakes, lets in who knows the password, and can be found on the network.
package onviftest

import (
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icholy/digest"
)

// Profile is a stream that the camera offers.
type Profile struct {
	Token, Name   string
	Source        string // which of its lenses or cameras, "VideoSource_1" where empty
	Width, Height int    // px
	URI           string // as the camera tells it
}

// Device is what the camera is like.
type Device struct {
	Maker    Maker
	User     string // "": everybody is let in
	Password string
	Digest   bool          // it takes HTTP Digest and no WS-Security
	Shy      bool          // it tells the time only to who has logged in
	Clock    time.Duration // how much its clock is ahead
	Profiles []Profile     // in the order in which it names them
	Host     string        // IPv4 address of this machine that it has, 127.0.0.1 where empty

	// Answer is asked first, if it is set: "" lets the camera answer as it does. operation is the name of what is asked for.
	Answer func(operation string) string
	// Delay is how long it thinks before each answer.
	Delay time.Duration
}

// nonceUses is how many requests a nonce of HTTP Digest is good for. A client must take up the next one.
const nonceUses = 2

// clockSpan is how much the time of a login may differ from the camera's.
const clockSpan = time.Minute

// Server is a camera that runs.
type Server struct {
	Device
	server *httptest.Server
	over   chan struct{}

	mu      sync.Mutex
	asked   []string // operations
	refused int
	let     int // requests that HTTP Digest has let in
	nonces  map[string]bool
}

// Start runs a camera on a free port of 127.0.0.1 until the test ends.
func Start(t testing.TB, d Device) *Server {
	t.Helper()
	s := &Server{Device: d, over: make(chan struct{}), nonces: map[string]bool{}}
	l, err := net.Listen("tcp4", net.JoinHostPort(cmp.Or(d.Host, "127.0.0.1"), "0"))
	if err != nil {
		t.Fatal(err)
	}
	s.server = &httptest.Server{Listener: l, Config: &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}}
	s.server.Start()
	t.Cleanup(s.Close)
	return s
}

// Close ends the camera. It may be called again.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.over:
	default:
		close(s.over)
	}
	s.mu.Unlock()
	s.server.Close()
}

// Addr is host:port.
func (s *Server) Addr() string { return s.server.Listener.Addr().String() }

// Port is that of Addr.
func (s *Server) Port() int { return s.server.Listener.Addr().(*net.TCPAddr).Port }

// Source is the address of the camera for a configuration, with options such as "?profile=sub".
func (s *Server) Source(options string) string {
	u := url.URL{Scheme: "onvif", Host: s.Addr()}
	if s.User != "" {
		u.User = url.UserPassword(s.User, s.Password)
	}
	return u.String() + options
}

// Asked returns the operations that were asked for.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// Refused is how many logins were wrong.
func (s *Server) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// request is what the camera reads of one.
type request struct {
	Token struct {
		Username, Password, Nonce, Created string
	} `xml:"Header>Security>UsernameToken"`
	Body struct {
		Operation struct {
			XMLName      xml.Name
			ProfileToken string
		} `xml:",any"`
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var req request
	if err != nil || r.Method != http.MethodPost || xml.Unmarshal(body, &req) != nil {
		http.Error(w, "<html><body>not found</body></html>", http.StatusNotFound)
		return
	}
	operation := req.Body.Operation.XMLName.Local
	s.mu.Lock()
	s.asked = append(s.asked, operation)
	s.mu.Unlock()
	select {
	case <-time.After(s.Delay):
	case <-r.Context().Done():
		return
	case <-s.over:
		return
	}
	w.Header().Set("Content-Type", "application/soap+xml; charset=utf-8")
	if s.Answer != nil {
		if text := s.Answer(operation); text != "" {
			_, _ = io.WriteString(w, text)
			return
		}
	}
	if (s.Shy || operation != "GetSystemDateAndTime") && !s.admits(w, r, req) {
		return
	}
	text, ok := s.answer(operation, req.Body.Operation.XMLName.Space, req.Body.Operation.ProfileToken, r.URL.Path)
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		text = s.Maker.fault("ter:ActionNotSupported", "Optional Action Not Implemented")
	}
	_, _ = io.WriteString(w, text)
}

// admits tells whether a request may be answered, and refuses it where not.
func (s *Server) admits(w http.ResponseWriter, r *http.Request, req request) bool {
	switch {
	case s.User == "":
		return true
	case s.Digest:
		s.mu.Lock()
		nonce := fmt.Sprintf("nonce%d", s.let/nonceUses)
		s.mu.Unlock()
		challenge := fmt.Sprintf(`Digest realm="AXIS_ACCC8E000000", nonce=%q, algorithm=MD5, qop="auth"`, nonce)
		if s.digestRight(r, challenge) && req.Token.Username == "" { // not both: Core Specification, section 5.9
			s.mu.Lock()
			s.let++
			s.mu.Unlock()
			return true
		}
		if strings.Contains(r.Header.Get("Authorization"), nonce) {
			s.refuse()
		}
		w.Header().Set("WWW-Authenticate", challenge)
		w.WriteHeader(http.StatusUnauthorized)
		return false
	case s.tokenRight(req):
		return true
	}
	if req.Token.Username != "" {
		s.refuse()
	}
	w.WriteHeader(s.Maker.refusal)
	_, _ = io.WriteString(w, s.Maker.fault("ter:NotAuthorized", "Sender not Authorized"))
	return false
}

func (s *Server) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused++
}

func (s *Server) digestRight(r *http.Request, challenge string) bool {
	chal, err := digest.ParseChallenge(challenge)
	if err != nil {
		return false
	}
	got, err := digest.ParseCredentials(r.Header.Get("Authorization"))
	if err != nil {
		return false
	}
	want, err := digest.Digest(chal, digest.Options{
		Method: r.Method, URI: r.URL.RequestURI(), Count: got.Nc, Username: s.User, Password: s.Password, Cnonce: got.Cnonce,
	})
	return err == nil && want.Response == got.Response && got.URI == r.URL.RequestURI()
}

// tokenRight checks a login of WS-Security, which holds once and only for a while.
func (s *Server) tokenRight(req request) bool {
	nonce, err := base64.StdEncoding.DecodeString(req.Token.Nonce)
	created, badTime := time.Parse(time.RFC3339, req.Token.Created)
	if err != nil || badTime != nil || len(nonce) == 0 || req.Token.Username != s.User {
		return false
	}
	s.mu.Lock()
	again := s.nonces[req.Token.Nonce]
	s.nonces[req.Token.Nonce] = true
	s.mu.Unlock()
	sum := sha1.Sum([]byte(string(nonce) + req.Token.Created + s.Password))
	away := created.Sub(time.Now().Add(s.Clock)).Abs()
	return !again && away < clockSpan && base64.StdEncoding.EncodeToString(sum[:]) == req.Token.Password
}

// answer fills in what the maker's cameras say.
func (s *Server) answer(operation, namespace, token, path string) (string, bool) {
	form, ok := s.Maker.forms[operation]
	if !ok {
		return "", false
	}
	now := time.Now().Add(s.Clock).UTC()
	fill := strings.NewReplacer(
		"{host}", s.Addr(),
		"{time}", fmt.Sprintf(s.Maker.clock, now.Hour(), now.Minute(), now.Second(), now.Year(), now.Month(), now.Day()),
		"{profiles}", s.profiles(),
		"{uri}", s.uri(token),
	)
	if (operation == "GetProfiles" || operation == "GetStreamUri") && (path != s.Maker.media || !strings.Contains(namespace, "/media/")) {
		return "", false
	}
	return fill.Replace(s.Maker.before + form + s.Maker.after), true
}

func (s *Server) profiles() string {
	var b strings.Builder
	for i, p := range s.Profiles {
		fmt.Fprintf(&b, s.Maker.profile, i, s.Maker.escape(p.Token), s.Maker.escape(p.Name), p.Width, p.Height, cmp.Or(p.Source, "VideoSource_1"))
	}
	return b.String()
}

func (s *Server) uri(token string) string {
	for _, p := range s.Profiles {
		if p.Token != token {
			continue
		}
		return s.Maker.escape(p.URI)
	}
	return ""
}
