// Leases is a camera on the bus without a grabber: it paints pictures while somebody wants them: leases CONTROL.JSON CAMERA SECONDS
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: leases CONTROL.JSON CAMERA SECONDS")
	}
	seconds, err := strconv.Atoi(os.Args[3])
	if err == nil {
		err = run(os.Args[1], os.Args[2], time.Duration(seconds)*time.Second)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// lease is what is wanted, and the newest picture.
type lease struct {
	mu    sync.Mutex
	until time.Time
	fps   float64
	frame *nats.Msg // nil before the first picture
}

func run(file, camera string, length time.Duration) error {
	var access struct{ URL, User, Password, Prefix string }
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &access); err != nil {
		return err
	}
	nc, err := nats.Connect(access.URL, nats.UserInfo(access.User, access.Password), nats.CustomInboxPrefix("_INBOX."+access.User))
	if err != nil {
		return err
	}
	defer nc.Close()
	var l lease
	if _, err := nc.Subscribe(access.Prefix+".want."+camera+".main", l.wanted); err != nil {
		return err
	}
	fmt.Println("camera", camera, "can be wanted")
	tick := time.NewTicker(100 * time.Millisecond) // ten pictures a second, painted whether or not somebody wants them
	defer tick.Stop()
	var sent time.Time
	for seq, end := 1, time.Now().Add(length); time.Now().Before(end); seq++ {
		frame, err := paint(seq)
		if err != nil {
			return err
		}
		frame.Subject = access.Prefix + ".frame." + camera + ".main"
		if l.take(frame, sent) {
			sent = time.Now()
			if err := nc.PublishMsg(frame); err != nil {
				return err
			}
		}
		<-tick.C
	}
	return nil
}

// wanted begins or renews the lease, and answers with the newest picture. Whoever wants the most decides, as long as it wants it.
func (l *lease) wanted(m *nats.Msg) {
	var want struct{ FPS float64 }
	_ = json.Unmarshal(m.Data, &want) // nothing means all
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.After(l.until) || want.FPS == 0 || l.fps != 0 && want.FPS > l.fps {
		l.fps = want.FPS
	}
	l.until = now.Add(3 * time.Second)
	if !strings.HasPrefix(m.Reply, "_INBOX.") { // an answer elsewhere would be said in our name
		return
	}
	reply := nats.NewMsg(m.Reply) // empty: there is no picture yet
	if l.frame != nil {
		reply.Data, reply.Header = l.frame.Data, l.frame.Header
	}
	_ = m.RespondMsg(reply) // who asked will ask again
}

// take keeps the newest picture and tells whether it is to be published, when the last one was at sent.
func (l *lease) take(frame *nats.Msg, sent time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frame = frame
	now := time.Now()
	return now.Before(l.until) && (l.fps == 0 || now.Sub(sent).Seconds() > 0.9/l.fps)
}

// paint draws a bar that moves to the right, with the headers of a frame.
func paint(seq int) (*nats.Msg, error) {
	captured := time.Now().UnixMicro()
	img := image.NewRGBA(image.Rect(0, 0, 640, 360))
	draw.Draw(img, img.Rect, image.NewUniform(color.RGBA{R: 90, G: 60, B: 20, A: 255}), image.Point{}, draw.Src)
	x := seq * 8 % 640
	draw.Draw(img, image.Rect(x, 0, x+20, 360), image.White, image.Point{}, draw.Src)
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 80})
	return &nats.Msg{Data: b.Bytes(), Header: nats.Header{
		"Seq": {strconv.Itoa(seq)}, "Captured": {strconv.FormatInt(captured, 10)}, "Size": {"640x360"},
	}}, err
}
