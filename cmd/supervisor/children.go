package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/capture/execcam"
	"linkstart/pkg/child"
	"linkstart/pkg/config"
	"linkstart/pkg/fleet"
	"linkstart/pkg/process"
	"linkstart/pkg/restart"
	"linkstart/pkg/secret"
	"linkstart/pkg/supervise"
)

func (s *system) subjects() bus.Subjects { return bus.Subjects{Prefix: s.cfg().Bus.Prefix} }

// access lets user onto the bus; its password stays the same while the supervisor runs, so that a reload does not look
// like a change to every process.
func (s *system) access(user string, p broker.Permissions) bus.Access {
	if s.external != nil {
		return *s.external
	}
	password, ok := s.passwords[user]
	if !ok {
		password = s.server.AddUser(user, p)
		s.passwords[user] = password
		s.scrub.Add(password)
	}
	return bus.Access{
		URL: s.server.URL(), User: user, Password: password, Prefix: s.cfg().Bus.Prefix, Node: string(s.cfg().Node),
	}
}

func (s *system) forget(user string) {
	if s.server != nil {
		s.server.RemoveUser(user)
	}
	delete(s.passwords, user)
}

// descriptions tells the fleet of every camera in cfg that runs here.
func (s *system) descriptions(cfg *config.Config) ([]fleet.Description, error) {
	held := s.held()
	all := make([]fleet.Description, 0, len(cfg.Cameras))
	for place, c := range cfg.Cameras {
		term := held[c.ID]
		if c.Nodes.Pooled() && term == 0 {
			continue
		}
		spec := cfg.Spec(c)
		secrets := append(secret.Secrets(spec.Source), slices.Sorted(maps.Values(spec.Env))...)
		var substream *child.Stream
		if kind := c.SubstreamKind(); kind != "" {
			substream = &child.Stream{Kind: string(kind), Source: c.Substream.Reveal()}
			secrets = append(secrets, secret.Secrets(substream.Source)...)
		}
		action := cfg.FailureAction(c)
		if action != nil { // the guard is in the grabber
			action.Guard = []string{filepath.Join(s.bin, "grabber"), execcam.GuardArg}
		}
		schedule, err := restart.ParseSchedule(c.RestartAt)
		if err != nil {
			return nil, fmt.Errorf("plan restarts of camera %s: %w", c.ID, err)
		}
		document, err := json.Marshal(child.Grabber{
			Bus:  s.access(broker.GrabberUser(c.ID), broker.GrabberPermissions(s.subjects(), c.ID)),
			Kind: string(c.Kind()), Camera: spec, Substream: substream, Standby: c.Standby, MinChange: c.MinChange,
			FrozenAfter: c.FrozenAfter, MemoryLimit: int64(c.MemoryLimit), Secrets: secrets, Hide: []string{cfg.StateDir},
		})
		if err != nil {
			return nil, fmt.Errorf("describe camera %s to its grabber: %w", c.ID, err)
		}
		all = append(all, fleet.Description{
			ID: c.ID, Name: c.Name, Group: c.Group, Source: c.Source.String(), Place: place, Term: term,
			MemoryLimit: int64(c.MemoryLimit), StallAfter: stallAfter(c), RestartAt: schedule, OnFailure: action,
			Process: process.Spec{Path: s.grabber(c.Kind(), c.SubstreamKind()), Document: document, Grace: supervise.Grace},
		})
	}
	return all, nil
}

// stallAfter is when the picture of a live camera has had the same number for so long that its process must hang: its source
// should have noticed twice over. A camera that is polled seldom takes its time.
func stallAfter(c *config.Camera) time.Duration {
	between := time.Duration(float64(time.Second) / c.FPS)
	return 2*max(c.ReadTimeout, c.OpenTimeout, between) + 5*time.Second
}

// grabber returns the program for a camera with streams of these kinds. Only opencv: needs the one that is linked to OpenCV; where that is not
// built, the other one says how to mend it.
func (s *system) grabber(streams ...config.Kind) string {
	if slices.Contains(streams, config.OpenCV) {
		if path := filepath.Join(s.bin, "grabber-opencv"); exists(path) {
			return path
		}
	}
	return filepath.Join(s.bin, "grabber")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (s *system) relaySpec(cfg *config.Config) (process.Spec, error) {
	rooms := make([]child.Room, 0, len(cfg.Rooms))
	for _, r := range cfg.Rooms {
		rooms = append(rooms, child.Room{ID: r.ID, AlarmTakeover: r.AlarmTakeover})
	}
	var pair *child.TLS
	if files, ok := cfg.Server.TLS.Files(); ok {
		pair = &child.TLS{Cert: files.Cert, Key: files.Key}
	}
	document, err := json.Marshal(child.Relay{
		Bus:       s.access(broker.RelayUser, broker.RelayPermissions(s.subjects())),
		Authority: string(cfg.Access.Node),
		Listen:    cfg.Server.Listen, TLS: pair, Origins: cfg.Server.Origins, Rooms: rooms,
		MaxBytes: int(cfg.Limits.FrameBytes), MaxPixels: cfg.Limits.FramePixels, Version: version,
		Upload: cfg.Server.Upload, Names: cfg.Server.Names, FrameAncestors: cfg.Server.FrameAncestors,
		MaxConnections: cfg.Server.MaxConnections, MaxPerAddress: cfg.Server.MaxConnectionsPerAddress,
	})
	if err != nil {
		return process.Spec{}, fmt.Errorf("describe the relay to itself: %w", err)
	}
	return process.Spec{
		Path: filepath.Join(s.bin, "relay"), Document: document, Grace: supervise.Grace, Line: s.childLine("relay"),
	}, nil
}

// childLine puts what a process prints into the log.
func (s *system) childLine(process string) func(string) {
	return func(line string) {
		record := child.ParseLine(line, s.scrub.Scrub)
		record.AddAttrs(slog.String("process", process))
		ctx := context.Background()
		if h := s.log.Handler(); h.Enabled(ctx, record.Level) {
			_ = h.Handle(ctx, record) // there is nowhere to say that logging fails
		}
	}
}
