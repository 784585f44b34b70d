package relay

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	recovery "github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	idleTimeout = 60 * time.Second // between two requests
	headerBytes = 16 << 10
	bodySpare   = 4 << 10 // above the largest JPEG, for other bodies where that is set very small
)

// route is one line of the API.
type route struct {
	method, path string
	need         need
	handle       fiber.Handler
}

func (r *Relay) routes() []route {
	scrape := adaptor.HTTPHandler(promhttp.HandlerFor(r.metrics.registry, promhttp.HandlerOpts{}))
	const get, post, put, del = fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodDelete
	return []route{
		{get, "/api/v1/cameras", toSee, r.listCameras},
		{post, "/api/v1/cameras", toAdminister, r.addCamera},
		{post, "/api/v1/cameras/test", toAdminister, r.testCamera},
		{post, "/api/v1/cameras/discover", toAdminister, r.discover},
		{get, "/api/v1/cameras/:id", toSee, r.getCamera},
		{post, "/api/v1/cameras/:id/restart", toOperate, r.order("restart")},
		{post, "/api/v1/cameras/:id/stop", toOperate, r.order("stop")},
		{post, "/api/v1/cameras/:id/start", toOperate, r.order("start")},
		{get, "/api/v1/cameras/:id/snapshot.jpg", toSee, r.snapshot},
		{get, "/api/v1/cameras/:id/stream.mjpeg", toSee, r.multipart},
		{post, "/api/v1/cameras/:id/link", toSee, r.link},
		{post, "/api/v1/cameras/:id/frames", toOperate, r.push},
		{post, "/api/v1/cameras/:id/alarm", toOperate, r.raiseAlarm},
		{del, "/api/v1/cameras/:id/alarm", toOperate, r.acknowledgeAlarm},
		{get, "/api/v1/cameras/:id/logs", toOperate, r.logs},
		{get, "/api/v1/cameras/:id/failures", toOperate, r.failures},
		{get, "/api/v1/system", toOperate, r.system},
		{post, "/api/v1/reload", toAdminister, r.reload},
		{get, "/api/v1/rooms/:room", toSee, r.getRoom},
		{put, "/api/v1/rooms/:room", toOperate, r.putRoom},
		{put, "/api/v1/rooms/:room/patrol", toOperate, r.putPatrol},
		{del, "/api/v1/rooms/:room/patrol", toOperate, r.deletePatrol},
		{get, "/api/v1/viewers", toOperate, r.listViewers},
		{get, "/api/v1/events", toSee, r.events},
		{get, "/api/v1/session", nothing, r.getSession},
		{post, "/api/v1/session", nothing, r.login},
		{del, "/api/v1/session", nothing, r.logout},
		{get, "/api/v1/session/oidc", nothing, r.beginOIDC},
		{get, "/api/v1/session/oidc/callback", nothing, r.endOIDC},
		{get, "/api/v1/tokens", toAdminister, r.listTokens},
		{post, "/api/v1/tokens", toAdminister, r.makeToken},
		{del, "/api/v1/tokens/:token", toAdminister, r.revokeToken},
		{get, "/api/v1/audit", toAdminister, r.auditTrail},
		{get, "/api/v1/openapi.json", nothing, describe},
		{post, "/upload", toOperate, r.upload},
		{get, "/ws", toSee, r.socket()},
		{get, "/metrics", toSeeAll, scrape},
		{get, "/healthz", nothing, healthy},
		{get, "/readyz", nothing, r.ready},
	}
}

