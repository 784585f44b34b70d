package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"linkstart/pkg/camera"
)

const roomCameras = `
cameras:
  - {id: clock, name: Clock, group: Hall, source: "test:clock?size=320x180&fps=5"}
  - {id: ball, name: Ball, group: Hall, source: "test:ball?size=320x180&fps=5"}
  - {id: bars, name: Bars, group: Yard, source: "test:bars?size=320x180&fps=5"}
rooms: [{id: main, alarm_takeover: 600s}]
`

// roomSight is what somebody sees of the room: in the header and, whether it is open or not, in its panel.
type roomSight struct {
	Open    bool
	Room    string
	Count   string // in the header, "" for none
	Patrols bool   // in the header
	People  []string
	What    string // of the patrol that runs, "" for none
	Why     string // that none can be started
	Start   bool   // one can be
	Alarm   string // how long it holds the room
}

const roomScript = `(() => {
	const one = (s) => document.querySelector(s);
	const text = (e) => !e || e.closest("[hidden]") ? "" : e.textContent.replace(/\s+/g, " ").trim();
	return {
		Open: one("#room-panel").open, Room: text(one("#room")), Count: text(one(".room-others > span")), Patrols: !one(".room-patrol").hidden,
		People: [...document.querySelectorAll(".person")].map((e) => [...e.children].filter((c) => !c.hidden).map(text).filter(Boolean).join(" | ")),
		What: [text(one("#patrol-what")), text(one("#patrol-now"))].filter(Boolean).join(" | "), Why: text(one("#patrol-why")),
		Start: !one("#patrol-start").disabled && !one("#patrol-form").hidden, Alarm: text(one(".alarm-time")),
	};
})()`

// room looks until ok, and returns what was seen then.
func (p *tab) room(what string, ok func(roomSight) bool) roomSight {
	p.t.Helper()
	var now roomSight
	eventually(p.t, what, func() error {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		var err error
		if now, err = chromedp.Run(ctx, chromedp.Evaluate[roomSight](roomScript)); err != nil {
			return err // it may be on its way to another room
		}
		if !ok(now) {
			return fmt.Errorf("seen: %+v", now)
		}
		return nil
	})
	return now
}

// fill puts a text into a field in place of what it holds, and leaves it.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	eval[bool](p, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.focus(); e.select(); return true; })()`, selector))
	p.do("type "+text, chromedp.KeyEvent(text), chromedp.KeyEvent("\t"))
}

func TestRoomsInThePage(t *testing.T) {
	s := start(t, roomCameras)
	for _, id := range []string{"clock", "ball", "bars"} {
		s.becomes(id, camera.Live)
	}
	browser := chrome(t)
	one := open(t, browser, s.url("/"), look{width: 1366, height: 768})
	two := open(t, browser, s.url("/"), look{width: 1366, height: 768, light: true})
	one.until("it stands", func(v sight) bool { return v.Connection == "open" && len(v.Tiles) == 3 })
	two.room("both are there", func(v roomSight) bool { return v.Count == "2" && v.Room == "Room main" && !v.Patrols })

	t.Run("names are seen by the other", func(t *testing.T) { roomNames(t, one.with(t), two.with(t)) })
	t.Run("who switches is seen", func(t *testing.T) { roomDriver(t, one.with(t), two.with(t)) })
	t.Run("a patrol is seen by the other, and a click ends it", func(t *testing.T) { roomPatrol(t, one.with(t), two.with(t)) })
	t.Run("a group and ticked cameras, and stop", func(t *testing.T) { roomPatrolOfSome(t, s.with(t), one.with(t), two.with(t)) })
	t.Run("an alarm holds the room until one acknowledges", func(t *testing.T) { roomAlarm(t, s.with(t), one.with(t), two.with(t)) })
	t.Run("without driving the room does not change", func(t *testing.T) { roomNotDriven(t, s.with(t), one.with(t), two.with(t)) })
	t.Run("another room", func(t *testing.T) { roomOther(t, one.with(t), two.with(t)) })
	t.Run("who leaves is gone, and who comes back is there", func(t *testing.T) {
		one, two := one.with(t), two.with(t)
		two.do("leave the page", chromedp.Navigate("about:blank"))
		one.room("nobody else is there", func(v roomSight) bool { return v.Count == "1" })
		two.do("go back", chromedp.NavigateBack())
		two.room("the page works", func(v roomSight) bool { return v.Count == "2" })
		two.shows("ball")
	})
}

