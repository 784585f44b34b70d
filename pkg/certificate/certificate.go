// Package certificate reads a certificate and its key from two files, says what is wrong with them, and takes renewed ones
// while it is in use.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"linkstart/pkg/camera"
)

// maxFile bounds each of the files, in bytes.
const maxFile = 1 << 20

// Files are where a certificate, with those between it and its root, and its private key are, both as PEM.
type Files struct{ Cert, Key string }

// Load reads the pair. The error says how to mend it, and which file is concerned: see Of.
func Load(f Files) (*tls.Certificate, error) {
	cert, err := Read(f.Cert)
	if err != nil {
		return nil, err
	}
	key, err := Read(f.Key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	switch {
	case err == nil:
	case x509.NewCertPool().AppendCertsFromPEM(cert): // so the fault is in the other
		return nil, wrong(f.Key, err, "holds no key of the certificate in %s: name the key that the certificate was made with", f.Cert)
	default:
		return nil, wrong(f.Cert, err, "holds no certificate: it must be PEM, with a line BEGIN CERTIFICATE")
	}
	if pair.Leaf == nil { // only where an old behaviour is asked for by GODEBUG
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, wrong(f.Cert, err, "holds no certificate that can be read")
		}
	}
	return &pair, nil
}

// fault is an error of one of the files.
type fault struct {
	said camera.Error
	file string
}

func (f *fault) Error() string { return f.said.Error() }
func (f *fault) Unwrap() error { return &f.said }

func wrong(file string, cause error, format string, a ...any) error {
	return &fault{camera.Error{Say: file + " " + fmt.Sprintf(format, a...), Err: cause}, file}
}

// Of is the file that an error of Load is about, "" where it is another error.
func Of(err error) string {
	var f *fault
	if errors.As(err, &f) {
		return f.file
	}
	return ""
}

// Read returns what a file holds. The error says how to mend it.
func Read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() { // opening a named pipe could wait for ever
		return nil, wrong(name, nil, "is no file: name one that holds PEM")
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, wrong(name, err, "is not there: write the path of a file")
	case errors.Is(err, fs.ErrPermission):
		return nil, wrong(name, err, "may not be read by the user who runs this: give that user the right, also in its folders")
	case err != nil:
		return nil, wrong(name, err, "cannot be read")
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, wrong(name, err, "cannot be read")
	}
	if len(b) > maxFile {
		return nil, wrong(name, camera.ErrTooLarge, "is too large for a certificate or key")
	}
	return b, nil
}

// soon is how long before its end a certificate is worth a word: whoever renews it by itself has done so before.
const soon = 7 * 24 * time.Hour

// Doubts say what a browser will complain of, or should not be as it is, though it can be served. The file that each is about
// comes with it.
func Doubts(f Files, pair *tls.Certificate, now time.Time) (doubts []Doubt) {
	leaf := pair.Leaf
	day := func(t time.Time) string { return t.Local().Format(time.DateTime) }
	switch {
	case now.After(leaf.NotAfter):
		doubts = append(doubts, Doubt{f.Cert, "has expired at " + day(leaf.NotAfter) + ", and browsers refuse it: renew it"})
	case now.Before(leaf.NotBefore):
		doubts = append(doubts, Doubt{f.Cert, "is not valid before " + day(leaf.NotBefore) + ": see whether this machine's clock is right"})
	case leaf.NotAfter.Sub(now) < soon:
		doubts = append(doubts, Doubt{f.Cert, "expires at " + day(leaf.NotAfter) + ": renew it"})
	}
	if info, err := os.Stat(f.Key); err == nil && info.Mode().Perm()&0o007 != 0 {
		doubts = append(doubts, Doubt{f.Key, "can be read by every user of this machine: chmod o= " + f.Key})
	}
	return doubts
}

// Doubt is one of them.
type Doubt struct{ File, Say string }

func (d Doubt) String() string { return d.File + " " + d.Say }

// Authorities reads a file of authorities as PEM. The error says how to mend it.
func Authorities(file string) (*x509.CertPool, error) {
	b, err := Read(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, wrong(file, nil, "holds no certificate: it must be PEM, with a line BEGIN CERTIFICATE")
	}
	return pool, nil
}
