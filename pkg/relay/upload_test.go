package relay_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/access"
	"linkstart/pkg/camera"
	"linkstart/pkg/child"
)

// form is what a client sends with a file, after a field that is none.
func form(t *testing.T, header textproto.MIMEHeader, content []byte) (body []byte, kind string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("camera", "cab01"); err != nil {
		t.Fatal(err)
	}
	part, err := w.CreatePart(header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

// TestUploadOfTheOldFramework: its clients send a JPEG without a word about what it is, or a form with it, and read "Done".
func TestUploadOfTheOldFramework(t *testing.T) {
	w := newWorldWith(t, func(c *child.Relay) { c.Upload = "door" }, http.DefaultClient, io.Discard, info("a", camera.Live), pushCamera())
	door := w.grab("door")
	pushed := make(chan []byte, 10)
	if _, err := door.nc.Subscribe(subjects.Push("door"), func(m *nats.Msg) {
		pushed <- m.Data
		_ = m.Respond(nil)
	}); err != nil {
		t.Fatal(err)
	}
	if err := door.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	file, kind := form(t, textproto.MIMEHeader{"Content-Disposition": {`form-data; name="image"; filename="frame.jpg"`}}, smallJPEG)
	named, namedKind := form(t, textproto.MIMEHeader{"Content-Disposition": {`form-data; name="image"`}, "Content-Type": {"image/jpeg"}}, smallJPEG)
	none, noneKind := form(t, textproto.MIMEHeader{"Content-Disposition": {`form-data; name="image"`}}, smallJPEG)
	large, largeKind := form(t, textproto.MIMEHeader{"Content-Disposition": {`form-data; name="image"; filename="x"`}}, picture("door", maxBytes))
	for _, c := range []struct {
		name   string
		body   []byte
		header []string
		status int
		want   string
	}{
		{"bare", smallJPEG, nil, 200, "Done"},
		{"as curl sends what it is not told of", smallJPEG, []string{"Content-Type", "application/x-www-form-urlencoded"}, 200, "Done"},
		{"a file of a form", file, []string{"Content-Type", kind}, 200, "Done"},
		{"a picture of a form", named, []string{"Content-Type", namedKind}, 200, "Done"},
		{"a form without file", none, []string{"Content-Type", noneKind}, 400, "bad_request"},
		{"a form that breaks off", file[:len(file)/2], []string{"Content-Type", kind}, 400, "bad_request"},
		{"a form without boundary", file, []string{"Content-Type", "multipart/form-data"}, 400, "bad_request"},
		{"no picture", []byte("None"), nil, 422, "not_jpeg"},
		{"nothing", nil, nil, 422, "not_jpeg"},
		{"too large", picture("door", maxBytes), nil, 413, "too_large"},
		{"too large in a form", large, []string{"Content-Type", largeKind}, 413, "too_large"},
		{"from another site's page", smallJPEG, []string{"Origin", "https://evil.example"}, 403, "foreign_origin"},
		{"from another site's form", file, []string{"Content-Type", kind, "Sec-Fetch-Site", "cross-site"}, 403, "foreign_origin"},
		{"compressed", smallJPEG, []string{"Content-Encoding", "gzip"}, 415, "compressed"},
	} {
		resp, b := w.do("POST", "/upload", c.body, c.header...)
		if resp.StatusCode != c.status || !strings.Contains(string(b), c.want) {
			t.Errorf("%s: %d %s, want %d %s", c.name, resp.StatusCode, b, c.status, c.want)
		}
		if c.status != 200 {
			continue
		}
		if b := <-pushed; !bytes.Equal(b, smallJPEG) {
			t.Errorf("%s: the picture has not arrived as it was", c.name)
		}
	}
	rebound, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/upload", bytes.NewReader(smallJPEG))
	if err != nil {
		t.Fatal(err)
	}
	rebound.Host = "evil.example"
	if resp, err := http.DefaultClient.Do(rebound); err != nil || resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("under another site's name: %v, %v", resp, err)
	} else {
		_ = resp.Body.Close()
	}
	if len(pushed) > 0 {
		t.Error("what was refused has arrived")
	}

	w.require(access.Policy{SessionTime: 3600e9})
	_, own := w.token(access.Token{Name: "door", Role: access.Operator, Scope: access.Scope{Cameras: []camera.ID{"door"}}})
	_, other := w.token(access.Token{Name: "a", Role: access.Operator, Scope: access.Scope{Cameras: []camera.ID{"a"}}})
	_, viewer := w.token(access.Token{Name: "viewer", Role: access.Viewer})
	w.learn(viewer)
	for header, want := range map[string]int{"": 401, own: 200, other: 404, viewer: 403} {
		var headers []string
		if header != "" {
			headers = []string{"Authorization", header}
		}
		if resp, b := w.do("POST", "/upload", smallJPEG, headers...); resp.StatusCode != want {
			t.Errorf("%d %s, want %d", resp.StatusCode, b, want)
		}
	}
}

// TestUploadOfALargePicture: it is larger than any other body may be.
func TestUploadOfALargePicture(t *testing.T) {
	w := newWorldWith(t, func(c *child.Relay) { c.Upload, c.MaxBytes = "door", 8<<20 }, http.DefaultClient, io.Discard, pushCamera())
	door := w.grab("door")
	if _, err := door.nc.Subscribe(subjects.Push("door"), func(m *nats.Msg) { _ = m.Respond(nil) }); err != nil {
		t.Fatal(err)
	}
	if err := door.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if resp, b := w.do("POST", "/upload", picture("door", 1<<20)); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
}

func TestUploadWithoutACamera(t *testing.T) {
	w := newWorld(t, pushCamera())
	if resp, b := w.do("POST", "/upload", smallJPEG); resp.StatusCode != 404 || !strings.Contains(string(b), "server.upload") {
		t.Errorf("nobody takes it: %d %s", resp.StatusCode, b)
	}
}
