package wire

import (
	"encoding/json"
	"fmt"
	"math"

	"linkstart/pkg/camera"
)

// Types of the messages that a client sends.
const (
	TypeWatch   = "watch"
	TypeFollow  = "follow"
	TypeUnwatch = "unwatch"
	TypeSelect  = "select"
	TypeJoin    = "join"
	TypeAck     = "ack"
	TypePing    = "ping"
)

// Codes of an Error message.
const (
	CodeBadJSON        = "bad_json"
	CodeBadMessage     = "bad_message"
	CodeUnknownType    = "unknown_type"
	CodeUnknownCamera  = "unknown_camera"
	CodeTooManyStreams = "too_many_streams"
	CodeUnavailable    = "unavailable"
	CodeForbidden      = "forbidden" // the user's role does not allow it
)

// Auto asks the relay to choose between the renditions, by what the client's network takes. No frame is of it: the messages from
// the relay say which one it is.
const Auto camera.Rendition = "auto"

// MaxOrder is the largest message that a client may send, bytes.
const MaxOrder = 64 << 10

// MaxName is how long a person's name may be, in characters.
const MaxName = 40

const (
	maxEcho = 1 << 10 // of a ping's t, which the answer repeats
	maxFPS  = 1000
)

// Order is what a client asks for. Which fields are set depends on Type.
type Order struct {
	Type      string
	Stream    uint16           // watch, follow, unwatch, ack
	Camera    camera.ID        // watch, select
	Room      camera.ID        // follow, select, join: "" leaves
	Name      string           // join: of the person, "" for none
	Rendition camera.Rendition // watch, follow: main, sub or Auto; Main where it was left out
	FPS       float64          // watch, follow: at most so many frames per second; 0: all
	Seq       uint32           // ack
	T         json.RawMessage  // ping: any JSON value, sent back as it is
}

// Fault is an order that cannot be carried out: a code for programs, a sentence for people.
type Fault struct {
	Code    string
	Message string
	Stream  *uint16 // where the order named one
}

func (f *Fault) Error() string { return f.Code + ": " + f.Message }

// orderJSON tells a field that was left out from one that is zero.
type orderJSON struct {
	Type      string          `json:"type"`
	Stream    *json.Number    `json:"stream"`
	Camera    *string         `json:"camera"`
	Room      *string         `json:"room"`
	Name      string          `json:"name"`
	Rendition string          `json:"rendition"`
	FPS       float64         `json:"fps"`
	Seq       *uint32         `json:"seq"`
	T         json.RawMessage `json:"t"`
}

// ParseOrder reads a client's message. Fields that it does not know are ignored; what it needs must be there and right.
// The error is a *Fault.
func ParseOrder(b []byte) (Order, error) {
	var j orderJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return Order{}, &Fault{Code: CodeBadJSON, Message: "The message is not the JSON that is expected: " + err.Error()}
	}
	o := Order{Type: j.Type, FPS: j.FPS, T: j.T}
	var fault *Fault
	switch j.Type {
	case TypeWatch:
		fault = first(o.stream(j), o.view(j), name(&o.Camera, "camera", j.Camera))
	case TypeFollow:
		fault = first(o.stream(j), o.view(j), name(&o.Room, "room", j.Room))
	case TypeUnwatch:
		fault = o.stream(j)
	case TypeSelect:
		fault = first(name(&o.Room, "room", j.Room), name(&o.Camera, "camera", j.Camera))
	case TypeJoin:
		fault = first(o.person(j), o.joined(j))
	case TypeAck:
		fault = first(o.stream(j), o.seq(j))
	case TypePing:
		fault = o.echo()
	default:
		fault = &Fault{Code: CodeUnknownType, Message: fmt.Sprintf("Messages of type %q are not known.", cut(j.Type))}
	}
	if fault != nil {
		if fault.Stream == nil && j.Stream != nil && o.stream(j) == nil {
			fault.Stream = &o.Stream
		}
		return Order{}, fault
	}
	return o, nil
}

func first(faults ...*Fault) *Fault {
	for _, f := range faults {
		if f != nil {
			return f
		}
	}
	return nil
}

func bad(format string, a ...any) *Fault {
	return &Fault{Code: CodeBadMessage, Message: fmt.Sprintf(format, a...)}
}

func (o *Order) stream(j orderJSON) *Fault {
	if j.Stream == nil {
		return bad("The field stream is missing.")
	}
	n, err := j.Stream.Int64()
	if err != nil || n < 0 || n > math.MaxUint16 {
		return bad("The field stream takes a whole number of 0 to 65535.")
	}
	o.Stream = uint16(n)
	return nil
}

func (o *Order) seq(j orderJSON) *Fault {
	if j.Seq == nil {
		return bad("The field seq is missing.")
	}
	o.Seq = *j.Seq
	return nil
}

func (o *Order) view(j orderJSON) *Fault {
	o.Rendition = Auto
	if j.Rendition != string(Auto) {
		r, err := camera.ParseRendition(j.Rendition)
		if err != nil {
			return bad("The field rendition takes main, sub or auto.")
		}
		o.Rendition = r
	}
	if j.FPS < 0 || j.FPS > maxFPS {
		return bad("The field fps takes a number of 0 (all frames) to %d.", maxFPS)
	}
	return nil
}

// joined takes a room, or "" for none.
func (o *Order) joined(j orderJSON) *Fault {
	if j.Room != nil && *j.Room == "" {
		return nil
	}
	return name(&o.Room, "room", j.Room)
}

func (o *Order) person(j orderJSON) *Fault {
	var ok bool
	if o.Name, ok = CleanName(j.Name); !ok {
		return bad("The field name takes at most %d characters.", MaxName)
	}
	return nil
}

func (o *Order) echo() *Fault {
	if len(o.T) > maxEcho {
		return bad("The field t takes at most %d bytes.", maxEcho)
	}
	if o.T == nil {
		o.T = json.RawMessage("null")
	}
	return nil
}

func name(id *camera.ID, field string, s *string) *Fault {
	if s == nil {
		return bad("The field %s is missing.", field)
	}
	v, err := camera.ParseID(*s)
	if err != nil {
		return bad("The field %s takes 1 to 63 characters of a-z, 0-9, _ and -, not %q.", field, cut(*s))
	}
	*id = v
	return nil
}

// cut keeps an answer small that repeats what a client sent.
func cut(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
