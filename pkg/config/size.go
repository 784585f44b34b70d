package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// size says what a value that is a number of bytes may be.
type size struct {
	least, most     int64 // bytes
	lowest, highest string
	example         string
}

// sizes are the types of such values.
var sizes = map[reflect.Type]size{
	bytesType:  {1 << 10, 8 << 20, "1KiB", "8MiB", "8MiB"},
	memoryType: {32 << 20, 64 << 30, "32MiB", "64GiB", "512MiB"},
}

// units of sizes, the longest names first.
var units = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

func (s size) set(v reflect.Value, text string) (what, hint string) {
	number, factor := text, 1.0
	for _, u := range units {
		if strings.HasSuffix(text, u.name) {
			number, factor = strings.TrimSpace(strings.TrimSuffix(text, u.name)), u.bytes
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(f) {
		return "is not a size", fmt.Sprintf("write it like %s, or in bytes", s.example)
	}
	if f *= factor; f < float64(s.least) || f > float64(s.most) {
		return "is out of range", fmt.Sprintf("%s to %s can be set", s.lowest, s.highest)
	}
	v.SetInt(int64(f))
	return "", ""
}
