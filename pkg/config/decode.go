package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"linkstart/pkg/camera"
	"linkstart/pkg/secret"
)

// decoder fills a Config from a YAML tree and gathers what is wrong on the way.
type decoder struct {
	file     string
	getenv   func(string) (string, bool)
	at       map[string]Problem // position of each value that the file sets, by path: cameras[2].source
	problems Problems
	secrets  []string // values that came from ${…}
	defaults Settings // what each camera starts from
}

// decodeRoot decodes the whole file. Defaults go first, wherever they stand: each camera starts as a copy of them.
func (d *decoder) decodeRoot(root ast.Node, cfg *Config) {
	d.defaults = cfg.Defaults
	list, _ := entries(root)
	for _, e := range list {
		if keyText(e.Key) == "defaults" {
			ahead := &decoder{file: d.file, getenv: d.getenv, at: map[string]Problem{}} // its problems come up again below
			ahead.decode(e.Value, reflect.ValueOf(&d.defaults).Elem(), "defaults", "")
			break
		}
	}
	d.decode(root, reflect.ValueOf(cfg).Elem(), "", "")
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	bytesType    = reflect.TypeFor[Bytes]()
	memoryType   = reflect.TypeFor[Memory]()
	sourceType   = reflect.TypeFor[secret.Source]()
	nodesType    = reflect.TypeFor[Nodes]()
)

// decode fills v from n. tag holds the limits of a number, as the JSON Schema has them.
func (d *decoder) decode(n ast.Node, v reflect.Value, path, tag string) {
	if path != "" {
		d.at[path] = d.where(n)
	}
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.add(d.where(n), "write the value out; what all cameras share goes under defaults", "anchors, aliases and tags (& * !) are not known here")
		return
	case *ast.NullNode: // a key without value keeps its default
		if !strings.HasSuffix(path, "]") {
			return
		}
	}
	switch {
	case v.Type() == sourceType:
		if text, ok := d.text(n, path); ok {
			v.Set(reflect.ValueOf(secret.NewSource(text))) // expanded later: how depends on its scheme
		}
	case v.Type() == durationType, v.CanInt(), v.CanFloat():
		d.scalar(n, v, path, tag)
	case v.Kind() == reflect.String:
		if text, ok := d.text(n, path); ok {
			v.SetString(d.expand(text, path))
		}
	case v.Kind() == reflect.Struct:
		d.mapping(n, v, path)
	case v.Type() == nodesType && isText(n):
		if text, ok := d.text(n, path); ok {
			v.Set(reflect.ValueOf(Nodes{camera.ID(d.expand(text, path))}))
			if text != AnyNode {
				d.add(d.where(n), "write any, or a list such as [edge1, edge2]", "%s: %q is not known", path, text)
			}
		}
	case v.Kind() == reflect.Slice:
		d.sequence(n, v, path)
	}
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, path string) {
	list, ok := entries(n)
	if !ok {
		d.mismatch(n, path, "a map of keys")
		return
	}
	fields := fieldsOf(v.Type())
	first := map[string]Problem{}
	for _, e := range list {
		key, where := keyText(e.Key), d.where(e.Key)
		f, known := fields.find(key)
		if !known {
			d.add(where, nearest(key, fields.names()), "unknown key %q%s", key, in(path))
			continue
		}
		if before, twice := first[key]; twice {
			d.add(where, "remove one of the two", "key %q is already set in line %d", key, before.Line)
			continue
		}
		first[key] = where
		d.decode(e.Value, v.FieldByIndex(f.Index), join(path, key), f.Tag.Get("jsonschema"))
	}
}

func (d *decoder) sequence(n ast.Node, v reflect.Value, path string) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		d.mismatch(n, path, "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, len(list.Values)))
	for i, item := range list.Values {
		element := reflect.New(v.Type().Elem()).Elem()
		target := element
		if element.Kind() == reflect.Pointer {
			element.Set(reflect.New(element.Type().Elem()))
			target = element.Elem()
		}
		if cam, ok := target.Addr().Interface().(*Camera); ok {
			cam.Settings = d.defaults
		}
		d.decode(item, target, fmt.Sprintf("%s[%d]", path, i), "")
		v.Set(reflect.Append(v, element))
	}
}

