package httpcam

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/icholy/digest"

	"linkstart/pkg/camera"
	"linkstart/pkg/tlspin"
)

const (
	user     = "admin"
	password = "s3cret/@:%?"
	userinfo = "admin:s3cret%2F%40%3A%25%3F@"
)

// guard lets in who answers challenge for user and password.
func guard(challenges ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		for _, c := range challenges {
			if !digest.IsDigest(c) {
				u, p, ok := r.BasicAuth()
				if ok && u == user && p == password {
					return true
				}
				continue
			}
			chal, err := digest.ParseChallenge(c)
			if err != nil {
				continue
			}
			got, err := digest.ParseCredentials(r.Header.Get("Authorization"))
			if err != nil {
				continue
			}
			want, err := digest.Digest(chal, digest.Options{Method: r.Method, URI: r.URL.RequestURI(), Count: got.Nc,
				Username: user, Password: password, Cnonce: got.Cnonce})
			if err == nil && want.Response == got.Response && want.URI == got.URI {
				return true
			}
		}
		return false
	}
}

// guarded serves a polled picture behind the challenges and counts the requests it refused.
func guarded(t *testing.T, challenges ...string) (srv *httptest.Server, refused *atomic.Int32) {
	refused = new(atomic.Int32)
	ok := guard(challenges...)
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !ok(r) {
			refused.Add(1)
			for _, c := range challenges {
				w.Header().Add("WWW-Authenticate", c)
			}
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "image/jpeg")
		w.Write(one)
	}), refused
}

var challenges = map[string][]string{
	"Basic":            {`Basic realm="cam"`},
	"Digest MD5":       {`Digest realm="cam", nonce="abc", qop="auth", algorithm=MD5`},
	"Digest SHA-256":   {`Digest realm="cam", nonce="abc", qop="auth", algorithm=SHA-256, opaque="x"`},
	"Digest RFC 2069":  {`Digest realm="cam", nonce="abc"`},
	"Basic and Digest": {`Basic realm="cam"`, `Digest realm="cam", nonce="abc", qop="auth"`},
	"unknown Digest":   {`Digest realm="cam", nonce="abc", qop="auth", algorithm=ROT13`, `Basic realm="cam"`},
}

func TestAuth(t *testing.T) {
	for name, c := range challenges {
		t.Run(name, func(t *testing.T) {
			srv, refused := guarded(t, c...)
			url := strings.Replace(srv.URL, "http://", "http://"+userinfo, 1) + "/cgi?channel=1"
			wantPictures(t, newSource(t, specOf(url)), one, one, one)
			if refused.Load() != 1 {
				t.Errorf("%d requests were refused, want only the first", refused.Load())
			}
		})
	}
}

func TestWrongPasswordIsTriedOnce(t *testing.T) {
	for name, c := range challenges {
		t.Run(name, func(t *testing.T) {
			srv, refused := guarded(t, c...)
			url := strings.Replace(srv.URL, "http://", "http://admin:wr0ng@", 1)
			_, err := collect(t, newSource(t, specOf(url)), 1)
			if !errors.Is(err, camera.ErrAuth) || !strings.Contains(camera.Say(err), "refused user admin") || strings.Contains(err.Error(), "wr0ng") {
				t.Errorf("got %v", err)
			}
			if refused.Load() != 2 {
				t.Errorf("%d requests, want one without and one with the password", refused.Load())
			}
		})
	}
}

func TestRenewedNonce(t *testing.T) {
	var n atomic.Int32
	a := `Digest realm="cam", nonce="a", qop="auth"`
	b := `Digest realm="cam", nonce="b", qop="auth", stale=true`
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		c := a
		if n.Add(1) > 4 {
			c = b
		}
		if !guard(c)(r) {
			w.Header().Set("WWW-Authenticate", c)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "image/jpeg")
		w.Write(one)
	})
	url := strings.Replace(srv.URL, "http://", "http://"+userinfo, 1)
	wantPictures(t, newSource(t, specOf(url)), one, one, one, one, one, one)
}

