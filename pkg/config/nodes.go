package config

import (
	"fmt"
	"slices"

	"linkstart/pkg/camera"
)

// Nodes are the machines that may run a camera: nil for this one alone, AnyNode for all that have it.
type Nodes []camera.ID

// AnyNode is every machine that has the camera in its configuration.
const AnyNode = "any"

// Pooled reports whether a camera may run on several machines.
func (n Nodes) Pooled() bool { return len(n) > 0 }

// Has reports whether node is one of them.
func (n Nodes) Has(node camera.ID) bool {
	return slices.Contains(n, AnyNode) || slices.Contains(n, node)
}

func (d *decoder) checkNodes(cam *Camera, path string, b *Bus) {
	where, set := d.at[path+".nodes"]
	if !set || d.troubled(where) {
		return
	}
	if !b.Shared() {
		d.add(where, "write bus.cluster or bus.external, or remove it", "%s.nodes: no other machine shares this one's bus", path)
	}
	for i, node := range cam.Nodes {
		d.checkID(node, fmt.Sprintf("%s.nodes[%d]", path, i), nil)
	}
}
