package deploy_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestContainer does what a container engine would: a user without a name or rights, a disk that is read-only but for the volume, the
// configuration and the question after the health that are shipped.
func TestContainer(t *testing.T) {
	dockerfile, err := os.ReadFile("docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?s)HEALTHCHECK .*?CMD (\[.*?\])\n`).FindSubmatch(dockerfile)
	var health []string
	if m == nil || json.Unmarshal(m[1], &health) != nil {
		t.Fatal("the Dockerfile asks for no health")
	}
	for i, word := range health {
		health[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	out := another(t, `
install -d /etc/linkstart /usr/lib/linkstart
install /built/supervisor /built/relay /built/grabber /usr/lib/linkstart/
ln -s ../lib/linkstart/supervisor /usr/bin/linkstart
cp deploy/docker/cameras.yaml /etc/linkstart/
chmod 644 /etc/linkstart/cameras.yaml
install -d -m 700 -o 10001 -g 10001 /var/lib/linkstart
mount -t tmpfs -o mode=700,uid=10001,gid=10001 tmpfs /var/lib/linkstart
health() { timeout 5 `+strings.Join(health, " ")+`; }
health || echo not well before
mount -o remount,ro /
cd /
HOME=/var/lib/linkstart serve 10001 /usr/lib/linkstart/supervisor -config /etc/linkstart/cameras.yaml
until health; do sleep 0.2; done
echo well
snapshot
touch /here || echo the disk is read-only
for try in 1 2 3 4 5; do # the supervisor starts another one in its place, maybe before the question is put
	until pkill -STOP -x relay; do sleep 0.1; done
	health || { echo not well with a relay that hangs; break; }
done
until health; do sleep 0.2; done # with the relay that the supervisor has started in its place
echo well again
halt
health || echo not well after
`)
	says(t, out, "not well before", "well", " ff d8", "the disk is read-only", "not well with a relay that hangs", "well again", "not well after")
}
