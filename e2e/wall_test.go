package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"linkstart/pkg/camera"
)

// hall has more cameras than a wall of four has tiles, in two groups.
func hall() string {
	var b strings.Builder
	b.WriteString("cameras:\n")
	for i, pattern := range []string{"clock", "ball", "bars", "clock", "ball", "bars"} {
		fmt.Fprintf(&b, "  - {id: cam%d, name: Camera %d, group: %s, source: \"test:%s?size=640x360&fps=10\"}\n",
			i+1, i+1, []string{"North", "South & East"}[i/4], pattern)
	}
	return b.String()
}

func TestWall(t *testing.T) {
	s := start(t, hall())
	b := &stand{s: s, pictures: make(map[string]image.Image)}
	for i := range 6 {
		s.becomes(fmt.Sprintf("cam%d", i+1), camera.Live)
	}
	for _, id := range []string{"cam1", "cam2", "cam3"} {
		b.pictures[id] = s.snapshot(id)
	}
	b.browser = chrome(t)
	b.p = open(t, b.browser, s.url("/#/wall/4"), look{width: 1366, height: 768})
	for _, test := range []struct {
		what string
		run  func(*stand, *testing.T, *system, *tab)
	}{
		{"a wall of four, page by page, over one WebSocket", (*stand).pages},
		{"a group, by its list and by the address", (*stand).groups},
		{"from the wall to the stage and back without a blank", (*stand).toStage},
		{"tiles ask for what can be seen of them", (*stand).asks},
		{"a camera that is away keeps its last picture, with its age", (*stand).ages},
		{"tiles are dragged into another order, which is kept", (*stand).drags},
		{"zoom, pan and fit", (*stand).zooms},
		{"two clicks fill the screen", (*stand).fills},
		{"picture in picture", (*stand).floats},
		{"a kiosk shows nothing but pictures, and turns its pages", (*stand).kiosk},
		{"language and colours can be chosen and are kept", (*stand).wishes},
		{"cameras are found by what is typed", (*stand).finds},
		{"everything by keyboard", (*stand).keyboard},
		{"with a thumb on a phone", (*stand).swipes},
	} {
		if !t.Run(test.what, func(t *testing.T) { test.run(b, t, s.with(t), b.p.with(t)) }) {
			break
		}
	}
}

// tiles waits until just these cameras' tiles are there, in this order, all with a live picture.
func (p *tab) tiles(what string, ids ...string) sight {
	p.t.Helper()
	return p.until(what, func(v sight) bool {
		var shown []string
		for _, tile := range v.Tiles {
			if tile.Picture == "live" {
				shown = append(shown, tile.ID)
			}
		}
		return slices.Equal(shown, ids) && len(v.Tiles) == len(ids)
	})
}

