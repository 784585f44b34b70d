package execcam

import (
	"bytes"
	"os"
	"strconv"
)

// family finds the children of root, their children and so on, from /proc (proc(5)). Who is of it and who is not never changes
// while root is a subreaper, so it looks at each process of the machine once: the rest of a look is a list of names.
type family struct {
	root  int
	known map[int]bool // process → is of it
}

// look returns those that there are now.
func (f *family) look() (members []int) {
	names, err := processes()
	if err != nil {
		return nil
	}
	now, parents := make(map[int]bool, len(names)), make(map[int]int)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == f.root {
			continue
		}
		if member, ok := f.known[pid]; ok {
			now[pid] = member
		} else if parent, ok := parentOf(pid); ok {
			parents[pid] = parent
		}
	}
	for pid := range parents {
		if member, sure := f.ofRoot(pid, parents, now); sure {
			now[pid] = member
		}
	}
	f.known = now
	for pid, member := range now {
		if member {
			members = append(members, pid)
		}
	}
	return members
}

// ofRoot follows the parents of pid up to root or to somebody known. It is not sure where one has ended meanwhile: then its
// children have another parent already.
func (f *family) ofRoot(pid int, parents map[int]int, known map[int]bool) (member, sure bool) {
	for range len(parents) {
		parent, ok := parents[pid]
		switch {
		case !ok:
			return false, false
		case parent == f.root:
			return true, true
		case parent == 0: // the first process, and those of the kernel
			return false, true
		}
		if member, ok := known[parent]; ok {
			return member, true
		}
		pid = parent
	}
	return false, false
}

func processes() ([]string, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

func parentOf(pid int) (parent int, ok bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	// "pid (name) state parent …", where the name may hold anything, brackets too.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	parent, err = strconv.Atoi(string(fields[1]))
	return parent, err == nil
}
