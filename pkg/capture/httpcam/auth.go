package httpcam

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/icholy/digest"
)

// auth answers a camera's 401 by what it asks for: Digest (RFC 7616, MD5 and SHA-2) or else Basic (RFC 7617). It
// remembers the challenge, so that each further request is let in at once.
type auth struct {
	user    *url.Userinfo // nil: none
	next    http.RoundTripper
	digest  *atomic.Bool // the camera has asked for Digest, now or before: Basic is not answered any more
	secured bool         // unless TLS hides what Basic sends

	mu    sync.Mutex
	chal  *digest.Challenge
	count int // requests that answered chal
	basic bool
}

// RoundTrip implements http.RoundTripper. A 401 that it returns means that the camera does not take this user.
func (a *auth) RoundTrip(req *http.Request) (*http.Response, error) {
	signed, err := a.sign(req)
	if err != nil {
		return nil, err
	}
	res, err := a.next.RoundTrip(signed)
	if err != nil || res.StatusCode != http.StatusUnauthorized || !a.learn(res) {
		return res, err
	}
	io.CopyN(io.Discard, res.Body, maxErrorBody) // so that the connection can be used again; if not, a new one is
	res.Body.Close()
	if signed, err = a.sign(req); err != nil {
		return nil, err
	}
	return a.next.RoundTrip(signed)
}

// sign returns req with what the camera has asked for so far.
func (a *auth) sign(req *http.Request) (*http.Request, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	req = req.Clone(req.Context())
	password, _ := a.user.Password()
	switch {
	case a.chal != nil:
		a.count++
		cred, err := digest.Digest(a.chal, digest.Options{
			Method: req.Method, URI: req.URL.RequestURI(), Count: a.count,
			Username: a.user.Username(), Password: password,
		})
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", cred.String())
	case a.basic:
		req.SetBasicAuth(a.user.Username(), password)
	}
	return req, nil
}

// learn takes up the challenge of a 401 and tells whether an answer to it is worth sending: not to a question that has
// been answered before, for cameras lock out whoever tries again.
func (a *auth) learn(res *http.Response) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.user == nil {
		return false
	}
	if chal, err := digest.FindChallenge(res.Header); err == nil {
		fresh := a.chal == nil || chal.Stale || chal.Nonce != a.chal.Nonce && a.count > 1
		a.chal, a.count, a.basic = chal, 0, false
		a.digest.Store(true)
		return fresh
	}
	asked := a.basic
	a.chal, a.basic = nil, false
	if a.digest.Load() && !a.secured {
		return false
	}
	for _, h := range res.Header.Values("WWW-Authenticate") {
		scheme, _, _ := strings.Cut(strings.TrimSpace(h), " ")
		a.basic = a.basic || strings.EqualFold(scheme, "Basic")
	}
	return a.basic && !asked
}
