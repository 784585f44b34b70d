package config

import (
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// fields are the keys of a struct, in the order in which they are written; those of embedded structs included.
type fields []reflect.StructField

func fieldsOf(t reflect.Type) fields {
	var all fields
	for _, f := range reflect.VisibleFields(t) {
		if name := key(f); name != "" && name != "-" {
			all = append(all, f)
		}
	}
	return all
}

func key(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

func (fs fields) find(name string) (reflect.StructField, bool) {
	for _, f := range fs {
		if key(f) == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func (fs fields) names() []string {
	names := make([]string, len(fs))
	for i, f := range fs {
		names[i] = key(f)
	}
	return names
}

// limits reads minimum and maximum from a jsonschema tag.
func limits(tag string) (least, most float64) {
	least, most = math.Inf(-1), math.Inf(1)
	for part := range strings.SplitSeq(tag, ",") {
		name, value, _ := strings.Cut(part, "=")
		f, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
		case name == "minimum":
			least = f
		case name == "maximum":
			most = f
		}
	}
	return least, most
}

func keyText(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case nil:
		return ""
	}
	return n.GetToken().Value
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func in(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}
