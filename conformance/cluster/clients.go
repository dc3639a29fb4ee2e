package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

// DefinitionsRequest installs the CustomResourceDefinitions of files, and waits until they are served.
type DefinitionsRequest struct {
	Files []string `json:"files"`
}

// SendRequest sends one object as `kubectl apply --server-side`, `kubectl create` or `kubectl delete` would.
type SendRequest struct {
	// "apply", "create" or "delete".
	Verb   string          `json:"verb"`
	Object json.RawMessage `json:"object"`
	// Everything is done but the writing, with strict field validation.
	DryRun bool `json:"dryRun"`
}

// KubeconfigRequest asks for a kubeconfig that speaks as somebody else.
type KubeconfigRequest struct {
	User   string   `json:"user"`
	Groups []string `json:"groups"`
}

type clients struct {
	definitions apiextensions.Interface
	dynamic     dynamic.Interface
	mapper      *restmapper.DeferredDiscoveryRESTMapper
	warnings    *recorder
}

func newClients(config *rest.Config) (*clients, error) {
	told := &recorder{}
	recorded := rest.CopyConfig(config)
	recorded.WarningHandler = told
	definitions, err := apiextensions.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	finder, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	sender, err := dynamic.NewForConfig(recorded)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(finder))
	return &clients{definitions: definitions, dynamic: sender, mapper: mapper, warnings: told}, nil
}

// recorder keeps the warnings of one request.
type recorder struct {
	lock  sync.Mutex
	lines []string
}

// HandleWarningHeader is called for each warning of an answer.
func (told *recorder) HandleWarningHeader(_ int, _ string, text string) {
	told.lock.Lock()
	defer told.lock.Unlock()
	told.lines = append(told.lines, text)
}

func (told *recorder) take() []string {
	told.lock.Lock()
	defer told.lock.Unlock()
	lines := told.lines
	told.lines = nil
	return lines
}

// define creates definitions and answers how many kinds they have.
func (cluster *cluster) define(ctx context.Context, request *DefinitionsRequest) (int, error) {
	var kinds []schema.GroupVersionKind
	for _, file := range request.Files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		for _, document := range strings.Split("\n"+string(text), "\n---") {
			var definition apiextensionsv1.CustomResourceDefinition
			if err := yaml.Unmarshal([]byte(document), &definition); err != nil || definition.Kind != "CustomResourceDefinition" {
				continue
			}
			_, err := cluster.definitions.ApiextensionsV1().CustomResourceDefinitions().Create(ctx, &definition, metav1.CreateOptions{})
			if err != nil {
				return 0, fmt.Errorf("%s: %w", file, err)
			}
			for _, version := range definition.Spec.Versions {
				if version.Served {
					group, kind := definition.Spec.Group, definition.Spec.Names.Kind
					kinds = append(kinds, schema.GroupVersionKind{Group: group, Version: version.Name, Kind: kind})
				}
			}
		}
	}
	return len(kinds), cluster.waitUntilServed(kinds)
}

// waitUntilServed waits until discovery lists every kind: only then objects of it can be sent.
func (cluster *cluster) waitUntilServed(kinds []schema.GroupVersionKind) error {
	deadline := time.Now().Add(startTimeout)
	for {
		cluster.mapper.Reset()
		missing := ""
		for _, kind := range kinds {
			if _, err := cluster.mapper.RESTMapping(kind.GroupKind(), kind.Version); err != nil {
				missing = kind.String()
				break
			}
		}
		if missing == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not served", missing)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// send sends an object and answers with the API server's warnings.
func (cluster *cluster) send(ctx context.Context, request *SendRequest) ([]string, error) {
	var content map[string]any
	if err := json.Unmarshal(request.Object, &content); err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{Object: content}
	client, err := cluster.clientOf(object)
	if err != nil {
		return nil, err
	}
	var dryRun []string
	if request.DryRun {
		dryRun = []string{metav1.DryRunAll}
	}
	const strict = metav1.FieldValidationStrict
	switch request.Verb {
	case "apply":
		force := true
		options := metav1.PatchOptions{DryRun: dryRun, FieldValidation: strict, FieldManager: "metachron", Force: &force}
		_, err = client.Patch(ctx, object.GetName(), types.ApplyPatchType, request.Object, options)
	case "create":
		options := metav1.CreateOptions{DryRun: dryRun, FieldValidation: strict, FieldManager: "metachron"}
		_, err = client.Create(ctx, object, options)
	case "delete":
		err = client.Delete(ctx, object.GetName(), metav1.DeleteOptions{DryRun: dryRun})
	default:
		err = fmt.Errorf("there is no verb %q", request.Verb)
	}
	return cluster.warnings.take(), err
}

// clientOf finds the path of an object; one without a namespace that needs one is refused as the API server does.
func (cluster *cluster) clientOf(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := cluster.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	resource := cluster.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		if object.GetNamespace() != "" {
			return nil, fmt.Errorf("%s has no namespace, the object has %s", kind.Kind, object.GetNamespace())
		}
		return resource, nil
	}
	if object.GetNamespace() == "" {
		return nil, fmt.Errorf("%s needs a namespace, the object has none", kind.Kind)
	}
	return resource.Namespace(object.GetNamespace()), nil
}

// kubeconfig writes one for a user that our own may speak for.
func (cluster *cluster) kubeconfig(request *KubeconfigRequest) (string, error) {
	file, err := os.CreateTemp(cluster.folder, "kubeconfig-")
	if err != nil {
		return "", err
	}
	path := file.Name()
	if err := file.Close(); err != nil {
		return "", err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["judge"] = &clientcmdapi.Cluster{
		Server:               cluster.config.Host,
		CertificateAuthority: filepath.Clean(cluster.config.CAFile),
	}
	config.AuthInfos["judge"] = &clientcmdapi.AuthInfo{
		Token:             token,
		Impersonate:       request.User,
		ImpersonateGroups: request.Groups,
	}
	config.Contexts["judge"] = &clientcmdapi.Context{Cluster: "judge", AuthInfo: "judge"}
	config.CurrentContext = "judge"
	return path, clientcmd.WriteToFile(*config, path)
}
