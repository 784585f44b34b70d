package main

import (
	"os"
	"strings"
	"testing"

	"linkstart/pkg/config"
	"linkstart/pkg/discover"
)

// TestPrintedCamerasLoad, whatever they say of themselves.
func TestPrintedCamerasLoad(t *testing.T) {
	found := []discover.Camera{
		{Name: "HIKVISION DS-2CD2143G0-I", Hardware: "DS-2CD2143G0-I", Location: "hangzhou", Address: "192.168.1.64", Source: "onvif://192.168.1.64"},
		{Name: "gate", Hardware: "ds 2cd2143g0-i", Address: "192.168.1.65", Source: "onvif://192.168.1.65:8000/onvif/services"},
		{Address: "192.168.1.66", Source: "onvif://192.168.1.66"},
		{Name: `"${SECRET}" # : {x} [y] <b>`, Hardware: "null", Location: "- true", Address: "192.168.1.67", Source: "onvif://192.168.1.67/a,b{c}$(d)'e"},
		{Name: "一楼", Hardware: "123", Address: "fd00::64", Source: "onvif://[fd00::64]:81"},
		{Name: "known", Address: "192.168.1.70", Source: "onvif://192.168.1.70"},
	}
	before, err := config.Parse("cameras.yaml", []byte("state_dir: /\ncameras: [{id: ds-2cd2143g0-i-2, source: 'rtsp://u:p@192.168.1.70/x'}]"), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	printCameras(&out, found, before)
	names := map[string]bool{}
	cfg, err := config.Parse("cameras.yaml", []byte("state_dir: /\n"+out.String()), func(name string) (string, bool) {
		names[name] = true
		return "s3cret", strings.HasSuffix(name, "_PASSWORD")
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	want := []struct{ id, name, group, source string }{
		{"ds-2cd2143g0-i", found[0].Name, "hangzhou", "onvif://admin:s3cret@192.168.1.64"},
		{"ds-2cd2143g0-i-3", "gate", "", "onvif://admin:s3cret@192.168.1.65:8000/onvif/services"},
		{"camera", "camera", "", "onvif://admin:s3cret@192.168.1.66"},
		{"null", found[3].Name, "- true", "onvif://admin:s3cret@192.168.1.67/a,b{c}$(d)'e"},
		{"123", "一楼", "", "onvif://admin:s3cret@[fd00::64]:81"},
	}
	if len(cfg.Cameras) != len(want) {
		t.Fatalf("%d cameras\n%s", len(cfg.Cameras), out.String())
	}
	for i, w := range want {
		c := cfg.Cameras[i]
		if string(c.ID) != w.id || c.Name != w.name || c.Group != w.group || c.Source.Reveal() != w.source {
			t.Errorf("%s %q %q %s\nwant %+v", c.ID, c.Name, c.Group, c.Source.Reveal(), w)
		}
	}
	if text := out.String(); names["SECRET"] || !strings.Contains(text, "192.168.1.70 is there already: ds-2cd2143g0-i-2") || !strings.Contains(text, "export CAMERA_123_PASSWORD=") {
		t.Errorf("environment %v\n%s", names, text)
	}
}
