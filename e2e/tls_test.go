package e2e

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"linkstart/pkg/certificate/certtest"
)

// TestPageOverTLS uses the page in a browser over HTTPS. The browser is told to take the certificate, which nobody has signed.
func TestPageOverTLS(t *testing.T) {
	s := prepare(t, "cameras:\n  - {id: clock, source: \"test:clock?size=640x360&fps=15\"}\n  - {id: ball, source: \"test:ball?size=640x360&fps=15\"}\n")
	files, pool := certtest.Write(t, s.dir, "page", time.Now().AddDate(0, 1, 0))
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	secure := strings.Replace(string(text), "server: {", fmt.Sprintf("server: {tls: {cert: %q, key: %q}, ", files.Cert, files.Key), 1)
	if err := os.WriteFile(s.config, []byte(secure), 0o600); err != nil {
		t.Fatal(err)
	}
	s.begin()
	t.Cleanup(s.stop)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	t.Cleanup(client.CloseIdleConnections)
	address := "https://" + s.addr
	s.eventually("clock is live", func() error {
		resp, err := client.Get(address + "/metrics")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err == nil && !strings.Contains(string(b), `linkstart_camera_state{camera="clock",state="live"} 1`) {
			err = errors.New("it is not")
		}
		return err
	})
	if !strings.Contains(s.out.String(), "https://"+s.addr) {
		t.Error("the log does not say at which address to open the page")
	}
	p := open(t, chrome(t, chromedp.Flag("ignore-certificate-errors", true)), address+"/", look{}).with(t)
	p.until("tiles are live", func(v sight) bool {
		return v.Connection == "open" && v.tile("clock").Picture == "live" && v.tile("ball").Picture == "live"
	})
	p.click(`button.tile[data-camera=ball]`)
	p.shows("ball")
	p.click(`button.tile[data-camera=clock]`)
	p.shows("clock")
}
