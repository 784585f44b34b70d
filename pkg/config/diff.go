package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"linkstart/pkg/camera"
)

// Changes tell what a new configuration does to a running system. Ids are in the order of their configuration.
type Changes struct {
	Added   []camera.ID
	Removed []camera.ID
	Changed []camera.ID // something that the camera's process is told is different
	Renamed []camera.ID // only the name or group, which no process of a camera is told
	Planned []camera.ID // only restart_at, on_failure or nodes, which the supervisor alone uses
	// ServerChanged is true when anything else than cameras and their defaults is different. A different state_dir,
	// node or bus prefix needs all processes to be started again.
	ServerChanged bool
	AccessChanged bool // users, or how they log in
}

// Empty tells whether nothing is different.
func (c Changes) Empty() bool { return reflect.DeepEqual(c, Changes{}) }

// Diff compares two configurations.
func Diff(old, new *Config) Changes {
	var c Changes
	before := map[camera.ID]*Camera{}
	for _, cam := range old.Cameras {
		before[cam.ID] = cam
	}
	for _, cam := range new.Cameras {
		was, known := before[cam.ID]
		delete(before, cam.ID)
		switch {
		case !known:
			c.Added = append(c.Added, cam.ID)
		case !reflect.DeepEqual(old.Spec(was), new.Spec(cam)), was.told() != cam.told(),
			was.Substream.Reveal() != cam.Substream.Reveal():
			c.Changed = append(c.Changed, cam.ID)
		case was.Name != cam.Name || was.Group != cam.Group:
			c.Renamed = append(c.Renamed, cam.ID)
		case was.RestartAt != cam.RestartAt, !slices.Equal(was.Nodes, cam.Nodes), !reflect.DeepEqual(old.FailureAction(was), new.FailureAction(cam)):
			c.Planned = append(c.Planned, cam.ID)
		}
	}
	for _, cam := range old.Cameras {
		if _, gone := before[cam.ID]; gone {
			c.Removed = append(c.Removed, cam.ID)
		}
	}
	c.ServerChanged = !reflect.DeepEqual(old.server(), new.server())
	c.AccessChanged = !reflect.DeepEqual(old.Policy(), new.Policy())
	return c
}

// server returns all of c but the cameras, the users and what only they need.
func (c *Config) server() Config {
	return Config{Server: c.Server, StateDir: c.StateDir, Node: c.Node, Bus: c.Bus, Uplink: c.Uplink, Limits: c.Limits, Rooms: c.Rooms}
}

// String tells a person what changed.
func (c Changes) String() string {
	var parts []string
	for _, p := range []struct {
		what string
		ids  []camera.ID
	}{{"added", c.Added}, {"removed", c.Removed}, {"changed", c.Changed}, {"renamed", c.Renamed}, {"planned anew", c.Planned}} {
		if len(p.ids) > 0 {
			parts = append(parts, fmt.Sprintf("%s %v", p.what, p.ids))
		}
	}
	if c.ServerChanged {
		parts = append(parts, "server settings changed")
	}
	if c.AccessChanged {
		parts = append(parts, "users changed")
	}
	if len(parts) == 0 {
		return "nothing changed"
	}
	return strings.Join(parts, ", ")
}