func (p *tab) hash(want string) {
	p.t.Helper()
	eventually(p.t, "the address "+want, func() error {
		if got := eval[string](p, `location.hash`); got != want {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

func (b *stand) pages(t *testing.T, s *system, p *tab) {
	p.tiles("four tiles", "cam1", "cam2", "cam3", "cam4")
	p.click(`[data-action=page_next]`)
	p.tiles("the other two", "cam5", "cam6")
	p.hash("#/wall/4?page=2")
	p.click(`#views [data-view="9"]`)
	p.tiles("all six", "cam1", "cam2", "cam3", "cam4", "cam5", "cam6")
	p.hash("#/wall/9")
	eventually(t, "one WebSocket carries all", func() error {
		_, _, body := s.request(http.MethodGet, "/api/v1/viewers", nil)
		var viewers []struct {
			Kind    string
			Streams []struct{ Camera string }
		}
		if err := json.Unmarshal(body, &viewers); err != nil {
			return fmt.Errorf("%s: %w", body, err)
		}
		if len(viewers) != 1 || viewers[0].Kind != "websocket" || len(viewers[0].Streams) != 6 {
			return fmt.Errorf("the page watches by %+v", viewers)
		}
		return nil
	})
	if eval[bool](p, `document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth`) {
		p.t.Error("the page is larger than its window")
	}
}

func (b *stand) groups(_ *testing.T, _ *system, p *tab) {
	eval[bool](p, `(() => {
		const select = document.querySelector("#which-group");
		select.value = "South & East";
		return select.dispatchEvent(new Event("change"));
	})()`)
	p.tiles("the group's", "cam5", "cam6")
	p.hash("#/wall/9?group=South+%26+East")
	eval[string](p, `location.hash = "#/wall/all?group=North"`)
	p.tiles("the other group's", "cam1", "cam2", "cam3", "cam4")
	eval[string](p, `location.hash = "#/wall/9"`)
	p.tiles("all", "cam1", "cam2", "cam3", "cam4", "cam5", "cam6")
}

func (b *stand) toStage(_ *testing.T, _ *system, p *tab) {
	eval[string](p, `location.hash = "#/camera/cam1"`)
	p.shows("cam1")
	eval[string](p, `location.hash = "#/wall/9"`)
	p.tiles("the wall", "cam1", "cam2", "cam3", "cam4", "cam5", "cam6")
	stop := p.record()
	p.click(`button.tile[data-camera=cam2]`)
	p.hash("#/camera/cam2")
	p.shows("cam2")
	p.onStage("cam2", b.pictures)
	for _, m := range stop() {
		if m.blank() {
			p.t.Errorf("on the way to the stage it was %+v", m)
		}
	}
	p.key("\x1b")
	p.hash("#/wall/9")
	p.tiles("the wall again", "cam1", "cam2", "cam3", "cam4", "cam5", "cam6")
	eval[any](p, `history.back()`)
	p.hash("#/camera/cam2")
	p.shows("cam2")
}

func (b *stand) asks(t *testing.T, s *system, p *tab) {
	asks := func(what string, ok func(map[string]ask) bool) {
		t.Helper()
		eventually(t, what, func() error {
			if now := p.asked(); !ok(now) {
				return fmt.Errorf("the page asks for %+v", now)
			}
			return nil
		})
	}
	asks("the stage takes the whole picture, the tiles beside it little", func(a map[string]ask) bool {
		small := a["cam1"]
		return len(a) == 6 && a["cam2"].Rendition == "sub" && small.Rendition == "sub" && small.FPS <= 4
	})
	p.click(`#views [data-view="1"]`)
	asks("a wall of one takes one whole picture", func(a map[string]ask) bool { return len(a) == 1 && a["cam1"].Rendition == "auto" && a["cam1"].FPS > 20 })
	p.click(`#views [data-view="9"]`)
	asks("a wall of nine takes small pictures, and the stage nothing", func(a map[string]ask) bool {
		return len(a) == 6 && a["cam6"].Rendition == "sub" && a["cam6"].FPS == 10
	})
	p.click(`#views [data-view="4"]`)
	asks("what is on another page costs nothing", func(a map[string]ask) bool { return len(a) == 4 && a["cam5"] == ask{} })
	s.eventually("nobody watches it", func() error {
		info, err := s.camera("cam5")
		if err == nil && info.Viewers != 0 {
			err = fmt.Errorf("%d viewers", info.Viewers)
		}
		return err
	})
}

func (b *stand) ages(t *testing.T, s *system, p *tab) {
	p.tiles("four tiles", "cam1", "cam2", "cam3", "cam4")
	if _, err := s.command("stop", "cam3"); err != nil {
		t.Fatal(err)
	}
	p.until("the picture of the stopped camera with its age", func(v sight) bool {
		tile := v.tile("cam3")
		return tile.Word == "Stopped" && tile.Picture == "old" && strings.HasSuffix(tile.Age, " s") && v.tile("cam2").Age == ""
	})
	if dark := eval[bool](p, `(() => {
		const probe = new OffscreenCanvas(16, 9).getContext("2d");
		probe.drawImage(document.querySelector("button.tile[data-camera=cam3] canvas"), 0, 0, 16, 9);
		return probe.getImageData(0, 0, 16, 9).data.every((v, i) => i % 4 === 3 || v < 12);
	})()`); dark {
		t.Error("there is no picture")
	}
	if _, err := s.command("start", "cam3"); err != nil {
		t.Fatal(err)
	}
	p.tiles("it is back", "cam1", "cam2", "cam3", "cam4")
}

// alt is the bit of that key in events.
const alt = 1

// middle is where an element is, in px of the window.
func (p *tab) middle(selector string) (x, y float64) {
	p.t.Helper()
	at := eval[[]float64](p, fmt.Sprintf(`(({x, y, width, height}) => [x + width / 2, y + height / 2])(document.querySelector(%q).getBoundingClientRect())`, selector))
	return at[0], at[1]
}

func (p *tab) mouse(kind input.DispatchMouseEventType, x, y float64, more func(*input.DispatchMouseEventParams)) {
	p.t.Helper()
	params := input.DispatchMouseEventParams{Type: kind, X: x, Y: y}
	if more != nil {
		more(&params)
	}
	call(p, input.DispatchMouseEvent, params)
}

func pressed(clicks int64) func(*input.DispatchMouseEventParams) {
	return func(m *input.DispatchMouseEventParams) {
		m.Button, m.Buttons, m.ClickCount = input.MouseButtonLeft, 1, clicks
	}
}

func (p *tab) drag(x, y, toX, toY float64) {
	p.t.Helper()
	p.mouse(input.DispatchMouseEventTypeMousePressed, x, y, pressed(1))
	for i := 1.0; i <= 4; i++ {
		p.mouse(input.DispatchMouseEventTypeMouseMoved, x+(toX-x)*i/4, y+(toY-y)*i/4, pressed(0))
	}
	p.mouse(input.DispatchMouseEventTypeMouseReleased, toX, toY, pressed(1))
}

func (b *stand) drags(_ *testing.T, _ *system, p *tab) {
	x, y := p.middle(`button.tile[data-camera=cam1]`)
	toX, toY := p.middle(`button.tile[data-camera=cam4]`)
	p.drag(x, y, toX, toY)
	p.tiles("the first one took the fourth place", "cam2", "cam3", "cam4", "cam1")
	p.hash("#/wall/4")
	eval[any](p, `document.querySelector("button.tile[data-camera=cam1]").focus()`)
	call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: "ArrowLeft", Code: "ArrowLeft", Modifiers: alt})
	p.tiles("the keyboard has moved it back by one", "cam2", "cam3", "cam1", "cam4")
	p.reload()
	p.tiles("the order is kept", "cam2", "cam3", "cam1", "cam4")
	p.key(",")
	p.click(`[data-action=order]`)
	p.tiles("the order is forgotten", "cam1", "cam2", "cam3", "cam4")
	p.key("\x1b")
}

func (p *tab) reload() {
	p.t.Helper()
	eval[any](p, `(window.before = true, location.reload())`)
	eventually(p.t, "the page is loaded again", func() error {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		before, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`"before" in window || document.readyState !== "complete"`))
		if err == nil && before {
			err = errors.New("it is the one before")
		}
		return err // while the one goes and the other comes there is none to ask
	})
	p.watchWorker()
}

