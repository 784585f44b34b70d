package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"linkstart/web"
)

// stageStream is the number that the page gives to its stage.
const stageStream = 1

// script is a server that tells the page exactly what a test wants it to hear, when it wants it.
type script struct {
	t      *testing.T
	conn   chan *websocket.Conn
	orders chan map[string]any // of the stage, and those without stream
	acks   chan float64        // of the stage
	ws     *websocket.Conn
	seq    uint32
}

// play serves the page, opens it in the browser and greets it: two live cameras, and a room that shows a.
func play(t *testing.T) (*script, *tab) {
	t.Helper()
	s := &script{t: t, conn: make(chan *websocket.Conn, 1), orders: make(chan map[string]any, 64), acks: make(chan float64, 4096)}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(web.Files()))
	mux.HandleFunc("/api/v1/session", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"required":false,"password":false}`) })
	mux.HandleFunc("/ws", s.serve)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p := open(t, chrome(t), server.URL+"/", look{})
	select {
	case s.ws = <-s.conn:
	case <-time.After(patience):
		t.Fatal("the page does not connect")
	}
	t.Cleanup(func() { _ = s.ws.CloseNow() })
	s.say(`{"type":"hello","version":"1","cameras":[{"id":"a","name":"A","state":"live"},{"id":"b","name":"B","state":"live"}],"rooms":[{"room":"main","camera":"a"}]}`)
	if order := s.awaits("follow"); order["rendition"] != "auto" {
		t.Errorf("the stage asks for the rendition %v", order["rendition"])
	}
	s.say(`{"type":"watching","stream":1,"camera":"a","rendition":"main"}`)
	return s, p.with(t)
}

// serve answers pings, and passes on what concerns the stage, until the connection ends.
func (s *script) serve(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	s.conn <- ws
	for {
		_, b, err := ws.Read(r.Context())
		var order map[string]any
		if err != nil || json.Unmarshal(b, &order) != nil {
			return
		}
		switch stream, ok := order["stream"]; {
		case order["type"] == "ping":
			answer, _ := json.Marshal(map[string]any{"type": "pong", "t": order["t"], "now": time.Now().UnixMicro()})
			_ = ws.Write(r.Context(), websocket.MessageText, answer)
		case ok && stream != float64(stageStream):
		case order["type"] == "ack":
			s.acks <- order["seq"].(float64)
		default:
			s.orders <- order
		}
	}
}

// awaits waits for an order of this type.
func (s *script) awaits(kind string) map[string]any {
	s.t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case order := <-s.orders:
			if order["type"] == kind {
				return order
			}
		case <-deadline:
			s.t.Fatalf("the page does not say %s", kind)
		}
	}
}

// done waits until the page has done with the newest frame: an ack comes after the drawing, if it is drawn.
func (s *script) done() {
	s.t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case seq := <-s.acks:
			if seq == float64(s.seq) {
				return
			}
		case <-deadline:
			s.t.Fatalf("the page does not acknowledge frame %d", s.seq)
		}
	}
}

func (s *script) say(text string) { s.t.Helper(); s.write(websocket.MessageText, []byte(text)) }

// frame sends a picture of one colour to the stage.
func (s *script) frame(c color.Color, live bool, age time.Duration) {
	s.t.Helper()
	s.seq++
	img := image.NewRGBA(image.Rect(0, 0, 320, 180))
	draw.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	header := make([]byte, 24)
	header[0] = 1
	if !live {
		header[1] = 1
	}
	binary.BigEndian.PutUint16(header[2:], stageStream)
	binary.BigEndian.PutUint32(header[4:], s.seq)
	binary.BigEndian.PutUint64(header[8:], uint64(time.Now().Add(-age).UnixMicro()))
	binary.BigEndian.PutUint32(header[20:], uint32(age.Microseconds()))
	b := bytes.NewBuffer(header)
	if err := jpeg.Encode(b, img, nil); err != nil {
		s.t.Fatal(err)
	}
	s.write(websocket.MessageBinary, b.Bytes())
}

func (s *script) write(kind websocket.MessageType, b []byte) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if err := s.ws.Write(ctx, kind, b); err != nil {
		s.t.Fatal(err)
	}
}

func TestPageWithACameraThatIsWoken(t *testing.T) {
	s, p := play(t)
	green, blue := color.RGBA{G: 160, A: 255}, color.RGBA{B: 200, A: 255}
	p.until("a is live", func(v sight) bool {
		s.frame(green, true, 0)
		return v.Camera == "a" && v.Live && v.DecodeMS > 0 && v.DrawMS >= 0
	})
	p.note()

	p.click(`button.tile[data-camera=b]`)
	if order := s.awaits("select"); order["camera"] != "b" {
		t.Errorf("the page orders %v", order)
	}
	s.say(`{"type":"watching","stream":1,"camera":"b","rendition":"main"}`)
	s.say(`{"type":"room","room":"main","camera":"b"}`)
	v := p.until("the last keyframe with its age, after a moment with a word", func(v sight) bool {
		s.frame(blue, false, 5*time.Second)
		return v.Camera == "b" && !v.Live && strings.HasPrefix(v.Plate, "Last known picture")
	})
	if v.Switches != 1 || v.ClickMS == "" || v.LiveMS != "" || v.Covered {
		t.Errorf("a picture that is not live: %+v", v)
	}
	if age := eval[string](p, `document.querySelector(".plate-age").textContent`); !strings.HasPrefix(age, "Picture is ") || !strings.HasSuffix(age, " old") {
		t.Errorf("its age is told as %q", age)
	}
	shown := 0.0
	var before shift
	for _, c := range p.shifts() {
		if c.Camera == "b" && shown == 0 {
			shown = c.At
		}
		// A timer is never early, so this holds on the slowest machine.
		switch {
		case c.Name != "B": // not yet chosen, or no more where the room's answer comes late
		case shown != 0 && (c.Plate != "" || !c.Live) && c.At < shown+290:
			t.Errorf("the sign comes %.0f ms after the picture: a live one may be on its way", c.At-shown)
		case shown == 0 && (!c.Live && before.Live && c.Waited < 150 || c.Plate != "" && before.Plate == "" && c.Waited < 2000):
			t.Errorf("the sign comes %.0f ms after the click: the picture may be on its way", c.Waited)
		}
		before = c
	}

	v = p.until("a live picture", func(v sight) bool {
		s.frame(blue, true, 0)
		return v.Live && v.Plate == "" && v.LiveMS != ""
	})
	if v.Camera != "b" || v.Switches != 1 {
		t.Errorf("after the live picture: %+v", v)
	}
	eventually(t, "the stage shows b's picture as it is", func() error {
		s.frame(blue, true, 0) // the one before may be old by now, which is said over it
		if d := difference(p.picture(16, 9), solid(blue)); d > 12 {
			return fmt.Errorf("it differs by %.1f of 255", d)
		}
		return nil
	})
}

func TestPageDrawsNothingThatIsNotWantedAnyMore(t *testing.T) {
	s, p := play(t)
	red, green := color.RGBA{R: 200, A: 255}, color.RGBA{G: 160, A: 255}
	p.until("a is live", func(v sight) bool { s.frame(green, true, 0); return v.Camera == "a" && v.Live })
	p.click(`[data-action=follow]`)
	s.awaits("watch")
	p.click(`button.tile[data-camera=b]`)
	if order := s.awaits("watch"); order["camera"] != "b" {
		t.Fatalf("the page orders %v", order)
	}
	s.frame(red, true, 0) // still a's, from before the server has read the order
	s.done()
	pictures := map[string]image.Image{"red": solid(red), "green": solid(green)}
	p.onStage("green", pictures)
	s.say(`{"type":"watching","stream":1,"camera":"b","rendition":"main"}`)
	v := p.until("b is live", func(v sight) bool { s.frame(red, true, 0); return v.Camera == "b" && v.Live && v.LiveMS != "" })
	p.onStage("red", pictures)
	if v.Switches != 1 {
		t.Errorf("after a switch of one's own: %+v", v)
	}
}

func TestPageSaysThatThePictureIsSmall(t *testing.T) {
	s, p := play(t)
	p.until("a is live", func(v sight) bool { s.frame(color.White, true, 0); return v.Camera == "a" && v.Live && v.Slow == "" })
	s.say(`{"type":"watching","stream":1,"camera":"a","rendition":"sub"}`)
	p.until("the picture is small", func(v sight) bool {
		s.frame(color.White, true, 0)
		return v.Slow == "Small picture: slow connection" && v.Live
	})
	s.say(`{"type":"watching","stream":1,"camera":"a","rendition":"main"}`)
	p.until("the picture is large again", func(v sight) bool { return v.Slow == "" })
}

func solid(c color.Color) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, 48, 27))
	draw.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	return img
}

func TestPageAsksAgainForACameraThatComesLater(t *testing.T) {
	s, p := play(t)
	eval[string](p, `location.hash = "#/camera/c"`)
	if order := s.awaits("watch"); order["camera"] != "c" {
		t.Fatalf("the page orders %v", order)
	}
	s.say(`{"type":"error","code":"unknown_camera","message":"There is no camera c.","stream":1}`)
	p.until("there is no such camera", func(v sight) bool { return strings.HasPrefix(v.Plate, "There is no camera") })
	s.say(`{"type":"cameras","cameras":[{"id":"a","name":"A","state":"live"},{"id":"c","name":"C","state":"live"}]}`)
	if order := s.awaits("watch"); order["camera"] != "c" {
		t.Fatalf("the page orders %v", order)
	}
	s.say(`{"type":"watching","stream":1,"camera":"c","rendition":"main"}`)
	p.until("c is live", func(v sight) bool { s.frame(color.White, true, 0); return v.Camera == "c" && v.Live })
}

func TestPageShowsAlarmsAlsoWhereTheStageFillsTheScreen(t *testing.T) {
	s, p := play(t)
	p.click(`[data-action=fullscreen]`)
	within := func(place string) {
		t.Helper()
		eventually(t, "the alarm stands in "+place, func() error {
			if !eval[bool](p, `document.querySelector("`+place+` .alarm")?.checkVisibility() === true`) {
				return errors.New("it does not")
			}
			return nil
		})
	}
	s.say(`{"type":"alarm","camera":"b","kind":"motion","level":"high","text":"at the gate"}`)
	within("[data-stage]:fullscreen")
	p.key("f")
	within(".notices")
}

func TestPageWithAClickThatTheRoomRefuses(t *testing.T) {
	s, p := play(t)
	green := color.RGBA{G: 160, A: 255}
	p.until("a is live", func(v sight) bool { s.frame(green, true, 0); return v.Camera == "a" && v.Live })
	p.click(`button.tile[data-camera=b]`)
	s.awaits("select")
	s.say(`{"type":"error","code":"unavailable","message":"The selection could not be stored."}`)
	p.until("it is a again", func(v sight) bool {
		s.frame(green, true, 0)
		return v.Camera == "a" && v.Live && eval[string](p, `document.querySelector("#stage-name").textContent`) == "A"
	})
	s.say(`{"type":"room","room":"main","camera":"b"}`)
	s.say(`{"type":"watching","stream":1,"camera":"b","rendition":"main"}`)
	p.until("another one switches the room", func(v sight) bool { s.frame(color.White, true, 0); return v.Camera == "b" && v.Live })
}

func TestPageClosesADialogByAClickBesideItOnly(t *testing.T) {
	_, p := play(t)
	const open = `document.querySelector("dialog[open]") !== null`
	corner := func() (x, y float64) {
		at := eval[[]float64](p, `(({ left, top }) => [left, top])(document.querySelector("dialog[open]").getBoundingClientRect())`)
		return at[0], at[1]
	}
	p.until("the cameras are there", func(v sight) bool { return len(v.Tiles) == 2 })
	p.click(`[data-action=restart]`)
	x, y := corner()
	p.drag(x+6, y+6, x+7, y+6)
	if !eval[bool](p, open) {
		t.Fatal("a click on its edge has closed the question")
	}
	p.drag(x-20, y-20, x-21, y-20)
	if eval[bool](p, open) {
		t.Error("a click beside it has not closed the question")
	}
	p.click(`[data-action=room]`)
	x, y = p.middle("#room-name")
	p.drag(x, y, 10, y)
	if !eval[bool](p, open) {
		t.Error("a selection that ended beside the panel has closed it")
	}
}
