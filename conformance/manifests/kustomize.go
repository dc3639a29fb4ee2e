package main

import (
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// KustomizeRequest asks what `kustomize build` makes of a folder.
type KustomizeRequest struct {
	Folder string `json:"folder"`
}

// kustomize builds a folder with the defaults of the command line.
func kustomize(request *KustomizeRequest) (string, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), request.Folder)
	if err != nil {
		return "", err
	}
	text, err := resources.AsYaml()
	return string(text), err
}