func (b *stand) zooms(t *testing.T, _ *system, p *tab) {
	eval[string](p, `location.hash = "#/camera/cam1"`)
	p.shows("cam1")
	x, y := p.middle(".frame")
	box := `(({x, y, width, height}) => [x, y, width, height])(document.querySelector("#stage-canvas").getBoundingClientRect())`
	whole := eval[[]float64](p, box)
	for range 3 {
		p.mouse(input.DispatchMouseEventTypeMouseWheel, x+100, y, func(m *input.DispatchMouseEventParams) { m.DeltaX, m.DeltaY = 0.01, -100 })
	}
	eventually(t, "the wheel enlarges the picture", func() error {
		if now := eval[[]float64](p, box); now[2] < whole[2]*1.9 || now[0] > whole[0]-100 {
			return fmt.Errorf("it is at %v, was at %v", now, whole)
		}
		return nil
	})
	before := eval[[]float64](p, box)
	p.drag(x, y, x+60, y)
	if now := eval[[]float64](p, box); now[0] < before[0]+50 {
		t.Errorf("after a drag the picture is at %v, was at %v", now, before)
	}
	p.key("0")
	eventually(t, "the whole picture again", func() error {
		if now := eval[[]float64](p, box); !slices.Equal(now, whole) {
			return fmt.Errorf("it is at %v, was at %v", now, whole)
		}
		return nil
	})
	p.click(`[data-action=fit]`)
	if fit := eval[string](p, `getComputedStyle(document.querySelector("#stage-canvas")).objectFit`); fit != "cover" {
		t.Errorf("filled, the picture is laid out as %s", fit)
	}
	p.key("v")
	if fit := eval[string](p, `getComputedStyle(document.querySelector("#stage-canvas")).objectFit`); fit != "contain" {
		t.Errorf("fitted, the picture is laid out as %s", fit)
	}
}

func (b *stand) fills(t *testing.T, _ *system, p *tab) {
	eval[string](p, `location.hash = "#/wall/4"`)
	p.tiles("the wall", "cam1", "cam2", "cam3", "cam4")
	x, y := p.middle(`button.tile[data-camera=cam2]`)
	for clicks := int64(1); clicks <= 2; clicks++ {
		p.mouse(input.DispatchMouseEventTypeMousePressed, x, y, pressed(clicks))
		p.mouse(input.DispatchMouseEventTypeMouseReleased, x, y, pressed(clicks))
	}
	p.shows("cam2")
	eventually(t, "the stage fills the screen", func() error {
		if !eval[bool](p, `document.fullscreenElement === document.querySelector("[data-stage]")`) {
			return fmt.Errorf("it does not")
		}
		return nil
	})
	p.key("f")
	eventually(t, "the screen is left", func() error {
		if eval[bool](p, `document.fullscreenElement !== null`) {
			return fmt.Errorf("it is not")
		}
		return nil
	})
}