func roomNames(t *testing.T, one, two *tab) {
	one.click(`[data-action=room]`)
	one.room("the panel is open", func(v roomSight) bool { return v.Open && len(v.People) == 2 && v.Start })
	one.fill("#room-name", "Anna 王")
	one.room("the own entry is marked", func(v roomSight) bool { return v.People[0] == "Anna 王 | you | sees the room" })
	two.room("the name is seen", func(v roomSight) bool {
		return v.People[0] == "Anna 王 | sees the room" && v.People[1] == "Unnamed | you | sees the room"
	})
	two.click(`[data-action=room]`)
	two.fill("#room-name", "Anna 王") // the storage is the same browser's: a name of its own
	two.fill("#room-name", "<b>Bo</b>")
	one.room("names are text", func(v roomSight) bool { return v.People[1] == "<b>Bo</b> | sees the room" })
	for _, p := range []*tab{one, two} {
		p.key("\x1b")
		p.room("Escape closes the panel", func(v roomSight) bool { return !v.Open })
	}
}

func roomDriver(t *testing.T, one, two *tab) {
	two.click(`button.tile[data-camera=ball]`)
	one.shows("ball")
	one.room("who did it", func(v roomSight) bool {
		return strings.Contains(v.People[1], "<b>Bo</b> | sees the room | switched last, at ")
	})
	one.click(`button.tile[data-camera=clock]`)
	two.shows("clock")
	two.room("who did it last", func(v roomSight) bool {
		return strings.Contains(v.People[0], "switched last, at") && strings.Contains(v.People[1], "| switched at ")
	})
}

func roomPatrol(t *testing.T, one, two *tab) {
	one.click(`[data-action=room]`)
	one.fill("#patrol-every", "1")
	one.room("one second is too short", func(v roomSight) bool { return !v.Start && v.Why == "2 to 3600 whole seconds." })
	one.fill("#patrol-every", "2")
	one.click("#patrol-start")
	one.room("it runs", func(v roomSight) bool { return v.Patrols && strings.HasPrefix(v.What, "3 cameras, 2 s each | Now: ") })
	for _, name := range []string{"Ball", "Bars", "Clock"} {
		two.room(name+" has its turn", func(v roomSight) bool { return v.Patrols && v.What == "3 cameras, 2 s each | Now: "+name })
	}
	one.key("\x1b")
	two.until("the stage goes with it", func(v sight) bool { return v.Camera == "bars" && v.Live })
	one.listen()
	two.listen()
	two.click(`button.tile[data-camera=ball]`)
	for _, p := range []*tab{one, two} {
		p.room("the click has ended it", func(v roomSight) bool { return !v.Patrols && v.What == "" && v.Start })
		p.shows("ball")
		p.says("patrol of this room has ended")
	}
}

func roomPatrolOfSome(t *testing.T, s *system, one, two *tab) {
	patrol := func() (p struct{ Cameras []string }) {
		_, _, body := s.request(http.MethodGet, "/api/v1/rooms/main", nil)
		var room struct{ Patrol struct{ Cameras []string } }
		if err := json.Unmarshal([]byte(body), &room); err != nil {
			t.Fatal(err)
		}
		return room.Patrol
	}
	one.click(`[data-action=room]`)
	one.click(`input[name=patrol-which][value=group]`)
	one.click("#patrol-start")
	two.room("the group's", func(v roomSight) bool { return strings.HasPrefix(v.What, "2 cameras, 2 s each") })
	if got := patrol().Cameras; fmt.Sprint(got) != "[clock ball]" {
		t.Errorf("the patrol is of %v", got)
	}
	one.click("#patrol-stop")
	two.room("it is stopped", func(v roomSight) bool { return !v.Patrols })
	one.click(`input[name=patrol-which][value=some]`)
	one.room("none are ticked", func(v roomSight) bool { return !v.Start && v.Why == "A patrol takes two cameras or more." })
	one.click(`#patrol-cameras input[value=bars]`)
	one.click(`#patrol-cameras input[value=clock]`)
	one.click("#patrol-start")
	two.room("those that were ticked", func(v roomSight) bool { return v.Patrols })
	if got := patrol().Cameras; fmt.Sprint(got) != "[clock bars]" {
		t.Errorf("the patrol is of %v", got)
	}
	one.key("\x1b")
}

