package restart

import (
	"errors"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says when a process is restarted by the clock, in good health or not.
type Schedule struct{ times cron.Schedule }

// errNever is of a schedule without any time, such as the 30th of February.
var errNever = errors.New("that time never comes")

// ParseSchedule reads a cron expression of five fields (minute, hour, day of month, month, day of week), or @daily, @weekly
// and the like. CRON_TZ=Area/City before it sets the time zone; else it is that of the machine. "" is no schedule.
func ParseSchedule(expression string) (Schedule, error) {
	if expression == "" {
		return Schedule{}, nil
	}
	times, err := cron.ParseStandard(expression)
	if err != nil {
		return Schedule{}, err
	}
	if times.Next(time.Now()).IsZero() {
		return Schedule{}, errNever
	}
	return Schedule{times}, nil
}

// Next returns the first time after now, by the wall clock; zero where there is none.
func (s Schedule) Next(now time.Time) time.Time {
	if s.times == nil {
		return time.Time{}
	}
	return s.times.Next(now.Round(0))
}
