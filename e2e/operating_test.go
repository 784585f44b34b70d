package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/png"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"linkstart/pkg/camera"
)

// operated is what an operator has to do with: a camera that is there, one to compare with, and one that is away.
const operated = `
cameras:
  - {id: clock, name: Clock, source: "test:clock?size=640x360&fps=15"}
  - {id: ball, name: Ball, source: "test:ball?size=640x360&fps=15"}
  - {id: gone, name: Gone, source: "http://127.0.0.1:9/video"}
rooms: [{id: main}]
`

// operator is a page with the first camera on its stage.
type operator struct {
	*stand
	clock camera.Info
}

func TestOperating(t *testing.T) {
	s := start(t, operated)
	o := &operator{stand: &stand{s: s, browser: chrome(t)}, clock: s.becomes("clock", camera.Live)}
	s.becomes("ball", camera.Live)
	o.p = open(t, o.browser, s.url("/#/camera/clock"), look{})
	for _, test := range []struct {
		what string
		run  func(*operator, *testing.T, *system, *tab)
	}{
		{"a camera that is away tells when it is tried again", (*operator).retry},
		{"a restart is asked first", (*operator).asked},
		{"a stop and a start show their outcome", (*operator).stopsAndStarts},
		{"a picture is copied", (*operator).copies},
		{"charts draw", (*operator).charts},
		{"the log goes on", (*operator).log},
		{"the log comes back after the relay", (*operator).logComesBack},
		{"a failure is told with its last words", (*operator).failure},
		{"who watches is told, or that it cannot be", (*operator).viewers},
		{"the drawer follows the stage and goes away", (*operator).follows},
		{"on a phone it fits", (*operator).onPhone},
	} {
		ok := t.Run(test.what, func(t *testing.T) { test.run(o, t, s.with(t), o.p.with(t)) })
		if !ok {
			break // the others go on from where this one should have led
		}
	}
}

// reads waits until what the selector names can be seen and its text is ok.
func (p *tab) reads(what, selector string, ok func(string) bool) string {
	p.t.Helper()
	var text string
	eventually(p.t, what, func() error {
		text = eval[string](p, fmt.Sprintf(`(() => {
			const e = document.querySelector(%q);
			return e && e.checkVisibility() ? e.textContent.replace(/\s+/g, " ").trim() : "";
		})()`, selector))
		if !ok(text) {
			return fmt.Errorf("%s reads %q", selector, text)
		}
		return nil
	})
	return text
}

func has(part string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, part) }
}

func (p *tab) focused() string {
	p.t.Helper()
	return eval[string](p, `document.activeElement.dataset.action ?? document.activeElement.id`)
}

// connections is how many stay open at the relay.
func (s *system) connections() int {
	s.t.Helper()
	_, _, body := s.request("GET", "/metrics", nil)
	for line := range strings.Lines(string(body)) {
		if n, ok := strings.CutPrefix(line, "linkstart_connections "); ok {
			var count int
			if _, err := fmt.Sscan(n, &count); err != nil {
				s.t.Fatal(err)
			}
			return count
		}
	}
	s.t.Fatal("the connections are not counted")
	return 0
}

// retry counts down on the stage. The source is tried again every few seconds, so every word of it comes by.
func (o *operator) retry(t *testing.T, _ *system, p *tab) {
	p.click(`button.tile[data-camera=gone]`)
	text := p.reads("the next try", "#stage-retry", has("Next try in "))
	other := p.reads("it counts down", "#stage-retry", func(s string) bool { return s != "" && s != text })
	t.Logf("the stage says %q, then %q", text, other)
	p.listen()
	p.click(`[data-action=copy]`)
	p.says("Picture of Gone not copied: ")
	p.quietBut("503")
	p.click(`.message-dismiss`)
	p.click(`button.tile[data-camera=clock]`)
	p.shows("clock")
	p.reads("nothing is tried of a live camera", "#stage-retry", func(s string) bool { return s == "" })
}

