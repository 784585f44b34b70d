package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/wire"
)

var headers = []struct {
	name  string
	h     wire.Header
	bytes string
}{
	{"zero", wire.Header{Captured: time.UnixMicro(0)},
		"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	{"all fields", wire.Header{
		NotLive: true, Stream: 0x0203, Seq: 0x04050607, Captured: time.UnixMicro(0x08090a0b0c0d0e0f),
		Skipped: 0x10111213, Age: 0x14151617 * time.Microsecond},
		"\x01\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17"},
	{"before 1970", wire.Header{Captured: time.UnixMicro(-1)},
		"\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00"},
}

func TestHeader(t *testing.T) {
	for _, c := range headers {
		t.Run(c.name, func(t *testing.T) {
			b := bytes.Repeat([]byte{0xAA}, wire.HeaderSize)
			c.h.Put(b)
			if string(b) != c.bytes {
				t.Errorf("Put wrote %x, want %x", b, c.bytes)
			}
			h, jpeg, err := wire.DecodeHeader([]byte(c.bytes + "JPEG"))
			if err != nil || h != c.h || string(jpeg) != "JPEG" {
				t.Errorf("DecodeHeader = %+v, %q, %v; want %+v", h, jpeg, err, c.h)
			}
		})
	}
}

func TestHeaderAgeIsCut(t *testing.T) {
	for _, c := range []struct{ age, want time.Duration }{
		{-time.Second, 0}, {100 * time.Hour, (1<<32 - 1) * time.Microsecond},
	} {
		var b [wire.HeaderSize]byte
		wire.Header{Age: c.age}.Put(b[:])
		if h, _, err := wire.DecodeHeader(b[:]); err != nil || h.Age != c.want {
			t.Errorf("age %s arrives as %s, %v; want %s", c.age, h.Age, err, c.want)
		}
	}
}

func TestDecodeHeaderRefuses(t *testing.T) {
	whole := headers[1].bytes
	for n := range len(whole) {
		if _, _, err := wire.DecodeHeader([]byte(whole[:n])); !errors.Is(err, wire.ErrShort) {
			t.Errorf("%d bytes: error is %v, want ErrShort", n, err)
		}
	}
	if _, _, err := wire.DecodeHeader([]byte("\x02" + whole[1:])); !errors.Is(err, wire.ErrVersion) {
		t.Errorf("version 2: error is %v, want ErrVersion", err)
	}
}

