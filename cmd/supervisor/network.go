package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/certificate"
	"linkstart/pkg/child"
	"linkstart/pkg/config"
	"linkstart/pkg/nodes"
	"linkstart/pkg/process"
	"linkstart/pkg/statedir"
	"linkstart/pkg/supervise"
)

// mostReplicas is on how many servers of a cluster selections are stored: more would make each change slower and save nothing.
const mostReplicas = 3

// startBus starts the embedded server, unless another one takes its place.
func (s *system) startBus(state *statedir.Dir) error {
	if p := s.cfg().Bus.External.Peer; p.URL != "" {
		a, err := s.peerAccess(p)
		s.external = &a
		return err
	}
	network, err := s.network(s.cfg())
	if err != nil {
		return err
	}
	dir := state.Bus()
	if network.Cluster != nil {
		if dir == "" {
			return &camera.Error{Say: "a server of a cluster needs a state directory: set state_dir to a folder of this user's own", Err: camera.ErrConfig}
		}
		dir = filepath.Join(dir, "cluster")
	}
	s.server, err = broker.Start(broker.Options{Dir: dir, Log: s.log, Subjects: s.subjects(), Network: network})
	return err
}

// keepBuckets makes the buckets and sees that they work, until stop.
func (s *system) keepBuckets(ctx context.Context) (stop func(), err error) {
	if s.cfg().Bus.Shared() {
		return broker.ShareBuckets(s.nc, s.replicas(), s.log)
	}
	return s.server.KeepBuckets(ctx, s.nc)
}

// replicas is on how many servers of a shared bus is stored what must not be lost.
func (s *system) replicas() int {
	if s.cfg().Bus.External.URL != "" {
		return s.cfg().Bus.External.Replicas
	}
	return min(mostReplicas, len(s.cfg().Bus.Cluster.Routes)+1)
}

// network is what the bus has to do with other machines.
func (s *system) network(cfg *config.Config) (broker.Network, error) {
	b := cfg.Bus
	n := broker.Network{Node: string(cfg.Node), Listen: b.Listen, Leaves: b.Leaves, Guests: s.guests(cfg)}
	if files, ok := b.TLS.Files(); ok {
		n.TLS = &broker.TLS{Files: files}
		var err error
		if n.TLS.Authorities, err = authorities(b.TLS.CA); err != nil {
			return n, err
		}
	}
	if h := b.Hub; h.URL != "" {
		pool, err := authorities(h.CA)
		if err != nil {
			return n, err
		}
		n.Hub = &broker.Hub{URL: h.LeafURL, User: h.User, Password: h.Password, Credentials: h.Credentials, Authorities: pool}
	}
	if c := b.Cluster; c.Listen != "" {
		n.Cluster = &broker.Cluster{Listen: c.Listen, Routes: c.Routes, Password: c.Password}
	}
	return n, nil
}

func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pool, err := certificate.Authorities(file)
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	return pool, nil
}

// guests are who may join from other machines.
func (s *system) guests(cfg *config.Config) []broker.Guest {
	var all []broker.Guest
	for _, u := range cfg.Bus.Users {
		switch u.Role {
		case config.SiteRole:
			all = append(all, broker.SiteGuest(s.subjects(), u.Name, u.Password, u.Cameras))
		case config.NodeRole:
			all = append(all, broker.NodeGuest(u.Name, u.Password))
		case config.CameraRole:
			all = append(all, broker.CameraGuest(s.subjects(), u.Name, u.Password, u.Cameras))
		case config.ConsumerRole:
			all = append(all, broker.ConsumerGuest(s.subjects(), u.Name, u.Password, u.Cameras))
		}
	}
	return all
}

// peerAccess lets a process of this supervisor onto another one's bus.
func (s *system) peerAccess(p config.Peer) (bus.Access, error) {
	a := bus.Access{URL: p.URL, User: p.User, Password: p.Password, Prefix: s.cfg().Bus.Prefix, Node: string(s.cfg().Node)}
	for _, f := range []struct {
		name string
		text *string
	}{{p.Credentials, &a.Credentials}, {p.CA, &a.CA}} {
		if f.name == "" {
			continue
		}
		b, err := certificate.Read(f.name)
		if err != nil {
			return a, err
		}
		*f.text = string(b)
	}
	return a, nil
}

func (s *system) uplinkSpec(cfg *config.Config) (process.Spec, error) {
	hub, err := s.peerAccess(cfg.Bus.Hub.Peer)
	if err != nil {
		return process.Spec{}, err
	}
	document, err := json.Marshal(child.Uplink{
		Site: s.access(broker.UplinkUser, broker.UplinkPermissions(s.subjects(), string(cfg.Node))),
		Hub:  hub, MainFPS: cfg.Uplink.MainFPS, SubFPS: cfg.Uplink.SubFPS,
	})
	if err != nil {
		return process.Spec{}, fmt.Errorf("describe the uplink to itself: %w", err)
	}
	return process.Spec{
		Path: filepath.Join(s.bin, "relay"), Args: []string{"-uplink"}, Document: document, Grace: supervise.Grace,
		Line: s.childLine("uplink"),
	}, nil
}

// sameBus refuses what cannot change while the supervisor runs.
func (s *system) sameBus(cfg *config.Config) error {
	was, now := s.cfg().Bus, cfg.Bus
	was.Users, now.Users = nil, nil
	if cfg.StateDir != s.cfg().StateDir || cfg.Node != s.cfg().Node || !reflect.DeepEqual(was, now) {
		return errors.New("state_dir, node and bus (but for bus.users) cannot change while the supervisor runs: restart it")
	}
	return nil
}

// beat is this supervisor's sign of life.
func (s *system) beat() nodes.Beat {
	b := nodes.Beat{Version: version, Started: s.started, Cameras: len(s.fleet.Cameras())}
	if s.pool != nil {
		b.Shares = s.pool.Shares()
		b.CutOff = b.Shares && s.pool.CutOff()
	}
	return b
}

// heard is told of each supervisor that comes, goes or was started anew.
func (s *system) heard(n nodes.Node) {
	if n.Name != string(s.cfg().Node) || n.Away || n.Started.Equal(s.started) {
		return
	}
	s.twin.Do(func() {
		s.log.Error("another supervisor on this bus has the same node as this one, and each gets orders for the other: give one of them another node", "node", n.Name)
	})
}
