package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Line is a row as it is told while the run goes on.
func (r Row) Line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-10s %s: ", r.Who, r.What)
	if r.Sample != nil && r.Sample.N > 0 {
		fmt.Fprintf(&b, "p50 %s p95 %s p99 %s (n=%d) ", number(r.Sample.P50), number(r.Sample.P95), number(r.Sample.P99), r.Sample.N)
	}
	if r.Value != nil {
		fmt.Fprintf(&b, "%s ", number(*r.Value))
	}
	b.WriteString(r.Unit)
	if v := r.verdict(); v != "" {
		fmt.Fprintf(&b, "   goal %s: %s", r.GoalText(), v)
	}
	if r.Note != "" {
		fmt.Fprintf(&b, "   [%s]", r.Note)
	}
	return b.String()
}

// Table prints the report for a terminal.
func (r *Report) Table(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", r.Machine)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WHAT\tWHO\tUNIT\tP50\tP95\tP99\tVALUE\tGOAL\tREACHED\t")
	for _, row := range r.Rows {
		c := row.cells()
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", row.What, row.Who, row.Unit, c[0], c[1], c[2], c[3], row.GoalText(), row.verdict())
	}
	_ = t.Flush()
	if len(r.Old) > 0 {
		fmt.Fprintln(w, "\nThe old framework's table")
		fmt.Fprintln(t, "WHAT\tPROMISED\tV1\tV2\tH.264+RTMP\tMEASURED NOW\t")
		for _, o := range r.Old {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t\n", o.What, o.Promised, o.V1, o.V2, o.RTMP, o.Measured)
		}
		_ = t.Flush()
	}
	for _, f := range r.Failed {
		fmt.Fprintf(w, "\nFAILED %s: %s\n", f.Section, f.Why)
	}
	yes, no, none := r.Tally()
	fmt.Fprintf(w, "\n%d goals reached, %d not, %d without figure; %.0f s\n", yes, no, none, r.Seconds)
}

// Tally counts the goals that were reached, that were not, and those without a figure.
func (r *Report) Tally() (yes, no, none int) {
	for _, row := range r.Rows {
		switch row.verdict() {
		case "yes":
			yes++
		case "no":
			no++
		case "no figure":
			none++
		}
	}
	return yes, no, none
}

// Markdown writes the report as a page.
func (r *Report) Markdown(w io.Writer, charts []string) {
	fmt.Fprintf(w, "# Measurements of %s\n\n%s, Linkstart %s, %.0f s.%s\n\n%s\n\nHow to read this: [README](../README.md).\n\n",
		r.Started.Format(time.DateOnly), r.Started.Format("15:04 MST"), r.Version, r.Seconds,
		map[bool]string{true: " **Short run: to see that it works, not to publish.**"}[r.Quick], r.Machine)
	fmt.Fprintln(w, "| what | who | unit | p50 | p95 | p99 | value | goal | reached | note |\n|---|---|---|---|---|---|---|---|---|---|")
	for _, row := range r.Rows {
		c := row.cells()
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", cell(row.What), row.Who, row.Unit,
			c[0], c[1], c[2], c[3], row.GoalText(), row.verdict(), cell(row.Note))
	}
	for _, c := range charts {
		fmt.Fprintf(w, "\n![%s](%s)\n", c, c)
	}
	if len(r.Old) > 0 {
		fmt.Fprintln(w, "\n## The old framework's table\n\n| what | promised | v1 | v2 | H.264+RTMP | measured now | method |\n|---|---|---|---|---|---|---|")
		for _, o := range r.Old {
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s |\n", cell(o.What), o.Promised, o.V1, o.V2, o.RTMP, cell(o.Measured), cell(o.Method))
		}
	}
	if len(r.Failed) > 0 {
		fmt.Fprintln(w, "\n## Without figures")
		for _, f := range r.Failed {
			fmt.Fprintf(w, "\n- %s: %s", f.Section, cell(f.Why))
		}
		fmt.Fprintln(w)
	}
}

// cell keeps text within a cell of a table.
func cell(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "|", "\\|")), " ")
}
