package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"linkstart/pkg/access"
	"linkstart/pkg/camera"
)

// User is one entry of users.
type User struct {
	Name     string      `yaml:"name" jsonschema:"required" jsonschema_description:"Name to log in with, and in the audit log."`
	Password string      `yaml:"password" jsonschema_description:"What supervisor passwd prints (argon2id). Default: no login by password, only by a proxy or OpenID Connect."`
	Role     access.Role `yaml:"role" jsonschema:"required,enum=viewer,enum=operator,enum=admin" jsonschema_description:"viewer: look. operator: also restart cameras, switch rooms, raise and acknowledge alarms, read logs. admin: also change the configuration and make tokens."`
	Reach    `yaml:",inline"`
}

// Reach limits somebody to some cameras.
type Reach struct {
	Cameras []camera.ID `yaml:"cameras" jsonschema_description:"Only these cameras, and those of groups. Default: all."`
	Groups  []string    `yaml:"groups" jsonschema_description:"Only the cameras of these groups, and those of cameras. Default: all."`
}

// Access is the key access.
type Access struct {
	Node        camera.ID     `yaml:"node" jsonschema_description:"The machine whose users, tokens and logins hold here too, so that they are the same at all relays behind a balancer. Default: this one."`
	SessionTime time.Duration `yaml:"session_time" jsonschema_description:"How long a login holds: 5m to 87600h. It is renewed while the page is used."`
	Proxies     []string      `yaml:"proxies" jsonschema_description:"Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."`
	UserHeader  string        `yaml:"user_header" jsonschema_description:"Header in which these proxies name the user whom they have let in, such as X-Forwarded-User; they must remove it from what clients send."`
	Role        access.Role   `yaml:"role" jsonschema:"enum=,enum=viewer,enum=operator,enum=admin" jsonschema_description:"Role of those whom a proxy or OpenID Connect lets in and who are not under users. Default: they are not let in."`
	OIDC        OIDC          `yaml:"oidc" jsonschema_description:"Login by OpenID Connect."`
}

// OIDC is the key access.oidc.
type OIDC struct {
	Issuer       string     `yaml:"issuer" jsonschema_description:"URL of the provider, below which .well-known/openid-configuration lies."`
	ClientID     string     `yaml:"client_id" jsonschema_description:"Linkstart's name at the provider."`
	ClientSecret string     `yaml:"client_secret" jsonschema_description:"Linkstart's secret at the provider; write it as ${NAME}."`
	RedirectURL  string     `yaml:"redirect_url" jsonschema_description:"The page's address with api/v1/session/oidc/callback behind it, as the provider knows it."`
	Title        string     `yaml:"title" jsonschema_description:"What the button for it says."`
	NameClaim    string     `yaml:"name_claim" jsonschema_description:"Claim that is the user's name."`
	RolesClaim   string     `yaml:"roles_claim" jsonschema_description:"Claim in which roles looks: a text, or a list of them."`
	Roles        []RoleRule `yaml:"roles" jsonschema_description:"Roles for those whose claim holds a value; the highest counts."`
	Scopes       []string   `yaml:"scopes" jsonschema_description:"What is asked of the provider beside openid."`
}

// RoleRule is one entry of access.oidc.roles.
type RoleRule struct {
	Value string      `yaml:"value" jsonschema:"required" jsonschema_description:"Value of the claim."`
	Role  access.Role `yaml:"role" jsonschema:"required,enum=viewer,enum=operator,enum=admin" jsonschema_description:"Role that it gives."`
	Reach `yaml:",inline"`
}

func (r Reach) scope() access.Scope { return access.Scope{Cameras: r.Cameras, Groups: r.Groups} }

// loginNeeded reports whether nobody is let in without a login.
func (c *Config) loginNeeded() bool {
	return c.Access.Node != "" || len(c.Users) > 0 || c.Access.OIDC.Issuer != "" || c.Access.UserHeader != ""
}

