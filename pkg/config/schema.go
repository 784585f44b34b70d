package config

import (
	"encoding/json"
	"reflect"
	"strconv"
	"time"

	"github.com/invopop/jsonschema"

	"linkstart/pkg/camera"
)

// pattern of a value that the environment completes.
const reference = `\$\{[A-Za-z_][A-Za-z0-9_]*\}`

// Schema returns the JSON Schema (draft 2020-12) of the configuration file, made from the structs that decode it, for
// editors. What only the whole file tells, such as ids that are used twice, Parse checks alone.
func Schema() []byte {
	r := jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, DoNotReference: true, Anonymous: true,
		Mapper: mapType,
	}
	s := r.Reflect(&Config{})
	s.Title = "Linkstart cameras.yaml"
	describeDefaults(s, reflect.ValueOf(builtin()).Elem())
	loosen(s)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // a schema made from our own types always marshals
	}
	return append(text, '\n')
}

// mapType describes the types that are written otherwise than Go holds them.
func mapType(t reflect.Type) *jsonschema.Schema {
	switch {
	case t == durationType:
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^0$|` + reference},
			{Const: 0},
		}}
	case sizes[t].most > 0:
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: json.Number(strconv.FormatInt(sizes[t].least, 10)), Maximum: json.Number(strconv.FormatInt(sizes[t].most, 10))},
			{Type: "string", Pattern: `^[0-9]+(\.[0-9]+)? *(B|KB|MB|GB|KiB|MiB|GiB)?$|` + reference},
		}}
	case t == sourceType:
		return &jsonschema.Schema{Type: "string"}
	case t == nodesType:
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Const: AnyNode},
			{Type: "array", Items: mapType(reflect.TypeFor[camera.ID]())},
		}}
	case t.Name() == "ID":
		return &jsonschema.Schema{Type: "string", Pattern: `^[a-z0-9][a-z0-9_-]{0,62}$|` + reference}
	}
	return nil
}

// describeDefaults writes the defaults of v into the schema of its type, but not those of list entries, which depend
// on the rest of the file.
func describeDefaults(s *jsonschema.Schema, v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		property, ok := s.Properties.Get(key(f))
		field := v.FieldByIndex(f.Index)
		switch {
		case !ok || f.Type.Kind() == reflect.Slice:
		case f.Type.Kind() == reflect.Struct && property.Properties != nil:
			describeDefaults(property, field)
		case f.Type == durationType:
			property.Default = short(time.Duration(field.Int()))
		case f.Type.Kind() == reflect.String && field.Len() == 0:
		default:
			property.Default = field.Interface()
		}
	}
}

// loosen lets each number come from the environment too.
func loosen(s *jsonschema.Schema) {
	if s.Items != nil {
		loosen(s.Items)
	}
	if s.Properties == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		loosen(p.Value)
		if v := p.Value; v.Type == "integer" || v.Type == "number" {
			number := &jsonschema.Schema{Type: v.Type, Minimum: v.Minimum, Maximum: v.Maximum}
			v.Type, v.Minimum, v.Maximum = "", "", ""
			v.AnyOf = []*jsonschema.Schema{number, {Type: "string", Pattern: reference}}
		}
	}
}
