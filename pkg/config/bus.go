package config

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"linkstart/pkg/camera"
	"linkstart/pkg/certificate"
)

// Bus is the key bus.
type Bus struct {
	Prefix     string    `yaml:"prefix" jsonschema_description:"First part of every subject, without the dot at its end."`
	Listen     string    `yaml:"listen" jsonschema_description:"host:port where programs and supervisors of other machines join the bus as NATS clients. Default: only this machine's own processes do."`
	Leaves     string    `yaml:"leaves" jsonschema_description:"host:port where other sites join as NATS leaf nodes. Default: none do."`
	TLS        BusTLS    `yaml:"tls" jsonschema_description:"Files for TLS with other machines."`
	Encryption string    `yaml:"encryption" jsonschema:"enum=,enum=none" jsonschema_description:"none: what goes to other machines, passwords too, is not encrypted; for a network of its own, such as a VPN."`
	Users      []BusUser `yaml:"users" jsonschema_description:"Who may join from other machines."`
	Hub        Hub       `yaml:"hub" jsonschema_description:"The hub that this site joins as a leaf node: viewers there see its cameras, and only what they watch crosses the link."`
	Cluster    Cluster   `yaml:"cluster" jsonschema_description:"Further supervisors whose NATS servers are one bus with this one's."`
	External   External  `yaml:"external" jsonschema_description:"A NATS server that is used in place of the one in the supervisor."`
}

// BusTLS is the key bus.tls.
type BusTLS struct {
	TLS `yaml:",inline"`
	CA  string `yaml:"ca" jsonschema_description:"PEM file with the authorities that the other servers of a cluster must be vouched for by. Default: those of this machine."`
}

// BusRole is what a user of another machine may do on the bus.
type BusRole string

// Roles of bus.users.
const (
	SiteRole     BusRole = "site"     // an edge with cameras of its own
	NodeRole     BusRole = "node"     // another supervisor that has this bus for its own
	CameraRole   BusRole = "camera"   // a program that is a camera
	ConsumerRole BusRole = "consumer" // a program that looks at pictures
)

var busRoles = []string{string(SiteRole), string(NodeRole), string(CameraRole), string(ConsumerRole)}

// BusUser is one entry of bus.users.
type BusUser struct {
	Name     string      `yaml:"name" jsonschema:"required" jsonschema_description:"Name to join with; that of a site is its node."`
	Password string      `yaml:"password" jsonschema:"required" jsonschema_description:"Password to join with, 16 characters and more; write it as ${NAME}."`
	Role     BusRole     `yaml:"role" jsonschema:"required,enum=site,enum=node,enum=camera,enum=consumer" jsonschema_description:"site: the edge of that name, with its cameras. node: a supervisor that has this bus for its own; may do everything. camera: a program that publishes the pictures of cameras. consumer: a program that looks at pictures."`
	Cameras  []camera.ID `yaml:"cameras" jsonschema_description:"Only these cameras. Default: all."`
}

// Peer is another NATS server, and how to be let in there.
type Peer struct {
	URL         string `yaml:"url" jsonschema_description:"tls://host:port, or nats://host:port without encryption."`
	User        string `yaml:"user" jsonschema_description:"Name to join with."`
	Password    string `yaml:"password" jsonschema_description:"Password to join with; write it as ${NAME}."`
	Credentials string `yaml:"credentials" jsonschema_description:"Credentials file of NATS (.creds), in place of user and password."`
	CA          string `yaml:"ca" jsonschema_description:"PEM file with the authorities that the server must be vouched for by. Default: those of this machine."`
}

// Hub is the key bus.hub.
type Hub struct {
	Peer    `yaml:",inline"`
	LeafURL string `yaml:"leaf_url" jsonschema_description:"Where the hub takes leaf nodes. Default: port 7422 of url's host."`
}

// Cluster is the key bus.cluster.
type Cluster struct {
	Listen   string   `yaml:"listen" jsonschema_description:"host:port for the other servers of the cluster."`
	Routes   []string `yaml:"routes" jsonschema_description:"host:port of each of the other servers."`
	Password string   `yaml:"password" jsonschema_description:"The same for all servers of the cluster, 16 characters and more; write it as ${NAME}."`
}

// External is the key bus.external. Its URL may be several, with commas between them, of the servers of one cluster.
type External struct {
	Peer     `yaml:",inline"`
	Replicas int `yaml:"replicas" jsonschema:"minimum=1,maximum=5" jsonschema_description:"On how many of its servers selections are stored."`
}

// Uplink is the key uplink.
type Uplink struct {
	MainFPS float64 `yaml:"main_fps" jsonschema:"minimum=0,maximum=120" jsonschema_description:"At most so many large pictures per second of each camera cross to the hub; 0: small ones in their place."`
	SubFPS  float64 `yaml:"sub_fps" jsonschema:"minimum=0.05,maximum=120" jsonschema_description:"At most so many small pictures per second of each camera cross to the hub."`
}

// LeafPort is where a hub takes leaf nodes, as a rule.
const LeafPort = "7422"

