package hikvision

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// NAL units, each with its start code and one byte after its header that begins with the bit "first slice".
var (
	sps    = []byte{0, 0, 0, 1, 0x67, 0x4d, 0, 31}
	pps    = []byte{0, 0, 0, 1, 0x68, 0xee, 0x3c, 0x80}
	idr    = []byte{0, 0, 0, 1, 0x65, 0x88, 1, 2, 3}
	idr2   = []byte{0, 0, 1, 0x65, 0x08, 4, 5}
	delta  = []byte{0, 0, 0, 1, 0x41, 0x9a, 6, 7}
	delta2 = []byte{0, 0, 1, 0x41, 0x1a, 8, 9}
	sei    = []byte{0, 0, 0, 1, 0x06, 5, 1, 0x80}

	vps265 = []byte{0, 0, 0, 1, 0x40, 1, 12, 1}
	sps265 = []byte{0, 0, 0, 1, 0x42, 1, 1, 1}
	pps265 = []byte{0, 0, 0, 1, 0x44, 1, 0xc1, 1}
	idr265 = []byte{0, 0, 0, 1, 0x26, 1, 0xaf, 1}
	p265   = []byte{0, 0, 0, 1, 0x02, 1, 0xd0, 1}
	p265b  = []byte{0, 0, 0, 1, 0x02, 1, 0x50, 1}
)

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func TestAssembler(t *testing.T) {
	for _, test := range []struct {
		name    string
		packets [][]byte
		units   [][]byte
		keys    []bool
		codec   codec
		torn    int
	}{
		{"whole pictures", [][]byte{join(sps, pps, idr), delta, delta}, [][]byte{join(sps, pps, idr), delta, delta}, []bool{true, false, false}, h264, 0},
		{"parameter sets apart", [][]byte{sps, pps, idr, delta, sps, pps, idr}, [][]byte{join(sps, pps, idr), delta, join(sps, pps, idr)}, []bool{true, false, true}, h264, 0},
		{"more before a picture", [][]byte{join(sps, pps), sei, idr, sei, delta}, [][]byte{join(sps, pps, sei, idr), join(sei, delta)}, []bool{true, false}, h264, 0},
		{"slices in one packet", [][]byte{join(sps, pps, idr, idr2), join(delta, delta2)}, [][]byte{join(sps, pps, idr, idr2), join(delta, delta2)}, []bool{true, false}, h264, 0},
		{"nothing to begin with", [][]byte{delta, delta, join(sps, pps, idr)}, [][]byte{join(sps, pps, idr)}, []bool{true}, h264, 0},
		{"slices in packets of their own", [][]byte{sps, pps, idr, idr2, delta, delta2, delta, delta2, sps, pps, idr, idr2, delta},
			[][]byte{join(sps, pps, idr), delta2[:0], join(delta, delta2), join(delta, delta2), join(sps, pps, idr, idr2)}, []bool{true, false, false, false, true}, h264, 1},
		{"H.265", [][]byte{join(vps265, sps265, pps265, idr265), p265}, [][]byte{join(vps265, sps265, pps265, idr265), p265}, []bool{true, false}, h265, 0},
		{"H.265 apart", [][]byte{vps265, sps265, pps265, idr265, p265}, [][]byte{join(vps265, sps265, pps265, idr265), p265}, []bool{true, false}, h265, 0},
		{"H.265 in slices", [][]byte{join(vps265, sps265, pps265, idr265), p265, p265b, p265, p265b, p265},
			[][]byte{join(vps265, sps265, pps265, idr265), p265, join(p265, p265b)}, []bool{true, false, false}, h265, 1},
		{"another codec", [][]byte{join(sps, pps, idr), join(vps265, sps265, pps265, idr265)}, [][]byte{join(sps, pps, idr), join(vps265, sps265, pps265, idr265)}, []bool{true, true}, h265, 0},
		{"no video", [][]byte{[]byte("IMKH"), {}, {0, 0, 1}, {0, 0, 1, 0x67}}, nil, nil, unknown, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var a assembler
			var units [][]byte
			var keys []bool
			torn := 0
			for _, p := range test.packets {
				u, ok, broken := a.add(p)
				if broken {
					torn++
				}
				if ok {
					units, keys = append(units, u.bytes), append(keys, u.key)
				}
			}
			want := slices.DeleteFunc(slices.Clone(test.units), func(b []byte) bool { return len(b) == 0 })
			wantKeys := test.keys
			if len(want) < len(test.units) { // a placeholder: that unit is gone
				wantKeys = slices.Delete(slices.Clone(test.keys), 1, 2)
			}
			if !slices.EqualFunc(units, want, bytes.Equal) || !slices.Equal(keys, wantKeys) || a.codec != test.codec || torn != test.torn {
				t.Errorf("%s\nunits %x\nwant  %x\nkeys %v, want %v; torn %d, want %d", a.codec, units, want, keys, wantKeys, torn, test.torn)
			}
		})
	}
}

// FuzzAssembler: whatever a camera sends, no more than a bounded part of it is kept, and nothing is made up.
func FuzzAssembler(f *testing.F) {
	f.Add(join(sps, pps, idr), delta, delta2)
	f.Add(join(vps265, sps265, pps265), idr265, p265b)
	f.Add([]byte{0, 0, 1, 0x67, 1, 1}, []byte{0, 0, 1}, []byte{})
	f.Fuzz(func(t *testing.T, one, two, three []byte) {
		var a assembler
		given, taken := 0, 0
		for range 3 {
			for _, p := range [][]byte{one, two, three} {
				given += len(p)
				u, ok, _ := a.add(p)
				if taken += len(u.bytes); ok == (len(u.bytes) == 0) || len(a.held) > mostHeld+len(p) || taken > given {
					t.Fatalf("of %d bytes given %d are taken and %d held, ok %v", given, taken, len(a.held), ok)
				}
			}
		}
	})
}

// FuzzParse: whatever a configuration holds, parse neither fails badly nor repeats a password.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"hikvision://admin:hunter22@10.41.0.208:8000/1?stream=sub", "hikvision://a:b@[fe80::1%25eth0]/33?mode=snapshot", "hikvision://h/%zz", "hikvision:", "", "rtsp://a:b@h/1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		a, err := parse(source)
		if err != nil {
			return
		}
		if a.host == "" || a.port == 0 || a.channel < 1 || a.user == "" || len(a.password) > longestName || a.password == "" {
			t.Errorf("%q is taken as %q, port %d, channel %d", source, a.host, a.port, a.channel)
		}
		if len(a.password) > 4 && strings.Contains(a.name, a.password) && !strings.Contains(a.host, a.password) {
			t.Errorf("the name %q tells the password", a.name)
		}
	})
}
