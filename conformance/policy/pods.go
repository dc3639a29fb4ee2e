package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// anyUID stands in objects of files, which have none: Calico's converters want one and look at nothing but its form.
const anyUID = types.UID("00000000-0000-4000-8000-000000000000")

// hostname is where every pod runs, so that Calico's graph takes each for a local endpoint.
const hostname = "judge-node"

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

// refusals catches what Felix's validation filter says when it treats an object as missing: it tells nobody else.
type refusals struct{ caught []Rejected }

var felix = &refusals{}

func (r *refusals) Levels() []logrus.Level { return []logrus.Level{logrus.WarnLevel} }

func (r *refusals) Fire(entry *logrus.Entry) error {
	if strings.HasPrefix(entry.Message, "Validation failed") {
		r.caught = append(r.caught, Rejected{Object: fmt.Sprint(entry.Data["key"]), Reason: fmt.Sprint(entry.Data["error"])})
	}
	return nil
}

func quiet() {
	logrus.SetOutput(io.Discard)
	logrus.SetLevel(logrus.WarnLevel)
	logrus.AddHook(felix)
}

type podTable struct {
	list            []*corev1.Pod
	byName          map[string]*corev1.Pod
	namespaces      []*corev1.Namespace
	namespaceLabels map[string]map[string]string
	serviceAccounts []*corev1.ServiceAccount
}

func readPods(world *World) (*podTable, error) {
	table := &podTable{byName: map[string]*corev1.Pod{}, namespaceLabels: map[string]map[string]string{}}
	for _, raw := range world.Namespaces {
		namespace := &corev1.Namespace{}
		if err := json.Unmarshal(raw, namespace); err != nil {
			return nil, err
		}
		namespace.UID = anyUID
		table.namespaces = append(table.namespaces, namespace)
		table.namespaceLabels[namespace.Name] = namespace.Labels
	}
	for _, raw := range world.ServiceAccounts {
		account := &corev1.ServiceAccount{}
		if err := json.Unmarshal(raw, account); err != nil {
			return nil, err
		}
		account.UID = anyUID
		table.serviceAccounts = append(table.serviceAccounts, account)
	}
	for _, raw := range world.Pods {
		pod := &corev1.Pod{}
		if err := json.Unmarshal(raw, pod); err != nil {
			return nil, err
		}
		pod.UID = anyUID
		pod.Spec.NodeName = hostname
		table.list = append(table.list, pod)
		table.byName[pod.Namespace+"/"+pod.Name] = pod
	}
	return table, nil
}

func (table *podTable) find(name string) (*corev1.Pod, error) {
	pod := table.byName[name]
	if pod == nil {
		return nil, fmt.Errorf("the world has no pod %s", name)
	}
	return pod, nil
}

// addressOf gives the pod's address of the family of another address, or its first.
func addressOf(pod *corev1.Pod, isIPv6 bool) string {
	for _, entry := range pod.Status.PodIPs {
		if isV6(entry.IP) == isIPv6 {
			return entry.IP
		}
	}
	return pod.Status.PodIP
}

func isV6(address string) bool {
	for _, letter := range address {
		if letter == ':' {
			return true
		}
	}
	return false
}

// identity of an object for messages: Kind/namespace/name.
type objectHead struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		Tier string `json:"tier"`
	} `json:"spec"`
}

func headOf(raw json.RawMessage) (objectHead, error) {
	var head objectHead
	err := json.Unmarshal(raw, &head)
	return head, err
}

func (head objectHead) String() string {
	if head.Metadata.Namespace == "" {
		return head.Kind + "/" + head.Metadata.Name
	}
	return head.Kind + "/" + head.Metadata.Namespace + "/" + head.Metadata.Name
}
