// Package stat sums up samples by their percentiles, without a guess at how they are distributed.
package stat

import (
	"math"
	"slices"
)

// Summary is what is told of a sample; the zero Summary is that of an empty one.
type Summary struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// Of sums up the values, in any order and unit.
func Of(values []float64) Summary {
	if len(values) == 0 {
		return Summary{}
	}
	sorted := slices.Sorted(slices.Values(values))
	sum := 0.0
	for _, v := range sorted {
		sum += v
	}
	return Summary{
		N: len(sorted), Mean: sum / float64(len(sorted)),
		P50: Percentile(sorted, 50), P95: Percentile(sorted, 95), P99: Percentile(sorted, 99), Max: sorted[len(sorted)-1],
	}
}

// Percentile is the nearest rank: the smallest value that p percent (0 to 100) of the sorted values do not exceed. It was
// measured, never interpolated. NaN for none.
func Percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Curve is the distribution as points: y percent of the values are at most x. It has at most most points.
func Curve(values []float64, most int) (x, y []float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := min(len(sorted), most)
	for i := 1; i <= n; i++ {
		p := 100 * float64(i) / float64(n)
		x, y = append(x, Percentile(sorted, p)), append(y, p)
	}
	return x, y
}