func FuzzDecodeHeader(f *testing.F) {
	for _, c := range headers {
		f.Add([]byte(c.bytes))
		f.Add([]byte(c.bytes + "\xff\xd8\xff\xd9"))
		f.Add([]byte(c.bytes[:len(c.bytes)-1]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, jpeg, err := wire.DecodeHeader(b)
		if err != nil {
			return
		}
		again := make([]byte, wire.HeaderSize)
		h.Put(again)
		again[1] = b[1] // unknown flags are not kept
		if !bytes.Equal(append(again, jpeg...), b) {
			t.Errorf("%x comes back as %x", b, again)
		}
	})
}

var orders = []struct {
	in   string
	want wire.Order
	code string // of the fault
}{
	{in: `{"type":"watch","stream":1,"camera":"cab01"}`,
		want: wire.Order{Type: "watch", Stream: 1, Camera: "cab01", Rendition: camera.Main}},
	{in: `{"type":"watch","stream":65535,"camera":"cab01","rendition":"sub","fps":12.5,"later":[1]}`,
		want: wire.Order{Type: "watch", Stream: 65535, Camera: "cab01", Rendition: camera.Sub, FPS: 12.5}},
	{in: `{"type":"watch","stream":1,"camera":"cab01","rendition":"auto"}`,
		want: wire.Order{Type: "watch", Stream: 1, Camera: "cab01", Rendition: wire.Auto}},
	{in: `{"type":"follow","stream":0,"room":"main"}`,
		want: wire.Order{Type: "follow", Room: "main", Rendition: camera.Main}},
	{in: `{"type":"unwatch","stream":3}`, want: wire.Order{Type: "unwatch", Stream: 3}},
	{in: `{"type":"select","room":"main","camera":"cab01"}`,
		want: wire.Order{Type: "select", Room: "main", Camera: "cab01"}},
	{in: `{"type":"join","room":"main","name":" \u202eAnna\n 王 "}`, want: wire.Order{Type: "join", Room: "main", Name: "Anna 王"}},
	{in: `{"type":"join","room":"main","name":"` + strings.Repeat("火", 40) + `"}`,
		want: wire.Order{Type: "join", Room: "main", Name: strings.Repeat("火", 40)}},
	{in: `{"type":"join","room":""}`, want: wire.Order{Type: "join"}},
	{in: `{"type":"ack","stream":1,"seq":4294967295}`, want: wire.Order{Type: "ack", Stream: 1, Seq: 1<<32 - 1}},
	{in: `{"type":"ping","t":{"a":1}}`, want: wire.Order{Type: "ping", T: json.RawMessage(`{"a":1}`)}},
	{in: `{"type":"ping"}`, want: wire.Order{Type: "ping", T: json.RawMessage(`null`)}},

	{in: ``, code: wire.CodeBadJSON},
	{in: `{"type":"wat`, code: wire.CodeBadJSON},
	{in: `[]`, code: wire.CodeBadJSON},
	{in: `{"type":7}`, code: wire.CodeBadJSON},
	{in: `{"type":"watch","stream":"x","camera":"a"}`, code: wire.CodeBadJSON},
	{in: `{"type":"ack","stream":1,"seq":-1}`, code: wire.CodeBadJSON},
	{in: `{"type":"watch","stream":1,"camera":"a","fps":1e999}`, code: wire.CodeBadJSON},
	{in: `null`, code: wire.CodeUnknownType},
	{in: `{}`, code: wire.CodeUnknownType},
	{in: `{"type":"hello"}`, code: wire.CodeUnknownType},
	{in: `{"type":"watch","camera":"a"}`, code: wire.CodeBadMessage},
	{in: `{"type":"watch","stream":65536,"camera":"a"}`, code: wire.CodeBadMessage},
	{in: `{"type":"watch","stream":-1,"camera":"a"}`, code: wire.CodeBadMessage},
	{in: `{"type":"watch","stream":1.5,"camera":"a"}`, code: wire.CodeBadMessage},
	{in: `{"type":"watch","stream":1}`, code: wire.CodeBadMessage},
	{in: `{"type":"watch","stream":1,"camera":"../a"}`, code: wire.CodeBadMessage},
	{in: `{"type":"watch","stream":1,"camera":"a.>"}`, code: wire.CodeBadMessage},
	{in: `{"type":"watch","stream":1,"camera":"a","rendition":"huge"}`, code: wire.CodeBadMessage},
	{in: `{"type":"watch","stream":1,"camera":"a","fps":-1}`, code: wire.CodeBadMessage},
	{in: `{"type":"follow","stream":1,"room":""}`, code: wire.CodeBadMessage},
	{in: `{"type":"select","room":"main"}`, code: wire.CodeBadMessage},
	{in: `{"type":"ack","stream":1}`, code: wire.CodeBadMessage},
	{in: `{"type":"join"}`, code: wire.CodeBadMessage},
	{in: `{"type":"join","room":"a b"}`, code: wire.CodeBadMessage},
	{in: `{"type":"join","room":"a","name":"` + strings.Repeat("x", 41) + `"}`, code: wire.CodeBadMessage},
	{in: `{"type":"join","room":"a","name":7}`, code: wire.CodeBadJSON},
	{in: `{"type":"ping","t":"` + strings.Repeat("x", 2000) + `"}`, code: wire.CodeBadMessage},
}

func TestParseOrder(t *testing.T) {
	for _, c := range orders {
		got, err := wire.ParseOrder([]byte(c.in))
		var fault *wire.Fault
		if errors.As(err, &fault) != (c.code != "") || (fault != nil && fault.Code != c.code) {
			t.Errorf("%s: error is %v, want code %q", c.in, err, c.code)
			continue
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(c.want)
		if c.code == "" && !bytes.Equal(a, b) {
			t.Errorf("%s: got %s, want %s", c.in, a, b)
		}
	}
}

func TestFaultNamesTheStreamAndStaysSmall(t *testing.T) {
	_, err := wire.ParseOrder([]byte(`{"type":"watch","stream":9,"camera":"` + strings.Repeat("X", 10_000) + `"}`))
	var fault *wire.Fault
	if !errors.As(err, &fault) || fault.Stream == nil || *fault.Stream != 9 || len(fault.Message) > 300 {
		t.Errorf("fault is %.400v", err)
	}
}

func FuzzParseOrder(f *testing.F) {
	for _, c := range orders {
		f.Add([]byte(c.in))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := wire.ParseOrder(b)
		var fault *wire.Fault
		if err != nil && !errors.As(err, &fault) {
			t.Fatalf("error is no Fault: %v", err)
		}
		if err == nil && o.Camera != "" {
			if _, err := camera.ParseID(string(o.Camera)); err != nil {
				t.Errorf("accepted camera %q", o.Camera)
			}
		}
		if clean, ok := wire.CleanName(o.Name); !ok || clean != o.Name {
			t.Errorf("accepted name %q", o.Name)
		}
	})
}

func TestStatusHasNoID(t *testing.T) {
	b, err := json.Marshal(wire.Status{Type: wire.TypeStatus, Camera: "a", Info: camera.Info{ID: "a", State: camera.Live}})
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if _, has := m["id"]; has || m["camera"] != "a" || m["state"] != "live" || m["type"] != "status" {
		t.Errorf("status is %s", b)
	}
}
