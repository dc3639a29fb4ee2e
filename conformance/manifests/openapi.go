package main

import (
	"encoding/json"
	"os"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

// document is what we read of Kubernetes' OpenAPI document.
type document struct {
	Definitions map[string]map[string]any `json:"definitions"`
	Paths       map[string]map[string]any `json:"paths"`
}

type groupVersionKind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

func (gvk groupVersionKind) String() string {
	if gvk.Group == "" {
		return gvk.Version + " " + gvk.Kind
	}
	return gvk.Group + "/" + gvk.Version + " " + gvk.Kind
}

// loadOpenAPI reads the kinds that are served, with all their definitions put in place.
func (catalogue *Catalogue) loadOpenAPI(file string, kinds map[string]*Kind) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var spec document
	if err := json.Unmarshal(text, &spec); err != nil {
		return err
	}
	catalogue.objectMeta = spec.inline(spec.Definitions[objectMeta], nil).(map[string]any)
	served := spec.servedKinds()
	for _, definition := range spec.Definitions {
		for _, gvk := range kindsOf(definition["x-kubernetes-group-version-kind"]) {
			isNamespaced, isServed := served[gvk]
			if !isServed {
				continue
			}
			kind, err := spec.kind(definition)
			if err != nil {
				return err
			}
			kind.isNamespaced = isNamespaced
			kinds[gvk.String()] = kind
		}
	}
	return nil
}

func (spec *document) kind(definition map[string]any) (*Kind, error) {
	text, err := json.Marshal(spec.inline(definition, nil))
	if err != nil {
		return nil, err
	}
	var props apiextensionsv1.JSONSchemaProps
	if err := json.Unmarshal(text, &props); err != nil {
		return nil, err
	}
	return kindOf(&props)
}

// servedKinds gives the kinds that can be created, and whether that is done in a namespace.
func (spec *document) servedKinds() map[groupVersionKind]bool {
	served := map[groupVersionKind]bool{}
	for path, operations := range spec.Paths {
		post, isThere := operations["post"].(map[string]any)
		if !isThere || post["x-kubernetes-action"] != "post" {
			continue
		}
		for _, gvk := range kindsOf([]any{post["x-kubernetes-group-version-kind"]}) {
			isNamespaced := strings.Contains(path, "/namespaces/{namespace}/")
			served[gvk] = served[gvk] || isNamespaced
		}
	}
	return served
}

func kindsOf(value any) []groupVersionKind {
	text, err := json.Marshal(value)
	if err != nil || value == nil {
		return nil
	}
	var kinds []groupVersionKind
	if json.Unmarshal(text, &kinds) != nil {
		return nil
	}
	return kinds
}

const reference = "#/definitions/"

// inline puts definitions in place of references; one that holds itself ends in anything.
func (spec *document) inline(value any, open []string) any {
	switch typed := value.(type) {
	case map[string]any:
		if target, isReference := typed["$ref"].(string); isReference {
			name := strings.TrimPrefix(target, reference)
			for _, one := range open {
				if one == name {
					return map[string]any{"x-kubernetes-preserve-unknown-fields": true}
				}
			}
			return spec.definition(name, append(open[:len(open):len(open)], name))
		}
		out := map[string]any{}
		for key, one := range typed {
			out[key] = spec.inline(one, open)
		}
		// The API server knows its own defaults; those of a reference would stand beside what replaces it.
		delete(out, "default")
		return out
	case []any:
		out := make([]any, len(typed))
		for index, one := range typed {
			out[index] = spec.inline(one, open)
		}
		return out
	default:
		return value
	}
}

// definition writes the few definitions that the document tells in words as custom resources write them.
func (spec *document) definition(name string, open []string) any {
	switch {
	case strings.HasSuffix(name, ".IntOrString"), strings.HasSuffix(name, ".resource.Quantity"):
		return map[string]any{"x-kubernetes-int-or-string": true}
	case strings.HasSuffix(name, ".JSON"), strings.HasSuffix(name, ".RawExtension"), strings.HasSuffix(name, ".FieldsV1"):
		return map[string]any{"x-kubernetes-preserve-unknown-fields": true}
	}
	return spec.inline(spec.Definitions[name], open)
}
