// Package config reads cameras.yaml: strictly, all mistakes at once, each with its position and how to mend it.
package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/certificate"
	"linkstart/pkg/secret"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 4 << 20

// Config is a whole configuration, with every default filled in and every value checked. The tags are the only place
// where keys, limits and descriptions are written: decoder and JSON Schema both read them.
type Config struct {
	Server   Server    `yaml:"server" jsonschema_description:"The HTTP server that browsers talk to."`
	StateDir string    `yaml:"state_dir" jsonschema_description:"Folder for selections and the credentials of the control connection; a relative path starts at the folder of this file. Default: $XDG_STATE_HOME/linkstart or ~/.local/state/linkstart."`
	Node     camera.ID `yaml:"node" jsonschema_description:"Name of this machine on the bus: a-z, 0-9, _ and -. Default: the host name."`
	Bus      Bus       `yaml:"bus" jsonschema_description:"The message bus between the processes."`
	Uplink   Uplink    `yaml:"uplink" jsonschema_description:"What crosses the link to the hub at most, where bus.hub is set."`
	Limits   Limits    `yaml:"limits" jsonschema_description:"Pictures beyond these are refused."`
	SDK      SDK       `yaml:"sdk" jsonschema_description:"Libraries of camera vendors. They are not part of this program."`
	Defaults Settings  `yaml:"defaults" jsonschema_description:"Settings of every camera that does not set its own."`
	Cameras  []*Camera `yaml:"cameras" jsonschema_description:"The cameras, in the order in which they are shown."`
	Users    []User    `yaml:"users" jsonschema_description:"Who may log in. As soon as there are users, nobody sees anything without a login."`
	Access   Access    `yaml:"access" jsonschema_description:"How users log in, beside by a password of their own."`
	Rooms    []Room    `yaml:"rooms" jsonschema_description:"Rooms: all who follow one see the same camera. Default: one room, main."`

	File string `yaml:"-"` // absolute path of the file
	Dir  string `yaml:"-"` // its folder, where relative paths start

	Doubts Problems `yaml:"-"` // what works, and should not stay as it is

	secrets func() []string // a function, as fmt shows what pointers lead to where the verb is wrong
}

// Server is the key server.
type Server struct {
	Listen  string   `yaml:"listen" jsonschema_description:"host:port to serve; another host than loopback needs auth: none as long as there are no users."`
	Auth    string   `yaml:"auth" jsonschema:"enum=,enum=none" jsonschema_description:"none: everyone who reaches the address may see and switch everything."`
	Origins []string `yaml:"origins" jsonschema_description:"Further origins (scheme://host[:port]) whose pages may open the WebSocket."`
	TLS     TLS      `yaml:"tls" jsonschema_description:"Files to serve HTTPS with; without them HTTP is served."`
	Names   []string `yaml:"names" jsonschema_description:"Further host names that this server is reached by. Others are refused as long as there are no users, as a page of another site could use them to come in through a visitor's browser."`

	FrameAncestors []string `yaml:"frame_ancestors" jsonschema_description:"Further origins (scheme://host[:port]) whose pages may show the viewer in a frame."`

	MaxConnections           int `yaml:"max_connections" jsonschema:"minimum=16,maximum=1000000" jsonschema_description:"At most so many connections in all."`
	MaxConnectionsPerAddress int `yaml:"max_connections_per_address" jsonschema:"minimum=4,maximum=1000000" jsonschema_description:"At most so many connections from one address, four times as many from this machine itself."`

	Upload camera.ID `yaml:"upload" jsonschema_description:"The push: camera that POST /upload is for, by which clients of the old framework send pictures without naming a camera."`

	AddFrom []string `yaml:"add_from" jsonschema_description:"Networks such as 127.0.0.0/8: a page may add cameras in them though their addresses are loopback, link-local, unspecified or multicast, which are refused else."`
}

// TLS is the key server.tls.
type TLS struct {
	Cert string `yaml:"cert" jsonschema_description:"PEM file with the certificate and those between it and its root; a relative path starts at the folder of this file."`
	Key  string `yaml:"key" jsonschema_description:"PEM file with the certificate's private key."`
}

// Files are the certificate's files; ok is false where HTTP is served.
func (t TLS) Files() (f certificate.Files, ok bool) {
	return certificate.Files{Cert: t.Cert, Key: t.Key}, t != TLS{}
}

// Bytes is a size: plain bytes, or with a unit such as 500KB or 8MiB.
type Bytes int

// Memory is an amount of memory: plain bytes, or with a unit such as 512MiB.
type Memory int64

