package onvif

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzStream: wherever a camera sends us, it is to the user's host, by a scheme of pictures.
func FuzzStream(f *testing.F) {
	for _, told := range []string{
		"rtsp://10.0.0.1:554/Streaming/Channels/101?a=b&c", "rtsp://u:p@0.0.0.0/x", "http://[::1]:80/", "rtsp://127.0.0.1@evil/x", `rtsp:\\evil\x`, "rtsp:opaque", "file:///etc/passwd",
		"rtsp://%zz/", "rtsps://[fe80::1%25eth0]/x#y", "rtsp://host:99999/", "RTSP://HOST/x", "rtsp:///x",
	} {
		f.Add(told, "camera")
	}
	f.Add("rtsp://10.0.0.1/", "[fd00::1]")
	f.Fuzz(func(t *testing.T, told, host string) {
		address := "onvif://admin:s3cret@" + host
		a, err := parse(address)
		if err != nil {
			return
		}
		written, err := url.Parse(address)
		if err != nil {
			t.Fatalf("%q is read, and is none", address)
		}
		uri, err := a.stream(told)
		if err != nil {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || !strings.EqualFold(u.Hostname(), a.name) || !streamSchemes[u.Scheme] || u.User.String() != written.User.String() { // what stands before an @ in host is of the password
			t.Errorf("%q at %q is played from %q, %v", told, host, uri, err)
		}
	})
}

// FuzzRead: no answer ends the process, or is anything but text and numbers.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="gb2312"?><e:Envelope><e:Body><GetProfilesResponse><Profiles token="a&b">` + "\xd6" + `</Profiles></GetProfilesResponse></e:Body></e:Envelope>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><Envelope><Body><Fault><Code>&b;</Code><Reason><Text>x</Text></Reason></Fault></Body></Envelope>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var answer struct {
			Fault *fault `xml:"Body>Fault"`
			All   []struct {
				Token   string   `xml:"token,attr"`
				Encoder *encoder `xml:"VideoEncoderConfiguration"`
			} `xml:"Body>GetProfilesResponse>Profiles"`
		}
		if err := read(body, &answer); err == nil && answer.Fault != nil {
			answer.Fault.login()
		}
	})
}
