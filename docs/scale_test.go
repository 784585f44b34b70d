package docs_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	equation = regexp.MustCompile(`([0-9(][0-9.()×+/ %A-Za-z-]*) = ([0-9.]+)`)
	words    = regexp.MustCompile(`[A-Za-z%]+(/s)?|-`)
)

// value computes sums of products, as docs/scale.md writes them, without their units.
func value(t *testing.T, text string) float64 {
	t.Helper()
	text = strings.TrimSpace(words.ReplaceAllString(text, ""))
	if inner, rest, ok := strings.Cut(strings.TrimPrefix(text, "("), ")"); ok && strings.HasPrefix(text, "(") {
		text = strconv.FormatFloat(value(t, inner), 'f', -1, 64) + rest
	}
	sum := 0.0
	for term := range strings.SplitSeq(text, "+") {
		product := 1.0
		for factor := range strings.SplitSeq(term, "×") {
			above, below, divided := strings.Cut(factor, "/")
			n, err := strconv.ParseFloat(strings.TrimSpace(above), 64)
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
			if divided {
				d, err := strconv.ParseFloat(strings.TrimSpace(below), 64)
				if err != nil {
					t.Errorf("%q: %v", text, err)
				}
				n /= d
			}
			product *= n
		}
		sum += product
	}
	return sum
}

// TestScaleIsComputed: what docs/scale.md computes is right.
func TestScaleIsComputed(t *testing.T) {
	found := 0
	for _, line := range strings.Split(readPage(t, "docs/scale.md").text, "\n") {
		for _, m := range equation.FindAllStringSubmatch(line, -1) {
			want, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			if got := value(t, m[1]); math.Abs(got-want) > 0.005*want {
				t.Errorf("%s is %g, not %g", m[1], got, want)
			}
			found++
		}
	}
	if found < 12 {
		t.Errorf("only %d equations were found", found)
	}
}