// SDK is the key sdk.
type SDK struct {
	Hikvision VendorSDK `yaml:"hikvision" jsonschema_description:"Hikvision's HCNetSDK, for cameras with a source hikvision://."`
}

// VendorSDK is one entry of sdk.
type VendorSDK struct {
	Library string `yaml:"library" jsonschema_description:"Path of its library, such as /opt/hcnetsdk/libhcnetsdk.so, with all that belongs to it in the same folder; a relative path starts at the folder of this file."`
}

// Limits is the key limits.
type Limits struct {
	FrameBytes  Bytes `yaml:"frame_bytes" jsonschema_description:"Largest JPEG: 1KiB to 8MiB, in bytes or with a unit (KB, MB, KiB, MiB)."`
	FramePixels int   `yaml:"frame_pixels" jsonschema:"minimum=256,maximum=268435456" jsonschema_description:"Most pixels that a picture may declare."`
}

// Settings are what a camera takes from defaults unless it sets its own.
type Settings struct {
	FPS         float64        `yaml:"fps" jsonschema:"minimum=0.05,maximum=120" jsonschema_description:"At most so many pictures per second are published."`
	Quality     int            `yaml:"quality" jsonschema:"minimum=1,maximum=100" jsonschema_description:"JPEG quality, where pictures are encoded here."`
	Width       int            `yaml:"width" jsonschema:"minimum=0,maximum=8192" jsonschema_description:"Scale down to this many pixels (16 to 8192) where pictures are encoded here; 0 leaves them as they are."`
	Standby     camera.Standby `yaml:"standby" jsonschema:"enum=hot,enum=warm,enum=cold" jsonschema_description:"What goes on while nobody watches. warm: stays connected and decodes nothing, but has a picture at once; hot: decodes everything; cold: connects only while somebody watches."`
	MinChange   float64        `yaml:"min_change" jsonschema:"minimum=0,maximum=100" jsonschema_description:"Percent of the picture that must differ from the last one sent, else it is sent once a second only; 0 sends every picture that differs at all."`
	FrozenAfter time.Duration  `yaml:"frozen_after" jsonschema_description:"The same picture for so long counts as frozen; 0 turns it off."`
	OpenTimeout time.Duration  `yaml:"open_timeout" jsonschema_description:"How long the first picture may take: 100ms to 10m."`
	ReadTimeout time.Duration  `yaml:"read_timeout" jsonschema_description:"How long the next picture may take: 100ms to 10m."`
	MemoryLimit Memory         `yaml:"memory_limit" jsonschema_description:"A camera whose process uses more memory is restarted: 32MiB to 64GiB, in bytes or with a unit (MB, GB, MiB, GiB)."`
	RestartAt   string         `yaml:"restart_at" jsonschema_description:"Restart the camera's process at these times: a cron expression such as 0 4 * * *, in the time zone of the machine. Default: never."`
	OnFailure   OnFailure      `yaml:"on_failure" jsonschema_description:"What is done where a camera has had no pictures for a while, such as to switch its power off and on."`

	failureEnv *map[string]string // what on_failure.command refers to; a pointer, so that settings can be compared
}

// Camera is one entry of cameras.
type Camera struct {
	ID        camera.ID     `yaml:"id" jsonschema:"required" jsonschema_description:"Name in URLs and subjects: 1 to 63 characters of a-z, 0-9, _ and -."`
	Name      string        `yaml:"name" jsonschema_description:"Name shown to users. Default: the id."`
	Group     string        `yaml:"group" jsonschema_description:"Cameras of a group are shown together."`
	Source    secret.Source `yaml:"source" jsonschema:"required" jsonschema_description:"Where the pictures come from: rtsp(s)://, rtmp://, http(s)://, onvif://, hikvision://, a video file, test:clock, v4l2:NUMBER, exec:COMMAND, opencv:… or push:"`
	Nodes     Nodes         `yaml:"nodes" jsonschema_description:"Which machines may run this camera: any, or a list of their node names; the others take it over when the one that runs it is gone. All of them have the camera in their configuration, and one bus (bus.cluster or bus.external). Default: this machine alone."`
	Substream secret.Source `yaml:"substream" jsonschema_description:"The camera's own small stream, for walls and buttons; written like source. Default: source, scaled down; of an onvif:// camera its own smaller stream."`
	TLSPin    string        `yaml:"tls_pin" jsonschema_description:"Fingerprint of the only certificate that the camera may show, sha256: and 64 hexadecimal digits; for https:// and rtsps:// cameras that sign their own. Default: a certificate that this machine's authorities vouch for."`

	Settings `yaml:",inline"`

	env func() map[string]string // what an exec: command refers to; a function, so that fmt does not show it
}

