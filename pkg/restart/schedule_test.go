package restart_test

import (
	"testing"
	"time"

	"linkstart/pkg/restart"
)

func TestSchedule(t *testing.T) {
	now := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	for expression, want := range map[string]time.Time{
		"0 4 * * *":                       time.Date(2026, 3, 15, 4, 0, 0, 0, time.UTC),
		"*/20 * * * *":                    time.Date(2026, 3, 14, 15, 20, 0, 0, time.UTC),
		"@weekly":                         time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC),
		"CRON_TZ=Asia/Shanghai 0 4 * * *": time.Date(2026, 3, 14, 20, 0, 0, 0, time.UTC),
		"":                                {},
	} {
		s, err := restart.ParseSchedule(expression)
		if err != nil {
			t.Errorf("%q: %v", expression, err)
			continue
		}
		if got := s.Next(now); !got.Equal(want) {
			t.Errorf("%q: next is %s, want %s", expression, got, want)
		}
	}
	for _, expression := range []string{"4", "61 * * * *", "0 4 * * * *", "0 0 30 2 *", "soon"} {
		if _, err := restart.ParseSchedule(expression); err == nil {
			t.Errorf("%q is taken", expression)
		}
	}
}
