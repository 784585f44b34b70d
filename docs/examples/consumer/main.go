// Consumer prints what it gets of a camera's pictures: consumer CONTROL.JSON CAMERA COUNT
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: consumer CONTROL.JSON CAMERA COUNT")
	}
	count, err := strconv.Atoi(os.Args[3])
	if err == nil {
		err = consume(os.Args[1], os.Args[2], count)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func consume(file, camera string, count int) error {
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

	// One place for the newest frame: nats.go would keep the oldest ones.
	newest := make(chan *nats.Msg, 1)
	_, err = nc.Subscribe(access.Prefix+".frame."+camera+".main", func(m *nats.Msg) {
		select {
		case <-newest:
		default:
		}
		newest <- m
	})
	if err != nil {
		return err
	}

	// The request starts a lease of 3 s and is answered with the newest picture at once.
	want, rate := access.Prefix+".want."+camera+".main", []byte(`{"fps":10}`)
	first, err := nc.Request(want, rate, 2*time.Second)
	if err != nil {
		return err
	}
	if len(first.Data) > 0 { // empty: the camera has had no picture yet
		show(first)
	}
	renew := time.NewTicker(time.Second)
	defer renew.Stop()
	for count > 0 {
		select {
		case <-renew.C:
			if err := nc.Publish(want, rate); err != nil {
				return err
			}
		case m := <-newest:
			show(m)
			count--
		}
	}
	return nil
}

func show(m *nats.Msg) {
	captured, err := strconv.ParseInt(m.Header.Get("Captured"), 10, 64)
	if err != nil {
		fmt.Println("no frame:", err)
		return
	}
	age := time.Since(time.UnixMicro(captured)).Round(time.Millisecond)
	fmt.Printf("frame %s of %s, %d bytes, %s old\n", m.Header.Get("Seq"), m.Header.Get("Size"), len(m.Data), age)
}
