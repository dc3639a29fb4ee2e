// The manifest judge: reads requests as JSON, one a line, and answers with what the vendors' own libraries say: Helm's
// template engine of a chart with values, kustomize of a folder, and the API server's own schema code of an object.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// Request asks for one thing; exactly one field is present.
type Request struct {
	Render    *RenderRequest    `json:"render"`
	Kustomize *KustomizeRequest `json:"kustomize"`
	Schemas   *SchemasRequest   `json:"schemas"`
	Validate  *ValidateRequest  `json:"validate"`
}

// Answer holds what the libraries said; Error where they refused.
type Answer struct {
	// Rendered text by template file.
	Files map[string]string `json:"files,omitempty"`
	// What `kustomize build` prints.
	Output string `json:"output,omitempty"`
	// What is wrong with an object, a line each; empty for a good one.
	Problems []string `json:"problems,omitempty"`
	// How many kinds the schemas know.
	Kinds int    `json:"kinds,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	decoder := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	writer := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(writer)
	catalogue := newCatalogue()
	for decoder.More() {
		var request Request
		if err := decoder.Decode(&request); err != nil {
			fmt.Fprintln(os.Stderr, "the input is no request:", err)
			os.Exit(2)
		}
		answer := answerOf(&request, catalogue)
		if err := encoder.Encode(answer); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		writer.Flush()
	}
}

// answerOf serves one request; a panic in a library is an answer, too.
func answerOf(request *Request, catalogue *Catalogue) (answer Answer) {
	defer func() {
		if problem := recover(); problem != nil {
			answer.Error = fmt.Sprint(problem)
		}
	}()
	var err error
	switch {
	case request.Render != nil:
		answer.Files, err = render(request.Render)
	case request.Kustomize != nil:
		answer.Output, err = kustomize(request.Kustomize)
	case request.Schemas != nil:
		answer.Kinds, err = catalogue.load(request.Schemas)
	case request.Validate != nil:
		answer.Problems, err = catalogue.validate(request.Validate)
	default:
		err = fmt.Errorf("the request asks for nothing")
	}
	if err != nil {
		answer.Error = err.Error()
	}
	return answer
}
