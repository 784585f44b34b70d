package hikvision

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"linkstart/pkg/camera"
)

// Errors of the library that have words of their own.
const (
	wrongPassword code = 1
	notPermitted  code = 2
	noChannel     code = 4
	tooMany       code = 5
	noConnection  code = 7
	notSent       code = 8
	notReceived   code = 9
	timedOut      code = 10
	badParameter  code = 17
	notSupported  code = 23
	didNotWork    code = 29
	noUser        code = 47
	tooManyUsers  code = 52
	noComponent   code = 107
	locked        code = 153
)

// loggedInAnew is the exception of a device that was gone, and to which the library has logged in again.
const loggedInAnew exception = 0x8040

const (
	dialLimit     = 2 * time.Second
	libraryWanted = "put its path into the configuration: sdk: {hikvision: {library: /PATH/libhcnetsdk.so}}; sdk/hikvision/README.md says where it is from"
)

// noLibrary says that nothing is configured.
func noLibrary() error {
	return &camera.Error{Say: "a hikvision:// source needs Hikvision's HCNetSDK: " + libraryWanted, Err: camera.ErrConfig}
}

// notLoaded puts errors of load into words.
func (t *target) notLoaded(err error) error {
	const again = ", then restart the camera"
	var say string
	switch {
	case errors.Is(err, camera.ErrStuck):
		return err
	case errors.Is(err, errNoFile):
		say = fmt.Sprintf("Hikvision's library %s is not there: copy it there with its folder HCNetSDKCom%s", t.library, again)
	case errors.Is(err, errForeign):
		say = fmt.Sprintf("%s is not Hikvision's HCNetSDK, or a version without what is needed: use 5.3 or later%s", t.library, again)
	case errors.Is(err, noComponent):
		return t.noComponents(err)
	case errors.Is(err, errNoStart):
		say = fmt.Sprintf("Hikvision's library %s does not start (%v)", t.library, err)
	default:
		why := strings.TrimPrefix(strings.TrimPrefix(err.Error(), errNoLoad.Error()+": "), t.library+": ")
		say = fmt.Sprintf("Hikvision's library %s cannot be loaded (%s): is it whole, for this kind of processor, and are all files of the SDK's lib folder beside it?", t.library, why)
	}
	return &camera.Error{Say: say, Err: errors.Join(camera.ErrConfig, err)}
}

func (t *target) noComponents(err error) error {
	return &camera.Error{
		Say: fmt.Sprintf("a part of Hikvision's library is missing: copy the SDK's folder HCNetSDKCom into %s, then restart the camera", filepath.Dir(t.library)),
		Err: errors.Join(camera.ErrConfig, err),
	}
}

// notLoggedIn puts errors of a login into words.
func (t *target) notLoggedIn(ctx context.Context, ip string, d device, err error) error {
	refused := fmt.Sprintf("the camera at %s refused user %s", t.name, t.user)
	var c code
	if !errors.As(err, &c) {
		return err // it hangs
	}
	auth := errors.Join(camera.ErrAuth, err)
	switch c {
	case wrongPassword, noUser:
		say := refused + ": check user name and password"
		if d.triesLeft > 0 {
			say += fmt.Sprintf(" (%d more tries until it locks the account)", d.triesLeft)
		}
		return &camera.Error{Say: say, Err: auth}
	case locked:
		say := refused + ": the account is locked after too many wrong passwords"
		if d.lockedSeconds > 0 {
			say = fmt.Sprintf("%s: locked for %s after too many wrong passwords", refused, minutes(d.lockedSeconds))
		}
		return &camera.Error{Say: say, Err: auth}
	case notPermitted:
		return &camera.Error{Say: refused + ": this user may not log in from here", Err: auth}
	case tooMany, tooManyUsers:
		return &camera.Error{Say: fmt.Sprintf("the camera at %s has too many users already: end other connections to it, or try again later", t.name), Err: err}
	case noConnection:
		return t.unreachable(ctx, ip, err)
	}
	return t.failed("log in to", err)
}

// minutes rounds up: who tries too early may be locked out anew.
func minutes(seconds int) string {
	if seconds < 60 {
		return fmt.Sprintf("%d s", seconds)
	}
	return fmt.Sprintf("%d min", (seconds+59)/60)
}

// unreachable connects once more, as the library tells little but that it could not.
func (t *target) unreachable(ctx context.Context, ip string, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	say := fmt.Sprintf("%s does not answer: is it on, and is the address right?", t.hostPort())
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(ip, fmt.Sprint(t.port)))
	switch {
	case err == nil:
		_ = conn.Close()
		say = fmt.Sprintf("%s accepts connections, but does not speak Hikvision's protocol: the port is that of the server in the camera's settings, %d as a rule", t.hostPort(), defaultPort)
	case errors.Is(err, syscall.ECONNREFUSED):
		say = fmt.Sprintf("%s is there, but nothing listens on that port (connection refused): the port is that of the server in the camera's settings, %d as a rule",
			t.hostPort(), defaultPort)
	}
	return &camera.Error{Say: say, Err: cause}
}

// failed puts an error of any call into words.
func (t *target) failed(what string, err error) error {
	var c code
	if !errors.As(err, &c) {
		return err
	}
	say := fmt.Sprintf("HCNetSDK could not %s %s (its error %d)", what, t.name, uint32(c))
	switch c {
	case notSent, notReceived, timedOut:
		say = fmt.Sprintf("the connection to the camera at %s broke: the network fails, or the camera is overloaded", t.name)
	case noConnection:
		say = t.name + " does not answer"
	case badParameter, notSupported:
		say = fmt.Sprintf("the camera at %s cannot do that: HCNetSDK could not %s it (its error %d)", t.name, what, uint32(c))
	case didNotWork:
		say = fmt.Sprintf("the camera at %s could not do what HCNetSDK asked of it, to %s it (its error %d)", t.name, what, uint32(c))
	case noComponent:
		return t.noComponents(err)
	}
	return &camera.Error{Say: say, Err: err}
}

// notPlayed puts errors of what needs a channel into words.
func (s *session) notPlayed(what string, err error) error {
	var c code
	errors.As(err, &c)
	switch c {
	case notPermitted:
		return &camera.Error{Say: fmt.Sprintf("user %s may not see channel %d of %s: give him that right in the camera", s.user, s.channel, s.name), Err: err}
	case noChannel:
		return &camera.Error{Say: fmt.Sprintf("%s has no channel %d%s", s.name, s.channel, s.device.has()), Err: err}
	case tooMany, tooManyUsers:
		return &camera.Error{Say: fmt.Sprintf("the camera at %s sends as many streams as it can: end others, or use stream=sub", s.name), Err: err}
	}
	return s.failed(what, err)
}

// has tells which channels there are.
func (d device) has() string {
	span := func(first, count int) string {
		if count == 1 {
			return fmt.Sprint(first)
		}
		return fmt.Sprintf("%d to %d", first, first+count-1)
	}
	switch {
	case d.channels > 0 && d.ipChannels > 0:
		return fmt.Sprintf(": it has %s and %s", span(d.first, d.channels), span(d.firstIP, d.ipChannels))
	case d.channels > 0:
		return ": it has " + span(d.first, d.channels)
	case d.ipChannels > 0:
		return ": it has " + span(d.firstIP, d.ipChannels)
	}
	return ""
}
