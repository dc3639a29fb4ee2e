package main

import (
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	chartutil "helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	dependencies "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

// RenderRequest asks what `helm template` makes of a chart.
type RenderRequest struct {
	// The chart's folder.
	Chart string `json:"chart"`
	// The values file as text.
	Values      string `json:"values"`
	Release     string `json:"release"`
	Namespace   string `json:"namespace"`
	KubeVersion string `json:"kubeVersion"`
}

// render gives the text of every template; the chart's own schema has accepted the values.
func render(request *RenderRequest) (map[string]string, error) {
	values := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(request.Values), &values); err != nil {
		return nil, err
	}
	chart, err := loader.LoadDir(request.Chart)
	if err != nil {
		return nil, err
	}
	if err := dependencies.ProcessDependencies(chart, values); err != nil {
		return nil, err
	}
	version, err := common.ParseKubeVersion(request.KubeVersion)
	if err != nil {
		return nil, err
	}
	capabilities := common.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	options := common.ReleaseOptions{Name: request.Release, Namespace: request.Namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, values, options, capabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	for name, text := range files {
		if strings.HasSuffix(name, "NOTES.txt") || strings.TrimSpace(text) == "" {
			delete(files, name)
		}
	}
	return files, nil
}