// app is everything that is served.
func (r *Relay) app(viewer fs.FS) (*fiber.App, error) {
	app := fiber.New(fiber.Config{
		AppName:   "linkstart",
		BodyLimit: r.config.MaxBytes + bodySpare, ReadBufferSize: headerBytes,
		ReadTimeout: headerTime, WriteTimeout: answerTime, IdleTimeout: idleTimeout,
		CaseSensitive: true, StrictRouting: true, // a proxy that keeps some paths to itself compares them like this
		DisablePreParseMultipartForm: true, // it would be written to files
		DisableStartupMessage:        true,
		Immutable:                    true, // strings outlive their handler in streams and logs
		ErrorHandler:                 r.fail,
	})
	app.Server().Logger = serverLog{r.log}
	app.Server().SecureErrorLogMessage = true // headers may hold what is secret
	app.Server().HeaderReceived, app.Server().ConnState = r.bodyLimits, connState
	app.Use(recovery.New(recovery.Config{EnableStackTrace: true, StackTraceHandler: func(c *fiber.Ctx, e any) {
		r.log.Error("handler panicked", "path", c.Path(), "panic", e, "stack", string(debug.Stack()))
	}}))
	app.Use(attend, r.headers, refuseAmbiguous, r.refuseUnknownHost, refuseEncoded, r.refuseForeign)
	for _, route := range r.routes() {
		app.Add(route.method, route.path, r.admit(route.need), route.handle)
		if route.method == fiber.MethodGet && route.path != "/ws" {
			app.Add(fiber.MethodHead, route.path, r.admit(route.need), route.handle)
		}
	}
	if err := r.serveViewer(app, viewer); err != nil {
		return nil, err
	}
	return app, nil
}

// refuseForeign keeps pages of other sites from changing anything through a visitor's browser.
func (r *Relay) refuseForeign(c *fiber.Ctx) error {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
		return c.Next()
	}
	origin := c.Get(fiber.HeaderOrigin)
	if !r.allowed(origin, c.Get(fiber.HeaderHost)) || origin == "" && c.Get("Sec-Fetch-Site") == "cross-site" {
		r.tellForeign(c)
		return refuse(codeForeignOrigin, "Requests that change something must come from this server's own pages.")
	}
	return c.Next()
}

// allowed tells whether a page of that origin may act here: one of this host, one that is configured, or no page at all.
func (r *Relay) allowed(origin, host string) bool {
	if origin == "" {
		return true
	}
	same := func(o string) bool { return strings.EqualFold(o, origin) }
	if slices.ContainsFunc(r.config.Origins, same) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// tellForeign says in the log who was refused: behind a proxy that puts another name into Host it is everybody.
func (r *Relay) tellForeign(c *fiber.Ctx) {
	if r.foreignOrigin.due() {
		r.log.Warn("requests of pages of another origin are refused. If that is the address of this server behind a proxy, have the proxy pass on Host, "+
			"or write the origin into server.origins", "origin", shown(c.Get(fiber.HeaderOrigin)), "host", shown(c.Get(fiber.HeaderHost)), "from", r.from(c))
	}
}

// socket serves /ws.
func (r *Relay) socket() fiber.Handler {
	upgrade := websocket.New(func(c *websocket.Conn) { newSession(r, c).serve() }, websocket.Config{
		ReadBufferSize: 4 << 10, WriteBufferSize: 1 << 10,
		RecoverHandler: func(*websocket.Conn) {
			if e := recover(); e != nil {
				r.log.Error("viewer's connection panicked", "panic", e, "stack", string(debug.Stack()))
			}
		},
	})
	return func(c *fiber.Ctx) error {
		if !r.allowed(c.Get(fiber.HeaderOrigin), c.Get(fiber.HeaderHost)) {
			r.tellForeign(c)
			return refuse(codeForeignOrigin, "Only this server's own pages, and origins that are configured, may open the WebSocket.")
		}
		if !websocket.IsWebSocketUpgrade(c) {
			return refuse(codeUpgrade, "Open this address as a WebSocket.")
		}
		c.Locals(fromKey, r.from(c).String())
		return upgrade(c)
	}
}

// serverLog takes what the HTTP server says of connections that break: of interest to developers only.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Printf(format string, a ...any) { l.log.Debug(fmt.Sprintf(format, a...)) }
