package relay

import (
	"encoding/json"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDescriptionIsComplete compares the document with the routes: neither may have what the other lacks.
func TestDescriptionIsComplete(t *testing.T) {
	var doc struct {
		OpenAPI string                                `json:"openapi"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("OpenAPI version is %q", doc.OpenAPI)
	}
	var described, served []string
	for path, methods := range doc.Paths {
		for method := range methods {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	parameter := regexp.MustCompile(`:([a-z]+)`)
	r := &Relay{crowd: newCrowd(0, 0, slog.New(slog.DiscardHandler))}
	r.metrics = newMetrics(r)
	for _, route := range r.routes() {
		served = append(served, route.method+" "+parameter.ReplaceAllString(route.path, "{$1}"))
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described:\n%s\nserved:\n%s", strings.Join(described, "\n"), strings.Join(served, "\n"))
	}
}

// TestEveryProblemHasAStatus keeps the table whole.
func TestEveryProblemHasAStatus(t *testing.T) {
	for code, p := range problems {
		if p.status < 400 || p.status > 599 || p.title == "" {
			t.Errorf("problem %s is %+v", code, p)
		}
	}
}
