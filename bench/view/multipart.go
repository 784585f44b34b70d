package view

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// Multipart is a viewer of multipart/x-mixed-replace whose parts tell their length.
type Multipart struct {
	in    *stream
	close io.Closer
	keep  int
}

// Get asks http://address/path for multipart. In HTTP/1.0, so that no server cuts it into chunks.
func Get(ctx context.Context, address, path string, o Options) (*Multipart, error) {
	conn, err := dial(ctx, o.Dial, address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(openLimit))
	m := &Multipart{in: newStream(conn, o.Silence), close: conn, keep: o.Keep}
	if _, err = fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, address); err == nil {
		err = m.in.response(http.StatusOK)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("get http://%s%s: %w", address, path, err)
	}
	_ = conn.SetDeadline(time.Time{})
	return m, nil
}

// Parts is a viewer of the parts that a program writes. Close closes r.
func Parts(r io.ReadCloser, keep int) *Multipart {
	return &Multipart{in: newStream(r, 0), close: r, keep: keep}
}

// Picture implements Viewer.
func (m *Multipart) Picture() (Frame, error) {
	length := 0
	for {
		line, err := m.in.line()
		if err != nil {
			return Frame{}, err
		}
		if line == "" && length > 0 {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		if textproto.CanonicalMIMEHeaderKey(name) != "Content-Length" {
			continue // boundary, other header, empty line between parts
		}
		if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length <= 0 || length > maxMessage {
			return Frame{}, fmt.Errorf("%w: %.100q", ErrFormat, line)
		}
	}
	head, err := m.in.keep(length, m.keep)
	return Frame{At: time.Now(), Bytes: length, Head: head}, err
}

// Bytes implements Viewer.
func (m *Multipart) Bytes() int64 { return m.in.total }

// Close implements Viewer.
func (m *Multipart) Close() error { return m.close.Close() }
