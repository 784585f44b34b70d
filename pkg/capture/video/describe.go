package video

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/icholy/digest"

	"linkstart/pkg/camera"
	"linkstart/pkg/tlspin"
)

const (
	askLimit  = 5 * time.Second // for one question to a camera, all together
	mostReply = 64 << 10        // bytes of all replies together

	longestLocation = 300 // bytes
)

// dial connects to the host of t within askLimit. GStreamer's own attempt tells little but that it failed.
func dial(ctx context.Context, t target) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	return new(net.Dialer).DialContext(ctx, "tcp", t.address())
}

// connect is dial, and TLS where t wants it.
func (t target) connect(ctx context.Context) (net.Conn, error) {
	conn, err := dial(ctx, t)
	if err != nil || t.url.Scheme != "rtsps" {
		return conn, err
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	secured, err := tlspin.Client(ctx, conn, t.host, t.pinned)
	if err != nil {
		return nil, fmt.Errorf("agree on TLS: %w", err)
	}
	return secured, nil
}

// certificate returns the fingerprint of the certificate that the camera shows, once that is found to be trusted. GStreamer is then held to
// it: so this machine's authorities, names and pins are judged in one place.
func (t target) certificate(ctx context.Context) (fingerprint string, err error) {
	conn, err := t.connect(ctx)
	if untrusted := tlspin.Explain(err); untrusted != nil {
		return "", &camera.Error{Say: untrusted.Say(t.name), Err: err}
	}
	if err != nil {
		return "", unreachable(t, err)
	}
	defer conn.Close()
	secured, ok := conn.(*tls.Conn)
	if !ok || len(secured.ConnectionState().PeerCertificates) == 0 {
		return "", errors.New("see certificate: the camera shows none")
	}
	return tlspin.Of(secured.ConnectionState().PeerCertificates[0]), nil
}

// describe asks an RTSP server for a stream's description (RFC 2326, section 10.2), with the user name and password of
// the address where the server demands them (RFC 2617), and returns the status code of the last answer, and
// where that leads.
func describe(ctx context.Context, t target) (status int, elsewhere string, err error) {
	conn, err := t.connect(ctx)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(askLimit)); err != nil {
		return 0, "", err
	}
	bare := *t.url
	bare.User = nil
	reply := bufio.NewReader(io.LimitReader(conn, mostReply))
	status, header, err := ask(conn, reply, 1, bare.String(), "")
	if err != nil || status != http.StatusUnauthorized || t.url.User == nil {
		return status, leads(header), err
	}
	login, err := authorize(header, t.url.User, bare.String())
	if err != nil {
		return status, "", nil // it demands what nobody here can compute: refused
	}
	status, header, err = ask(conn, reply, 2, bare.String(), login)
	return status, leads(header), err
}

// leads returns where a reply sends its client, without path and query, which may hold a secret; "" where it sends it nowhere.
func leads(header http.Header) string {
	u, err := url.Parse(header.Get("Location"))
	if err != nil || u.Host == "" || len(u.Scheme)+len(u.Host) > longestLocation {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/…"
}

// ask sends one DESCRIBE and reads the answer, whose body it skips.
func ask(w io.Writer, r *bufio.Reader, number int, address, login string) (int, http.Header, error) {
	request := fmt.Sprintf("DESCRIBE %s RTSP/1.0\r\nCSeq: %d\r\nUser-Agent: linkstart\r\nAccept: application/sdp\r\n", address, number)
	if login != "" {
		request += "Authorization: " + login + "\r\n"
	}
	if _, err := io.WriteString(w, request+"\r\n"); err != nil {
		return 0, nil, fmt.Errorf("send DESCRIBE: %w", err)
	}
	return readReply(r)
}

// readReply reads a reply up to the end of its body.
func readReply(r *bufio.Reader) (status int, header http.Header, err error) {
	text := textproto.NewReader(r)
	line, err := text.ReadLine()
	if err != nil {
		return 0, nil, fmt.Errorf("read reply: %w", err)
	}
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err = strconv.Atoi(code)
	if err != nil || !strings.HasPrefix(version, "RTSP/") || status < 100 || status > 999 {
		return 0, nil, errors.New("read reply: it is not RTSP")
	}
	fields, err := text.ReadMIMEHeader()
	if err != nil {
		return 0, nil, fmt.Errorf("read reply's header: %w", err)
	}
	header = http.Header(fields)
	if length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil && length > 0 {
		if _, err := io.CopyN(io.Discard, r, length); err != nil {
			return 0, nil, fmt.Errorf("read reply's body: %w", err)
		}
	}
	return status, header, nil
}

// authorize answers a challenge: digest where it is offered, else basic.
func authorize(header http.Header, user *url.Userinfo, address string) (string, error) {
	password, _ := user.Password()
	if challenge, err := digest.FindChallenge(header); err == nil {
		answer, err := digest.Digest(challenge, digest.Options{
			Method: "DESCRIBE", URI: address, Username: user.Username(), Password: password, Count: 1,
		})
		if err != nil {
			return "", fmt.Errorf("answer digest challenge: %w", err)
		}
		return answer.String(), nil
	}
	for _, challenge := range header.Values("WWW-Authenticate") {
		if scheme, _, _ := strings.Cut(challenge, " "); strings.EqualFold(scheme, "Basic") {
			return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)), nil
		}
	}
	return "", errors.New("answer challenge: neither digest nor basic")
}
