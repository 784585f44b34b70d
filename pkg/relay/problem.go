package relay

import (
	"errors"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"linkstart/pkg/camera"
	"linkstart/pkg/control"
	"linkstart/pkg/relay/fanout"
	"linkstart/pkg/rooms"
)

// Codes of problems: stable, for programs.
const (
	codeBadRequest    = "bad_request"
	codeForeignOrigin = "foreign_origin"
	codeUnknownHost   = "unknown_host"
	codeEncoded       = "encoded_body"
	codeNotFound      = "not_found"
	codeUnknownCamera = "unknown_camera"
	codeBadMethod     = "method_not_allowed"
	codeNotPush       = "not_push_camera"
	codePushRefused   = "push_refused"
	codeTooLarge      = "too_large"
	codeNotJPEG       = "not_jpeg"
	codeUpgrade       = "upgrade_required"
	codeHeaders       = "headers_too_large"
	codeInternal      = "internal"
	codeNoPicture     = "no_picture"
	codeCameraAway    = "camera_away"
	codeUnavailable   = "unavailable"
	codeSupervisor    = "order_failed"
	codeConfiguration = "bad_configuration"
	codeSource        = "source_refused"
	codeLogin         = "login_refused"
	codeTestFailed    = "test_failed"
	codeManyTests     = "too_many_tests"
	codeBadCamera     = "bad_camera"
	codeCameraExists  = "camera_exists"
	codeNotSaved      = "not_saved"
	codeLoginRequired = "login_required"
	codeWrongLogin    = "wrong_login"
	codeTooManyLogins = "too_many_logins"
	codeForbidden     = "forbidden"
	codeUnknownToken  = "unknown_token"
	codeManyTokens    = "too_many_tokens"
	codeProvider      = "provider_failed"
)

// problems maps codes to HTTP status and title.
var problems = map[string]struct {
	status int
	title  string
}{
	codeBadRequest:    {fiber.StatusBadRequest, "The request is wrong"},
	codeForeignOrigin: {fiber.StatusForbidden, "Pages of another origin may not do this"},
	codeUnknownHost:   {fiber.StatusMisdirectedRequest, "This server is not known by that name"},
	codeEncoded:       {fiber.StatusUnsupportedMediaType, "The body must not be compressed"},
	codeNotFound:      {fiber.StatusNotFound, "There is nothing at this address"},
	codeUnknownCamera: {fiber.StatusNotFound, "There is no such camera"},
	codeBadMethod:     {fiber.StatusMethodNotAllowed, "This address does not take that method"},
	codeNotPush:       {fiber.StatusConflict, "This camera takes no pushed pictures"},
	codePushRefused:   {fiber.StatusConflict, "The camera's process refused the picture"},
	codeTooLarge:      {fiber.StatusRequestEntityTooLarge, "The body is too large"},
	codeNotJPEG:       {fiber.StatusUnprocessableEntity, "The body is no JPEG"},
	codeUpgrade:       {fiber.StatusUpgradeRequired, "This address speaks WebSocket"},
	codeHeaders:       {fiber.StatusRequestHeaderFieldsTooLarge, "The headers are too large"},
	codeInternal:      {fiber.StatusInternalServerError, "Something went wrong in the relay"},
	codeConfiguration: {fiber.StatusUnprocessableEntity, "The configuration has mistakes"},
	codeSupervisor:    {fiber.StatusInternalServerError, "The supervisor could not do this"},
	codeSource:        {fiber.StatusUnprocessableEntity, "This source may not come from a page"},
	codeLogin:         {fiber.StatusUnprocessableEntity, "The camera refuses the user name or password"},
	codeTestFailed:    {fiber.StatusUnprocessableEntity, "No picture has come"},
	codeManyTests:     {fiber.StatusTooManyRequests, "Too many sources are being tested"},
	codeBadCamera:     {fiber.StatusUnprocessableEntity, "The camera cannot be added like this"},
	codeCameraExists:  {fiber.StatusConflict, "There is such a camera already"},
	codeNotSaved:      {fiber.StatusInternalServerError, "The configuration file cannot be written"},
	codeLoginRequired: {fiber.StatusUnauthorized, "A login is needed"},
	codeWrongLogin:    {fiber.StatusUnauthorized, "The login is wrong"},
	codeTooManyLogins: {fiber.StatusTooManyRequests, "Too many logins have failed"},
	codeForbidden:     {fiber.StatusForbidden, "This user may not do this"},
	codeUnknownToken:  {fiber.StatusNotFound, "There is no such token"},
	codeManyTokens:    {fiber.StatusConflict, "There are too many tokens"},
	codeProvider:      {fiber.StatusBadGateway, "The login by OpenID Connect failed"},
	codeNoPicture:     {fiber.StatusServiceUnavailable, "There is no picture yet"},
	codeCameraAway:    {fiber.StatusServiceUnavailable, "The camera's process is away"},
	codeUnavailable:   {fiber.StatusServiceUnavailable, "A part of the system does not answer"},
}

// problem is an error that a client is told as it is.
type problem struct {
	code   string
	detail string
}

func (p *problem) Error() string { return p.code + ": " + p.detail }

func refuse(code, format string, a ...any) error {
	return &problem{code, fmt.Sprintf(format, a...)}
}

// problemOf finds the code for whatever a handler returned.
func problemOf(err error) *problem {
	var p *problem
	var f *fiber.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &f):
		return httpProblem(f)
	case errors.Is(err, control.ErrUnknownCamera):
		return &problem{codeUnknownCamera, camera.Say(err)}
	case errors.Is(err, control.ErrUnavailable), errors.Is(err, rooms.ErrUnavailable), errors.Is(err, fanout.ErrClosed):
		return &problem{codeUnavailable, camera.Say(err)}
	case errors.Is(err, fanout.ErrNoPicture):
		return &problem{codeNoPicture, camera.Say(err)}
	case errors.Is(err, rooms.ErrBadAlarm), errors.Is(err, rooms.ErrBadPatrol), errors.Is(err, rooms.ErrTooMany):
		return &problem{codeBadRequest, err.Error()}
	}
	return nil
}

// httpProblem takes what the HTTP server itself refuses.
func httpProblem(f *fiber.Error) *problem {
	for _, code := range []string{codeNotFound, codeBadMethod, codeTooLarge, codeUpgrade, codeHeaders} {
		if problems[code].status == f.Code {
			return &problem{code, f.Message}
		}
	}
	if f.Code >= 400 && f.Code < 500 {
		return &problem{codeBadRequest, f.Message}
	}
	return nil
}

// fail answers with application/problem+json (RFC 9457). What the client is not told goes to the log.
func (r *Relay) fail(c *fiber.Ctx, err error) error {
	p := problemOf(err)
	if p == nil {
		r.log.Error("request failed", "method", c.Method(), "path", c.Path(), "err", err)
		p = &problem{codeInternal, "The relay's log says more."}
	}
	if p.code == codeTooLarge {
		linger(c.Context().Conn())
		c.Set(fiber.HeaderConnection, "close")
	}
	kind := problems[p.code]
	c.Status(kind.status)
	if err := c.JSON(fiber.Map{"code": p.code, "title": kind.title, "detail": p.detail, "status": kind.status}); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	c.Set(fiber.HeaderCacheControl, "no-store")
	return nil
}
