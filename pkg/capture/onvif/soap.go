package onvif

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/icholy/digest"

	"linkstart/pkg/camera"
)

const (
	askLimit  = 5 * time.Second // for one question
	mostReply = 1 << 20         // bytes; a camera with many profiles takes 100 KB
	mostHead  = 64 << 10

	security = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
)

// client asks one camera, and remembers how that lets it in.
type client struct {
	address
	http   *http.Client
	offset time.Duration // of the camera's clock from ours: it takes no login of another time

	chal  *digest.Challenge // nil: the camera has not asked for HTTP Digest, so WS-Security is shown
	count int               // requests that answered chal
}

// newClient connects to pin where that is set, whatever the name of the host says.
func newClient(a address, pin string) *client {
	dialer := net.Dialer{Timeout: askLimit}
	at := a.at()
	if pin != "" {
		at = net.JoinHostPort(pin, a.port)
	}
	return &client{address: a, http: &http.Client{
		Timeout: askLimit,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, at)
			},
			MaxResponseHeaderBytes: mostHead,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the login would go there too
	}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// fault is what a service says that does not do what it was asked for.
type fault struct {
	Code   string `xml:",innerxml"`
	Reason string `xml:"Reason>Text"`
}

// login tells whether the fault is about who asks. Some cameras say so in a code, some in words only.
func (f *fault) login() bool {
	text := strings.ToLower(f.Code)
	for _, word := range []string{"notauthorized", "not authorized", "failedauthentication", "unauthorized", "invalidsecurity"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// ask sends one request to a service and reads the answer. A request that shows no login is for what must be known before one can be made.
func (c *client) ask(ctx context.Context, path, request string, shown bool, answer any) error {
	status, header, body, err := c.post(ctx, path, request, shown)
	if err == nil && status == http.StatusUnauthorized && shown && c.learn(header) {
		status, _, body, err = c.post(ctx, path, request, shown)
	}
	if err != nil {
		return err
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return fmt.Errorf("%w: HTTP status %d", camera.ErrAuth, status)
	}
	var head struct {
		XMLName xml.Name `xml:"Envelope"`
		Fault   *fault   `xml:"Body>Fault"`
	}
	if err := read(body, &head); err != nil {
		return fmt.Errorf("%w: HTTP status %d: %w", errNotONVIF, status, err)
	}
	if f := head.Fault; f != nil {
		err := fmt.Errorf("%w: %.200q", errFault, strings.TrimSpace(f.Reason))
		if f.login() {
			err = fmt.Errorf("%w: %w", camera.ErrAuth, err)
		}
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%w: HTTP status %d", errNotONVIF, status)
	}
	if err := read(body, answer); err != nil {
		return fmt.Errorf("%w: %w", errNotONVIF, err)
	}
	return nil
}

// read takes XML as cameras write it: with & that nobody escaped, in other encodings than it says, in namespaces of their own. The
// library expands no entities but the five of XML, and bounds how deep elements may stand in each other.
func read(body []byte, into any) error {
	d := xml.NewDecoder(strings.NewReader(strings.ToValidUTF8(string(body), "\ufffd")))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return d.Decode(into)
}

func (c *client) post(ctx context.Context, path, request string, shown bool) (int, http.Header, []byte, error) {
	head := ""
	if shown && c.user != nil && c.chal == nil {
		head = c.token(time.Now())
	}
	envelope := `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">` +
		`<s:Header>` + head + `</s:Header><s:Body>` + request + `</s:Body></s:Envelope>`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.host+path, strings.NewReader(envelope))
	if err != nil {
		return 0, nil, nil, errors.New("make request: the address cannot be used")
	}
	req.Header.Set("Content-Type", "application/soap+xml; charset=utf-8")
	if c.chal != nil {
		if err := c.answer(req); err != nil {
			return 0, nil, nil, err
		}
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, mostReply+1))
	if err != nil {
		return 0, nil, nil, err
	}
	if len(body) > mostReply {
		return 0, nil, nil, fmt.Errorf("%w: more than %d bytes", errNotONVIF, mostReply)
	}
	return res.StatusCode, res.Header, body, nil
}

// learn takes up a demand for HTTP Digest and tells whether an answer to it is worth sending: not to one that has been answered before,
// for cameras lock out whoever tries again. WS-Security and HTTP Digest are not shown together (Core Specification, section 5.9).
func (c *client) learn(header http.Header) bool {
	chal, err := digest.FindChallenge(header)
	if err != nil || c.user == nil {
		return false
	}
	fresh := c.chal == nil || chal.Stale || chal.Nonce != c.chal.Nonce && c.count > 1
	c.chal, c.count = chal, 0
	return fresh
}

func (c *client) answer(req *http.Request) error {
	c.count++
	password, _ := c.user.Password()
	login, err := digest.Digest(c.chal, digest.Options{
		Method: req.Method, URI: req.URL.RequestURI(), Count: c.count, Username: c.user.Username(), Password: password,
	})
	if err != nil {
		return fmt.Errorf("answer digest challenge: %w", err)
	}
	req.Header.Set("Authorization", login.String())
	return nil
}

// token is the login of WS-Security (UsernameToken Profile 1.0, section 3.1): a digest of the password, of something that is never said
// again, and of the time.
func (c *client) token(now time.Time) string {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	created := now.Add(c.offset).UTC().Format("2006-01-02T15:04:05.000Z")
	password, _ := c.user.Password()
	return `<Security xmlns="` + security + `wssecurity-secext-1.0.xsd" s:mustUnderstand="1"><UsernameToken>` +
		`<Username>` + escape(c.user.Username()) + `</Username>` +
		`<Password Type="` + security + `username-token-profile-1.0#PasswordDigest">` + passwordDigest(nonce[:], created, password) + `</Password>` +
		`<Nonce EncodingType="` + security + `soap-message-security-1.0#Base64Binary">` + base64.StdEncoding.EncodeToString(nonce[:]) + `</Nonce>` +
		`<Created xmlns="` + security + `wssecurity-utility-1.0.xsd">` + created + `</Created></UsernameToken></Security>`
}

// passwordDigest is by SHA-1 because the standard has nothing else.
func passwordDigest(nonce []byte, created, password string) string {
	sum := sha1.Sum([]byte(string(nonce) + created + password))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}
