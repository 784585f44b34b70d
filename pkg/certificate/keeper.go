package certificate

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"

	"linkstart/pkg/camera"
)

// lookEvery is how often the files are looked at, while there are handshakes.
const lookEvery = time.Second

// Keeper hands out the newest pair that its files held. They are looked at when a client comes, so that a renewal needs no
// signal, and files that nobody asks for cost nothing. What cannot be used is told once, and the pair before is kept.
type Keeper struct {
	files Files
	log   *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	stamps [2]stamp // of what was read last, whether it could be used or not
	looked time.Time
}

// stamp changes with a file; nil stands for none.
type stamp struct{ info os.FileInfo }

func (s stamp) same(o stamp) bool {
	if s.info == nil || o.info == nil {
		return s.info == o.info
	}
	return os.SameFile(s.info, o.info) && s.info.ModTime().Equal(o.info.ModTime()) && s.info.Size() == o.info.Size()
}

// Keep reads the pair for the first time.
func Keep(f Files, log *slog.Logger) (*Keeper, error) {
	k := &Keeper{files: f, log: log, stamps: stampsOf(f), looked: time.Now()}
	pair, err := Load(f)
	if err != nil {
		return nil, err
	}
	k.take(pair)
	return k, nil
}

func stampsOf(f Files) (s [2]stamp) {
	for i, name := range []string{f.Cert, f.Key} {
		if info, err := os.Stat(name); err == nil {
			s[i].info = info
		}
	}
	return s
}

func (k *Keeper) take(pair *tls.Certificate) {
	k.pair = pair
	for _, d := range Doubts(k.files, pair, time.Now()) {
		k.log.Warn("about the certificate: " + d.String())
	}
}

// Get is for tls.Config.GetCertificate.
func (k *Keeper) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if now.Sub(k.looked) < lookEvery {
		return k.pair, nil
	}
	k.looked = now
	stamps := stampsOf(k.files)
	if stamps[0].same(k.stamps[0]) && stamps[1].same(k.stamps[1]) {
		return k.pair, nil
	}
	k.stamps = stamps
	pair, err := Load(k.files)
	if err != nil {
		k.log.Error("the renewed certificate cannot be used, the one before is served on: "+camera.Say(err), "err", err)
		return k.pair, nil
	}
	k.take(pair)
	k.log.Info("the certificate was renewed", "valid_until", pair.Leaf.NotAfter)
	return k.pair, nil
}