func (o *operator) asked(t *testing.T, s *system, p *tab) {
	p.click(`[data-action=restart]`)
	text := p.reads("the question", "dialog.confirm", has("Restart Clock?"))
	if !strings.Contains(text, "Nobody else watches it.") {
		t.Errorf("it is asked %q", text)
	}
	if p.focused() != "confirm" {
		t.Errorf("the focus is on %q", p.focused())
	}
	p.key("2") // the page's keys rest meanwhile
	p.key("\x1b")
	p.reads("the question is gone", "dialog.confirm", func(s string) bool { return s == "" })
	if p.focused() != "restart" {
		t.Errorf("afterwards the focus is on %q", p.focused())
	}
	p.click(`[data-action=restart]`)
	p.click(`[data-action=cancel]`)
	if v := p.shows("clock"); v.Camera != "clock" || len(v.Messages) > 0 {
		t.Errorf("after the question: %+v", v)
	}
	if now := s.becomes("clock", camera.Live); now.PID != o.clock.PID {
		t.Errorf("not confirmed, and process %d is %d now", o.clock.PID, now.PID)
	}
	other := open(t, o.browser, s.url("/#/camera/clock"), look{}).with(t)
	other.shows("clock")
	p.until("the other viewer is counted", func(sight) bool {
		return eval[string](p, `document.querySelector("#figure-viewers").textContent`) == "2"
	})
	p.do("focus", chromedp.Evaluate[chromedp.Void](`document.querySelector("[data-action=restart]").focus()`))
	p.key("\r")
	p.reads("who else watches", "dialog.confirm", has("One other viewer watches it."))
	p.listen()
	p.key("\r")
	p.says("Picture back after")
	if now := s.becomes("clock", camera.Live); now.PID == o.clock.PID {
		t.Error("confirmed, and the process is the same")
	}
	p.shows("clock")
}

func (o *operator) stopsAndStarts(t *testing.T, s *system, p *tab) {
	p.click(`[data-action=stop]`)
	p.reads("the question", "dialog.confirm", has("Stop Clock?"))
	p.listen()
	p.click(`[data-action=confirm]`)
	p.says("Stopped after")
	v := p.until("the camera is shown as stopped", func(v sight) bool {
		return v.tile("clock").Word == "Stopped" && strings.HasPrefix(v.Plate, "Stopped: ")
	})
	if !strings.Contains(v.Plate, "Start camera") {
		t.Errorf("how it is started is not said: %q", v.Plate)
	}
	if p.focused() != "start" {
		t.Errorf("the focus is on %q", p.focused())
	}
	s.becomes("clock", camera.Stopped)
	p.click(`[data-action=start]`)
	p.reads("the question", "dialog.confirm", has("Start Clock?"))
	p.listen()
	p.click(`[data-action=confirm]`)
	if said := p.says("Picture back after"); !strings.HasPrefix(said, "Start Clock") {
		t.Errorf("after the start the page says %q", said)
	}
	p.shows("clock")
	if p.focused() != "stop" {
		t.Errorf("the focus is on %q", p.focused())
	}
}

func (o *operator) copies(t *testing.T, s *system, p *tab) {
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		callBrowser(p, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name, AllowWithoutSanitization: false}, Setting: browser.PermissionSettingGranted,
			Origin: s.url(""), BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
		})
	}
	p.do("to the front", chromedp.Evaluate[chromedp.Void](`window.focus()`))
	p.gets(`[data-action=copy]`, "Picture of Clock copied", "Picture of Clock not copied: ")
	data := eval[string](p, `(async () => {
		const [item] = await navigator.clipboard.read();
		const bytes = new Uint8Array(await (await item.getType("image/png")).arrayBuffer());
		return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
	})()`)
	b, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("the clipboard holds %d bytes: %v", len(b), err)
	}
	if d := difference(img, s.snapshot("clock")); img.Bounds().Dx() != 640 || d > 30 {
		t.Errorf("the picture is %v, and differs by %.1f of 255", img.Bounds(), d)
	}
}

