package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"linkstart/pkg/access"
	"linkstart/pkg/certificate/certtest"
	"linkstart/pkg/nettest"
)

// decentral makes the keys of a NATS operator with two accounts, that of the system and one with JetStream, and a user of the latter:
// what the server is configured with, and the user's credentials file.
func decentral(t *testing.T) (config, credentials string) {
	t.Helper()
	key := func(prefix nkeys.PrefixByte) (nkeys.KeyPair, string) {
		pair, err := nkeys.CreatePair(prefix)
		if err != nil {
			t.Fatal(err)
		}
		public, err := pair.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		return pair, public
	}
	encoded := func(claims interface {
		Encode(nkeys.KeyPair) (string, error)
	}, by nkeys.KeyPair) string {
		text, err := claims.Encode(by)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	operator, operatorID := key(nkeys.PrefixByteOperator)
	_, systemID := key(nkeys.PrefixByteAccount)
	account, accountID := key(nkeys.PrefixByteAccount)
	user, userID := key(nkeys.PrefixByteUser)
	o := jwt.NewOperatorClaims(operatorID)
	o.SystemAccount = systemID
	a := jwt.NewAccountClaims(accountID)
	a.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	config = fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {%s: %s, %s: %s}\n", encoded(o, operator),
		systemID, systemID, encoded(jwt.NewAccountClaims(systemID), operator), accountID, encoded(a, operator))
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(encoded(jwt.NewUserClaims(userID), account), seed)
	if err != nil {
		t.Fatal(err)
	}
	return config, string(creds)
}

// natsServer runs NATS's own program with TLS, and returns its address and the files of who vouches for it, and of who is let in.
func natsServer(t *testing.T) (url, authorities, credentials string) {
	t.Helper()
	dir := t.TempDir()
	who, creds := decentral(t)
	credentials = filepath.Join(dir, "linkstart.creds")
	if err := os.WriteFile(credentials, []byte(creds), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "nats-server")
	build := exec.Command("go", "build", "-o", program, "github.com/nats-io/nats-server/v2")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build nats-server: %v\n%s", err, out)
	}
	files, _ := certtest.Write(t, dir, "nats", time.Now().Add(30*24*time.Hour))
	addr := nettest.FreeAddr()
	config := filepath.Join(dir, "nats.conf")
	text := fmt.Sprintf(`
listen: %q
max_payload: 8454144
jetstream { store_dir: %q, max_mem: 64M, max_file: 64M }
tls { cert_file: %q, key_file: %q }
%s`, addr, dir, files.Cert, files.Key, who)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	url = "tls://" + addr
	eventually(t, "NATS answers", func() error {
		nc, err := nats.Connect(url, nats.UserCredentials(credentials), nats.RootCAs(files.Cert))
		if err == nil {
			nc.Close()
		}
		return err
	})
	return url, files.Cert, credentials
}

// TestExternalNATS: two supervisors on a NATS server that is neither's. A login holds at both their relays, a selection as well, and
// either shows and orders the other's cameras.
func TestExternalNATS(t *testing.T) {
	t.Parallel()
	url, authorities, credentials := natsServer(t)
	bus := fmt.Sprintf("bus: {external: {url: 'tls://%s, %s', credentials: %s, ca: %s}}\n", nettest.FreeAddr(), url, credentials, authorities) // the first is away
	hash, err := access.Hash("anna's password")
	if err != nil {
		t.Fatal(err)
	}
	alpha := start(t, "node: alpha\n"+bus+fmt.Sprintf("users: [{name: anna, role: admin, password: %q}]\n", hash)+`cameras: [{id: a, source: "test:clock"}]`)
	beta := start(t, "node: beta\n"+bus+"access: {node: alpha}\n"+`cameras: [{id: b, source: "test:bars"}]`)

	if status, _, _ := beta.request("GET", "/api/v1/cameras", nil); status != http.StatusUnauthorized {
		t.Errorf("a stranger gets %d at the relay that has no users of its own", status)
	}
	status, header, body := alpha.request("POST", "/api/v1/session", strings.NewReader(`{"name":"anna","password":"anna's password"}`), "Content-Type", "application/json")
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	if status >= 300 || cookie == "" {
		t.Fatalf("login: %d %s", status, body)
	}
	shown := func(s *system, method, path, text string) (int, string) {
		status, _, body := s.request(method, path, strings.NewReader(text), "Cookie", cookie, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
		return status, string(body)
	}
	for _, s := range []*system{alpha, beta} {
		for _, id := range []string{"a", "b"} {
			s.eventually(id+" is live", func() error {
				if status, body := shown(s, "GET", "/api/v1/cameras/"+id, ""); status != http.StatusOK || !strings.Contains(body, `"state":"live"`) {
					return fmt.Errorf("%d %s", status, body)
				}
				return nil
			})
			s.eventually("snapshot of "+id, func() error { // a busy machine may take longer to make one than is waited for
				if status, body := shown(s, "GET", "/api/v1/cameras/"+id+"/snapshot.jpg", ""); status != http.StatusOK {
					return fmt.Errorf("%d %.200s", status, body)
				}
				return nil
			})
		}
	}
	if status, body := shown(beta, "POST", "/api/v1/cameras/a/restart", ""); status != http.StatusAccepted {
		t.Errorf("restart at the other relay: %d %s", status, body)
	}
	if status, body := shown(beta, "PUT", "/api/v1/rooms/main", `{"camera":"b"}`); status != http.StatusOK {
		t.Errorf("select: %d %s", status, body)
	}
	alpha.eventually("the room shows it at both", func() error {
		if _, body := shown(alpha, "GET", "/api/v1/rooms/main", ""); !strings.Contains(body, `"b"`) {
			return fmt.Errorf("%s", body)
		}
		return nil
	})
	alpha.eventually("a source is tested in time", func() error {
		status, body := shown(alpha, "POST", testPath, `{"source":"test:bars"}`)
		if strings.Contains(body, late) {
			return errors.New(late)
		}
		if status != http.StatusOK {
			t.Errorf("test of a source: %d %.200s", status, body)
		}
		return nil
	})
	for _, s := range []*system{alpha, beta} {
		if out := s.out.String(); strings.Contains(out, "NKEY SEED") {
			t.Error("the log holds the credentials")
		}
	}
}
