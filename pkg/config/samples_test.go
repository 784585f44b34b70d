package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"linkstart/pkg/config"
)

const schemaFile = "../../deploy/cameras.schema.json"

// shipped are the configurations that users start from.
var shipped = []string{"../../cameras.yaml", "../../deploy/cameras/real-cameras.yaml"}

func TestSchemaIsCurrent(t *testing.T) {
	golden(t, schemaFile, string(config.Schema()))
}

// validate checks a YAML document against the JSON Schema.
func validate(t *testing.T, data []byte) error {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("cameras.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("cameras.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(instance)
}

func TestShippedFiles(t *testing.T) {
	password := func(name string) (string, bool) { return "p@ss/" + name, true }
	for _, file := range shipped {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Parse(file, data, func(name string) (string, bool) {
				if name == "HOME" {
					return "/home/user", true
				}
				return password(name)
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Cameras) < 4 {
				t.Errorf("only %d cameras", len(cfg.Cameras))
			}
			for _, cam := range cfg.Cameras {
				if cam.Kind() == "" {
					t.Errorf("%s has no kind", cam.ID)
				}
			}
			if err := validate(t, data); err != nil {
				t.Errorf("validate against the schema: %v", err)
			}
		})
	}
}

func TestShippedFileNeedsNoEnvironment(t *testing.T) {
	cfg, err := config.Load(shipped[0])
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := filepath.Abs("../../.state"); cfg.StateDir != want || config.StateDir(shipped[0]) != want {
		t.Errorf("state_dir is %s and %s, want %s", cfg.StateDir, config.StateDir(shipped[0]), want)
	}
}

// TestSchemaAgreesWithParse: what Parse takes, the schema takes; and it knows mistakes that one value shows.
func TestSchemaAgreesWithParse(t *testing.T) {
	for _, name := range []string{"full", "kinds", "variables"} {
		data, err := os.ReadFile("testdata/good/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"unknown-key", "missing", "numbers", "sizes", "durations", "bad-id", "shapes"} {
		data, err := os.ReadFile("testdata/bad/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, data); err == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}
