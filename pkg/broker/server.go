// Package broker is the embedded NATS server of a supervisor, and says who may do what on it.
package broker

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/time/rate"

	"linkstart/pkg/bus"
)

const (
	// MaxFrame is the largest JPEG that the bus carries, bytes.
	MaxFrame = 8 << 20

	maxPayload    = MaxFrame + 64<<10 // room for headers
	maxPending    = 2 * maxPayload    // what a consumer may lag behind before its messages are dropped
	writeDeadline = 3 * time.Second
	mostListed    = 1 << 20 // connections
	reportEvery   = 600     // tries to reach another server, one a second
	startTimeout  = 20 * time.Second
)

// Server is the embedded NATS server: loopback, a random port, one user per process with its own password and
// permissions; and other machines as far as Network says. A consumer that does not read loses messages; it never holds up a
// publisher.
type Server struct {
	srv   *server.Server
	users *users
	log   *slog.Logger
	store *store // nil in a cluster, whose servers store together
}

// Options are what Start needs.
type Options struct {
	Dir      string // selections are stored below it, "" for nowhere
	Log      *slog.Logger
	Subjects bus.Subjects
	Network  Network
}

// Start serves the bus until Stop. That nothing can be stored is said in the log and stops nothing: selections are kept in memory
// then.
func Start(o Options) (*Server, error) {
	u := &users{byName: make(map[string]user), plain: o.Network.TLS == nil}
	u.invite(o.Network.Guests)
	options := &server.Options{
		ServerName: "linkstart",
		Host:       "127.0.0.1", Port: server.RANDOM_PORT,
		NoSigs:                     true,
		MaxPayload:                 maxPayload,
		MaxPending:                 maxPending,
		WriteDeadline:              writeDeadline,
		NoFastProducerStall:        true,
		DisableShortFirstPing:      true,
		ConnectErrorReports:        reportEvery,
		ReconnectErrorReports:      reportEvery,
		CustomClientAuthentication: u,
	}
	if err := o.Network.apply(options, o.Subjects, o.Log); err != nil {
		return nil, err
	}
	if o.Network.Cluster != nil {
		options.JetStream, options.StoreDir = true, o.Dir
		options.JetStreamMaxMemory, options.JetStreamMaxStore = maxMemory, maxStore
	}
	srv, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("configure bus: %w", err)
	}
	st := &store{srv: srv, dir: o.Dir, domain: o.Network.Node, log: o.Log}
	srv.SetLoggerV2(natsLog{o.Log, &st.damage, rate.NewLimiter(rate.Every(10*time.Second), 30)}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(startTimeout) {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, fmt.Errorf("start bus: not ready for connections after %s", startTimeout)
	}
	if a, ok := srv.Addr().(*net.TCPAddr); ok {
		u.listens(a.AddrPort().Addr().Unmap())
	}
	s := &Server{srv: srv, users: u, log: o.Log}
	if o.Network.Cluster == nil {
		s.store = st
		s.store.open()
	}
	return s, nil
}

// Warnings are what a person should know of a store that does not work as it should, in sentences; nil where all is well.
func (s *Server) Warnings() []string {
	if s.store == nil {
		return nil
	}
	if say := s.store.warning.Load(); say != nil {
		return []string{*say}
	}
	return nil
}

// URL is where processes of this machine connect.
func (s *Server) URL() string {
	a, ok := s.srv.Addr().(*net.TCPAddr)
	if !ok {
		return s.srv.ClientURL()
	}
	host := a.IP.String()
	if a.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "nats://" + net.JoinHostPort(host, strconv.Itoa(a.Port))
}

// Stop closes every connection and waits until the store is written.
func (s *Server) Stop() {
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
	if s.store != nil {
		s.store.removeTemp()
	}
}

// Permissions are the subjects that a user may publish and subscribe; Reply lets it answer requests that it received.
type Permissions struct {
	Publish   []string
	Subscribe []string
	Reply     bool
}

// AllowAll is for the supervisor itself and for the command line.
var AllowAll = Permissions{Publish: []string{">"}, Subscribe: []string{">"}}

// AddUser lets name in with these permissions, beside its own inbox, and returns its new password. A user of that name
// is replaced; a connection that it already has keeps its rights.
func (s *Server) AddUser(name string, p Permissions) string {
	password := rand.Text()
	s.users.add(name, user{password: password, permissions: p})
	return password
}

// Invite lets these in from other machines, and none that were before and are not named now. Connections of those who may not go on as
// they have are cut; which user a leaf node is the server does not tell, so where one site may not, all of them join anew, in a second.
func (s *Server) Invite(guests []Guest) {
	clients, leaves := s.users.invite(guests)
	if len(clients) > 0 {
		list, err := s.srv.Connz(&server.ConnzOptions{Username: true, Limit: mostListed})
		if err != nil {
			s.log.Error("who may not join the bus any more may go on until the supervisor is restarted", "err", err)
			return
		}
		for _, c := range list.Conns {
			if clients[c.AuthorizedUser] {
				_ = s.srv.DisconnectClientByID(c.Cid) // fails only where it has gone
			}
		}
	}
	if leaves {
		list, err := s.srv.Leafz(nil)
		if err != nil {
			s.log.Error("sites that may not join the bus any more may go on until the supervisor is restarted", "err", err)
			return
		}
		for _, l := range list.Leafs {
			if !l.IsSpoke { // else it is the hub
				_ = s.srv.DisconnectClientByID(l.ID) // fails only where it has gone
			}
		}
	}
}

