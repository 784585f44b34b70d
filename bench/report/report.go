// Package report is what a run of the bench has found: figures with their goals, on the terminal, as JSON, as Markdown and as
// charts.
package report

import (
	"fmt"
	"strings"
	"time"

	"linkstart/bench/stat"
)

// Schema names the form of the JSON; it changes when a field changes its meaning or goes.
const Schema = "linkstart-bench/1"

// Ours is who the rows of Linkstart are about.
const Ours = "Linkstart"

// Report is one run.
type Report struct {
	Schema  string    `json:"schema"`
	Quick   bool      `json:"quick"`   // short sections: to see that it works, not to publish
	Started time.Time `json:"started"` // UTC
	Seconds float64   `json:"seconds"` // the whole run
	Version string    `json:"version"` // of Linkstart, as git describes it
	Machine Machine   `json:"machine"`
	Rows    []Row     `json:"rows"`
	Old     []OldRow  `json:"old_framework"`
	Series  []Series  `json:"series"` // what the charts show
	Failed  []Failure `json:"failed"` // sections without, or without all of, their figures
}

// Row is one figure of one program.
type Row struct {
	Section string        `json:"section"`
	Key     string        `json:"key"`               // names the figure for programs; the same for all who are compared
	What    string        `json:"what"`              // for people
	Who     string        `json:"who"`               // Ours, or a peer
	Unit    string        `json:"unit"`              // of all numbers
	Sample  *stat.Summary `json:"sample,omitempty"`  // of a figure that has a distribution
	Value   *float64      `json:"value,omitempty"`   // of one that has none
	Goal    []Limit       `json:"goal,omitempty"`    // what is to be reached
	Reached *bool         `json:"reached,omitempty"` // all of Goal; absent where there is no goal or no figure
	Note    string        `json:"note,omitempty"`    // what else is to be known
}

// Limit is a goal for one number of a row.
type Limit struct {
	Stat  string  `json:"stat"`  // p50, p95, p99, max, value
	Least bool    `json:"least"` // the number is to be at least, not at most, Bound
	Bound float64 `json:"bound"`
}

// AtMost is a goal that a number is not to exceed.
func AtMost(stat string, bound float64) Limit { return Limit{Stat: stat, Bound: bound} }

// AtLeast is a goal that a number is not to fall below.
func AtLeast(stat string, bound float64) Limit { return Limit{Stat: stat, Least: true, Bound: bound} }

// OldRow is one line of the old framework's own table.
type OldRow struct {
	What     string `json:"what"`
	Promised string `json:"promised"` // by its description
	V1       string `json:"v1"`       // its published columns
	V2       string `json:"v2"`
	RTMP     string `json:"h264_rtmp"`
	Measured string `json:"measured"` // ours, in this run
	Method   string `json:"method"`   // how we measured
}

// Failure is a section that did not do all it should.
type Failure struct {
	Section string `json:"section"`
	Why     string `json:"why"`
}

// Series is a line or a bar in a chart.
type Series struct {
	Chart string    `json:"chart"`
	Name  string    `json:"name"`
	X     []float64 `json:"x,omitempty"`
	Y     []float64 `json:"y"`
}

// Numbers returns the row's number of that name, false where it has none.
func (r Row) number(name string) (float64, bool) {
	if name == "value" && r.Value != nil {
		return *r.Value, true
	}
	if r.Sample == nil || r.Sample.N == 0 {
		return 0, false
	}
	v, ok := map[string]float64{"p50": r.Sample.P50, "p95": r.Sample.P95, "p99": r.Sample.P99, "max": r.Sample.Max, "mean": r.Sample.Mean}[name]
	return v, ok
}

// Judge sets Reached.
func (r *Row) Judge() {
	r.Reached = nil
	if len(r.Goal) == 0 {
		return
	}
	reached := true
	for _, g := range r.Goal {
		v, ok := r.number(g.Stat)
		if !ok {
			return
		}
		if g.Least && v < g.Bound || !g.Least && v > g.Bound {
			reached = false
		}
	}
	r.Reached = &reached
}

// GoalText is the goal in words, "" where there is none.
func (r Row) GoalText() string {
	var parts []string
	for _, g := range r.Goal {
		sign := "≤"
		if g.Least {
			sign = "≥"
		}
		name := g.Stat + " "
		if g.Stat == "value" {
			name = ""
		}
		parts = append(parts, fmt.Sprintf("%s%s %s", name, sign, number(g.Bound)))
	}
	return strings.Join(parts, ", ")
}

// verdict is yes, no, or "" where nothing was to be reached.
func (r Row) verdict() string {
	switch {
	case len(r.Goal) == 0:
		return ""
	case r.Reached == nil:
		return "no figure"
	case *r.Reached:
		return "yes"
	}
	return "no"
}

// number has three digits that count.
func number(v float64) string {
	switch {
	case v == float64(int64(v)) && v < 1e7:
		return fmt.Sprintf("%d", int64(v))
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// cells are the row's numbers as they are printed: p50, p95, p99, value.
func (r Row) cells() [4]string {
	var cells [4]string
	for i, name := range []string{"p50", "p95", "p99", "value"} {
		if v, ok := r.number(name); ok {
			cells[i] = number(v)
		}
	}
	return cells
}
