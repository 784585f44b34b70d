// Package systemd tells systemd how the supervisor fares (sd_notify(3)): that it is ready, what it is doing, and that it still
// works. Where nobody asks for that, it does nothing.
package systemd

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// statusEvery is the time between two status lines, which `systemctl status` shows.
const statusEvery = 10 * time.Second

// Notifier speaks to the service manager that started this process, if one did.
type Notifier struct{ log *slog.Logger }

// New returns a Notifier.
func New(log *slog.Logger) *Notifier { return &Notifier{log} }

func (n *Notifier) say(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		n.log.Warn("systemd was not told", "state", state, "err", err)
	}
}

// Ready says that all is up.
func (n *Notifier) Ready() { n.say(daemon.SdNotifyReady) }

// Stopping says that the end has begun.
func (n *Notifier) Stopping() { n.say(daemon.SdNotifyStopping) }

// Run tells the status line now and then, and feeds the watchdog (WatchdogSec=) as long as alive returns nil, which must
// take less than half of that time. It returns when ctx ends.
func (n *Notifier) Run(ctx context.Context, status func() string, alive func() error) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		n.log.Warn("the watchdog of systemd is not fed", "err", err)
	}
	var feed <-chan time.Time
	if every > 0 {
		tick := time.NewTicker(every / 3)
		defer tick.Stop()
		feed = tick.C
	}
	tell := time.NewTicker(statusEvery)
	defer tell.Stop()
	for n.say("STATUS=" + status()); ; {
		select {
		case <-ctx.Done():
			return
		case <-tell.C:
			n.say("STATUS=" + status())
		case <-feed:
			if err := alive(); err != nil {
				n.log.Error("the supervisor does not work: its watchdog is not fed", "err", err)
				continue
			}
			n.say(daemon.SdNotifyWatchdog)
		}
	}
}