// ownSite is what can be done where several supervisors are to be seen at a hub.
const ownSite = "let each supervisor join the hub as a site of its own"

const leastBusPassword = 16 // characters: guesses are not slowed on the bus

// Shared reports whether several supervisors have one bus, with one store.
func (b *Bus) Shared() bool { return b.External.URL != "" || b.Cluster.Listen != "" }

// alone reports whether there are no cameras but this supervisor's.
func (b *Bus) alone() bool { return !b.Shared() && b.Listen == "" && b.Leaves == "" && b.Hub.URL == "" }

// checkBus checks who is spoken with on other machines, and how.
func (d *decoder) checkBus(b *Bus, dir string) {
	if !prefixPattern.MatchString(b.Prefix) {
		d.add(d.position("bus.prefix"), "write letters, digits, _ and -, in parts with a dot between them", "bus.prefix cannot begin a subject")
	}
	if b.Encryption != "" && b.Encryption != "none" {
		d.add(d.position("bus.encryption"), "write none, or remove the key", "bus.encryption: %q is not known", b.Encryption)
	}
	d.checkTLS(&b.TLS.TLS, "bus.tls", dir)
	for _, file := range []*string{&b.TLS.CA, &b.Hub.CA, &b.Hub.Credentials, &b.External.CA, &b.External.Credentials} {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(dir, *file)
		}
	}
	d.checkBusListen("bus.listen", b.Listen, b)
	d.checkBusListen("bus.leaves", b.Leaves, b)
	d.checkBusUsers(b)
	d.checkCluster(b)
	if _, set := d.at["bus.hub"]; set && d.required("bus.hub", "url") {
		d.checkPeer("bus.hub", &b.Hub.Peer, b)
		if u, err := url.Parse(b.Hub.URL); err == nil && b.Hub.LeafURL == "" {
			u.Host = net.JoinHostPort(u.Hostname(), LeafPort)
			b.Hub.LeafURL = u.String()
		} else if err == nil {
			d.checkBusURL("bus.hub.leaf_url", b.Hub.LeafURL, b)
		}
	}
	if _, set := d.at["bus.external"]; set && d.required("bus.external", "url") {
		d.checkPeer("bus.external", &b.External.Peer, b)
		for _, key := range []string{"listen", "leaves", "hub", "cluster", "users", "tls"} {
			if where, set := d.at["bus."+key]; set {
				d.add(where, "remove one of the two", "bus.%s is for the supervisor's own NATS server, which bus.external takes the place of", key)
			}
		}
	}
}

// checkBusListen checks an address for other machines.
func (d *decoder) checkBusListen(path, address string, b *Bus) {
	if address == "" {
		return
	}
	where := d.position(path)
	host, port, err := net.SplitHostPort(address)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 1 || n > 65535 {
		d.add(where, "write host:port, e.g. 0.0.0.0:4222", "%s: %q is not an address to listen on", path, address)
		return
	}
	if _, encrypted := b.TLS.Files(); !encrypted && b.Encryption != "none" && !loopback(host) {
		d.add(where, "write bus.tls: with the files of a certificate, or encryption: none if that network is your own alone, such as a VPN",
			"%s: %q can be reached from other machines, and nothing would be encrypted", path, address)
	}
	if path != "bus.cluster.listen" && len(b.Users) == 0 {
		d.add(where, "write bus.users: with a name, a password and a role for each", "%s: nobody is named who may join", path)
	}
}

func (d *decoder) checkBusUsers(b *Bus) {
	seen := map[string]string{}
	for i, u := range b.Users {
		path := fmt.Sprintf("bus.users[%d]", i)
		if d.required(path, "name") {
			where := d.position(path + ".name")
			before, twice := seen[u.Name]
			switch _, err := camera.ParseID(u.Name); {
			case d.troubled(where):
			case err != nil:
				d.add(where, "", "%s.name: %v", path, err)
			case u.Name == "supervisor" || u.Name == "relay" || u.Name == "control" || u.Name == "uplink" || strings.HasPrefix(u.Name, "grabber-"):
				d.add(where, "give it another name", "%s.name: %q is the name of a process of Linkstart", path, u.Name)
			case twice:
				d.add(where, "give one of them another name", "%s: the name %q is already used in line %d", path, u.Name, d.position(before).Line)
			}
			seen[u.Name] = path + ".name"
		}
		if d.required(path, "password") {
			d.checkBusPassword(path+".password", u.Password)
		}
		if d.required(path, "role") && !slices.Contains(busRoles, string(u.Role)) {
			d.add(d.position(path+".role"), nearest(string(u.Role), busRoles), "%s.role: %q is not known", path, u.Role)
		}
		if _, set := d.at["bus.hub"]; set && u.Role == NodeRole {
			d.add(d.position(path+".role"), ownSite, "%s.role: %q does not go together with bus.hub: a site is one supervisor", path, u.Role)
		}
		for n, id := range u.Cameras {
			d.checkID(id, fmt.Sprintf("%s.cameras[%d]", path, n), nil)
		}
	}
}

