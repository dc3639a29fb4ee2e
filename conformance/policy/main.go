// The policy judge: reads worlds as JSON, one a line, and answers with the verdicts of Calico's and of Cilium's own code.
//
// A world holds namespaces, pods, networks, Calico's and Cilium's objects, and questions; a question is one half of a flow:
// what the policies that select its pod decide. Calico answers through its validator, its update processors and its
// calculation graph, Cilium through its parser and its policy repository. Nothing here knows what the answer should be.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// World is one question paper.
type World struct {
	ID              string            `json:"id"`
	Namespaces      []json.RawMessage `json:"namespaces"`
	ServiceAccounts []json.RawMessage `json:"serviceAccounts"`
	Pods            []json.RawMessage `json:"pods"`
	Services        []json.RawMessage `json:"services"`
	EndpointSlices  []json.RawMessage `json:"endpointSlices"`
	// Addresses of other nodes: Cilium takes them for remote-node.
	RemoteNodes []string `json:"remoteNodes"`
	// Tiers in their order, the default tier included; the module of Calico that builds here knows one tier only.
	Tiers []Tier `json:"tiers"`
	// Objects of both API groups and Kubernetes NetworkPolicies; absent: Calico is not asked.
	Calico []json.RawMessage `json:"calico"`
	// Cilium's objects and Kubernetes NetworkPolicies; absent: Cilium is not asked.
	Cilium    []json.RawMessage `json:"cilium"`
	Settings  CiliumSettings    `json:"settings"`
	Questions []Question        `json:"questions"`
}

// Tier is one tier of Calico with the action at its end.
type Tier struct {
	Name          string `json:"name"`
	DefaultAction string `json:"defaultAction"`
}

// CiliumSettings are what the agents are told.
type CiliumSettings struct {
	IPv6                      bool `json:"ipv6"`
	PolicyDefaultLocalCluster bool `json:"policyDefaultLocalCluster"`
	NodeSelectorLabels        bool `json:"nodeSelectorLabels"`
}

// Question is one half of a flow, decided at a pod.
type Question struct {
	// "ingress": Pod receives; "egress": Pod sends.
	Half string `json:"half"`
	// namespace/name of the pod that is asked.
	Pod string `json:"pod"`
	// The other end: namespace/name of a pod, or an address.
	PeerPod     string `json:"peerPod,omitempty"`
	PeerAddress string `json:"peerAddress,omitempty"`
	Protocol    int    `json:"protocol"`
	Port        int    `json:"port"`
	SourcePort  int    `json:"sourcePort"`
	ICMPType    int    `json:"icmpType"`
	ICMPCode    int    `json:"icmpCode"`
}

// Answer holds one letter for each question: a allowed, d denied, - not asked.
type Answer struct {
	ID             string     `json:"id"`
	Calico         string     `json:"calico,omitempty"`
	CalicoRejected []Rejected `json:"calicoRejected,omitempty"`
	Cilium         string     `json:"cilium,omitempty"`
	CiliumRejected []Rejected `json:"ciliumRejected,omitempty"`
	Error          string     `json:"error,omitempty"`
}

// Rejected names an object that an engine refuses, and why.
type Rejected struct {
	Object string `json:"object"`
	Reason string `json:"reason"`
}

func main() {
	quiet()
	reader := bufio.NewReaderSize(os.Stdin, 1<<20)
	writer := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(writer)
	decoder := json.NewDecoder(reader)
	for decoder.More() {
		var world World
		if err := decoder.Decode(&world); err != nil {
			fmt.Fprintln(os.Stderr, "the input is no world:", err)
			os.Exit(2)
		}
		if err := encoder.Encode(judge(&world)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		writer.Flush()
	}
}

// judge asks both engines; a panic in an engine is an answer, too.
func judge(world *World) (answer Answer) {
	answer.ID = world.ID
	defer func() {
		if problem := recover(); problem != nil {
			answer.Error = fmt.Sprint(problem)
		}
	}()
	pods, err := readPods(world)
	if err != nil {
		answer.Error = err.Error()
		return answer
	}
	if world.Calico != nil {
		answer.Calico, answer.CalicoRejected, err = askCalico(world, pods)
	}
	if err == nil && world.Cilium != nil {
		answer.Cilium, answer.CiliumRejected, err = askCilium(world, pods)
	}
	if err != nil {
		answer.Error = err.Error()
	}
	return answer
}
