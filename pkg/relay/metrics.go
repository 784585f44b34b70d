package relay

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"linkstart/pkg/camera"
)

// metrics are the relay's own registry: counters that grow as frames are sent, and the cameras as they are when asked.
type metrics struct {
	registry               *prometheus.Registry
	frames, bytes, skipped *prometheus.CounterVec

	mu   sync.Mutex
	seen map[camera.ID]struct{}
}

func newMetrics(r *Relay) *metrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"camera"})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(), seen: make(map[camera.ID]struct{}),
		frames:  counter("linkstart_frames_sent_total", "Frames sent to viewers."),
		bytes:   counter("linkstart_frame_bytes_sent_total", "Bytes of JPEG sent to viewers."),
		skipped: counter("linkstart_frames_skipped_total", "Frames not sent to a viewer, because a newer one was there or it wants fewer."),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "linkstart_build_info", Help: "Always 1; the label tells the version.",
		ConstLabels: prometheus.Labels{"version": r.config.Version},
	}, func() float64 { return 1 })
	connections := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "linkstart_connections", Help: "Connections that stay open: WebSocket, multipart, events, logs.",
	}, func() float64 { return float64(r.connections()) })
	people := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "linkstart_people", Help: "Viewers at this relay who have joined a room.",
	}, func() float64 { return float64(r.people.Here()) })
	sockets := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "linkstart_sockets", Help: "Connections to the HTTP server of any kind, also those that wait.",
	}, func() float64 { return float64(r.crowd.size()) })
	bus := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "linkstart_bus_connected", Help: "1 where the relay has a connection to the bus, 0 where it tries to get one.",
	}, func() float64 { return truth(r.nc.IsConnected()) })
	for cause, refused := range r.crowd.refused {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "linkstart_sockets_refused_total", Help: "Connections that met a limit: of all, or of their address.",
			ConstLabels: prometheus.Labels{"cause": cause},
		}, func() float64 { return float64(refused.count.Load()) }))
	}
	m.registry.MustRegister(bus, sockets, m.frames, m.bytes, m.skipped, build, connections, people, cameraCollector{r},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// camera returns a camera's counters.
func (m *metrics) camera(id camera.ID) sentCounters {
	m.mu.Lock()
	m.seen[id] = struct{}{}
	m.mu.Unlock()
	name := string(id)
	return sentCounters{m.frames.WithLabelValues(name), m.bytes.WithLabelValues(name), m.skipped.WithLabelValues(name)}
}

// forget drops the counters of cameras that are no more.
func (m *metrics) forget(known func(camera.ID) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.seen {
		if known(id) {
			continue
		}
		delete(m.seen, id)
		for _, v := range []*prometheus.CounterVec{m.frames, m.bytes, m.skipped} {
			v.DeleteLabelValues(string(id))
		}
	}
}

var (
	byCamera     = []string{"camera"}
	descState    = prometheus.NewDesc("linkstart_camera_state", "1 for the state that a camera is in, 0 for the others.", []string{"camera", "state"}, nil)
	descFPS      = prometheus.NewDesc("linkstart_camera_fps", "Pictures per second from the camera.", byCamera, nil)
	descAge      = prometheus.NewDesc("linkstart_camera_age_seconds", "Age of the camera's newest picture.", byCamera, nil)
	descBitrate  = prometheus.NewDesc("linkstart_camera_bitrate_bits_per_second", "Bits per second that the camera's grabber publishes.", byCamera, nil)
	descRestarts = prometheus.NewDesc("linkstart_camera_restarts_total", "Restarts of the camera's grabber, by cause.", []string{"camera", "cause"}, nil)
	descDecode   = prometheus.NewDesc("linkstart_camera_decode_seconds", "Mean time to decode one of the camera's pictures.", byCamera, nil)
	descEncode   = prometheus.NewDesc("linkstart_camera_encode_seconds", "Mean time to encode one of the camera's frames.", byCamera, nil)
	descMemory   = prometheus.NewDesc("linkstart_camera_memory_bytes", "Resident memory of the camera's grabber and of what it has started.", byCamera, nil)
	descRelay    = prometheus.NewDesc("linkstart_relay_restarts_total", "Restarts of the relay, by cause.", []string{"cause"}, nil)
	descConfig   = prometheus.NewDesc("linkstart_config_last_reload_successful", "1 where the configuration file as it is now is in force, 0 where it has mistakes.", nil, nil)
	descLoaded   = prometheus.NewDesc("linkstart_config_last_reload_success_timestamp_seconds", "When the configuration that is in force was read.", nil, nil)
	descNode     = prometheus.NewDesc("linkstart_node_up", "1 while the machine's supervisor is heard, 0 while it is not.", []string{"node"}, nil)
	descHub      = prometheus.NewDesc("linkstart_uplink_connected", "1 while the hub is reached.", nil, nil)
	descUpFrames = prometheus.NewDesc("linkstart_uplink_frames_total", "Pictures that have crossed to the hub.", nil, nil)
	descUpBytes  = prometheus.NewDesc("linkstart_uplink_bytes_total", "Bytes of JPEG that have crossed to the hub.", nil, nil)
	descUpShed   = prometheus.NewDesc("linkstart_uplink_shed_total", "Pictures that the link to the hub had no room for.", nil, nil)
	descViewers  = prometheus.NewDesc("linkstart_camera_viewers", "Viewers who watch the camera at this relay.", byCamera, nil)
)

// cameraCollector reads the registry whenever it is asked.
type cameraCollector struct{ r *Relay }

func (c cameraCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descState, descFPS, descAge, descBitrate, descRestarts, descViewers, descDecode, descEncode, descMemory,
		descRelay, descConfig, descLoaded, descNode, descHub, descUpFrames, descUpBytes, descUpShed,
	} {
		ch <- d
	}
}