func isText(n ast.Node) bool {
	_, ok := n.(*ast.StringNode)
	return ok
}

// text returns the text of a scalar that must be text. Numbers are refused: 010 or 1e3 would change on the way.
func (d *decoder) text(n ast.Node, path string) (string, bool) {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	default:
		d.mismatch(n, path, "text")
		return "", false
	}
	return text, d.fits(n, path, text)
}

// maxText bounds one value, in bytes: some checks take time that grows with its square.
const maxText = 16 << 10

func (d *decoder) fits(n ast.Node, path, text string) bool {
	if len(text) > maxText {
		d.add(d.where(n), "", "%s is longer than %d bytes", path, maxText)
	}
	return len(text) <= maxText
}

func (d *decoder) mismatch(n ast.Node, path, want string) {
	hint := ""
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		if want == "text" {
			hint = fmt.Sprintf("put it in quotes: %q", n.GetToken().Value)
		}
	case *ast.MappingNode, *ast.MappingValueNode:
		if want == "text" {
			hint = `a value that holds ": " or ends in ":" goes in quotes, as in source: "push:"`
		}
		if want == "a list" {
			hint = `begin each entry with "- "`
		}
	case *ast.StringNode:
		if want == "a map of keys" && strings.Contains(n.GetToken().Value, ":") {
			hint = "write a space after the colon"
		}
	case *ast.SequenceNode:
		if path == "" {
			hint = `the list of cameras goes under "cameras:"`
		}
	}
	name := path
	if name == "" {
		name = "the file"
	}
	d.add(d.where(n), hint, "%s is %s where %s is expected", name, describe(n), want)
}

// scalar decodes numbers, durations and sizes. The text that ${NAME} makes is taken as if it stood in the file.
func (d *decoder) scalar(n ast.Node, v reflect.Value, path, tag string) {
	var written string
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		written = n.GetToken().Value
	case *ast.StringNode:
		written = n.Value
	default:
		d.mismatch(n, path, wanted(v))
		return
	}
	if !d.fits(n, path, written) {
		return
	}
	text := strings.TrimSpace(d.expand(written, path))
	if text == "" {
		if written == "" {
			d.mismatch(n, path, wanted(v))
		}
		return
	}
	var what, hint string
	switch {
	case v.Type() == durationType:
		what, hint = setDuration(v, text)
	case sizes[v.Type()].most > 0:
		what, hint = sizes[v.Type()].set(v, text)
	default:
		what, hint = setNumber(v, text, tag)
	}
	if what != "" {
		d.add(d.where(n), hint, "%s: %q %s", path, written, what)
	}
}

func wanted(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return "a duration such as 30s"
	case sizes[v.Type()].most > 0:
		return "a size such as " + sizes[v.Type()].example
	case v.CanInt():
		return "a whole number"
	}
	return "a number"
}

func setDuration(v reflect.Value, text string) (what, hint string) {
	t, err := time.ParseDuration(text)
	if err != nil {
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return "is a duration without a unit", fmt.Sprintf("write %ss for seconds", text)
		}
		return "is not a duration", "write it like 500ms, 30s or 2m"
	}
	v.SetInt(int64(t))
	return "", ""
}

func setNumber(v reflect.Value, text, tag string) (what, hint string) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) {
		return "is not a number", ""
	}
	if v.CanInt() && f != math.Trunc(f) {
		return "is not a whole number", ""
	}
	least, most := limits(tag)
	if f < least || f > most {
		return "is out of range", fmt.Sprintf("%v to %v can be set", strconv.FormatFloat(least, 'f', -1, 64), strconv.FormatFloat(most, 'f', -1, 64))
	}
	if v.CanInt() {
		v.SetInt(int64(f))
	} else {
		v.SetFloat(f)
	}
	return "", ""
}
