package check

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/prometheus/promql/parser"
)

const patience = 60 * time.Second

// ofPrometheus are the metrics and labels that Prometheus itself makes.
var ofPrometheus = map[string]bool{"up": true, "instance": true, "job": true}

type rule struct {
	Record, Alert, Expr string
	Annotations         map[string]string
}

func rules(t *testing.T) (all []rule) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []rule }
	}
	read(t, "../prometheus/linkstart.rules.yaml", &file)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 10 {
		t.Fatalf("only %d rules are read", len(all))
	}
	return all
}

// read decodes a YAML file.
func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// promtool runs Prometheus's own tool in the folder of the rules.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	tool, err := exec.LookPath("promtool")
	if err != nil {
		tool = filepath.Join(cache, "linkstart/tools/promtool")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir = "../prometheus"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v (`make test` fetches it): %v\n%s", args, err, out)
	}
}

func TestRules(t *testing.T) {
	promtool(t, "check", "config", "prometheus.yaml")
	promtool(t, "check", "rules", "--lint-fatal", "linkstart.rules.yaml")
	promtool(t, "test", "rules", "linkstart.rules.test.yaml")
	tested, err := os.ReadFile("../prometheus/linkstart.rules.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules(t) {
		if r.Alert != "" && !regexp.MustCompile(`alertname: `+r.Alert+`\n +exp_alerts:\n`).Match(tested) {
			t.Errorf("no test has the alert %s raised", r.Alert)
		}
	}
}

// TestMetricsExist: whatever metric, label or value of a label the rules and the dashboard name, a system that runs has.
func TestMetricsExist(t *testing.T) {
	have := scrape(t)
	expressions := map[string]string{}
	for _, r := range rules(t) {
		expressions["rule "+r.Record+r.Alert] = r.Expr
		if r.Record != "" {
			have[r.Record] = map[string][]string{"instance": nil, "state": nil}
		}
	}
	for title, expr := range dashboard(t) {
		expressions["panel "+title] = expr
	}
	for where, text := range expressions {
		tree, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
			for _, complaint := range missing(node, have) {
				t.Errorf("%s: %s", where, complaint)
			}
			return nil
		})
	}
}

// missing tells what a part of an expression names and nothing has.
func missing(node parser.Node, have map[string]map[string][]string) (complaints []string) {
	grouped := func(names []string) {
		for _, name := range names {
			has := func(metric map[string][]string) bool { _, ok := metric[name]; return ok }
			if !ofPrometheus[name] && !slices.ContainsFunc(slices.Collect(maps.Values(have)), has) {
				complaints = append(complaints, "no metric has the label "+name)
			}
		}
	}
	switch n := node.(type) {
	case *parser.AggregateExpr:
		grouped(n.Grouping)
	case *parser.BinaryExpr:
		if n.VectorMatching != nil {
			grouped(n.VectorMatching.MatchingLabels)
		}
	case *parser.VectorSelector:
		metric, ok := have[n.Name]
		if !ok && !ofPrometheus[n.Name] {
			return append(complaints, "there is no metric "+n.Name)
		}
		for _, m := range n.LabelMatchers {
			values, ok := metric[m.Name]
			switch {
			case m.Name == "__name__" || ofPrometheus[m.Name] || m.Value == ".*":
			case !ok:
				complaints = append(complaints, fmt.Sprintf("%s has no label %s", n.Name, m.Name))
			case values != nil:
				for value := range strings.SplitSeq(m.Value, "|") {
					if !slices.Contains(values, value) {
						complaints = append(complaints, fmt.Sprintf("%s has no %s %q", n.Name, m.Name, value))
					}
				}
			}
		}
	}
	return complaints
}

// dashboard returns what Grafana would ask for each panel, with its variables filled in.
func dashboard(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../grafana/linkstart.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ RefID, Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*", "$camera", ".*")
	all := map[string]string{}
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || len(p.Targets) == 0 {
			t.Errorf("panel %s has the number of another one, or asks for nothing", p.Title)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if at[0] >= 24 || taken[at] != "" {
					t.Fatalf("panel %s covers %s, or is outside", p.Title, taken[at])
				}
				taken[at] = p.Title
			}
		}
		for _, target := range p.Targets {
			all[p.Title+" "+target.RefID] = fill.Replace(target.Expr)
		}
	}
	for _, v := range board.Templating.List {
		if query, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
			selector, _, _ := strings.Cut(query, ", ")
			all["variable "+v.Name] = fill.Replace(selector)
		}
	}
	return all
}

// free returns an address of this machine where nothing listens, nor will before it is used: ports below 32768 are not given to
// connections.
func free(t *testing.T) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)))
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }()
		return l.Addr().String()
	}
}

// launch runs a supervisor until the test ends.
func launch(t *testing.T, dir, name, config string) {
	t.Helper()
	file := filepath.Join(dir, name+".yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "supervisor"), "-config", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // ended by a signal that was sent on purpose
	})
}

// scrape runs a site and its hub, has a viewer see the site, and returns its metrics: their labels, and the values of those.
func scrape(t *testing.T) map[string]map[string][]string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir+"/", "./cmd/...")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build programs: %v: %s", err, out)
	}
	address, bus, leaves := free(t), free(t), free(t)
	const password = "a long password of a site"
	launch(t, dir, "hub", fmt.Sprintf("node: hub\nserver: {listen: %q}\nstate_dir: hub.state\nbus: {listen: %q, leaves: %q, encryption: none, users: [{name: site, role: site, password: %q}]}\n",
		free(t), bus, leaves, password))
	launch(t, dir, "site", fmt.Sprintf("node: site\nserver: {listen: %q}\nstate_dir: site.state\nbus: {encryption: none, hub: {url: \"nats://%s\", leaf_url: \"nats://%s\", user: site, password: %q}}\n"+
		"cameras:\n  - {id: clock, source: \"test:clock\"}\n", address, bus, leaves, password))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	get := func(path string) (io.ReadCloser, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		return resp.Body, nil
	}
	var watching bool
	for {
		if !watching {
			if stream, err := get("/api/v1/cameras/clock/stream.mjpeg"); err == nil {
				defer func() { _ = stream.Close() }()
				_, err = io.CopyN(io.Discard, stream, 10<<10)
				watching = err == nil
			}
		}
		if body, err := get("/metrics"); err == nil {
			b, err := io.ReadAll(body)
			_ = body.Close()
			have := series(string(b))
			late := []string{"linkstart_frames_sent_total", "linkstart_relay_restarts_total", "linkstart_camera_age_seconds", "linkstart_uplink_connected", "linkstart_node_up"}
			if err == nil && !slices.ContainsFunc(late, func(name string) bool { return have[name] == nil }) {
				return have
			}
		}
		select {
		case <-ctx.Done():
			t.Fatal("the system does not show all its metrics")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

var (
	seriesPattern = regexp.MustCompile(`(?m)^([a-zA-Z_:]+)(?:\{(.*)\})? `)
	labelPattern  = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// series reads the text that Prometheus reads.
func series(text string) map[string]map[string][]string {
	all := map[string]map[string][]string{}
	for _, m := range seriesPattern.FindAllStringSubmatch(text, -1) {
		if all[m[1]] == nil {
			all[m[1]] = map[string][]string{}
		}
		for _, l := range labelPattern.FindAllStringSubmatch(m[2], -1) {
			all[m[1]][l[1]] = append(all[m[1]][l[1]], l[2])
		}
	}
	return all
}