func (b *stand) floats(t *testing.T, s *system, p *tab) {
	p.shows("cam2")
	p.click(`[data-action=pip]`)
	eventually(t, "a window with the picture", func() error {
		if !eval[bool](p, `document.pictureInPictureElement !== null`) {
			return fmt.Errorf("there is none")
		}
		return nil
	})
	frames := func() float64 {
		return eval[float64](p, `document.pictureInPictureElement.getVideoPlaybackQuality().totalVideoFrames`)
	}
	moves := func(what string) {
		first := frames()
		eventually(t, what, func() error {
			if now := frames(); now < first+5 {
				return fmt.Errorf("%v pictures, first %v", now, first)
			}
			return nil
		})
	}
	moves("the picture in it moves")
	eval[string](p, `location.hash = "#/wall/4"`)
	p.tiles("a wall beside it", "cam1", "cam2", "cam3", "cam4")
	moves("the picture goes on beside a wall")
	eval[any](p, `history.back()`)
	p.shows("cam2")
	show := p.hide()
	eventually(t, "only what the window shows is still asked for", func() error {
		if now := p.asked(); len(now) != 1 || now["cam2"].Rendition != "auto" {
			return fmt.Errorf("the page asks for %+v", now)
		}
		return nil
	})
	moves("the picture goes on while the page is hidden")
	show()
	eval[any](p, `document.exitPictureInPicture()`)
	p.shows("cam2")
}

func (b *stand) kiosk(t *testing.T, s *system, p *tab) {
	q := open(t, b.browser, s.url("/?kiosk#/wall/4"), look{width: 1366, height: 768}).with(t)
	q.tiles("the first page", "cam1", "cam2", "cam3", "cam4")
	if seen := eval[[]string](q, `[".top", ".side-head", ".figures"].filter((s) => document.querySelector(s).offsetParent !== null)`); len(seen) > 0 {
		t.Errorf("a kiosk shows %v", seen)
	}
	if part := eval[float64](q, `document.querySelector("#wall").clientHeight / innerHeight`); part < 0.95 {
		t.Errorf("the wall has %.2f of the screen's height", part)
	}
	q.click(`button.tile[data-camera=cam3]`)
	q.shows("cam3")
	q.click(`.to-wall`)
	q.tiles("back by touch", "cam1", "cam2", "cam3", "cam4")
	eval[string](q, `location.hash = "#/wall/4?every=2"`)
	turns := func(what, first string) {
		t.Helper()
		q.until(what, func(v sight) bool { return len(v.Tiles) > 0 && v.Tiles[0].ID == first })
	}
	turns("the second page, by itself", "cam5")
	turns("the first page again", "cam1")
	eval[string](q, `location.hash = "#/wall/4?page=2&every=600"`) // a busy machine takes more than two seconds for the pictures
	q.tiles("the second page's pictures", "cam5", "cam6")
	eval[string](q, `location.hash = "#/wall/4?every=600"`)
	q.tiles("the first page's pictures", "cam1", "cam2", "cam3", "cam4")
}

func (b *stand) wishes(t *testing.T, s *system, p *tab) {
	choose := func(name, value string) {
		t.Helper()
		p.key(",")
		eval[bool](p, fmt.Sprintf(`(() => {
			const select = document.querySelector("#settings select[name=%s]");
			select.value = %q;
			return select.dispatchEvent(new Event("change", { bubbles: true }));
		})()`, name, value))
	}
	ground := `getComputedStyle(document.body).backgroundColor`
	dark := eval[string](p, ground)
	choose("theme", "light")
	if now := eval[string](p, ground); now == dark {
		t.Errorf("light, the page's ground is %s as before", now)
	}
	p.key("\x1b")
	choose("lang", "zh")
	p.until("the page speaks Chinese", func(v sight) bool { return v.Words == "已连接" })
	if now := eval[string](p, ground); now == dark {
		t.Error("the colours were forgotten")
	}
	p.watchWorker()
	choose("lang", "en")
	p.until("the page speaks English", func(v sight) bool { return v.Words == "Connected" })
	p.watchWorker()
	choose("theme", "")
	p.key("\x1b")
	q := open(t, b.browser, s.url("/?lang=zh&theme=light"), look{}).with(t)
	q.until("the address decides", func(v sight) bool { return v.Words == "已连接" })
	if now := eval[string](q, ground); now == dark {
		t.Error("the address did not decide on the colours")
	}
}