func TestRedirects(t *testing.T) {
	var strangers atomic.Int32
	stranger := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		strangers.Add(1)
		w.Header().Set("WWW-Authenticate", `Basic realm="give"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	home := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/home":
			http.Redirect(w, r, "/video?token=t0ken", http.StatusFound)
		case r.URL.Path == "/video":
			w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b0undary")
			io.WriteString(w, part(one))
		case r.URL.Path == "/away":
			http.Redirect(w, r, stranger.URL+"/?token=t0ken", http.StatusFound)
		case r.URL.Path == "/other":
			http.Redirect(w, r, "http://localhost/?token=t0ken", http.StatusFound)
		case r.URL.Path == "/link-local":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
		case r.URL.Path == "/port":
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusPermanentRedirect)
		case r.URL.Path == "/secure": // our port is not the usual one, so that one may be another camera's
			http.Redirect(w, r, "https://127.0.0.1/", http.StatusSeeOther)
		case r.URL.Path == "/file":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		case r.URL.Path == "/ftp":
			w.Header().Set("Location", "ftp://127.0.0.1/t0ken")
			w.WriteHeader(http.StatusFound)
		default:
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	})
	base := strings.Replace(home.URL, "http://", "http://"+userinfo, 1)
	wantPictures(t, newSource(t, specOf(base+"/home")), one)
	for path, want := range map[string]string{
		"/away": "another address, " + stranger.URL, "/other": "another address, http://localhost/", "/ftp": "not http", "/file": "not http",
		"/link-local": "another address", "/port": "another address", "/secure": "another address", "/round": "for ever",
	} {
		_, err := collect(t, newSource(t, specOf(base+path)), 1)
		if err == nil || !strings.Contains(camera.Say(err), want) || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if strangers.Load() != 0 {
		t.Error("the other host was asked")
	}
}

// TestPin: the host is connected at one address, whatever its name says.
func TestPin(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "camera.invalid:"+r.URL.Query().Get("port") {
			t.Errorf("asked as %s", r.Host)
		}
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(one)
	}))
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	spec := specOf("http://camera.invalid:" + port + "/?port=" + port)
	spec.Pin = "127.0.0.1"
	if pictures, err := collect(t, newSource(t, spec), 1); len(pictures) != 1 {
		t.Errorf("no picture: %v", err)
	}
}

// TestUpgradeToTLS: the one change of port that is followed, with the password.
func TestUpgradeToTLS(t *testing.T) {
	challenge := `Digest realm="cam", nonce="abc", qop="auth"`
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !guard(challenge)(r) {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b0undary")
		io.WriteString(w, part(one))
	}))
	t.Cleanup(secure.Close)
	plain := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the password went out unasked")
		}
		http.Redirect(w, r, "https://camera.invalid/", http.StatusMovedPermanently)
	})
	spec := specOf("http://" + userinfo + "camera.invalid/")
	spec.TLSPin = tlspin.Of(secure.Certificate())
	s := newSource(t, spec).(*source)
	s.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		to := map[string]string{"camera.invalid:80": plain.Listener.Addr().String(), "camera.invalid:443": secure.Listener.Addr().String()}
		return new(net.Dialer).DialContext(ctx, network, to[addr])
	}
	wantPictures(t, s, one)
}

// TestNoDowngradeToBasic: who has seen a camera ask for Digest does not tell its password to whoever asks for Basic there later.
func TestNoDowngradeToBasic(t *testing.T) {
	var hostile atomic.Bool
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		challenge := `Digest realm="cam", nonce="abc", qop="auth"`
		if _, _, told := r.BasicAuth(); told {
			t.Error("the password was told")
		}
		if hostile.Load() {
			challenge = `Basic realm="cam"`
		}
		if hostile.Load() || !guard(challenge)(r) {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "image/jpeg")
		w.Write(one)
	})
	s := newSource(t, specOf(strings.Replace(srv.URL, "http://", "http://"+userinfo, 1)))
	wantPictures(t, s, one, one)
	hostile.Store(true)
	for range 2 {
		if _, err := collect(t, s, 1); !errors.Is(err, camera.ErrAuth) {
			t.Errorf("got %v", err)
		}
	}
}

// FuzzChallenge: whatever a camera asks, the answer is one line that does not hold the password.
func FuzzChallenge(f *testing.F) {
	for _, all := range challenges {
		for _, c := range all {
			f.Add(c, `Digest realm="cam", nonce="b", stale=true`)
		}
	}
	f.Add("Digest "+strings.Repeat("x=", 1000), `Digest realm="\"", nonce="\r\nX: y", qop="auth-int,auth", algorithm=SHA-512-256-sess, userhash=true`)
	f.Fuzz(func(t *testing.T, first, second string) {
		a := &auth{user: url.UserPassword(user, password), digest: new(atomic.Bool)}
		req := httptest.NewRequest(http.MethodGet, "http://camera/", nil)
		for _, challenge := range []string{first, second} {
			a.learn(&http.Response{Header: http.Header{"Www-Authenticate": {challenge}}})
			signed, err := a.sign(req)
			if err != nil {
				continue
			}
			if answer := signed.Header.Get("Authorization"); !strings.HasPrefix(answer, "Basic ") && strings.Contains(answer, password) && !strings.Contains(challenge, password) {
				t.Errorf("%q is answered %q", challenge, answer)
			}
		}
	})
}
