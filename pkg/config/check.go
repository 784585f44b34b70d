package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/restart"
	"linkstart/pkg/tlspin"
)

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$`)

var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}(\.[A-Za-z0-9_-]{1,32}){0,3}$`)

// check notes what no single value tells, and fills in the defaults that depend on more than the file.
func (d *decoder) check(cfg *Config) {
	d.checkServer(&cfg.Server, cfg.loginNeeded())
	d.checkAccess(cfg)
	d.checkTLS(&cfg.Server.TLS, "server.tls", cfg.Dir)
	d.checkBus(&cfg.Bus, cfg.Dir)
	if where, set := d.at["uplink"]; set && cfg.Bus.Hub.URL == "" {
		d.add(where, "write bus.hub:, or remove it", "uplink: there is no hub that anything could cross to")
	}
	if cfg.Node == "" {
		cfg.Node = hostID()
	} else {
		d.checkID(cfg.Node, "node", nil)
	}
	d.checkSites(&cfg.Bus, cfg.Node)
	d.checkStateDir(cfg)
	d.checkSettings(&cfg.Defaults, "defaults")
	d.checkOnFailure(&cfg.Defaults, &Settings{}, "defaults")
	if file := &cfg.SDK.Hikvision.Library; *file != "" && !filepath.IsAbs(*file) {
		*file = filepath.Join(cfg.Dir, *file)
	}
	seen := map[camera.ID]string{}
	for i, cam := range cfg.Cameras {
		path := fmt.Sprintf("cameras[%d]", i)
		d.checkCamera(cam, path, seen)
		d.checkNodes(cam, path, &cfg.Bus)
		d.checkOnFailure(&cam.Settings, &cfg.Defaults, path)
	}
	d.checkUpload(cfg)
	seen = map[camera.ID]string{}
	for i, room := range cfg.Rooms {
		path := fmt.Sprintf("rooms[%d]", i)
		if d.required(path, "id") {
			d.checkID(room.ID, path+".id", seen)
		}
		d.within(path+".alarm_takeover", room.AlarmTakeover, 0, 24*time.Hour)
	}
	if len(cfg.Rooms) == 0 {
		cfg.Rooms = []Room{{ID: "main"}}
	}
}

// checkUpload notes a camera that is none, or takes no pictures.
func (d *decoder) checkUpload(cfg *Config) {
	where, set := d.at["server.upload"]
	if !set || d.troubled(where) {
		return
	}
	i := slices.IndexFunc(cfg.Cameras, func(c *Camera) bool { return c.ID == cfg.Server.Upload })
	switch {
	case i < 0:
		d.add(where, "write the id of a camera with source: \"push:\"", "server.upload: there is no camera %q", cfg.Server.Upload)
	case cfg.Cameras[i].Kind() != Push:
		d.add(where, "write the id of a camera with source: \"push:\"", "server.upload: %q has another source than push:", cfg.Server.Upload)
	}
}

var standbys = []camera.Standby{camera.Hot, camera.Warm, camera.Cold}

func (d *decoder) checkCamera(cam *Camera, path string, seen map[camera.ID]string) {
	if d.required(path, "id") {
		d.checkID(cam.ID, path+".id", seen)
	}
	if d.required(path, "source") && !d.troubled(d.position(path+".source")) {
		d.checkSource(cam, &cam.Source, path+".source")
	}
	if _, set := d.at[path+".substream"]; set && !d.troubled(d.position(path+".substream")) {
		d.checkSource(cam, &cam.Substream, path+".substream")
	}
	d.checkStandby(cam, path)
	d.checkPin(cam, path)
	if cam.Name == "" {
		cam.Name = string(cam.ID)
	}
	d.checkSettings(&cam.Settings, path)
}

// checkStandby notes what does not go together with a camera that others send to.
func (d *decoder) checkStandby(cam *Camera, path string) {
	if cam.SubstreamKind() == Push {
		d.add(d.position(path+".substream"), "leave it out: small pictures are then made from the pushed ones", "%s.substream cannot be pushed", path)
	}
	where, set := d.at[path+".standby"]
	if set && cam.Kind() == Push && cam.Standby == camera.Cold {
		d.add(where, "leave it out: nothing is connected for a push: camera anyway", "%s.standby: a push: camera cannot be cold", path)
	}
}

// checkPin reads a fingerprint, which must have something to hold to it.
func (d *decoder) checkPin(cam *Camera, path string) {
	where, set := d.at[path+".tls_pin"]
	if !set || d.troubled(where) {
		return
	}
	pin, err := tlspin.Parse(cam.TLSPin)
	if err != nil {
		d.add(where, "write sha256: and the 64 hexadecimal digits that the camera's error names", "%s.tls_pin: %v", path, err)
		return
	}
	cam.TLSPin = pin
	held := func(source string, kind Kind) bool {
		return schemeOf(source) == "rtsps" || kind == ONVIF || schemeOf(source) == "https" && kind == HTTP
	}
	if !held(cam.Source.Reveal(), cam.Kind()) && !held(cam.Substream.Reveal(), cam.SubstreamKind()) {
		d.add(where, "leave it out, or write rtsps:// or https:// (not for video files)", "%s.tls_pin: the source shows no certificate that can be held to it", path)
	}
}

// required notes a key that the file does not set, unless what should hold it is broken itself.
func (d *decoder) required(path, key string) bool {
	if _, ok := d.at[path+"."+key]; ok {
		return true
	}
	if where := d.position(path); !d.troubled(where) {
		d.add(where, "write "+key+": and its value", "%s has no %s", path, key)
	}
	return false
}

