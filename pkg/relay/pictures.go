package relay

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"linkstart/pkg/camera"
	"linkstart/pkg/relay/fanout"
	"linkstart/pkg/wire"
)

const (
	capturedFormat = "2006-01-02T15:04:05.000000Z07:00" // RFC 3339 with µs
	boundary       = "linkstart-frame"
	maxFPS         = 1000
)

// rendition reads ?rendition=: main or sub.
func rendition(c *fiber.Ctx) (camera.Rendition, error) {
	r, err := camera.ParseRendition(c.Query("rendition"))
	if err != nil {
		return "", refuse(codeBadRequest, "The parameter rendition takes main or sub.")
	}
	return r, nil
}

// snapshot answers with the newest picture that can be had.
func (r *Relay) snapshot(c *fiber.Ctx) error {
	i, err := r.known(c)
	if err != nil {
		return err
	}
	which, err := rendition(c)
	if err != nil {
		return err
	}
	f, err := r.hub.Newest(c.UserContext(), i.ID, which)
	if err != nil {
		return refuse(codeNoPicture, "There is no picture of %s yet; its state is %s.", i.ID, i.State)
	}
	c.Set(fiber.HeaderContentType, "image/jpeg")
	c.Set(headerResourcePolicy, everySite)
	c.Set("X-Frame-Seq", strconv.FormatUint(uint64(f.Seq), 10))
	c.Set("X-Frame-Captured", f.Captured.UTC().Format(capturedFormat))
	c.Set("X-Frame-Age-Ms", strconv.FormatInt(max(0, time.Since(f.Captured).Milliseconds()), 10))
	c.Response().SetBodyRaw(f.JPEG)
	return nil
}

// multipart answers with every new picture as a part of multipart/x-mixed-replace. While the camera is away nothing comes,
// and the connection stays open.
func (r *Relay) multipart(c *fiber.Ctx) error {
	i, err := r.known(c)
	if err != nil {
		return err
	}
	which := wire.Auto
	if c.Query("rendition") != string(wire.Auto) {
		if which, err = rendition(c); err != nil {
			return refuse(codeBadRequest, "The parameter rendition takes main, sub or auto.")
		}
	}
	fps, err := strconv.ParseFloat(c.Query("fps", "0"), 64)
	if err != nil || math.IsNaN(fps) || fps < 0 || fps > maxFPS {
		return refuse(codeBadRequest, "The parameter fps takes a number of 0 (all pictures) to %d.", maxFPS)
	}
	const kind = "multipart/x-mixed-replace; boundary=" + boundary
	if c.Method() == fiber.MethodHead {
		c.Set(fiber.HeaderContentType, kind)
		return nil
	}
	return r.hijack(c, kindMultipart, "Content-Type: "+kind+"\r\n", nil, func(e *endless) error {
		return r.parts(e, i.ID, which, fps)
	})
}

// parts writes pictures until the client leaves. Each one ends with the next boundary, so that a client shows it at once.
func (r *Relay) parts(e *endless, id camera.ID, which camera.Rendition, fps float64) error {
	v, err := newView(which, fps, time.Now(), func(w camera.Rendition) (*fanout.Slot, error) {
		return r.hub.Watch(e, id, w, fps, e.box.wake)
	})
	if err != nil {
		return err
	}
	defer v.close()
	e.shows.begin(id, v.slot.Rendition)
	ticker := newTicker(e.box.wake)
	defer ticker.stop()
	if err := e.put(partEnd[2:], nil, nil); err != nil {
		return err
	}
	count := r.metrics.camera(id)
	head := make([]byte, 0, 256)
	for {
		now := time.Now()
		if v.settle(now) {
			e.shows.begin(id, v.slot.Rendition)
		}
		if !v.ready() || !e.gate.Open(now) {
			ticker.rearm(now)
			if <-e.woken; e.ctx.Err() != nil {
				return nil
			}
			continue
		}
		f, sheet, skipped := v.take(now)
		if f == nil {
			continue
		}
		head = fmt.Appendf(head[:0], "\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\nX-Frame-Seq: %d\r\nX-Frame-Captured: ",
			len(f.JPEG), f.Seq)
		head = f.Captured.UTC().AppendFormat(head, capturedFormat)
		head = append(head, "\r\n\r\n"...)
		if sheet != nil && e.sender.raw != nil {
			err = e.sheet(now.Add(writeTime), e.sender, head, sheet, len(f.JPEG)+len(partEnd))
		} else {
			err = e.put(head, f.JPEG, partEnd)
		}
		sheet.Release()
		if err != nil {
			return err
		}
		e.shows.add(now, len(f.JPEG), skipped)
		count.frames.Inc()
		count.bytes.Add(float64(len(f.JPEG)))
		count.skipped.Add(float64(skipped))
	}
}

var partEnd = []byte("\r\n--" + boundary)
