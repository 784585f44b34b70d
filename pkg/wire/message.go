package wire

import (
	"encoding/json"
	"time"

	"linkstart/pkg/camera"
)

// Types of the messages that the relay sends; TypeCameras, TypeStatus, TypeRoom, TypeAlarm and TypeConfig also name its server-sent events.
const (
	TypeHello        = "hello"
	TypeCameras      = "cameras"
	TypeWatching     = "watching"
	TypeStatus       = "status"
	TypeRoom         = "room"
	TypePeople       = "people"
	TypeAlarm        = "alarm"
	TypeConfig       = "config"
	TypeAcknowledged = "acknowledged"
	TypeError        = "error"
	TypePong         = "pong"
)

// Hello is the first message on a connection.
type Hello struct {
	Type    string        `json:"type"`
	Version string        `json:"version"`        // of the relay
	You     string        `json:"you"`            // id of this connection, among the people of a room
	User    *User         `json:"user,omitempty"` // who has logged in; left out where nobody has to
	Cameras []camera.Info `json:"cameras"`        // in the order of the configuration; those that the user may see
	Rooms   []Room        `json:"rooms"`
	Alarms  []Alarm       `json:"alarms"` // not acknowledged yet, the oldest first
	Config  Config        `json:"config"`
}

// Config says how the last reading of the configuration went. It comes whenever it was read.
type Config struct {
	Type   string    `json:"type,omitempty"`  // left out inside Hello
	Error  string    `json:"error,omitempty"` // what is wrong with the newer file, which is not in force; a line for each mistake
	Loaded time.Time `json:"loaded,omitzero"` // of what is in force
	Failed time.Time `json:"failed,omitzero"` // when the mistakes were found
}

// Cameras comes whenever cameras are added, removed or put into another order.
type Cameras struct {
	Type    string        `json:"type"`
	Cameras []camera.Info `json:"cameras"`
}

// Watching says what a stream shows from now on: every frame on it after this message is of that camera, and of Rendition, which
// is camera.Main or camera.Sub also where the client asked for Auto.
type Watching struct {
	Type      string           `json:"type"`
	Stream    uint16           `json:"stream"`
	Camera    camera.ID        `json:"camera"`
	Rendition camera.Rendition `json:"rendition"`
}

// Status is a camera as it is now: the fields of camera.Info, with camera in place of id.
type Status struct {
	Type   string    `json:"type"`
	Camera camera.ID `json:"camera"`
	camera.Info
	NoID *struct{} `json:"id,omitempty"` // hides Info's
}

// Room says what a room shows. Camera is "" only where there is no camera at all.
type Room struct {
	Type   string    `json:"type,omitempty"` // left out inside Hello
	Room   camera.ID `json:"room"`
	Camera camera.ID `json:"camera"`
	Alarm  *Takeover `json:"alarm,omitempty"`  // set while an alarm decides what is shown
	Patrol *Patrol   `json:"patrol,omitempty"` // set while one runs, also below an alarm
}

// User is whom a connection belongs to.
type User struct {
	Name string `json:"name"`
	Role string `json:"role"` // viewer, operator or admin
}

// Patrol shows one camera after the other in a room, each for so many seconds, by the clock.
type Patrol struct {
	Cameras []camera.ID `json:"cameras,omitempty"` // in their order; left out: all of the configuration
	EveryS  int         `json:"every_s"`
	Since   time.Time   `json:"since"`
}

// People says who is in a room. It comes to those who have joined it.
type People struct {
	Type   string    `json:"type"`
	Room   camera.ID `json:"room"`
	People []Person  `json:"people"` // who came first is first; at most as many as are worth reading
	Count  int       `json:"count"`  // of all
}

// Person is one connection that has joined a room.
type Person struct {
	ID        string    `json:"id"`
	Name      string    `json:"name,omitempty"` // as the client gave it
	Following bool      `json:"following"`      // one of its streams follows the room
	Since     time.Time `json:"since"`
	Selected  time.Time `json:"selected,omitzero"` // when it last switched the room
}

// Takeover is an alarm that is shown first in a room.
type Takeover struct {
	Camera camera.ID `json:"camera"`
	Kind   string    `json:"kind"`
	Level  string    `json:"level"`
	Text   string    `json:"text"`
	Until  time.Time `json:"until"`
}

// Alarm is an alarm at the moment it is raised.
type Alarm struct {
	Type   string    `json:"type,omitempty"`
	Camera camera.ID `json:"camera,omitempty"` // on the bus, the subject says it
	Kind   string    `json:"kind"`
	Level  string    `json:"level"`
	Text   string    `json:"text"`
	Time   time.Time `json:"time"`
}

// Acknowledged says that a camera's alarm is not open any more, for everybody.
type Acknowledged struct {
	Type   string    `json:"type"`
	Camera camera.ID `json:"camera"`
}

// Error answers an order that could not be carried out. The connection stays open.
type Error struct {
	Type    string  `json:"type"`
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Stream  *uint16 `json:"stream,omitempty"`
}

// Pong answers a ping.
type Pong struct {
	Type string          `json:"type"`
	T    json.RawMessage `json:"t"`
	Now  int64           `json:"now"` // µs since Unix epoch, by the relay's clock
}