func (o *operator) charts(t *testing.T, _ *system, p *tab) {
	if n := eval[int](p, `performance.getEntriesByType("resource").filter((e) => e.name.includes("vendor/")).length`); n != 0 {
		t.Errorf("%d files of the charts are loaded before anybody looks", n)
	}
	p.click(`[data-action=details]`)
	if p.focused() != "tab-charts" {
		t.Errorf("the focus is on %q", p.focused())
	}
	eventually(t, "three charts have drawn a line", func() error {
		drawn := eval[[]string](p, `[...document.querySelectorAll(".chart")].filter((c) => Number(c.dataset.points) > 3).map((chart) => {
			const canvas = chart.querySelector("canvas");
			const colour = chart.querySelector(".chart-name").style.getPropertyValue("--line-colour").match(/\w\w/g).map((x) => parseInt(x, 16));
			const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
			let n = 0;
			for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && colour.every((c, j) => Math.abs(c - data[i + j]) < 24)) n++;
			return n > 3 ? chart.getAttribute("aria-label") : "";
		}).filter(Boolean)`)
		if len(drawn) != 3 || !strings.Contains(drawn[0], "fps") || !strings.Contains(drawn[1], "bit/s") {
			return fmt.Errorf("drawn: %q", drawn)
		}
		t.Logf("drawn: %q", drawn)
		return nil
	})
	p.reads("the newest value", ".chart[data-figure=fps] output", has(" fps"))
	p.reads("restarts by cause", "#fact-restarts", has("Ordered by a user"))
}

func (o *operator) log(t *testing.T, s *system, p *tab) {
	p.key("\u0303") // right
	if p.focused() != "tab-log" {
		t.Errorf("after the right arrow the focus is on %q", p.focused())
	}
	p.reads("lines", "#panel-log .log-lines", has("start ordered"))
	atEnd := `(() => { const e = document.querySelector(".log-lines"); return e.scrollHeight - e.scrollTop - e.clientHeight < 13; })()`
	if !eval[bool](p, atEnd) {
		t.Error("the log does not begin at its end")
	}
	if out, err := s.command("restart", "clock"); err != nil {
		t.Fatalf("restart: %v\n%s", err, out)
	}
	p.reads("new lines come", "#panel-log .log-lines", has("restart ordered"))
	eventually(t, "it is at its end", func() error {
		if !eval[bool](p, atEnd) {
			return fmt.Errorf("it is not")
		}
		return nil
	})
	p.click(`[data-log=filter]`)
	p.key("restart qqq")
	p.reads("no line matches", "#panel-log .log-empty", has("No line matches"))
	for range 4 {
		p.key("\b")
	}
	eventually(t, "only lines that match", func() error {
		lines := eval[[]string](p, `[...document.querySelectorAll(".log-text")].map((e) => e.textContent)`)
		if len(lines) == 0 {
			return fmt.Errorf("none")
		}
		for _, line := range lines {
			if !strings.Contains(line, "restart") {
				return fmt.Errorf("lines are %q", lines)
			}
		}
		return nil
	})
	if v := p.shows("clock"); v.Camera != "clock" {
		t.Error("what is typed into the filter switches the camera")
	}
	p.do("empty the filter", chromedp.Evaluate[chromedp.Void](`(() => {
		const e = document.querySelector("[data-log=filter]"); e.value = ""; e.dispatchEvent(new Event("input"));
	})()`))
	p.click(`[data-log=pause]`)
	if out, err := s.command("restart", "clock"); err != nil {
		t.Fatalf("restart: %v\n%s", err, out)
	}
	p.reads("lines wait", "[data-log=pause]", has("Resume ("))
	p.click(`[data-log=pause]`)
	p.reads("nothing waits", "[data-log=pause]", func(s string) bool { return s == "Pause" })
	p.shows("clock")
}

func (o *operator) logComesBack(t *testing.T, s *system, p *tab) {
	p.do("note what is there", chromedp.Evaluate[chromedp.Void](`document.querySelector(".log-line").dataset.old = "yes"`))
	kill(t, s.relay())
	eventually(t, "the log is read anew", func() error {
		if !eval[bool](p, `!document.querySelector("[data-old]") && document.querySelectorAll(".log-line").length > 3`) {
			return fmt.Errorf("it is not")
		}
		return nil
	})
	p.reads("the interruption is told no more", "#panel-log .log-status", func(s string) bool { return s == "" })
	p.shows("clock")
	p.quietBut("WebSocket", "ERR_", "503") // that it could not connect, or came before the new relay knew the cameras, is the browser's own message
}

