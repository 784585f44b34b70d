package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"linkstart/pkg/camera"
)

// adding is what somebody sees of the dialog that adds a camera.
type adding struct {
	Open                   bool
	Phase, Outcome, Detail string
	Save                   string
	Savable                bool
	Width                  int    // of the picture, 0 where none is shown
	Pixel                  [3]int // in its middle
	FPS                    string // that is taken where none is written
	Groups                 int
	Stage                  string
}

const addingScript = `(async () => {
	const dialog = document.querySelector("dialog.add");
	if (!dialog) return { Open: false };
	const text = (s) => dialog.querySelector(s).textContent.trim();
	const image = dialog.querySelector("img");
	const seen = { Width: 0, Pixel: [0, 0, 0] };
	if (!image.hidden && image.complete && image.naturalWidth) {
		const g = new OffscreenCanvas(1, 1).getContext("2d");
		g.drawImage(image, 100, 100, 1, 1, 0, 0, 1, 1);
		seen.Width = image.naturalWidth;
		seen.Pixel = [...g.getImageData(0, 0, 1, 1).data.slice(0, 3)];
	}
	return {
		Open: dialog.open, Phase: dialog.dataset.phase, Outcome: text(".add-outcome"), Detail: text(".add-detail"),
		Save: text(".add-save"), Savable: !dialog.querySelector(".add-save").disabled,
		FPS: dialog.querySelector("[name=fps]").placeholder, Groups: dialog.querySelectorAll("datalist option").length,
		Stage: document.querySelector("[data-stage]").dataset.camera, ...seen,
	};
})()`

// adds looks at the dialog until ok.
func (p *tab) adds(what string, ok func(adding) bool) adding {
	p.t.Helper()
	var now adding
	eventually(p.t, what, func() error {
		if now = eval[adding](p, addingScript); !ok(now) {
			return fmt.Errorf("seen: %+v", now)
		}
		return nil
	})
	return now
}

// tested looks at the dialog until ok, and tests the address again while its picture comes late.
func (p *tab) tested(what string, ok func(adding) bool) adding {
	p.t.Helper()
	return p.adds(what, func(a adding) bool {
		if a.Phase == "bad" && strings.Contains(a.Detail, late) {
			p.click(".add-test")
			return false
		}
		return ok(a)
	})
}

// types writes into a field of the dialog in place of what is there.
func (p *tab) types(field, text string) {
	p.t.Helper()
	selector := "dialog.add [name=" + field + "]"
	eval[bool](p, `(document.querySelector("`+selector+`").select(), true)`)
	p.do("type into "+field, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// TestAddInThePage: somebody adds a camera without ever seeing a file.
func TestAddInThePage(t *testing.T) {
	host := webCamera(t)
	s := startWith(t, kept)
	s.becomes("clock", camera.Live)
	p := open(t, chrome(t), s.url("/"), look{width: 1366, height: 768})
	p.shows("clock")
	p.click("[data-action=add]")
	p.adds("the dialog is open and nothing can be saved", func(a adding) bool { return a.Open && !a.Savable && a.FPS == "25" })

	p.types("source", host)
	p.types("user", "admin")
	p.types("password", "Geheim77")
	p.key("\r")
	a := p.tested("why there is no picture", func(a adding) bool { return a.Phase == "bad" })
	if !strings.Contains(a.Detail, "admin") || a.Save != "Save anyway" || !a.Savable || strings.Contains(fmt.Sprint(a), "Geheim77") {
		t.Errorf("seen: %+v", a)
	}
	p.types("password", "p@ss/${HOME}")
	p.adds("a changed address is not tested", func(a adding) bool { return a.Phase == "idle" && !a.Savable })
	p.click(".add-test")
	a = p.tested("the picture", func(a adding) bool { return a.Phase == "good" && a.Width > 0 })
	if a.Width != 320 || a.Pixel[0] < 180 || a.Pixel[1] > 60 || a.Detail != "http://"+host+"/video" || !strings.Contains(a.Outcome, "320 × 240") {
		t.Errorf("seen: %+v", a)
	}
	p.types("name", "Gate 1")
	p.types("group", "东门")
	p.types("fps", "5")
	if now := p.until("the page behind", func(sight) bool { return true }); now.Camera != "clock" {
		t.Errorf("what was typed has switched to %s", now.Camera)
	}
	p.click(".add-save")
	v := p.until("the new camera is live and chosen", func(v sight) bool {
		return v.tile("gate-1").State == "live" && v.tile("gate-1").Name == "Gate 1" && v.Camera == "gate-1" && v.Live
	})
	if !strings.Contains(strings.Join(v.Messages, " "), "Gate 1 is live") {
		t.Errorf("the messages are %q", v.Messages)
	}
	img := p.picture(320, 240)
	c := img.At(img.Bounds().Min.X+img.Bounds().Dx()/3, img.Bounds().Min.Y+img.Bounds().Dy()*3/4)
	if r, g, _, _ := c.RGBA(); r>>8 < 150 || g>>8 > 80 {
		t.Errorf("the stage shows %v", c)
	}
	written, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(fmt.Sprintf(kept, s.addr), "\n\n  # - id: later")
	want := head + "\n  - id: gate-1\n    name: Gate 1\n    group: 东门\n    source: http://admin:p%40ss%2F%24%7BHOME%7D@" + host + "/video\n    fps: 5\n\n  # - id: later" + rest
	if string(written) != want {
		t.Errorf("the file is\n%s\nwant\n%s", written, want)
	}

	p.click("[data-action=add]")
	p.adds("it begins anew", func(a adding) bool { return a.Open && a.Phase == "idle" && a.Width == 0 && a.Groups == 1 })
	p.key("\x1b")
	p.adds("Esc closes it", func(a adding) bool { return !a.Open })
	p.quietBut("422")
}

// TestAddOnAPhone holds that the dialog fits.
func TestAddOnAPhone(t *testing.T) {
	s := startWith(t, kept)
	s.becomes("clock", camera.Live)
	browser := chrome(t)
	for name, l := range map[string]look{
		"phone": {language: "zh-CN", width: 390, height: 844, phone: true}, "light": {width: 1366, height: 768, light: true},
	} {
		p := open(t, browser, s.url("/"), l)
		p.shows("clock")
		p.click("[data-action=add]")
		p.types("source", "test:bars?size=640x360")
		p.key("\r")
		p.tested("the picture", func(a adding) bool { return a.Phase == "good" && a.Width == 640 })
		type box struct{ Left, Right, Bottom, Content float64 }
		got := eval[box](p, `(() => {
			const save = document.querySelector(".add-save").getBoundingClientRect();
			const dialog = document.querySelector("dialog.add");
			return { Left: save.left, Right: save.right, Bottom: save.bottom, Content: dialog.scrollWidth };
		})()`)
		if got.Left < 0 || got.Right > float64(l.width) || got.Bottom > float64(l.height) || got.Content > float64(l.width) {
			t.Errorf("%s: the button is at %+v", name, got)
		}
		p.quietBut(testPath) // where it had to be asked again
	}
}
