package attack

import (
	"os"
	"path/filepath"
)

// pictures pushes every broken and odd picture. Each is shown or refused; the camera's process and the relay outlive them all.
func (g *target) pictures(s size) {
	var files []string
	for _, pattern := range []string{"testdata/*/*.jpg", "../../pkg/jpeg/testdata/*.jpg", "../../pkg/jpeg/testdata/broken/*.jpg"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			g.t.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		files = append(files, found...)
	}
	before := g.pid("door")
	for range s.repeats {
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				g.t.Fatal(err)
			}
			g.answers(file, []int{204, 409, 413, 422}, "POST", "/api/v1/cameras/door/frames", string(b))
			g.answers("the picture after "+file, []int{200, 503}, "GET", "/api/v1/cameras/door/snapshot.jpg?rendition=sub", "")
		}
	}
	if now := g.pid("door"); now != before {
		g.t.Errorf("the camera's process is %d, and was %d", now, before)
	}
}

// declaredSizes pushes a small picture that says it has more pixels than memory could hold.
func (g *target) declaredSizes(s size) {
	b, err := os.ReadFile("../../pkg/jpeg/testdata/esp32.jpg")
	if err != nil {
		g.t.Fatal(err)
	}
	at := -1
	for n := 2; n+9 < len(b) && b[n] == 0xFF; n += 2 + int(b[n+2])<<8 + int(b[n+3]) {
		if b[n+1] == 0xC0 {
			at = n + 5 // of the height, in SOF0: T.81 B.2.2
			break
		}
	}
	if at < 0 {
		g.t.Fatal("the picture has no frame header")
	}
	for range s.repeats {
		for _, size := range [][4]byte{{0xFF, 0xFF, 0xFF, 0xFF}, {0xFF, 0xDC, 0xFF, 0xDC}, {0x80, 0, 0x80, 0}, {0, 0, 0, 0}} {
			copy(b[at:], size[:])
			g.answers("a picture that says it is huge", []int{413, 422}, "POST", "/api/v1/cameras/door/frames", string(b))
		}
	}
}
