package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// SchemasRequest names where schemas are: Kubernetes' OpenAPI document and files of CustomResourceDefinitions. Those of one
// catalogue replace what was loaded before under the same name, so that one program holds several versions of an API.
type SchemasRequest struct {
	// Under which the schemas are kept, for example cilium-1.20.2.
	Name    string   `json:"name"`
	OpenAPI string   `json:"openAPI"`
	CRDs    []string `json:"crds"`
}

// Kind is one kind of object with the API server's own checkers.
type Kind struct {
	isNamespaced bool
	structural   *schema.Structural
	validator    validation.SchemaValidator
	expressions  *cel.Validator
}

// Catalogue holds kinds by catalogue name, then by `apiVersion kind`.
type Catalogue struct {
	kinds map[string]map[string]*Kind
	// Kubernetes' ObjectMeta, which stands for the metadata of custom objects, too.
	objectMeta map[string]any
}

func newCatalogue() *Catalogue {
	return &Catalogue{kinds: map[string]map[string]*Kind{}}
}

// load reads a catalogue and answers how many kinds it has.
func (catalogue *Catalogue) load(request *SchemasRequest) (int, error) {
	kinds := map[string]*Kind{}
	catalogue.kinds[request.Name] = kinds
	if request.OpenAPI != "" {
		if err := catalogue.loadOpenAPI(request.OpenAPI, kinds); err != nil {
			return 0, err
		}
	}
	for _, file := range request.CRDs {
		if err := catalogue.loadFile(file, kinds); err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
	}
	return len(kinds), nil
}

// loadFile reads every CustomResourceDefinition of a file.
func (catalogue *Catalogue) loadFile(file string, kinds map[string]*Kind) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, document := range strings.Split("\n"+string(text), "\n---") {
		var definition apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal([]byte(document), &definition); err != nil || definition.Kind != "CustomResourceDefinition" {
			continue
		}
		for _, version := range definition.Spec.Versions {
			if version.Schema == nil || version.Schema.OpenAPIV3Schema == nil {
				continue
			}
			kind, err := catalogue.customKind(version.Schema.OpenAPIV3Schema)
			if err != nil {
				return fmt.Errorf("%s %s: %w", definition.Name, version.Name, err)
			}
			kind.isNamespaced = definition.Spec.Scope == apiextensionsv1.NamespaceScoped
			name := definition.Spec.Group + "/" + version.Name + " " + definition.Spec.Names.Kind
			kinds[name] = kind
		}
	}
	return nil
}

// customKind prepares the checkers of a custom kind; its metadata is checked as Kubernetes checks it.
func (catalogue *Catalogue) customKind(props *apiextensionsv1.JSONSchemaProps) (*Kind, error) {
	text, err := json.Marshal(catalogue.objectMeta)
	if err != nil {
		return nil, err
	}
	whole := props.DeepCopy()
	var metadata apiextensionsv1.JSONSchemaProps
	if err := json.Unmarshal(text, &metadata); err != nil {
		return nil, err
	}
	if whole.Properties == nil {
		whole.Properties = map[string]apiextensionsv1.JSONSchemaProps{}
	}
	whole.Properties["metadata"] = metadata
	for _, name := range []string{"apiVersion", "kind"} {
		whole.Properties[name] = apiextensionsv1.JSONSchemaProps{Type: "string"}
	}
	kind, err := kindOf(whole)
	if err != nil {
		return nil, err
	}
	original, err := structuralOf(props)
	if err != nil {
		return nil, err
	}
	kind.expressions = cel.NewValidator(original, true, celconfig.PerCallLimit)
	return kind, nil
}

func structuralOf(props *apiextensionsv1.JSONSchemaProps) (*schema.Structural, error) {
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(props, &internal, nil); err != nil {
		return nil, err
	}
	return schema.NewStructural(&internal)
}

func kindOf(props *apiextensionsv1.JSONSchemaProps) (*Kind, error) {
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(props, &internal, nil); err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(&internal)
	return &Kind{structural: structural, validator: validator}, err
}