// Policy is who is let in as far as the configuration says it.
func (c *Config) Policy() access.Policy {
	p := access.Policy{
		Open: !c.loginNeeded(), SessionTime: c.Access.SessionTime, UserHeader: c.Access.UserHeader, Role: c.Access.Role,
	}
	for _, u := range c.Users {
		p.Users = append(p.Users, access.User{Name: u.Name, Password: u.Password, Role: u.Role, Scope: u.scope()})
	}
	for _, text := range c.Access.Proxies {
		if n, ok := parseNetwork(text); ok {
			p.Proxies = append(p.Proxies, n)
		}
	}
	if o := c.Access.OIDC; o.Issuer != "" {
		p.OIDC = &access.OIDC{
			Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, RedirectURL: o.RedirectURL,
			Title: o.Title, NameClaim: o.NameClaim, RolesClaim: o.RolesClaim, Scopes: o.Scopes,
		}
		for _, r := range o.Roles {
			p.OIDC.Roles = append(p.OIDC.Roles, access.RoleRule{Value: r.Value, Role: r.Role, Scope: r.scope()})
		}
	}
	return p
}

// parseNetwork reads an address or a network.
func parseNetwork(text string) (netip.Prefix, bool) {
	if n, err := netip.ParsePrefix(text); err == nil {
		return n.Masked(), true
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

var (
	userPattern   = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N} ._@+-]{0,62}$`)
	headerPattern = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	roleNames     = []string{string(access.Viewer), string(access.Operator), string(access.Admin)}
)

func (d *decoder) checkAccess(cfg *Config) {
	if where, set := d.at["access.node"]; set {
		d.checkID(cfg.Access.Node, "access.node", nil)
		for _, key := range []string{"users", "access.oidc", "access.role", "access.user_header", "access.proxies", "access.session_time"} {
			if _, set := d.at[key]; set {
				d.add(where, "remove one of the two", "access.node: the users of %s hold here, so %s can have no effect", cfg.Access.Node, key)
			}
		}
	}
	d.checkUsers(cfg)
	a := &cfg.Access
	d.within("access.session_time", a.SessionTime, 5*time.Minute, 10*365*24*time.Hour)
	for i, text := range a.Proxies {
		path := fmt.Sprintf("access.proxies[%d]", i)
		network, ok := parseNetwork(text)
		switch {
		case d.troubled(d.position(path)):
		case !ok:
			d.add(d.position(path), "write ADDRESS or ADDRESS/BITS, e.g. 127.0.0.1 or 10.1.0.0/16", "%s: %q is not an address", path, text)
		case network.Bits() == 0:
			d.add(d.position(path), "name the proxies alone", "%s: with %q everybody could say who he is and where he comes from", path, text)
		}
	}
	if a.UserHeader != "" && !headerPattern.MatchString(a.UserHeader) {
		d.add(d.position("access.user_header"), "write a name such as X-Forwarded-User", "access.user_header: %q is not the name of a header", a.UserHeader)
	}
	if a.UserHeader != "" && len(a.Proxies) == 0 {
		d.add(d.position("access.user_header"), "write access.proxies: with their addresses", "access.user_header: nobody is named whose header could be believed")
	}
	if a.Role != "" {
		d.checkRole(a.Role, "access.role")
	}
	nobody := !slices.ContainsFunc(cfg.Users, func(u User) bool { return u.Password != "" })
	if _, provider := d.at["access.oidc"]; len(cfg.Users) > 0 && nobody && !provider && a.UserHeader == "" {
		d.add(d.position("users"), "give one a password by supervisor passwd NAME", "users: nobody can log in, as no user has a password and neither a proxy nor OpenID Connect is named under access")
	}
	if _, set := d.at["access.oidc"]; set {
		d.checkOIDC(cfg)
	}
}

func (d *decoder) checkUsers(cfg *Config) {
	seen := map[string]string{}
	for i, u := range cfg.Users {
		path := fmt.Sprintf("users[%d]", i)
		if where := d.position(path + ".name"); d.required(path, "name") && !d.troubled(where) {
			before, twice := seen[u.Name]
			switch {
			case !userPattern.MatchString(u.Name):
				d.add(where, "1 to 63 letters, digits, spaces and . _ @ + - can be used", "%s.name: %q is no name of a user", path, u.Name)
			case twice:
				d.add(where, "give one of them another name", "%s: the name %q is already used in line %d", path, u.Name, d.position(before).Line)
			}
			seen[u.Name] = path + ".name"
		}
		if where := d.position(path + ".password"); u.Password != "" && !access.CheckHash(u.Password) && !d.troubled(where) {
			d.add(where, "write what supervisor passwd prints; the password itself does not belong into a file", "%s.password is no argon2id hash", path)
		}
		if d.required(path, "role") {
			d.checkRole(u.Role, path+".role")
		}
		d.checkReach(cfg, u.Reach, path)
	}
}

func (d *decoder) checkRole(r access.Role, path string) {
	if where := d.position(path); !slices.Contains(access.Roles, r) && !d.troubled(where) {
		d.add(where, nearest(string(r), roleNames), "%s: %q is not known", path, r)
	}
}

// checkReach only doubts where there is no such camera: it may come, and one that goes must not lock anybody out.
func (d *decoder) checkReach(cfg *Config, r Reach, path string) {
	for i, id := range r.Cameras {
		d.checkID(id, fmt.Sprintf("%s.cameras[%d]", path, i), nil)
	}
	if cfg.Bus.alone() {
		ids, groups := map[camera.ID]bool{}, map[string]bool{}
		for _, c := range cfg.Cameras {
			ids[c.ID], groups[c.Group] = true, true
		}
		for i, id := range r.Cameras {
			if key := fmt.Sprintf("%s.cameras[%d]", path, i); !ids[id] {
				d.doubt(cfg, key, "%s: there is no camera %q", key, id)
			}
		}
		for i, group := range r.Groups {
			if key := fmt.Sprintf("%s.groups[%d]", path, i); !groups[group] {
				d.doubt(cfg, key, "%s: there is no camera of a group %q", key, group)
			}
		}
	}
	for _, list := range []struct {
		key   string
		empty bool
	}{{"cameras", r.Cameras != nil && len(r.Cameras) == 0}, {"groups", r.Groups != nil && len(r.Groups) == 0}} {
		if list.empty { // it could be meant as none
			d.add(d.position(path+"."+list.key), "name some, or leave it out for all", "%s.%s is empty", path, list.key)
		}
	}
}

func (d *decoder) checkOIDC(cfg *Config) {
	const path = "access.oidc"
	o := &cfg.Access.OIDC
	for _, key := range []string{"issuer", "client_id", "redirect_url"} {
		d.required(path, key)
	}
	for key, text := range map[string]string{"issuer": o.Issuer, "redirect_url": o.RedirectURL} {
		where, set := d.at[path+"."+key]
		u, err := url.Parse(text)
		switch {
		case !set || d.troubled(where):
		case err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
			d.add(where, "write https://… (http:// only on this machine)", "%s.%s: %q is not an address that secrets could be sent to", path, key, text)
		case key == "redirect_url" && !strings.HasSuffix(u.Path, "/api/v1/session/oidc/callback"):
			d.add(where, "write the page's address with api/v1/session/oidc/callback behind it", "%s.%s: %q is not the address that the provider has to lead back to", path, key, text)
		}
	}
	for i, r := range o.Roles {
		entry := fmt.Sprintf("%s.roles[%d]", path, i)
		d.required(entry, "value")
		if d.required(entry, "role") {
			d.checkRole(r.Role, entry+".role")
		}
		d.checkReach(cfg, r.Reach, entry)
	}
}
