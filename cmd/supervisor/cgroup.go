package main

import (
	"errors"
	"log/slog"

	"linkstart/pkg/camera"
	"linkstart/pkg/cgroup"
	"linkstart/pkg/supervise"
)

const (
	// Beyond its limit a camera's process is restarted by the supervisor, which says why. The kernel comes only after that,
	// for what grows faster than heartbeats come.
	memorySpare = 64 << 20 // bytes
	// The guard of a command stops at far fewer processes; these are threads too.
	maxPIDs = 4096
)

// holds opens the cgroup that is delegated to this supervisor, if one is, and returns what holds its cameras' processes.
func holds(log *slog.Logger) func(camera.ID, int64) (supervise.Hold, error) {
	tree, err := cgroup.Open(log)
	switch {
	case errors.Is(err, cgroup.ErrNotDelegated):
		log.Debug("memory and number of processes are not bounded by the kernel", "why", err)
		return nil
	case err != nil:
		log.Warn("memory and number of processes are not bounded by the kernel", "err", err)
		return nil
	}
	log.Info("cameras are held in cgroups", "controllers", tree.Controllers())
	return func(id camera.ID, memory int64) (supervise.Hold, error) {
		limits := cgroup.Limits{PIDs: maxPIDs}
		if memory > 0 {
			limits.Memory = memory + memorySpare
		}
		group, err := tree.Group("camera-"+string(id), limits)
		if err != nil {
			return nil, err // a nil group must not become an interface that is not nil
		}
		return group, nil
	}
}
