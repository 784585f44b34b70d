// Package access says who may do what: roles, the cameras that somebody is limited to, and what proves who somebody is.
package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"linkstart/pkg/camera"
)

// Role is what somebody may do with the cameras that he may see.
type Role string

// Roles, each of which may do what the one before it may.
const (
	Viewer   Role = "viewer"   // look
	Operator Role = "operator" // restart cameras, switch rooms, raise and acknowledge alarms, read logs
	Admin    Role = "admin"    // change the configuration, let others in
)

// Roles in their order.
var Roles = []Role{Viewer, Operator, Admin}

// AtLeast reports whether r may do what other may.
func (r Role) AtLeast(other Role) bool {
	mine, its := slices.Index(Roles, r), slices.Index(Roles, other)
	return mine >= 0 && its >= 0 && mine >= its
}

// Scope is the cameras that somebody is limited to: those that it names and those of groups that it names. The zero value is
// all cameras.
type Scope struct {
	Cameras []camera.ID `json:"cameras,omitempty"`
	Groups  []string    `json:"groups,omitempty"`
}

// All reports whether there is no limit.
func (s Scope) All() bool { return len(s.Cameras) == 0 && len(s.Groups) == 0 }

// Has reports whether a camera of that group is within the limit.
func (s Scope) Has(id camera.ID, group string) bool {
	return s.All() || slices.Contains(s.Cameras, id) || group != "" && slices.Contains(s.Groups, group)
}

// key tells scopes apart.
func (s Scope) key() string {
	var b strings.Builder
	for _, id := range s.Cameras {
		b.WriteString("c" + string(id) + "\x00")
	}
	for _, group := range s.Groups {
		b.WriteString("g" + group + "\x00")
	}
	return b.String()
}

// Identity is somebody, as far as it is known.
type Identity struct {
	Name  string // "" where nobody has to say who he is
	Role  Role
	Scope Scope
	proof proof
}

// May reports whether the role allows what that one may do.
func (i Identity) May(role Role) bool { return i.Role.AtLeast(role) }

// Sees reports whether a camera of that group may be seen.
func (i Identity) Sees(id camera.ID, group string) bool { return i.Scope.Has(id, group) }

// Same tells identities apart that are told different things.
func (i Identity) Same() string { return string(i.Role) + "\x00" + i.Scope.key() }

// Via is how somebody has proved who he is: password, token, session, link, proxy, or open where nobody has to.
func (i Identity) Via() string {
	if i.proof == nil {
		return ""
	}
	return i.proof.via()
}

// Expires is when the proof is worth nothing any more; zero: as long as the configuration has it.
func (i Identity) Expires() time.Time {
	if e, ok := i.proof.(interface{ until() time.Time }); ok {
		return e.until()
	}
	return time.Time{}
}

// proof is what somebody has shown. It can be judged again when the rules have changed.
type proof interface {
	via() string
	// judge says who it is by the rules of p: ErrLogin where it proves nothing any more.
	judge(p *Policy, now time.Time) (Identity, error)
}

// Errors of who is not let in.
var (
	ErrLogin   = errors.New("a login is needed")                    // nothing was shown, or nothing that is worth anything any more
	ErrWrong   = errors.New("the name or the password is wrong")    // it was never right
	ErrToken   = errors.New("the token is unknown, revoked or old") // a token, session or link
	ErrTooMany = errors.New("too many attempts")                    // see TooMany
	ErrNotYet  = errors.New("the users are not known yet")          // the supervisor has not told them
	ErrRole    = errors.New("the user has no role here")            // a proxy or provider knows somebody whom the configuration does not let in
)

// TooMany is the error of an attempt that was not even looked at.
type TooMany struct{ Wait time.Duration }

func (t *TooMany) Error() string { return ErrTooMany.Error() }

// Is makes it an ErrTooMany.
func (t *TooMany) Is(target error) bool { return target == ErrTooMany }

// String tells a person which cameras.
func (s Scope) String() string {
	if s.All() {
		return "all"
	}
	var parts []string
	for _, id := range s.Cameras {
		parts = append(parts, string(id))
	}
	for _, group := range s.Groups {
		parts = append(parts, "group "+group)
	}
	return strings.Join(parts, ", ")
}

const (
	maxName  = 80  // characters of what a token is called
	maxReach = 100 // cameras, and groups, that it is limited to
	maxGroup = 200 // bytes of a group's name
)

// Check says in a sentence what is wrong with the description of a new token.
func (t Token) Check() error {
	say := ""
	switch {
	case strings.TrimSpace(t.Name) == "" || len([]rune(t.Name)) > maxName || strings.ContainsFunc(t.Name, unicode.IsControl):
		say = fmt.Sprintf("a token's name takes 1 to %d characters, without control characters", maxName)
	case !t.Role.AtLeast(Viewer):
		say = "a token's role is viewer, operator or admin"
	case t.Cameras != nil && len(t.Cameras) == 0 || t.Groups != nil && len(t.Groups) == 0:
		say = "an empty list of cameras or groups could be meant as none: leave it out for all"
	case len(t.Cameras) > maxReach || len(t.Groups) > maxReach:
		say = fmt.Sprintf("a token can be limited to %d cameras and as many groups", maxReach)
	case slices.ContainsFunc(t.Groups, func(g string) bool { return g == "" || len(g) > maxGroup }):
		say = fmt.Sprintf("a group's name takes 1 to %d bytes", maxGroup)
	default:
		for _, id := range t.Cameras {
			if _, err := camera.ParseID(string(id)); err != nil {
				return err
			}
		}
		return nil
	}
	return &camera.Error{Say: say}
}
