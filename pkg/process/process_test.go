package process_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/process"
)

// The test program is also the child: its first argument says what kind.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if run, ok := children[os.Args[1]]; ok {
			run()
			os.Exit(0)
		}
	}
	goleak.VerifyTestMain(m)
}

var children = map[string]func(){
	"echo": func() { // prints its document, then waits for the lifeline's end
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Print("document: ", line)
		_, _ = io.Copy(io.Discard, os.Stdin)
	},
	"stubborn": func() {
		cmd := exec.Command("sh", "-c", `trap "" TERM; echo pid $$; exec 0<&-; while :; do sleep 1; done`)
		cmd.Stdout = os.Stdout
		_ = cmd.Run()
	},
	"ignore": func() {
		ignoreTerm()
		fmt.Println("ignoring")
		time.Sleep(time.Minute)
	},
	"grandchild": func() { // leaves one behind that holds stdout
		cmd := exec.Command("sleep", "60")
		cmd.Stdout = os.Stdout
		_ = cmd.Start()
		fmt.Println("pid", cmd.Process.Pid)
	},
	"long": func() {
		fmt.Println(strings.Repeat("x", 10<<20))
		fmt.Println("after")
	},
	"exit78":      func() { os.Exit(78) },
	"in a cgroup": supervise,
	"escape":      escape,
	"parent": func() { // starts a child by this package and is killed
		p, err := process.Start(process.Spec{Path: os.Args[0], Args: []string{"ignore"}, Line: func(string) {}, Grace: time.Second})
		if err != nil {
			os.Exit(1)
		}
		fmt.Println("pid", p.PID())
		time.Sleep(time.Minute)
	},
}

// short is the grace of those who ignore that they are to end; long is that of the others, who on a busy machine get no turn for a while.
const short, long = 300 * time.Millisecond, 30 * time.Second

func start(t *testing.T, kind string, grace time.Duration, lines chan string) *process.Process {
	t.Helper()
	p, err := process.Start(process.Spec{
		Path: os.Args[0], Args: []string{kind}, Document: []byte("hello\n"), Grace: grace,
		Line: func(s string) { lines <- s },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(context.Background()) })
	return p
}

func pidOf(t *testing.T, line string) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimPrefix(line, "pid "))
	if err != nil {
		t.Fatalf("%q is not a pid line: %v", line, err)
	}
	return pid
}

// gone waits until no process of that number runs (a zombie that init has yet to reap does not run).
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(b), ") Z ") {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}

func TestDocumentAndLifeline(t *testing.T) {
	lines := make(chan string, 10)
	p := start(t, "echo", long, lines)
	if got := <-lines; got != "document: hello" {
		t.Errorf("the child printed %q", got)
	}
	p.Stop(context.Background())
	if e := p.Exit(); e.Signal != syscall.SIGTERM {
		t.Errorf("exit = %s", e)
	}
}

func TestStopKillsWhoIgnoresTerm(t *testing.T) {
	lines := make(chan string, 10)
	p := start(t, "ignore", short, lines)
	<-lines
	p.Stop(context.Background())
	if e := p.Exit(); e.Signal != syscall.SIGKILL {
		t.Errorf("exit = %s, want killed", e)
	}
	gone(t, p.PID())
}

func TestStopKillsTheGroup(t *testing.T) {
	lines := make(chan string, 10)
	p := start(t, "stubborn", short, lines)
	pid := pidOf(t, <-lines)
	p.Stop(context.Background())
	gone(t, pid)
}

func TestGrandchildThatHoldsOutput(t *testing.T) {
	lines := make(chan string, 10)
	p := start(t, "grandchild", short, lines)
	pid := pidOf(t, <-lines)
	<-p.Done()
	if e := p.Exit(); e.Code != 0 {
		t.Errorf("exit = %s", e)
	}
	gone(t, pid)
}

func TestLongLineIsCut(t *testing.T) {
	lines := make(chan string, 10)
	p := start(t, "long", long, lines)
	<-p.Done()
	if first := <-lines; len(first) > 70<<10 {
		t.Errorf("a line of %d bytes was handed out", len(first))
	}
	if got := <-lines; got != "after" {
		t.Errorf("after the long line came %.40q", got)
	}
}

func TestExitCode(t *testing.T) {
	p := start(t, "exit78", long, make(chan string, 1))
	<-p.Done()
	if e := p.Exit(); e.Code != 78 {
		t.Errorf("exit = %s", e)
	}
}

func TestMissingProgram(t *testing.T) {
	if _, err := process.Start(process.Spec{Path: "/does/not/exist", Line: func(string) {}}); err == nil {
		t.Error("no error")
	}
}

func TestDeathOfTheParent(t *testing.T) {
	parent := exec.Command(os.Args[0], "parent")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid := pidOf(t, strings.TrimSpace(line))
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	gone(t, pid)
}
