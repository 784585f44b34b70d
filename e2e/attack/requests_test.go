package attack

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// pour sends begin and then so many bytes, as long as they are taken, and returns the beginning of the answer.
func (g *target) pour(begin, piece string, total int) string {
	c := g.dial("127.0.0.1")
	if c == nil {
		return ""
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	answer := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(io.LimitReader(c, 4096))
		answer <- string(b)
	}()
	_, err := io.WriteString(c, begin)
	for sent := 0; err == nil && sent < total; sent += len(piece) {
		_, err = io.WriteString(c, piece)
	}
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Second)) // what has not come by now was lost with the connection
	return <-answer
}

// refused checks the status of an answer, where there is one: who pours on may lose it with the connection.
func (g *target) refused(what, answer string, status int) {
	g.t.Helper()
	if answer != "" && !strings.HasPrefix(answer, fmt.Sprintf("HTTP/1.1 %d ", status)) {
		g.t.Errorf("%s: %.300q, want %d", what, answer, status)
	}
}

func (g *target) hugeHeaders(s size) {
	piece := strings.Repeat("a", 64<<10)
	for _, begin := range []string{"GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: ", "GET /", "GET / HTTP/1.1\r\nHost: "} {
		g.refused("an endless header", g.pour(begin, piece, s.bytes), http.StatusRequestHeaderFieldsTooLarge)
	}
	many := "GET / HTTP/1.1\r\nHost: localhost\r\n"
	g.refused("endless headers", g.pour(many, strings.Repeat("X-Many: x\r\n", 6000), s.bytes), http.StatusRequestHeaderFieldsTooLarge)
}

func (g *target) hugeBodies(s size) {
	const head = "POST /api/v1/cameras/door/frames HTTP/1.1\r\nHost: localhost\r\n"
	piece := strings.Repeat("a", 64<<10)
	for range s.repeats {
		g.refused("a body of a length that is told", g.pour(fmt.Sprintf("%sContent-Length: %d\r\n\r\n", head, s.bytes), piece, s.bytes), http.StatusRequestEntityTooLarge)
		g.refused("a body in pieces", g.pour(head+"Transfer-Encoding: chunked\r\n\r\n", fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece), s.bytes),
			http.StatusRequestEntityTooLarge)
		g.refused("one piece without end", g.pour(head+"Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n", piece, s.bytes), http.StatusRequestEntityTooLarge)
	}
}

func (g *target) packedBombs(s size) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for n := 0; n < s.bytes; n += len(zeros) {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	before := g.memory()
	for range s.repeats {
		for _, path := range []string{"/api/v1/cameras/clock/alarm", "/api/v1/cameras/door/frames", "/api/v1/cameras"} {
			g.answers("a packed body", []int{415}, "POST", path, b.String(), "Content-Encoding", "gzip")
		}
		g.answers("a body packed twice", []int{415}, "PUT", "/api/v1/rooms/main", b.String(), "Content-Encoding", "gzip, gzip")
	}
	if now := g.memory(); now > before+64 {
		g.t.Errorf("the relay holds %.0f MiB, %.0f before", now, before)
	}
}

func (g *target) nestedJSON(s size) {
	for range s.repeats {
		for _, deep := range []string{strings.Repeat("[", 200_000), strings.Repeat(`{"camera":`, 20_000), `{"camera":` + strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000) + `}`} {
			g.answers("a large room", []int{413}, "PUT", "/api/v1/rooms/main", deep+strings.Repeat(" ", 300<<10))
			g.answers("a nested room", []int{400}, "PUT", "/api/v1/rooms/main", deep)
			g.answers("a nested patrol", []int{400, 413, 422}, "PUT", "/api/v1/rooms/main/patrol", deep)
			g.answers("a nested alarm", []int{400}, "POST", "/api/v1/cameras/clock/alarm", deep)
			g.answers("a nested camera", []int{400, 413, 422}, "POST", "/api/v1/cameras", deep)
		}
	}
}

