package fanout

import (
	"container/list"
	"sync"

	"linkstart/pkg/camera"
)

// memoryBytes bounds the JPEGs that are kept of cameras nobody watches.
const memoryBytes = 64 << 20

// memory keeps the last picture of each camera and rendition, the least recently used dropped first. The zero value is
// ready.
type memory struct {
	mu    sync.Mutex
	items map[key]*list.Element // of *remembered
	order list.List             // most recently used first
	bytes int
}

type remembered struct {
	key   key
	frame *camera.Frame
}

func (m *memory) put(k key, f *camera.Frame) {
	if f == nil || len(f.JPEG) > memoryBytes {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.items[k]; e != nil {
		m.drop(e)
	}
	if m.items == nil {
		m.items = make(map[key]*list.Element)
	}
	m.items[k] = m.order.PushFront(&remembered{k, f})
	m.bytes += len(f.JPEG)
	for m.bytes > memoryBytes {
		m.drop(m.order.Back())
	}
}

func (m *memory) get(k key) *camera.Frame {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.items[k]
	if e == nil {
		return nil
	}
	m.order.MoveToFront(e)
	return e.Value.(*remembered).frame
}

func (m *memory) drop(e *list.Element) {
	r := m.order.Remove(e).(*remembered)
	delete(m.items, r.key)
	m.bytes -= len(r.frame.JPEG)
}
