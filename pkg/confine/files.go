package confine

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// Files are files and folders, each with all below it. What does not exist is passed over.
type Files struct {
	Read  []string // and execute
	Write []string // and read, create, delete; devices: control
	// Hide are folders that cannot be read although they are below others of Read.
	Hide []string
}

// System are the files of the machine that programs read: libraries, plugins, certificates, names of hosts, devices of the processor.
// Whose pictures, passwords and keys there are is elsewhere.
func System() Files {
	read := []string{
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix", "/gnu", "/app", "/snap",
		"/etc", "/var/lib/ca-certificates", "/run", "/mnt/wsl", "/proc", "/sys",
	}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if path := os.Getenv(name); path != "" {
			read = append(read, filepath.SplitList(path)...)
		}
	}
	if program, err := os.Executable(); err == nil {
		read = append(read, program)
	}
	write := []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}
	for _, decoders := range []string{"/dev/dri", "/dev/nvidia*", "/dev/video*", "/dev/media*", "/dev/dma_heap", "/dev/mpp_service"} {
		found, _ := filepath.Glob(decoders) // which fails only on a bad pattern
		write = append(write, found...)
	}
	return Files{Read: read, Write: write}
}

// And returns the files of both.
func (f Files) And(more Files) Files {
	join := func(a, b []string) []string { return append(append([]string(nil), a...), b...) }
	return Files{Read: join(f.Read, more.Read), Write: join(f.Write, more.Write), Hide: join(f.Hide, more.Hide)}
}

var errNoLandlock = errors.New("the kernel has no Landlock (Linux 5.13 has), or it is turned off")

const (
	readRights  = ll.AccessFSExecute | ll.AccessFSReadFile | ll.AccessFSReadDir
	writeRights = readRights | ll.AccessFSWriteFile | ll.AccessFSTruncate | ll.AccessFSIoctlDev | ll.AccessFSMakeReg | ll.AccessFSMakeDir |
		ll.AccessFSRemoveFile | ll.AccessFSRemoveDir
	fileRights = ll.AccessFSExecute | ll.AccessFSReadFile | ll.AccessFSWriteFile | ll.AccessFSTruncate | ll.AccessFSIoctlDev
)

// restrict leaves the process no other files than f. Besides it can neither signal nor look into processes that are not its
// own: the environment of the supervisor may hold passwords.
func (f *Files) restrict() error {
	if f == nil {
		return nil
	}
	if version, err := ll.LandlockGetABIVersion(); err != nil || version < 1 {
		return errNoLandlock
	}
	known := landlock.V6 // of what an older kernel knows less, it does less
	rules := make([]landlock.Rule, 0, len(f.Read)+len(f.Write))
	add := func(path string, rights landlock.AccessFSSet) {
		info, err := os.Stat(path)
		if err != nil {
			return
		}
		if !info.IsDir() {
			rights &= fileRights
		}
		rules = append(rules, landlock.PathAccess(rights, path).IgnoreIfMissing())
	}
	hidden := resolved(f.Hide)
	for _, path := range resolved(f.Read) {
		for _, visible := range around(path, hidden) {
			add(visible, readRights)
		}
	}
	for _, path := range resolved(f.Write) {
		add(path, writeRights)
	}
	return landlock.Config{HandledAccessFS: known.HandledAccessFS, Scoped: known.Scoped}.BestEffort().Restrict(rules...)
}
