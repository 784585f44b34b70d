package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"golang.org/x/image/draw"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/testpattern"
)

// sight is what somebody in front of the page sees.
type sight struct {
	Connection string // connecting, open, lost
	Words      string // of the connection
	Follow     bool
	Camera     string // whose picture is on the stage
	Live       bool
	Seq        int
	Name       string // above the stage
	State      string // in words, "" where it is hidden
	Plate      string // what is said over a picture that is not live, "" where nothing is
	Covered    bool
	Slow       string // said while the picture is small because the connection is slow
	Process    string
	ClickMS    string  // from the last click to its first picture
	LiveMS     string  // and to the first one taken after it, "" until then
	Switches   int     // measured so far
	DecodeMS   float64 // of a picture, 0 before it is known
	DrawMS     float64
	Rate       float64 // pictures per second, 0 before it is known
	Bitrate    string
	Tiles      []tile
	Messages   []string
	Alarms     []string
}

type tile struct {
	ID, State, Word, Name string
	Picture               string // live, old, or "" before the first
	Age                   string // of a picture that is old
	Chosen, Alarm         bool
}

const seeScript = `(() => {
	const one = (s, root = document) => root.querySelector(s);
	const all = (s) => [...document.querySelectorAll(s)];
	const text = (s, root) => { const e = one(s, root); return e && !e.closest("[hidden]") ? e.textContent.trim() : ""; };
	const stage = one("[data-stage]");
	return {
		Connection: one("[data-connection]").dataset.connection, Words: text("#connection-word"),
		Follow: one("[data-action=follow]").getAttribute("aria-checked") === "true",
		Camera: stage.dataset.camera, Live: stage.dataset.live === "true", Seq: Number(stage.dataset.seq),
		Name: text("#stage-name"), State: text("#stage-state span"),
		Plate: [text(".plate-title"), text(".plate-detail")].filter(Boolean).join(": "),
		Covered: "covered" in stage.dataset, Slow: text("#stage-slow"), Process: text("#figure-pid"),
		Rate: Number(text("#figure-fps")) || 0, Bitrate: text("#figure-bitrate"),
		ClickMS: one("#switch-time").dataset.ms ?? "", LiveMS: one("#switch-time").dataset.liveMs ?? "",
		Switches: Number(one("#switch-time").dataset.seq ?? 0),
		DecodeMS: Number(one("#figure-work").dataset.decodeMs ?? 0), DrawMS: Number(one("#figure-work").dataset.drawMs ?? -1),
		Tiles: all("button.tile").map((e) => ({
			ID: e.dataset.camera, State: e.dataset.state, Word: text(".state span", e), Name: text(".tile-name", e),
			Picture: e.dataset.picture ?? "", Age: text(".tile-age", e), Chosen: e.getAttribute("aria-pressed") === "true", Alarm: "alarm" in e.dataset,
		})),
		Messages: all(".message").map((e) => e.textContent.replace(/\s+/g, " ").trim()),
		Alarms: all(".alarm-words").map((e) => [...e.children].map((c) => c.textContent).join(" | ")),
	};
})()`

// tile returns one camera's tile, the zero tile where there is none.
func (s sight) tile(id string) tile {
	for _, t := range s.Tiles {
		if t.ID == id {
			return t
		}
	}
	return tile{}
}

// until looks until ok, and returns what was seen then.
func (p *tab) until(what string, ok func(sight) bool) sight {
	p.t.Helper()
	var now sight
	eventually(p.t, what, func() error {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		var err error
		if now, err = chromedp.Run(ctx, chromedp.Evaluate[sight](seeScript)); err != nil {
			return err
		}
		if !ok(now) {
			return fmt.Errorf("seen: %+v", now)
		}
		return nil
	})
	return now
}

// shows waits until the stage shows live pictures of that camera, one after the other.
func (p *tab) shows(id string) sight {
	p.t.Helper()
	first := p.until(id+" is on the stage", func(s sight) bool { return s.Camera == id && s.Live })
	return p.until(id+" moves on the stage", func(s sight) bool {
		return s.Camera == id && s.Live && s.Plate == "" && s.Seq != first.Seq
	})
}

// ears collects what the page says.
const ears = `(() => {
	window.ears?.disconnect();
	const said = window.said = [];
	window.ears = new MutationObserver((changes) => {
		for (const { target, addedNodes } of changes) for (const e of [target, ...addedNodes]) {
			const message = e.closest?.(".message");
			if (message) said.push(message.textContent.replace(/\s+/g, " ").trim());
		}
	});
	window.ears.observe(document.querySelector("#messages"), { childList: true, subtree: true });
})()`

