package fleet

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"linkstart/pkg/camera"
	"linkstart/pkg/control"
)

// Handle implements control.Handler.
func (f *Fleet) Handle(_ context.Context, verb string, r control.Request) (control.Reply, error) {
	switch verb {
	case control.Status:
		system := f.system()
		return control.Reply{Cameras: f.Cameras(), System: &system}, nil
	case control.Reload:
		text, err := f.reload(!r.Preview)
		return control.Reply{Text: text}, err
	}
	f.mu.Lock()
	m := f.cameras[r.Camera]
	f.mu.Unlock()
	if m == nil {
		return control.Reply{}, fmt.Errorf("%s: %w", cmp.Or(string(r.Camera), "no camera named"), control.ErrUnknownCamera)
	}
	switch verb {
	case control.Restart:
		m.keeper.Restart(camera.CauseOrder)
	case control.Stop:
		m.keeper.Stop()
	case control.Start:
		m.keeper.Start()
	case control.Logs:
		return control.Reply{Lines: m.log.newest(r.Lines)}, nil
	case control.Failures:
		return control.Reply{Failures: f.failures(m)}, nil
	default:
		return control.Reply{}, fmt.Errorf("%s is not an order", verb)
	}
	f.note(m, slog.LevelInfo, verb+" ordered")
	return control.Reply{}, nil
}