// checkID checks a name; with seen it must not be there yet.
func (d *decoder) checkID(id camera.ID, path string, seen map[camera.ID]string) {
	where := d.position(path)
	if id == "" && d.troubled(where) {
		return
	}
	if _, err := camera.ParseID(string(id)); err != nil {
		d.add(where, "", "%s: %v", path, err)
		return
	}
	if before, twice := seen[id]; twice {
		d.add(where, "give one of them another id", "%s: the id %q is already used in line %d", path, id, d.position(before).Line)
		return
	}
	if seen != nil {
		seen[id] = path
	}
}

// troubled tells whether a problem is already noted at where.
func (d *decoder) troubled(where Problem) bool {
	for _, p := range d.problems {
		if p.Line == where.Line && p.Column == where.Column {
			return true
		}
	}
	return false
}

func (d *decoder) checkSettings(s *Settings, path string) {
	if where, set := d.at[path+".width"]; set && s.Width > 0 && s.Width < 16 && !d.troubled(where) {
		d.add(where, "16 to 8192 can be set, or 0 for the width of the source", "%s.width is out of range", path)
	}
	if where, set := d.at[path+".standby"]; set && !d.troubled(where) && !slices.Contains(standbys, s.Standby) {
		d.add(where, nearest(string(s.Standby), []string{"hot", "warm", "cold"}), "%s.standby: %q is not known", path, s.Standby)
	}
	if where, set := d.at[path+".restart_at"]; set && !d.troubled(where) {
		if _, err := restart.ParseSchedule(s.RestartAt); err != nil {
			d.add(where, `write minute, hour, day of month, month and day of week, e.g. "0 4 * * *" for each day at 4`,
				"%s.restart_at: %q is not a time to restart at", path, s.RestartAt)
		}
	}
	d.within(path+".frozen_after", s.FrozenAfter, 0, 24*time.Hour)
	d.within(path+".open_timeout", s.OpenTimeout, 100*time.Millisecond, 10*time.Minute)
	d.within(path+".read_timeout", s.ReadTimeout, 100*time.Millisecond, 10*time.Minute)
}

// within checks a duration that the file sets.
func (d *decoder) within(path string, t, least, most time.Duration) {
	if where, set := d.at[path]; set && (t < least || t > most) && !d.troubled(where) {
		d.add(where, fmt.Sprintf("%s to %s can be set", short(least), short(most)), "%s is out of range", path)
	}
}

// short prints 10m0s as 10m.
func short(t time.Duration) string {
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

func (d *decoder) checkServer(s *Server, login bool) {
	where := d.position("server.listen")
	host, port, err := net.SplitHostPort(s.Listen)
	if n, bad := strconv.Atoi(port); !d.troubled(where) && (err != nil || bad != nil || n < 0 || n > 65535) {
		d.add(where, "write host:port, e.g. 127.0.0.1:8080", "server.listen: %q is not an address to listen on", s.Listen)
	} else if err == nil && s.Auth != "none" && !login && !loopback(host) {
		d.add(where, "write users: (supervisor passwd NAME makes an entry), or auth: none below it if everyone in that network may see and switch the cameras",
			"server.listen: %q can be reached from other machines, and there are no users yet", s.Listen)
	}
	if s.Auth != "" && s.Auth != "none" {
		d.add(d.position("server.auth"), "write none, or remove the key", "server.auth: %q is not known", s.Auth)
	}
	if s.Auth == "none" && login {
		d.add(d.position("server.auth"), "remove it, or remove users and access", "server.auth: none lets everybody in, but there are users who would have to log in")
	}
	d.checkOrigins("server.origins", s.Origins)
	d.checkOrigins("server.frame_ancestors", s.FrameAncestors)
	for i, name := range s.Names {
		path := fmt.Sprintf("server.names[%d]", i)
		if !namePattern.MatchString(name) {
			d.add(d.position(path), "write a host name without scheme, port and path, e.g. video.example.org", "%s: %q is not a host name", path, name)
		}
	}
	for i, network := range s.AddFrom {
		path := fmt.Sprintf("server.add_from[%d]", i)
		if _, err := netip.ParsePrefix(network); err != nil {
			d.add(d.position(path), "write ADDRESS/BITS, e.g. 127.0.0.0/8 or fe80::/10", "%s: %q is not a network", path, network)
		}
	}
}

func (d *decoder) checkOrigins(key string, origins []string) {
	for i, origin := range origins {
		path := fmt.Sprintf("%s[%d]", key, i)
		u, err := url.Parse(origin)
		// What would end a directive of a Content-Security-Policy, or a header, is no part of a host.
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || origin != u.Scheme+"://"+u.Host || strings.ContainsAny(origin, ";, '\"*") {
			d.add(d.position(path), "write scheme://host or scheme://host:port, e.g. https://video.example.org", "%s: %q is not an origin", path, origin)
		}
	}
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// Networks are the networks of add_from.
func (s Server) Networks() []netip.Prefix {
	var all []netip.Prefix
	for _, network := range s.AddFrom {
		if p, err := netip.ParsePrefix(network); err == nil {
			all = append(all, p.Masked())
		}
	}
	return all
}

// hostID makes the host name fit the rule of names.
func hostID() camera.ID {
	name, err := os.Hostname()
	if err != nil {
		return "node"
	}
	name, _, _ = strings.Cut(strings.ToLower(name), ".")
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, name)
	name = strings.TrimLeft(name, "_-")
	id, err := camera.ParseID(name[:min(len(name), 63)])
	if err != nil {
		return "node"
	}
	return id
}