func roomAlarm(t *testing.T, s *system, one, two *tab) {
	if status, _, body := s.request(http.MethodPost, "/api/v1/cameras/ball/alarm", strings.NewReader(`{"kind":"smoke","level":"high"}`)); status != http.StatusAccepted {
		t.Fatalf("alarm: %d %s", status, body)
	}
	for _, p := range []*tab{one, two} {
		p.shows("ball")
		p.room("the banner says for how long, and the patrol waits", func(v roomSight) bool {
			return strings.HasPrefix(v.Alarm, "holds the room ") && v.Patrols && strings.Contains(v.What, "An alarm comes first")
		})
	}
	two.click(`.alarm-acknowledge`)
	for _, p := range []*tab{one, two} {
		p.until("the alarm is gone for both", func(v sight) bool { return len(v.Alarms) == 0 && v.Camera != "ball" })
		p.room("the patrol goes on", func(v roomSight) bool { return v.Patrols && strings.Contains(v.What, "Now: ") })
	}
	one.click(`button.tile[data-camera=clock]`)
	two.room("it has ended", func(v roomSight) bool { return !v.Patrols })
	two.shows("clock")
}

func roomNotDriven(t *testing.T, s *system, one, two *tab) {
	two.click(`[data-action=room]`)
	two.click("#room-drives")
	two.key("\x1b")
	two.click(`button.tile[data-camera=bars]`)
	two.until("an own choice", func(v sight) bool { return v.Camera == "bars" && v.Live && !v.Follow })
	one.room("it is seen who looks elsewhere", func(v roomSight) bool { return strings.Contains(v.People[1], "own view") })
	if v := one.shows("clock"); !v.Follow {
		t.Error("the other page does not follow any more")
	}
	two.click(`[data-action=follow]`)
	two.shows("clock")
	two.click(`[data-action=room]`)
	two.click("#room-drives")
	two.key("\x1b")
	two.click(`button.tile[data-camera=ball]`)
	one.shows("ball")
}

func roomOther(t *testing.T, one, two *tab) {
	one.click(`[data-action=room]`)
	one.fill("#room-new", "Größe")
	one.click("#room-other button")
	if text := eval[string](one, `document.querySelector("#room-bad").hidden ? "" : document.querySelector("#room-bad").textContent`); text == "" {
		t.Error("nothing says that this is no name")
	}
	one.fill("#room-new", "Gate House")
	one.click("#room-other button")
	one.room("the page is in the other room, with its name", func(v roomSight) bool {
		return v.Room == "Room gate-house" && v.Count == "1" && strings.HasPrefix(v.People[0], "<b>Bo</b> | you")
	})
	two.room("it has left this one", func(v roomSight) bool { return v.Count == "1" })
	if search := eval[string](one, "location.search"); search != "?room=gate-house" {
		t.Errorf("the address is %s", search)
	}
	one.click(`[data-action=room]`)
	eval[bool](one, `(() => { const e = document.querySelector("#room-place"); e.value = "main"; e.dispatchEvent(new Event("change")); return true; })()`)
	one.room("it is back", func(v roomSight) bool { return v.Room == "Room main" && v.Count == "2" })
	one.shows("ball")
}

// TestRoomPanelFits: on no screen the panel makes the page wider than its window, in either language.
func TestRoomPanelFits(t *testing.T) {
	s := start(t, roomCameras)
	s.becomes("bars", camera.Live)
	browser := chrome(t)
	for name, l := range map[string]look{
		"desktop": {width: 1366, height: 768}, "phone": {width: 390, height: 844, phone: true},
		"small phone in Chinese": {width: 320, height: 568, phone: true, light: true, language: "zh-CN"},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, browser, s.url("/"), l).with(t)
			p.click(`[data-action=room]`)
			p.room("none runs", func(v roomSight) bool { return v.Start })
			p.click(`input[name=patrol-which][value=some]`)
			p.click(`#patrol-cameras input[value=bars]`)
			p.click(`#patrol-cameras input[value=clock]`)
			wide := func(when string) {
				t.Helper()
				// Not innerWidth: a phone zooms out of a page that is too wide.
				width := eval[float64](p, `Math.max(document.documentElement.scrollWidth, document.querySelector("#room-panel").scrollWidth)`)
				if over := width - float64(l.width); over > 0 {
					t.Errorf("%s the page is %.0f px too wide", when, over)
				}
			}
			wide("before a patrol")
			p.click("#patrol-start")
			p.room("it runs", func(v roomSight) bool { return v.Patrols })
			wide("during a patrol")
			p.click("#patrol-stop")
			p.room("it has ended", func(v roomSight) bool { return !v.Patrols })
		})
	}
}