func (d *decoder) checkBusPassword(path, password string) {
	if where := d.position(path); len(password) < leastBusPassword && !d.troubled(where) {
		d.add(where, "openssl rand -hex 24 makes one", "%s is too short: it takes %d characters", path, leastBusPassword)
	}
}

func (d *decoder) checkCluster(b *Bus) {
	if _, set := d.at["bus.cluster"]; !set {
		return
	}
	if d.required("bus.cluster", "listen") {
		d.checkBusListen("bus.cluster.listen", b.Cluster.Listen, b)
	}
	if d.required("bus.cluster", "password") {
		d.checkBusPassword("bus.cluster.password", b.Cluster.Password)
	}
	if d.required("bus.cluster", "routes") && len(b.Cluster.Routes) < 2 {
		d.add(d.position("bus.cluster.routes"), "name the others of three or five servers: with two, nothing is stored when one of them is away",
			"bus.cluster.routes: a cluster takes at least three servers")
	}
	for i, route := range b.Cluster.Routes {
		path := fmt.Sprintf("bus.cluster.routes[%d]", i)
		if host, _, err := net.SplitHostPort(route); err != nil || host == "" {
			d.add(d.position(path), "write host:port, e.g. 10.0.0.2:6222", "%s: %q is not the address of a server", path, route)
		}
	}
	if where, set := d.at["bus.hub"]; set {
		d.add(where, ownSite, "bus.hub and bus.cluster do not go together: a site is one supervisor")
	}
}

// checkPeer checks how another server is joined.
func (d *decoder) checkPeer(path string, p *Peer, b *Bus) {
	addresses := []string{p.URL}
	if p == &b.External.Peer { // servers of one cluster, any of which will do
		addresses = strings.Split(p.URL, ",")
	}
	for _, address := range addresses {
		d.checkBusURL(path+".url", strings.TrimSpace(address), b)
	}
	if p.Credentials != "" && (p.User != "" || p.Password != "") {
		d.add(d.position(path+".credentials"), "remove one of the two", "%s has both a credentials file and a user", path)
	}
}

func (d *decoder) checkBusURL(path, text string, b *Bus) {
	where := d.position(path)
	if d.troubled(where) {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "tls" && u.Scheme != "nats" || u.Hostname() == "" || u.Port() == "" || u.Path != "":
		d.add(where, "write tls://host:port", "%s is not the address of a NATS server", path)
	case u.User != nil:
		d.add(where, "write user: and password: beside it", "%s holds a user", path)
	case u.Scheme == "nats" && b.Encryption != "none" && !loopback(u.Hostname()):
		d.add(where, "write tls://, or bus.encryption: none if that network is your own alone, such as a VPN", "%s: the password and all pictures would not be encrypted", path)
	}
}

// checkSites sees that no site has this supervisor's name, as it could speak as this one, and that a hub lets this one speak as itself.
func (d *decoder) checkSites(b *Bus, node camera.ID) {
	if where := d.position("bus.hub.user"); b.Hub.User != "" && b.Hub.User != string(node) && b.Hub.Credentials == "" && !d.troubled(where) {
		d.add(where, fmt.Sprintf("write node: %s, or the user that the hub has for %s", b.Hub.User, node),
			"bus.hub.user: %q is not the node of this supervisor, which is %q: the hub would hear nothing of it", b.Hub.User, node)
	}
	for i, u := range b.Users {
		path := fmt.Sprintf("bus.users[%d].name", i)
		if where := d.position(path); u.Role == SiteRole && u.Name == string(node) && !d.troubled(where) {
			d.add(where, "give one of them another name", "%s: %q is the node of this supervisor, and that of a site must be another one", path, u.Name)
		}
	}
}

// checkBusFiles looks at the files that bus names.
func (d *decoder) checkBusFiles(cfg *Config) {
	b := &cfg.Bus
	d.checkCredentials(b)
	if files, ok := b.TLS.Files(); ok {
		d.checkPair(cfg, "bus.tls", files)
	}
	for path, file := range map[string]string{"bus.tls.ca": b.TLS.CA, "bus.hub.ca": b.Hub.CA, "bus.external.ca": b.External.CA} {
		if file == "" {
			continue
		}
		if _, err := certificate.Authorities(file); err != nil {
			d.add(d.position(path), "", "%s: %s", path, camera.Say(err))
		}
	}
}

// checkCredentials looks whether the files of users can be read.
func (d *decoder) checkCredentials(b *Bus) {
	for path, file := range map[string]string{"bus.hub.credentials": b.Hub.Credentials, "bus.external.credentials": b.External.Credentials} {
		if file == "" {
			continue
		}
		if _, err := certificate.Read(file); err != nil {
			d.add(d.position(path), "", "%s: %s", path, camera.Say(err))
		}
	}
}

// secrets are the passwords of the bus.
func (b *Bus) secrets() []string {
	all := []string{b.Hub.Password, b.External.Password, b.Cluster.Password}
	for _, u := range b.Users {
		all = append(all, u.Password)
	}
	return all
}
