package config

import (
	"path/filepath"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/certificate"
)

// checkTLS checks what is written; checkFiles looks at the files.
func (d *decoder) checkTLS(t *TLS, key, dir string) {
	if (t.Cert == "") != (t.Key == "") {
		d.add(d.position(key), "write both cert: and key:, each with the path of a PEM file", "%s has one file where it needs two", key)
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
	if files, ok := cfg.Server.TLS.Files(); ok {
		d.checkPair(cfg, "server.tls", files)
	}
	d.checkBusFiles(cfg)
}

// checkPair looks at a certificate and its key, below which key they are named.
func (d *decoder) checkPair(cfg *Config, under string, files certificate.Files) {
	keys := map[string]string{files.Cert: under + ".cert", files.Key: under + ".key"}
	pair, err := certificate.Load(files)
	if err != nil {
		key := keys[certificate.Of(err)]
		d.add(d.position(key), "", "%s: %s", key, camera.Say(err))
		return
	}
	for _, doubt := range certificate.Doubts(files, pair, time.Now()) {
		key := keys[doubt.File]
		d.doubt(cfg, key, "%s: %s", key, doubt)
	}
}