func (o *operator) failure(t *testing.T, s *system, p *tab) {
	p.click(`#tab-failures`)
	p.reads("nothing has failed", "#panel-failures .drawer-note", has("Nothing has failed"))
	pid := s.becomes("clock", camera.Live).PID
	kill(t, pid)
	p.reads("the failure", ".failure", func(s string) bool {
		return strings.Contains(s, "Process killed by a signal") && strings.Contains(s, fmt.Sprint(pid)) && strings.Contains(s, "after ")
	})
	p.click(`.failure summary`)
	p.reads("what it printed last", ".failure pre", func(s string) bool { return len(s) > 10 })
	p.shows("clock")
}

func (o *operator) viewers(t *testing.T, s *system, p *tab) {
	status, _, _ := s.request("GET", "/api/v1/viewers", nil)
	p.click(`#tab-viewers`)
	if status == 404 {
		p.reads("it cannot be told", "#panel-viewers .drawer-note", has("does not tell who watches"))
		p.quietBut("404")
	} else {
		p.reads("this page is listed", ".viewer", func(s string) bool { return s != "" })
	}
	p.do("answer for the server", chromedp.Evaluate[chromedp.Void](`(() => {
		const real = window.fetch;
		const streams = (camera) => [{ camera, rendition: "main", fps: 12.5, skipped: 3 }];
		const all = [
			{ id: "1", kind: "websocket", name: "<b>Desk</b>", address: "192.0.2.1", agent: "Browser", since: "2026-01-31T12:00:00Z", room: "main", streams: streams("clock") },
			{ id: "2", kind: "multipart", address: "192.0.2.2", streams: streams("clock") },
			{ id: "3", kind: "websocket", name: "Elsewhere", streams: streams("ball") },
		];
		window.fetch = (url, init) => String(url).endsWith("viewers") ? Promise.resolve(Response.json(all)) : real(url, init);
	})()`))
	p.click(`#tab-failures`)
	p.click(`#tab-viewers`)
	text := p.reads("who watches this camera", "#panel-viewers .viewers", has("192.0.2.2"))
	for _, want := range []string{"<b>Desk</b>", "192.0.2.1", "Room main", "main · 12.5 fps · 3 skipped", "multipart"} {
		if !strings.Contains(text, want) {
			t.Errorf("viewers read %q, without %q", text, want)
		}
	}
	if strings.Contains(text, "Elsewhere") {
		t.Errorf("viewers of another camera are listed: %q", text)
	}
}

func (o *operator) follows(t *testing.T, s *system, p *tab) {
	p.click(`#tab-log`)
	p.reads("the log of the clock", "#panel-log .log-lines", has("restart ordered"))
	p.do("show another camera", chromedp.Evaluate[chromedp.Void](`location.hash = "#/camera/ball"`))
	p.shows("ball")
	p.reads("whose details these are", "#drawer-title", has("Ball"))
	p.reads("its log", "#panel-log .log-lines", func(s string) bool { return s != "" && !strings.Contains(s, "ordered") })
	connected := func(what string, want int) {
		t.Helper()
		s.eventually(what, func() error {
			if now := s.connections(); now != want {
				return fmt.Errorf("%d connections, want %d", now, want)
			}
			return nil
		})
	}
	connected("the pictures come, and one log", 2)
	p.click(`#tab-log`)
	p.key("\x1b")
	p.reads("the drawer is gone", "#drawer", func(s string) bool { return s == "" })
	connected("nobody reads the log any more", 1)
	if p.focused() != "details" {
		t.Errorf("afterwards the focus is on %q", p.focused())
	}
}

func (o *operator) onPhone(t *testing.T, s *system, _ *tab) {
	q := open(t, o.browser, s.url("/#/camera/clock"), look{language: "zh-CN", width: 390, height: 844, phone: true}).with(t)
	q.shows("clock")
	q.click(`[data-action=details]`)
	q.reads("the tabs", "#tab-failures", has("故障"))
	q.click(`#tab-failures`)
	q.reads("the failure in Chinese", ".failure-cause", has("进程被信号终止"))
	type layout struct{ Width, Content, Top, Frame float64 }
	got := eval[layout](q, `({
		Width: innerWidth, Content: document.documentElement.scrollWidth,
		Top: document.querySelector("#drawer").getBoundingClientRect().top, Frame: document.querySelector(".frame").getBoundingClientRect().top,
	})`)
	if got.Content > got.Width || got.Top < got.Frame {
		t.Errorf("on a phone the drawer is laid out so: %+v", got)
	}
}
