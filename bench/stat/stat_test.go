package stat_test

import (
	"math"
	"slices"
	"testing"

	"linkstart/bench/stat"
)

func TestSummaryIsOfMeasuredValues(t *testing.T) {
	var hundred []float64
	for i := 100; i >= 1; i-- {
		hundred = append(hundred, float64(i))
	}
	if got, want := stat.Of(hundred), (stat.Summary{N: 100, Mean: 50.5, P50: 50, P95: 95, P99: 99, Max: 100}); got != want {
		t.Errorf("Of(100..1) = %+v, want %+v", got, want)
	}
	if hundred[0] != 100 {
		t.Error("the caller's values were sorted")
	}
	if got, want := stat.Of([]float64{3}), (stat.Summary{N: 1, Mean: 3, P50: 3, P95: 3, P99: 3, Max: 3}); got != want {
		t.Errorf("Of(3) = %+v, want %+v", got, want)
	}
	if got := stat.Of(nil); got != (stat.Summary{}) {
		t.Errorf("Of(nothing) = %+v, want the zero summary", got)
	}
}

func TestPercentile(t *testing.T) {
	for _, c := range []struct{ p, want float64 }{{0, 1}, {25, 1}, {26, 2}, {50, 2}, {75, 3}, {99, 4}, {100, 4}, {200, 4}} {
		if got := stat.Percentile([]float64{1, 2, 3, 4}, c.p); got != c.want {
			t.Errorf("percentile %v of 1 2 3 4 = %v, want %v", c.p, got, c.want)
		}
	}
	if got := stat.Percentile(nil, 50); !math.IsNaN(got) {
		t.Errorf("percentile of nothing = %v, want NaN", got)
	}
}

func TestCurveEndsAtTheLargest(t *testing.T) {
	x, y := stat.Curve([]float64{4, 1, 3, 2}, 2)
	if !slices.Equal(x, []float64{2, 4}) || !slices.Equal(y, []float64{50, 100}) {
		t.Errorf("curve of two points: %v %v", x, y)
	}
}
