package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Write puts latest.json, latest.md and the charts into dir, and removes charts that are no longer made.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	stale, _ := filepath.Glob(filepath.Join(dir, "*.svg"))
	for _, name := range stale {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	charts, err := r.charts(dir)
	if err != nil {
		return fmt.Errorf("draw charts: %w", err)
	}
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "latest.json"), append(b, '\n'), 0o644); err != nil {
		return err
	}
	var page bytes.Buffer
	r.Markdown(&page, charts)
	return os.WriteFile(filepath.Join(dir, "latest.md"), page.Bytes(), 0o644)
}