// Room is one entry of rooms.
type Room struct {
	ID            camera.ID     `yaml:"id" jsonschema:"required" jsonschema_description:"Name in URLs: a-z, 0-9, _ and -."`
	AlarmTakeover time.Duration `yaml:"alarm_takeover" jsonschema_description:"A camera with an alarm is shown for so long, before any user's choice; 0 means never."`
}

// builtin returns the defaults, which are written only here. Node, StateDir and Rooms depend on more than the file.
func builtin() *Config {
	return &Config{
		Server: Server{Listen: "127.0.0.1:8080", MaxConnections: 4096, MaxConnectionsPerAddress: 512},
		Bus:    Bus{Prefix: "linkstart", External: External{Replicas: 1}},
		Uplink: Uplink{MainFPS: 120, SubFPS: 120},
		Access: Access{
			SessionTime: 30 * 24 * time.Hour,
			OIDC:        OIDC{Title: "OpenID Connect", NameClaim: "preferred_username", RolesClaim: "groups", Scopes: []string{"profile", "email"}},
		},
		Limits: Limits{FrameBytes: 8 << 20, FramePixels: 64 << 20},
		Defaults: Settings{
			FPS: 25, Quality: 80, Width: 0, Standby: camera.Warm,
			FrozenAfter: 60 * time.Second, OpenTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second,
			MemoryLimit: 1 << 30, OnFailure: OnFailure{Method: "POST", After: time.Minute, Cooldown: 10 * time.Minute},
		},
	}
}

// Load reads the configuration file at path, at most 4 MiB of it, with ${NAME} taken from the environment, and looks whether the
// files that it names will do. If the file was read but holds mistakes, the error is of type Problems.
func Load(path string) (*Config, error) {
	data, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return parse(path, data, os.LookupEnv, (*decoder).checkFiles)
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a named pipe could wait for ever
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes: %w", path, maxFile, camera.ErrTooLarge)
	}
	return data, err
}

// Parse reads a configuration from data. file is its name, for positions and relative paths; getenv is what ${NAME},
// HOME and XDG_STATE_HOME are taken from. The error is of type Problems and holds all mistakes that can be told.
func Parse(file string, data []byte, getenv func(string) (string, bool)) (*Config, error) {
	return parse(file, data, getenv, func(*decoder, *Config) {})
}

// parse calls further with what has no mistakes so far.
func parse(file string, data []byte, getenv func(string) (string, bool), further func(*decoder, *Config)) (*Config, error) {
	d := &decoder{file: file, getenv: getenv, at: map[string]Problem{}}
	cfg := builtin()
	cfg.setFile(file)
	root := d.parse(data)
	if root != nil {
		d.decodeRoot(root, cfg)
	}
	if root != nil || len(d.problems) == 0 {
		d.check(cfg)
	}
	if len(d.problems) == 0 {
		further(d, cfg)
	}
	if len(d.problems) > 0 {
		return nil, d.report(cfg)
	}
	secrets := d.known(cfg)
	cfg.secrets = func() []string { return slices.Clone(secrets) }
	return cfg, nil
}

// Secrets returns all that must not be printed: every value that came from ${…} and every password in a source.
func (c *Config) Secrets() []string {
	if c.secrets == nil {
		return nil
	}
	return c.secrets()
}

// Spec returns what the process of cam is told, with secrets.
func (c *Config) Spec(cam *Camera) camera.Spec {
	spec := camera.Spec{
		ID: cam.ID, Source: cam.Source.Reveal(), TLSPin: cam.TLSPin,
		FPS: cam.FPS, Quality: cam.Quality, Width: cam.Width,
		OpenTimeout: cam.OpenTimeout, ReadTimeout: cam.ReadTimeout,
		MaxBytes: int(c.Limits.FrameBytes), MaxPixels: c.Limits.FramePixels,
		CacheDir: filepath.Join(c.StateDir, "cache"), Dir: c.Dir,
	}
	if cam.Kind() == Hikvision || cam.SubstreamKind() == Hikvision {
		spec.Library = c.SDK.Hikvision.Library
	}
	if cam.env != nil {
		spec.Env = cam.env()
	}
	return spec
}

// setFile fills in where the file is. An unusable working directory leaves the path as it was given.
func (c *Config) setFile(file string) {
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	c.File, c.Dir = file, filepath.Dir(file)
}