func (g *target) foreignOrigins(s size) {
	for range s.repeats {
		for _, origin := range []string{
			"https://evil.example", "null", "file://", "http://" + g.addr + ".evil.example", "http://evil.example/" + g.addr, "http://evil.example#" + g.addr,
			"http://" + g.addr + "@evil.example", "http://127.0.0.1", "//" + g.addr, g.addr, "javascript://" + g.addr + "/%0aalert(1)",
		} {
			if u, err := url.Parse(origin); err == nil && u.Host == g.addr { // whatever it is, it is of this host
				continue
			}
			g.answers("a restart from "+origin, []int{403}, "POST", "/api/v1/cameras/clock/restart", "", "Origin", origin)
			g.answers("a selection from "+origin, []int{403}, "PUT", "/api/v1/rooms/main", `{"camera":"ball"}`, "Origin", origin)
			g.answers("a WebSocket from "+origin, []int{403}, "GET", "/ws", "", "Origin", origin, "Upgrade", "websocket", "Connection", "Upgrade",
				"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
		}
		g.answers("a form of another site", []int{403}, "POST", "/api/v1/cameras/clock/stop", "", "Sec-Fetch-Site", "cross-site")
	}
}

func (g *target) foreignHosts(s size) {
	for range s.repeats {
		for _, host := range []string{"evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example", "evil.example:" + strings.Repeat("9", 300), strings.Repeat("a", 4000)} {
			for _, path := range []string{"/", "/api/v1/cameras", "/ws", "/metrics", "/api/v1/cameras/clock/snapshot.jpg"} {
				g.answers(path+" of "+host, []int{421}, "GET", path, "", "Host", host)
			}
		}
	}
}

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

// paths tries every route with names that are none.
func (g *target) paths(size) {
	_, b, err := g.ask("GET", "/api/v1/openapi.json", "")
	var api struct{ Paths map[string]map[string]any }
	if err == nil {
		err = json.Unmarshal([]byte(b), &api)
	}
	if err != nil || len(api.Paths) < 10 {
		g.t.Fatalf("%d paths, %v", len(api.Paths), err)
	}
	tricks := []string{
		"..%2f..%2f..%2fetc%2fpasswd", "..%5c..%5cetc%5cpasswd", "%00", "clock%00", "clock;x=y", "clock%0d%0aX-Evil:1", "%2e%2e", "..", ".", "%", "%zz",
		"%ff%fe", "clock/../../../../etc/passwd", "//", "\\", "clock\\..", "*", ">", "clock.main", strings.Repeat("a", 8000), strings.Repeat("../", 500) + "etc/passwd",
		"%252e%252e%252f", "clock%20", "%F0%9F%92%A9", "-", "_",
	}
	for path, methods := range api.Paths {
		for method := range methods {
			for _, trick := range tricks {
				at := path + "/" + trick
				if parameter.MatchString(path) {
					at = parameter.ReplaceAllLiteralString(path, trick)
				}
				answer := g.raw(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", strings.ToUpper(method), at))
				if !strings.HasPrefix(answer, "HTTP/1.1 4") {
					g.t.Errorf("%s %.100s: %.200q", method, at, answer)
				}
				if strings.Contains(answer, "root:") || strings.Contains(answer, "\r\nX-Evil") {
					g.t.Errorf("%s %.100s gives away what it must not: %.300q", method, at, answer)
				}
			}
		}
	}
	for _, at := range []string{
		"/..%2f..%2fetc/passwd", "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/\\..\\..\\etc\\passwd", "/app.js%00.html", "/web/../../go.mod", "/.git/config",
		"/;/api/v1/cameras", "/API/v1/cameras", "/api/v1/cameras/", "//api/v1/cameras", "/api/v1//cameras", "/api/v1/cameras/CLOCK", "/" + strings.Repeat("/", 5000), "/" + strings.Repeat("a/", 5000), "http://evil.example/etc/passwd", "*", "/%",
	} {
		answer := g.raw("GET " + at + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 4") {
			g.t.Errorf("%.100s: %.200q", at, answer)
		}
	}
}

// smuggling sends requests that a proxy may read otherwise. What is hidden in them must not be answered.
func (g *target) smuggling(s size) {
	const put, hidden = "PUT /api/v1/rooms/main HTTP/1.1\r\nHost: localhost\r\n", "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(hidden))
	for range s.repeats {
		for what, text := range map[string]string{
			"length and chunks":   put + length + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
			"chunks and length":   put + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + hidden,
			"two lengths":         put + length + "Content-Length: 0\r\n\r\n" + hidden,
			"the other order":     put + "Content-Length: 0\r\n" + length + "\r\n" + hidden,
			"a list of lengths":   put + "Content-Length: 0, 44\r\n\r\n" + hidden,
			"a signed length":     put + "Content-Length: +0\r\n\r\n" + hidden,
			"a hex length":        put + "Content-Length: 0x0\r\n\r\n" + hidden,
			"a folded line":       put + "X-A: a\r\n " + length + "\r\n" + hidden,
			"a space":             put + "Content-Length : 0\r\n\r\n" + hidden,
			"another coding":      put + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
			"two codings":         put + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden,
			"a tab before coding": put + "Transfer-Encoding:\tchunked\r\n" + length + "\r\n0\r\n\r\n" + hidden,
			"two hosts":           "GET /healthz HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n" + hidden,
			"a bad chunk":         put + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + hidden,
			"a negative chunk":    put + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + hidden,
			"a huge chunk":        put + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n" + hidden,
		} {
			answer := g.raw(text)
			if n := strings.Count(answer, "HTTP/1.1 "); n > 1 || strings.Contains(answer, "/hidden\"") {
				g.t.Errorf("%s: %d answers: %.600q", what, n, answer)
			}
			if strings.HasPrefix(answer, "HTTP/1.1 2") {
				g.t.Errorf("%s is taken: %.200q", what, answer)
			}
		}
	}
}

// logLines has text that is meant for a terminal, or for whoever reads a log by program.
func (g *target) logLines(size) {
	const hostile = "\x1b[31m\x1b]0;owned\x07\u009b2J\u202elevel=ERROR"
	quoted, err := json.Marshal(map[string]string{"kind": "smoke", "text": hostile + "\r\n{\"level\":\"ERROR\",\"msg\":\"forged\"}"})
	if err != nil {
		g.t.Fatal(err)
	}
	g.answers("an alarm", []int{202}, "POST", "/api/v1/cameras/clock/alarm", string(quoted))
	g.answers("its end", []int{204}, "DELETE", "/api/v1/cameras/clock/alarm", "")
	g.raw("GET /api/v1/cameras/clock/stream.mjpeg HTTP/1.1\r\nHost: localhost\r\nUser-Agent: " + hostile + "\r\nConnection: close\r\n\r\n")
	g.raw("POST /api/v1/cameras/clock/restart HTTP/1.1\r\nHost: localhost\r\nOrigin: http://" + hostile + "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	g.raw("GET / HTTP/1.1\r\nHost: " + hostile + "\r\nConnection: close\r\n\r\n")
	g.answers("a room", []int{400, 404}, "PUT", "/api/v1/rooms/a%0d%0a%1b%5b31mforged", `{"camera":"clock"}`)
	g.answers("a camera", []int{404}, "POST", "/api/v1/cameras/%1b%5b31m%0aforged/restart", "")
	for line := range strings.Lines(g.out.String()) {
		var fields map[string]any
		if strings.ContainsAny(line, "\x1b\x07\r\u009b\u202e") || json.Unmarshal([]byte(line), &fields) != nil || fields["msg"] == "forged" {
			g.t.Errorf("the log has the line %q", line)
		}
	}
}
