package httpcam

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"linkstart/pkg/camera"
)

// pace is a steady schedule: what is late makes the next go at once, but never two.
type pace struct {
	interval time.Duration
	next     time.Time
}

func newPace(fps float64) *pace {
	if fps <= 0 {
		fps = 1
	}
	interval := time.Duration(float64(time.Second) / fps)
	return &pace{interval: interval, next: time.Now().Add(interval)}
}

// wait returns when the next is due.
func (p *pace) wait(ctx context.Context) error {
	if d := time.Until(p.next); d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return ctx.Err()
		}
		p.next = p.next.Add(p.interval)
	} else {
		p.next = time.Now().Add(p.interval)
	}
	return ctx.Err()
}

// poll asks for picture after picture over one connection; res is the first answer and body what it holds.
func (r *run) poll(ctx context.Context, res *http.Response, body *bufio.Reader) error {
	pace := newPace(r.spec.FPS)
	var last []byte // the picture behind etag
	var etag string
	for {
		var b []byte
		var err error
		if res.StatusCode == http.StatusNotModified {
			b = last
		} else {
			b, err = r.readSingle(res, body)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			last, etag = b, res.Header.Get("ETag")
		}
		captured := time.Now()
		res.Body.Close()
		if err = r.take(b, captured, err); err != nil {
			return err
		}
		if r.damaged == 0 {
			r.watchdog.Reset(pace.interval + r.spec.ReadTimeout)
		} else {
			etag = "" // never be told that a damaged picture is unchanged
		}
		if err = pace.wait(ctx); err != nil {
			return err
		}
		if res, err = r.get(ctx, etag); err != nil {
			return err
		}
		body.Reset(res.Body)
	}
}

// readSingle reads the whole of one answer, at most MaxBytes.
func (r *run) readSingle(res *http.Response, body io.Reader) ([]byte, error) {
	limit := int64(r.spec.MaxBytes)
	if res.ContentLength > limit {
		return nil, fmt.Errorf("read picture: %w: %d bytes, the limit is %d", camera.ErrTooLarge, res.ContentLength, limit)
	}
	if res.ContentLength > 0 {
		b := make([]byte, res.ContentLength)
		if _, err := io.ReadFull(body, b); err != nil {
			return nil, fmt.Errorf("read picture: %w", err)
		}
		return b, nil
	}
	b, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("read picture: %w: more than %d bytes", camera.ErrTooLarge, limit)
	}
	return b, nil
}