func (b *stand) finds(_ *testing.T, _ *system, p *tab) {
	eval[string](p, `location.hash = "#/wall/9"`)
	p.tiles("all", "cam1", "cam2", "cam3", "cam4", "cam5", "cam6")
	p.key("/")
	eval[any](p, `document.activeElement.value = ""`) // the protocol's keys are typed even where the page has taken them
	p.key("south 6")
	p.tiles("the one that is meant", "cam6")
	p.key("\x1b")
	eval[bool](p, `(() => {
		const search = document.querySelector("#search");
		search.value = "";
		return search.dispatchEvent(new Event("input"));
	})()`)
	p.tiles("all again", "cam1", "cam2", "cam3", "cam4", "cam5", "cam6")
}

func (b *stand) keyboard(t *testing.T, _ *system, p *tab) {
	p.key("?")
	eventually(t, "the sheet of keys", func() error {
		if !eval[bool](p, `document.querySelector("#help").open && document.querySelectorAll("#help kbd").length > 15`) {
			return fmt.Errorf("it is not open")
		}
		return nil
	})
	p.key("\x1b")
	p.key("2")
	p.shows("cam2")
	p.onStage("cam2", b.pictures)
	right := func() {
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
			call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: "ArrowRight", Code: "ArrowRight"})
		}
	}
	eval[any](p, `document.activeElement.blur()`)
	right()
	p.shows("cam3")
	p.key("w")
	p.hash("#/wall/9")
	eval[any](p, `document.querySelector("button.tile[tabindex='0']").focus()`)
	at := eval[string](p, `document.activeElement.dataset.camera`)
	right()
	if now := eval[string](p, `document.activeElement.dataset.camera`); now == at || now == "" {
		t.Errorf("the arrow leads from %s to %q", at, now)
	}
	unnamed := eval[[]string](p, `[...document.querySelectorAll("button, select, input, [role=switch]")].filter((e) => e.offsetParent !== null)
		.filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML)`)
	if len(unnamed) > 0 {
		t.Errorf("without a name for a screen reader: %v", unnamed)
	}
}

func (b *stand) swipes(t *testing.T, s *system, _ *tab) {
	p := open(t, b.browser, s.url("/#/camera/cam2"), look{width: 390, height: 844, phone: true}).with(t)
	p.shows("cam2")
	x, y := p.middle(".frame")
	touch := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) {
		call(p, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: points})
	}
	swipe := func(by float64) {
		touch(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: x - by/2, Y: y})
		for part := -0.3; part < 0.5; part += 0.2 {
			touch(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: x + by*part, Y: y})
		}
		touch(input.DispatchTouchEventTypeTouchEnd)
	}
	swipe(-200)
	p.shows("cam3")
	swipe(200)
	p.shows("cam2")

	left, right := 1.0, 2.0 // names of two fingers
	width := func() float64 {
		return eval[float64](p, `document.querySelector("#stage-canvas").getBoundingClientRect().width`)
	}
	whole := width()
	touch(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: x - 20, Y: y, ID: &left}, &input.TouchPoint{X: x + 20, Y: y, ID: &right})
	for apart := 30.0; apart <= 80; apart += 10 {
		touch(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: x - apart, Y: y, ID: &left}, &input.TouchPoint{X: x + apart, Y: y, ID: &right})
	}
	touch(input.DispatchTouchEventTypeTouchEnd)
	eventually(t, "two fingers enlarge the picture", func() error {
		if now := width(); now < whole*2 {
			return fmt.Errorf("it is %v px wide, was %v", now, whole)
		}
		return nil
	})
	p.shows("cam2")
	p.click(`[data-action=zoom_reset]`)
	small := eval[[]string](p, `[...document.querySelectorAll("button")].filter((e) => e.offsetParent !== null && !e.closest(".message"))
		.map((e) => [e.dataset.action ?? e.dataset.view ?? e.className, e.getBoundingClientRect()])
		.filter(([, box]) => box.width < 30 || box.height < 30).map(([name, box]) => name + " " + Math.round(box.width) + "×" + Math.round(box.height))`)
	if len(small) > 0 {
		t.Errorf("too small for a thumb: %v", small)
	}
}