// RemoveUser lets name in no more.
func (s *Server) RemoveUser(name string) { s.users.remove(name) }

type user struct {
	password    string
	permissions Permissions
}

// users authenticates connections. It is asked at connect time, so users come and go without a reload of the server.
type users struct {
	plain bool // other machines need not encrypt

	mu     sync.Mutex
	here   netip.Addr // where the server listens, once it does: it may have been told a name
	byName map[string]user
	guests map[string]Guest
}

// invite returns the clients that are not what they were, and whether leaf nodes are not.
func (u *users) invite(guests []Guest) (clients map[string]bool, leaves bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := u.guests
	u.guests = make(map[string]Guest, len(guests))
	for _, g := range guests {
		u.guests[g.Name] = g
	}
	clients = make(map[string]bool)
	for name, g := range before {
		if !reflect.DeepEqual(g, u.guests[name]) {
			clients[name] = true
			leaves = leaves || g.Leaf != nil
		}
	}
	return clients, leaves
}

func (u *users) listens(here netip.Addr) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.here = here
}

// find returns who may come in by this kind of connection, from there.
func (u *users) find(c server.ClientAuthentication) (v user, ok bool) {
	name := c.GetOpts().Username
	u.mu.Lock()
	defer u.mu.Unlock()
	if v, ok = u.byName[name]; ok {
		return v, c.Kind() == server.CLIENT && local(c.RemoteAddress(), u.here)
	}
	g := u.guests[name]
	allowed := g.Client
	if c.Kind() == server.LEAF {
		allowed = g.Leaf
	}
	if allowed == nil || !u.plain && c.GetTLSConnectionState() == nil && !local(c.RemoteAddress(), u.here) {
		return user{}, false
	}
	return user{g.Password, *allowed}, true
}

func (u *users) add(name string, v user) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.byName[name] = v
}

func (u *users) remove(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.byName, name)
}

// Check implements server.Authentication.
func (u *users) Check(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	v, ok := u.find(c)
	if !ok || subtle.ConstantTimeCompare([]byte(v.password), []byte(o.Password)) != 1 {
		return false
	}
	p := &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: v.permissions.Publish},
		Subscribe: &server.SubjectPermission{Allow: append([]string{bus.InboxPrefix(o.Username) + ".>"}, v.permissions.Subscribe...)},
	}
	if v.permissions.Reply {
		p.Response = &server.ResponsePermission{MaxMsgs: 1, Expires: 10 * time.Second}
	}
	c.RegisterUser(&server.User{Username: o.Username, Permissions: p})
	return true
}

// natsLog puts the server's own log into ours. Its notices are of interest to developers only, and what it says of its files,
// for each message that it cannot store, is said once and in other words by store and keeper.
type natsLog struct {
	log    *slog.Logger
	damage *atomic.Pointer[string] // what was said first of its files
	rate   *rate.Limiter
}

var ofFiles = []string{"Filestore ", "JetStream failed to store", "JetStream stream ", "Stream create failed", "Filesystem permission denied",
	"  Error ", "  Missing stream", "  Stream metafile"}

func (l natsLog) put(level slog.Level, f string, v []any) {
	if !l.rate.Allow() { // strangers can have the server say things
		level = slog.LevelDebug
	}
	for _, prefix := range ofFiles {
		if strings.HasPrefix(f, prefix) {
			level = slog.LevelDebug
			text := fmt.Sprintf(strings.TrimSpace(f), v...)
			l.damage.CompareAndSwap(nil, &text)
		}
	}
	l.log.Log(context.Background(), level, fmt.Sprintf(f, v...))
}

func (l natsLog) Noticef(f string, v ...any) { l.log.Debug(fmt.Sprintf(f, v...)) }
func (l natsLog) Warnf(f string, v ...any) {
	if strings.HasPrefix(f, "Maximum payloads over") { // a discouragement that pictures cannot heed
		return
	}
	l.put(slog.LevelWarn, f, v)
}
func (l natsLog) Errorf(f string, v ...any) { l.put(slog.LevelError, f, v) }
func (l natsLog) Fatalf(f string, v ...any) { l.log.Error(fmt.Sprintf(f, v...)) }
func (l natsLog) Debugf(f string, v ...any) { l.log.Debug(fmt.Sprintf(f, v...)) }
func (l natsLog) Tracef(f string, v ...any) { l.log.Debug(fmt.Sprintf(f, v...)) }

var _ server.Authentication = (*users)(nil)