func (c cameraCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, i := range c.r.cameras.List() {
		id := string(i.ID)
		for _, s := range camera.States {
			v := 0.0
			if s == i.State {
				v = 1
			}
			gauge(descState, v, id, string(s))
		}
		gauge(descFPS, i.FPS, id)
		gauge(descBitrate, i.Bitrate, id)
		gauge(descViewers, float64(i.Viewers), id)
		if i.AgeMs >= 0 {
			gauge(descAge, float64(i.AgeMs)/1000, id)
		}
		gauge(descDecode, i.DecodeMs/1000, id)
		gauge(descEncode, i.EncodeMs/1000, id)
		gauge(descMemory, float64(i.RSS), id)
		i.Causes.Each(func(cause camera.Cause, n *int) {
			ch <- prometheus.MustNewConstMetric(descRestarts, prometheus.CounterValue, float64(*n), id, string(cause))
		})
	}
	for node, here := range c.r.cameras.Nodes() {
		gauge(descNode, truth(here), node)
	}
	c.system(ch)
}

// truth is a truth value as Prometheus has it.
func truth(v bool) float64 {
	if v {
		return 1
	}
	return 0
}

// system tells of the supervisor, once that has said how it fares.
func (c cameraCollector) system(ch chan<- prometheus.Metric) {
	s := c.r.condition.get()
	if s.Config.Loaded.IsZero() {
		return
	}
	ch <- prometheus.MustNewConstMetric(descConfig, prometheus.GaugeValue, truth(s.Config.Error == ""))
	if u := s.Uplink; u != nil {
		ch <- prometheus.MustNewConstMetric(descHub, prometheus.GaugeValue, truth(u.Connected))
		ch <- prometheus.MustNewConstMetric(descUpFrames, prometheus.CounterValue, float64(u.Frames))
		ch <- prometheus.MustNewConstMetric(descUpBytes, prometheus.CounterValue, float64(u.Bytes))
		ch <- prometheus.MustNewConstMetric(descUpShed, prometheus.CounterValue, float64(u.Shed))
	}
	ch <- prometheus.MustNewConstMetric(descLoaded, prometheus.GaugeValue, float64(s.Config.Loaded.UnixMilli())/1000)
	s.Relay.Each(func(cause camera.Cause, n *int) {
		ch <- prometheus.MustNewConstMetric(descRelay, prometheus.CounterValue, float64(*n), string(cause))
	})
}
