package fleet

import (
	"fmt"
	"strings"
	"testing"
)

func TestTailKeepsTheNewestLines(t *testing.T) {
	var l tail
	for i := range 100 {
		l.add(fmt.Sprint("line ", i))
	}
	if got := l.read(); len(got) != tailLines || got[0] != "line 80" || got[tailLines-1] != "line 99" {
		t.Errorf("kept are %q", got)
	}
}

// TestTailKeepsTheBeginningOfACrash: its reason comes first, goroutines without end follow.
func TestTailKeepsTheBeginningOfACrash(t *testing.T) {
	var l tail
	for i := range 50 {
		l.add(fmt.Sprint("line ", i))
	}
	l.add("panic: runtime error: index out of range")
	for i := range 500 {
		l.add(fmt.Sprint("goroutine ", i))
	}
	got := strings.Join(l.read(), "\n")
	if len(l.read()) != tailLines+crashLines || !strings.Contains(got, "line 49\npanic: runtime error") || !strings.Contains(got, "goroutine 5") {
		t.Errorf("kept are %s", got)
	}
}

func TestTailCutsLongLines(t *testing.T) {
	var l tail
	l.add(strings.Repeat("机", 1000))
	if got := l.read()[0]; len(got) > tailWidth+8 || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("kept are %d bytes: %s", len(got), got)
	}
}
