package config

import (
	"path/filepath"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/certificate"
)

// checkTLS checks what is written; checkFiles looks at the files.
func (d *decoder) checkTLS(t *TLS, dir string) {
	if (t.Cert == "") != (t.Key == "") {
		d.add(d.position("server.tls"), "write both cert: and key:, each with the path of a PEM file", "server.tls has one file where it needs two")
		return
	}
	for _, file := range []*string{&t.Cert, &t.Key} {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(dir, *file)
		}
	}
}

// checkFiles notes which of the named files cannot be used, and what is to be said of the others.
func (d *decoder) checkFiles(cfg *Config) {
	files, ok := cfg.Server.TLS.Files()
	if !ok {
		return
	}
	keys := map[string]string{files.Cert: "server.tls.cert", files.Key: "server.tls.key"}
	pair, err := certificate.Load(files)
	if err != nil {
		key := keys[certificate.Of(err)]
		d.add(d.position(key), "", "%s: %s", key, camera.Say(err))
		return
	}
	for _, doubt := range certificate.Doubts(files, pair, time.Now()) {
		key := keys[doubt.File]
		where := d.position(key)
		where.What = key + ": " + doubt.String()
		cfg.Doubts = append(cfg.Doubts, where)
	}
}
