// Camera paints pictures and sends them to a push: camera over the bus: camera CONTROL.JSON CAMERA COUNT
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
	"time"

	"github.com/nats-io/nats.go"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: camera CONTROL.JSON CAMERA COUNT")
	}
	count, err := strconv.Atoi(os.Args[3])
	if err == nil {
		err = send(os.Args[1], os.Args[2], count)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func send(file, camera string, count int) error {
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
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := range count {
		picture, err := paint(n)
		if err != nil {
			return err
		}
		reply, err := nc.Request(access.Prefix+".push."+camera, picture, 2*time.Second)
		if err != nil {
			return fmt.Errorf("picture %d: %w", n, err)
		}
		if len(reply.Data) > 0 { // why it was refused
			return fmt.Errorf("picture %d: %s", n, reply.Data)
		}
		fmt.Printf("picture %d taken, %d bytes\n", n, len(picture))
		<-tick.C
	}
	return nil
}

// paint draws a bar that moves to the right.
func paint(n int) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, 640, 360))
	draw.Draw(img, img.Rect, image.NewUniform(color.RGBA{R: 20, G: 60, B: 90, A: 255}), image.Point{}, draw.Src)
	x := n * 8 % 640
	draw.Draw(img, image.Rect(x, 0, x+20, 360), image.White, image.Point{}, draw.Src)
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 80})
	return b.Bytes(), err
}
