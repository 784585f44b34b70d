package onvif

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"linkstart/pkg/camera"
)

const (
	deviceNS = "http://www.onvif.org/ver10/device/wsdl"
	mediaNS  = "http://www.onvif.org/ver10/media/wsdl"
	media2NS = "http://www.onvif.org/ver20/media/wsdl"
	schemaNS = "http://www.onvif.org/ver10/schema"

	mostProfiles = 256
)

// media is where and how profiles and their streams are asked for.
type media struct {
	path   string
	second bool // the Media2 service, which newer cameras may have alone
}

// profile is a stream that the camera offers.
type profile struct {
	token, name   string
	source        string // what it shows: a recorder has a source for each of its cameras
	width, height int    // px
}

func (p profile) pixels() int { return p.width * p.height }

// syncClock finds out what time the camera believes it is. It asks without a login, which would be of the wrong time. Some cameras tell
// nobody; then ours must do.
func (c *client) syncClock(ctx context.Context) error {
	var answer struct {
		UTC struct {
			Time struct{ Hour, Minute, Second int }
			Date struct{ Year, Month, Day int }
		} `xml:"Body>GetSystemDateAndTimeResponse>SystemDateAndTime>UTCDateTime"`
	}
	err := c.ask(ctx, c.path, `<GetSystemDateAndTime xmlns="`+deviceNS+`"/>`, false, &answer)
	if err != nil && !errors.Is(err, camera.ErrAuth) && !errors.Is(err, errFault) {
		return err
	}
	if d, t := answer.UTC.Date, answer.UTC.Time; d.Year > 0 {
		c.offset = time.Until(time.Date(d.Year, time.Month(d.Month), d.Day, t.Hour, t.Minute, t.Second, 0, time.UTC))
	}
	return nil
}

// findMedia asks for the capabilities, which cameras of all ages tell, and for the services where those name no media.
func (c *client) findMedia(ctx context.Context) (media, error) {
	var told struct {
		Media string `xml:"Body>GetCapabilitiesResponse>Capabilities>Media>XAddr"`
	}
	err := c.ask(ctx, c.path, `<GetCapabilities xmlns="`+deviceNS+`"><Category>All</Category></GetCapabilities>`, true, &told)
	if err != nil && !errors.Is(err, errFault) || errors.Is(err, camera.ErrAuth) {
		return media{}, err
	}
	if path := c.service(strings.TrimSpace(told.Media)); path != "" {
		return media{path: path}, nil
	}
	var services struct {
		All []struct{ Namespace, XAddr string } `xml:"Body>GetServicesResponse>Service"`
	}
	ask := `<GetServices xmlns="` + deviceNS + `"><IncludeCapability>false</IncludeCapability></GetServices>`
	if err := c.ask(ctx, c.path, ask, true, &services); err != nil {
		return media{}, err
	}
	var found media
	for _, s := range services.All {
		path := c.service(strings.TrimSpace(s.XAddr))
		switch strings.TrimSpace(s.Namespace) {
		case mediaNS:
			if path != "" {
				return media{path: path}, nil
			}
		case media2NS:
			found = media{path: path, second: true}
		}
	}
	if found.path == "" {
		return media{}, errNoMedia
	}
	return found, nil
}

// encoder is written alike in both media services, only elsewhere.
type encoder struct {
	Resolution struct{ Width, Height int }
}

// profiles returns those that hold video.
func (c *client) profiles(ctx context.Context, m media) ([]profile, error) {
	ask := `<GetProfiles xmlns="` + mediaNS + `"/>`
	if m.second {
		ask = `<GetProfiles xmlns="` + media2NS + `"><Type>VideoEncoder</Type></GetProfiles>`
	}
	var answer struct {
		All []struct {
			Token   string   `xml:"token,attr"`
			Name    string   `xml:"Name"`
			Source  string   `xml:"VideoSourceConfiguration>SourceToken"`
			Encoder *encoder `xml:"VideoEncoderConfiguration"`

			SecondSource string   `xml:"Configurations>VideoSource>SourceToken"`
			Second       *encoder `xml:"Configurations>VideoEncoder"`
		} `xml:"Body>GetProfilesResponse>Profiles"`
	}
	if err := c.ask(ctx, m.path, ask, true, &answer); err != nil {
		return nil, err
	}
	var all []profile
	for _, p := range answer.All[:min(len(answer.All), mostProfiles)] {
		e := p.Encoder
		if e == nil {
			e = p.Second
		}
		if e == nil || p.Token == "" {
			continue
		}
		within := func(px int) int { return min(max(px, 0), 1<<16) }
		all = append(all, profile{
			token: p.Token, name: strings.TrimSpace(p.Name), source: strings.TrimSpace(p.Source + p.SecondSource),
			width: within(e.Resolution.Width), height: within(e.Resolution.Height),
		})
	}
	if len(all) == 0 {
		return nil, errNoProfile
	}
	return all, nil
}

// streamOf returns the address at which a profile is played, with the user's login.
func (c *client) streamOf(ctx context.Context, m media, p profile) (string, error) {
	ask := `<GetStreamUri xmlns="` + mediaNS + `"><StreamSetup>` +
		`<Stream xmlns="` + schemaNS + `">RTP-Unicast</Stream><Transport xmlns="` + schemaNS + `"><Protocol>RTSP</Protocol></Transport>` +
		`</StreamSetup><ProfileToken>` + escape(p.token) + `</ProfileToken></GetStreamUri>`
	if m.second {
		ask = `<GetStreamUri xmlns="` + media2NS + `"><Protocol>RTSP</Protocol><ProfileToken>` + escape(p.token) + `</ProfileToken></GetStreamUri>`
	}
	var answer struct {
		First  string `xml:"Body>GetStreamUriResponse>MediaUri>Uri"`
		Second string `xml:"Body>GetStreamUriResponse>Uri"`
	}
	if err := c.ask(ctx, m.path, ask, true, &answer); err != nil {
		return "", err
	}
	told := answer.First
	if told == "" {
		told = answer.Second
	}
	uri, err := c.stream(strings.TrimSpace(told))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errBadStream, err)
	}
	return uri, nil
}