// listen collects what the page says from now on: a message may be gone before anybody looks.
func (p *tab) listen() {
	p.t.Helper()
	p.do("listen", chromedp.Evaluate[chromedp.Void](ears))
}

// says waits until the page has said one of these since listen, and returns the whole message.
func (p *tab) says(parts ...string) string {
	p.t.Helper()
	var message string
	eventually(p.t, fmt.Sprintf("the page says %q", parts), func() error {
		said := eval[[]string](p, `window.said`)
		i := slices.IndexFunc(said, func(text string) bool {
			return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
		})
		if i < 0 {
			return fmt.Errorf("it says %q", said)
		}
		message = said[i]
		return nil
	})
	return message
}

// gets clicks on what asks for a picture until the page says that it has one; like insist, it asks again where there was none.
func (p *tab) gets(selector, good, bad string) {
	p.t.Helper()
	eventually(p.t, "the page says "+good, func() error {
		p.listen()
		p.click(selector)
		if said := p.says(good, bad); !strings.Contains(said, good) {
			p.quietBut("503") // the browser's own message
			return errors.New(said)
		}
		return nil
	})
}

// chosenScript keeps when the last click or key came, before the page knows of it.
const chosenScript = `
	window.chosen = performance.now();
	for (const kind of ["click", "keydown"]) addEventListener(kind, () => { window.chosen = performance.now(); }, true);
`

// noteScript notes what is seen with every change of the stage and of the connection.
const noteScript = `(() => {` + chosenScript + `
	window.shifts = [];
	let last = "";
	const note = () => {
		const at = performance.now();
		const { Connection, Words, Camera, Name, State, Plate, Live } = ` + seeScript + `;
		const seen = { Connection, Words, Camera, Name, State, Plate, Live };
		if (JSON.stringify(seen) !== last) window.shifts.push({ At: at, Waited: at - window.chosen, ...seen });
		last = JSON.stringify(seen);
	};
	note();
	window.notes?.disconnect();
	const notes = window.notes = new MutationObserver(note);
	for (const e of document.querySelectorAll("[data-stage], [data-connection]")) {
		notes.observe(e, { subtree: true, attributes: true, attributeFilter: ["data-camera", "data-live", "data-connection", "hidden"] });
	}
})()`

// shift is what is seen after a change; its sight holds what noteScript takes of it.
type shift struct {
	At     float64 // ms of the page
	Waited float64 // since the last click or key
	sight
}

// note begins to note all changes, also those that pass before anybody looks.
func (p *tab) note() {
	p.t.Helper()
	p.do("start to note", chromedp.Evaluate[chromedp.Void](noteScript))
}

func (p *tab) shifts() []shift { p.t.Helper(); return eval[[]shift](p, `window.shifts`) }

// noted waits until one of the changes was like that.
func (p *tab) noted(what string, ok func(sight) bool) {
	p.t.Helper()
	eventually(p.t, what, func() error {
		all := p.shifts()
		if !slices.ContainsFunc(all, func(c shift) bool { return ok(c.sight) }) {
			return fmt.Errorf("noted: %+v", all)
		}
		return nil
	})
}

// recorder notes, each time that the browser draws, what has changed since the last time.
const recorder = `(() => {` + chosenScript + `
	const probe = new OffscreenCanvas(16, 9).getContext("2d", { willReadFrequently: true });
	const record = window.record = { on: true, moments: [] };
	let last = "";
	const note = () => {
		if (!record.on) return;
		const stage = document.querySelector("[data-stage]");
		const plate = document.querySelector("#stage-plate");
		probe.clearRect(0, 0, 16, 9);
		probe.drawImage(document.querySelector("#stage-canvas"), 0, 0, 16, 9);
		const pixels = probe.getImageData(0, 0, 16, 9).data;
		const moment = {
			Connection: document.querySelector("[data-connection]").dataset.connection,
			Camera: stage.dataset.camera, Live: stage.dataset.live === "true", Covered: "covered" in stage.dataset,
			Plate: plate.hidden ? "" : plate.querySelector(".plate-title").textContent,
			Dark: pixels.every((v, i) => i % 4 === 3 || v < 12),
		};
		if (JSON.stringify(moment) !== last) record.moments.push({ ...moment, Waited: performance.now() - window.chosen });
		last = JSON.stringify(moment);
		requestAnimationFrame(note);
	};
	note();
})()`

