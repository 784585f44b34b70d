package relay

import (
	"bytes"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// commonHeaders go with every answer.
var commonHeaders = [][2]string{
	{fiber.HeaderXContentTypeOptions, "nosniff"},
	{fiber.HeaderReferrerPolicy, "no-referrer"},
	{fiber.HeaderCacheControl, "no-store"},
	{headerResourcePolicy, "same-origin"},
}

const (
	headerResourcePolicy = "Cross-Origin-Resource-Policy"
	headerOpenerPolicy   = "Cross-Origin-Opener-Policy"

	// pictures may be shown by pages of other sites, which cannot read them: that is what their addresses are for.
	everySite = "cross-origin"

	// transportPolicy has browsers use HTTPS for a year, once they have come by it. Other names of the domain are not ours to decide on.
	transportPolicy = "max-age=31536000"

	// permissionsPolicy takes away what the page never uses, so that nothing in it can ask for it.
	permissionsPolicy = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=(), " +
		"accelerometer=(), gyroscope=(), magnetometer=(), display-capture=()"
)

// contentPolicy is what the viewer may load, and who may show it in a frame: itself, and the origins that are configured.
func contentPolicy(frames []string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; " +
		"worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors " + strings.Join(append([]string{"'self'"}, frames...), " ")
}

// headers go with every answer.
func (r *Relay) headers(c *fiber.Ctx) error {
	for _, h := range commonHeaders {
		c.Set(h[0], h[1])
	}
	if r.config.TLS != nil {
		c.Set(fiber.HeaderStrictTransportSecurity, transportPolicy)
	}
	return c.Next()
}

// pageHeaders go with the viewer's files.
func (r *Relay) pageHeaders(c *fiber.Ctx) {
	c.Set(fiber.HeaderContentSecurityPolicy, contentPolicy(r.config.FrameAncestors))
	c.Set(headerOpenerPolicy, "same-origin")
	c.Set(fiber.HeaderPermissionsPolicy, permissionsPolicy)
}

// rawHeaders are the common headers for an answer that is written without the HTTP server, with the resource policy given.
func (r *Relay) rawHeaders(resource string) string {
	var b strings.Builder
	for _, h := range commonHeaders {
		if h[0] == headerResourcePolicy {
			h[1] = resource
		}
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	if r.config.TLS != nil {
		b.WriteString(fiber.HeaderStrictTransportSecurity + ": " + transportPolicy + "\r\n")
	}
	return b.String()
}

// refuseAmbiguous refuses what a proxy before us may take for something else: a body with two lengths, of which the rest could be
// another request, and two hosts (RFC 9112 sections 3.2 and 6.3). The connection ends with it.
func refuseAmbiguous(c *fiber.Ctx) error {
	raw := append([]byte{'\n'}, bytes.ToLower(c.Request().Header.RawHeaders())...)
	times := func(name string) int { return bytes.Count(raw, []byte("\n"+name+":")) }
	if times("host") > 1 || times("content-length") > 0 && times("transfer-encoding") > 0 {
		c.Set(fiber.HeaderConnection, "close")
		return refuse(codeBadRequest, "The request has Host twice, or both Content-Length and Transfer-Encoding.")
	}
	return c.Next()
}

// refuseEncoded keeps bodies as they were sent: a small one that is unpacked can be of any size.
func refuseEncoded(c *fiber.Ctx) error {
	switch strings.ToLower(strings.TrimSpace(c.Get(fiber.HeaderContentEncoding))) {
	case "", "identity":
		return c.Next()
	}
	return refuse(codeEncoded, "Send the body as it is, without Content-Encoding.")
}
