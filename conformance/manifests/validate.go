package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	names "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/api/validation/path"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	kubejson "sigs.k8s.io/json"
)

// ValidateRequest asks about one object; the first of the catalogues that knows its kind answers.
type ValidateRequest struct {
	Catalogues []string        `json:"catalogues"`
	Object     json.RawMessage `json:"object"`
}

// validate does what the API server does with an object that it is asked to create, with strict field validation.
func (catalogue *Catalogue) validate(request *ValidateRequest) ([]string, error) {
	var object map[string]any
	if err := kubejson.UnmarshalCaseSensitivePreserveInts(request.Object, &object); err != nil {
		return nil, err
	}
	name := fmt.Sprint(object["apiVersion"], " ", object["kind"])
	for _, one := range request.Catalogues {
		if kind, isKnown := catalogue.kinds[one][name]; isKnown {
			return kind.problems(object), nil
		}
	}
	return []string{"no schema for " + name}, nil
}

func (kind *Kind) problems(object map[string]any) []string {
	problems := metadataProblems(object, kind.isNamespaced)
	unknown := pruning.PruneWithOptions(object, kind.structural, false, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, one := range unknown {
		problems = append(problems, "unknown field "+one)
	}
	defaulting.Default(object, kind.structural)
	errors := validation.ValidateCustomResource(nil, object, kind.validator)
	errors = append(errors, listtype.ValidateListSetsAndMaps(nil, kind.structural, object)...)
	if kind.expressions != nil && len(errors) == 0 {
		found, _ := kind.expressions.Validate(context.Background(), nil, kind.structural, object, nil, celconfig.RuntimeCELCostBudget)
		errors = append(errors, found...)
	}
	for _, one := range errors {
		problems = append(problems, one.Error())
	}
	return problems
}

// metadataProblems checks names, labels and the namespace as the API server does for every kind.
func metadataProblems(object map[string]any, isNamespaced bool) []string {
	accessor := &unstructured.Unstructured{Object: object}
	check := names.NameIsDNSSubdomain
	if strings.HasPrefix(accessor.GetAPIVersion(), "rbac.authorization.k8s.io/") {
		check = path.ValidatePathSegmentName
	}
	var problems []string
	for _, one := range names.ValidateObjectMetaAccessor(accessor, isNamespaced, names.ValidateNameFunc(check), field.NewPath("metadata")) {
		problems = append(problems, one.Error())
	}
	return problems
}
