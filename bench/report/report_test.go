package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linkstart/bench/report"
	"linkstart/bench/stat"
)

func row(goal ...report.Limit) report.Row {
	s := stat.Of([]float64{1, 2, 3, 50})
	return report.Row{What: "a|b", Who: report.Ours, Unit: "ms", Sample: &s, Goal: goal, Note: "of\ntwo lines"}
}

func TestGoalsAreJudged(t *testing.T) {
	for _, c := range []struct {
		name string
		goal []report.Limit
		want string
	}{
		{"no goal", nil, "-"},
		{"reached exactly", []report.Limit{report.AtMost("p50", 2)}, "yes"},
		{"one of two missed", []report.Limit{report.AtMost("p50", 2), report.AtMost("p99", 49)}, "no"},
		{"at least", []report.Limit{report.AtLeast("max", 50)}, "yes"},
		{"at least, missed", []report.Limit{report.AtLeast("max", 51)}, "no"},
		{"of a number that it has not", []report.Limit{report.AtMost("value", 1)}, "-"},
	} {
		r := row(c.goal...)
		r.Judge()
		got := "-"
		if r.Reached != nil {
			got = map[bool]string{true: "yes", false: "no"}[*r.Reached]
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	empty := report.Row{Sample: &stat.Summary{}, Goal: []report.Limit{report.AtMost("p50", 1)}}
	if empty.Judge(); empty.Reached != nil {
		t.Error("a sample without values was judged")
	}
}

func example() *report.Report {
	reached := row(report.AtMost("p50", 2), report.AtMost("p99", 60))
	missed := row(report.AtMost("p99", 30))
	none := report.Row{What: "c", Who: "peer", Unit: "ms", Note: "not installed"}
	reached.Judge()
	missed.Judge()
	r := &report.Report{Schema: report.Schema, Rows: []report.Row{reached, missed, none}}
	r.Old = []report.OldRow{{What: "first picture", Promised: "under 0.2 s", V1: "not published", Measured: "0.01 s"}}
	r.Failed = []report.Failure{{Section: "thin", Why: "no root"}}
	for _, chart := range []string{report.ChartRTSP, report.ChartThin, report.ChartCPU} {
		r.Series = append(r.Series, report.Series{Chart: chart, Name: "A", X: []float64{1, 10}, Y: []float64{5, 6}},
			report.Series{Chart: chart, Name: "B", X: []float64{0, 20}, Y: []float64{7, 8}})
	}
	return r
}

func TestReportIsWritten(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.svg")
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := example()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "latest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back report.Report
	if err := json.Unmarshal(b, &back); err != nil || len(back.Rows) != 3 || *back.Rows[0].Sample != *r.Rows[0].Sample || *back.Rows[1].Reached {
		t.Errorf("read back: %+v %v", back, err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "latest.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`| a\|b | Linkstart | ms | 2 | 50 | 50 |  | p50 ≤ 2, p99 ≤ 60 | yes | of two lines |`,
		"| p99 ≤ 30 | no |", "not installed", "| first picture | under 0.2 s | not published |", "- thin: no root", "](latency-rtsp.svg)", "](cpu-h264.svg)"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	charts, _ := filepath.Glob(filepath.Join(dir, "*.svg"))
	if len(charts) != 3 {
		t.Errorf("charts: %v", charts)
	}
	for _, name := range charts {
		wellFormed(t, name)
	}
}

func wellFormed(t *testing.T, name string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := xml.NewDecoder(f); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func TestTableTellsAll(t *testing.T) {
	var b bytes.Buffer
	r := example()
	r.Table(&b)
	for _, want := range []string{"p50 ≤ 2, p99 ≤ 60", "yes", "not published", "FAILED thin: no root", "1 goals reached, 1 not, 0 without figure"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &b)
		}
	}
}