// moment is one state of the stage that was drawn.
type moment struct {
	Connection, Camera  string
	Live, Covered, Dark bool
	Plate               string
	Waited              float64 // ms since the last click or key
}

// blank reports whether nothing was to be seen. Two seconds after a choice the page covers what is not chosen any more; a timer is never
// early, so this holds on the slowest machine.
func (m moment) blank() bool { return m.Dark || m.Covered && m.Waited < 2000 }

// record starts to note; the function it returns ends that and tells all moments.
func (p *tab) record() func() []moment {
	p.t.Helper()
	p.do("start recorder", chromedp.Evaluate[chromedp.Void](recorder))
	return func() []moment {
		p.t.Helper()
		return eval[[]moment](p, `(record.on = false, record.moments)`)
	}
}

func call[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	r, err := chromedp.Call(ctx, command, params)
	if err != nil {
		p.t.Fatalf("%s: %v", command.Method, err)
	}
	return r
}

// screenshot is the page as it is drawn, or the part of it that clip names.
func (p *tab) screenshot(clip *page.Viewport) image.Image {
	p.t.Helper()
	shot := call(p, page.CaptureScreenshot, page.CaptureScreenshotParams{Clip: clip})
	img, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		p.t.Fatal(err)
	}
	return img
}

// picture is the part of the page where the stage's picture of this shape (width by height) is drawn.
func (p *tab) picture(width, height float64) image.Image {
	p.t.Helper()
	box := eval[[]float64](p, `(({x, y, width, height}) => [x, y, width, height])(document.querySelector("#stage-canvas").getBoundingClientRect())`)
	scale := math.Min(box[2]/width, box[3]/height)
	w, h := width*scale, height*scale
	x, y := box[0]+(box[2]-w)/2, box[1]+(box[3]-h)/2
	return p.screenshot(&page.Viewport{X: x, Y: y, Width: w, Height: h, Scale: 1})
}

// stamped reads from a screenshot when the picture on the stage was taken.
func (p *tab) stamped() time.Time {
	p.t.Helper()
	var at time.Time
	eventually(p.t, "the stage shows a stamp that can be read", func() error {
		var ok bool
		if at, ok = testpattern.Stamp(p.picture(16, 9)); !ok {
			return fmt.Errorf("there is none")
		}
		return nil
	})
	return at
}

// snapshot is a camera's picture from the API.
func (s *system) snapshot(id string) image.Image {
	s.t.Helper()
	status, _, body := s.insist(http.MethodGet, "/api/v1/cameras/"+id+"/snapshot.jpg", nil)
	if status != http.StatusOK {
		s.t.Fatalf("snapshot of %s: %d %s", id, status, body)
	}
	img, err := jpeg.Decode(bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return img
}

// likest returns which of the pictures is most like this one, whatever their sizes.
func likest(img image.Image, pictures map[string]image.Image) string {
	best, least := "", math.MaxFloat64
	for id, other := range pictures {
		if d := difference(img, other); d < least {
			best, least = id, d
		}
	}
	return best
}

// difference is the mean distance of two pictures' colours, 0 to 255, at the size of a thumbnail.
func difference(a, b image.Image) float64 {
	x, y := thumbnail(a), thumbnail(b)
	sum := 0.0
	for i := range x.Pix {
		sum += math.Abs(float64(x.Pix[i]) - float64(y.Pix[i]))
	}
	return sum / float64(len(x.Pix))
}

func thumbnail(img image.Image) *image.RGBA {
	small := image.NewRGBA(image.Rect(0, 0, 48, 27))
	draw.ApproxBiLinear.Scale(small, small.Bounds(), img, img.Bounds(), draw.Src, nil)
	return small
}

// onStage waits until the picture which is seen on the stage is that camera's, by its pixels: what the page has drawn is
// composed a little later, on a busy machine.
func (p *tab) onStage(id string, pictures map[string]image.Image) (img image.Image) {
	p.t.Helper()
	eventually(p.t, id+" is seen on the stage", func() error {
		img = p.picture(16, 9)
		if got := likest(img, pictures); got != id {
			return fmt.Errorf("the pixels are most like %s", got)
		}
		return nil
	})
	return img
}

// another returns the camera once it is live in another process than that.
func (s *system) another(id string, pid int) (camera.Info, error) {
	s.t.Helper()
	info, err := s.camera(id)
	if err == nil && (info.PID == 0 || info.PID == pid || info.State != camera.Live) {
		err = fmt.Errorf("process %d is %s", info.PID, info.State)
	}
	return info, err
}
