package main

import (
	"encoding/json"
	"fmt"
	"strings"

	apiv3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/calico/felix/calc"
	"github.com/projectcalico/calico/felix/config"
	"github.com/projectcalico/calico/felix/proto"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/api"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/k8s/conversion"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/model"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/syncersv1/updateprocessors"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/watchersyncer"
	v3validator "github.com/projectcalico/calico/libcalico-go/lib/validator/v3"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

var converter = conversion.NewConverter()

// graph is what Calico's calculation graph told of one tier.
type graph struct {
	defaultAction string
	ipSets        map[string]map[string]bool
	policies      map[string]*proto.Policy
	profiles      map[string]*proto.Profile
	endpoints     map[string]*proto.WorkloadEndpoint
}

// askCalico runs one calculation graph per tier, because the module that builds here knows one tier, and composes them.
func askCalico(world *World, pods *podTable) (string, []Rejected, error) {
	felix.caught = nil
	objects, rejected, err := readCalico(world.Calico)
	if err != nil {
		return "", nil, err
	}
	tiers := world.Tiers
	if len(tiers) == 0 {
		tiers = []Tier{{Name: "default", DefaultAction: "Deny"}}
	}
	graphs := make([]*graph, len(tiers))
	for index, tier := range tiers {
		if graphs[index], err = runGraph(world, pods, objects, tier); err != nil {
			return "", nil, err
		}
	}
	answers := make([]byte, len(world.Questions))
	for index := range world.Questions {
		if answers[index], err = decideCalico(graphs, pods, &world.Questions[index]); err != nil {
			return "", nil, err
		}
	}
	return string(answers), append(rejected, felix.caught...), nil
}

type calicoObject struct {
	tier string
	pair *model.KVPair
}

// readCalico reads objects as Felix gets them; what the validator refuses is left out, as Felix leaves it out.
func readCalico(raws []json.RawMessage) ([]calicoObject, []Rejected, error) {
	var objects []calicoObject
	var rejected []Rejected
	for _, raw := range raws {
		head, err := headOf(raw)
		if err != nil {
			return nil, nil, err
		}
		object, err := readCalicoObject(raw, head)
		if err != nil {
			rejected = append(rejected, Rejected{Object: head.String(), Reason: err.Error()})
			continue
		}
		if object != nil {
			objects = append(objects, *object)
		}
	}
	return objects, rejected, nil
}

func readCalicoObject(raw json.RawMessage, head objectHead) (*calicoObject, error) {
	isDefaulted := strings.HasPrefix(head.APIVersion, "projectcalico.org/")
	switch {
	case head.Kind == "NetworkPolicy" && strings.HasPrefix(head.APIVersion, "networking.k8s.io/"):
		policy := &networkingv1.NetworkPolicy{}
		if err := json.Unmarshal(raw, policy); err != nil {
			return nil, err
		}
		policy.UID = anyUID
		pair, err := converter.K8sNetworkPolicyToCalico(policy)
		if err != nil {
			return nil, err
		}
		return &calicoObject{tier: "default", pair: pair}, nil
	case head.Kind == "GlobalNetworkPolicy":
		policy := apiv3.NewGlobalNetworkPolicy()
		if err := json.Unmarshal(raw, policy); err != nil {
			return nil, err
		}
		policy.UID = anyUID
		tier := tierOf(head.Spec.Tier)
		// Calico 3.28's validator knows no tiers and refuses their dot in names.
		policy.Name = strings.TrimPrefix(policy.Name, tier+".")
		if isDefaulted {
			policy.Spec.Types = defaultTypes(policy.Spec.Types, len(policy.Spec.Ingress), len(policy.Spec.Egress))
		}
		return checked(tier, policy, *policy, model.ResourceKey{Kind: apiv3.KindGlobalNetworkPolicy, Name: policy.Name})
	case head.Kind == "NetworkPolicy":
		policy := apiv3.NewNetworkPolicy()
		if err := json.Unmarshal(raw, policy); err != nil {
			return nil, err
		}
		policy.UID = anyUID
		tier := tierOf(head.Spec.Tier)
		// Calico 3.28's validator knows no tiers and refuses their dot in names.
		policy.Name = strings.TrimPrefix(policy.Name, tier+".")
		if isDefaulted {
			policy.Spec.Types = defaultTypes(policy.Spec.Types, len(policy.Spec.Ingress), len(policy.Spec.Egress))
		}
		key := model.ResourceKey{Kind: apiv3.KindNetworkPolicy, Namespace: policy.Namespace, Name: policy.Name}
		return checked(tier, policy, *policy, key)
	case head.Kind == "GlobalNetworkSet":
		set := apiv3.NewGlobalNetworkSet()
		if err := json.Unmarshal(raw, set); err != nil {
			return nil, err
		}
		set.UID = anyUID
		return checked("", set, *set, model.ResourceKey{Kind: apiv3.KindGlobalNetworkSet, Name: set.Name})
	case head.Kind == "NetworkSet":
		set := apiv3.NewNetworkSet()
		if err := json.Unmarshal(raw, set); err != nil {
			return nil, err
		}
		set.UID = anyUID
		return checked("", set, *set, model.ResourceKey{Kind: apiv3.KindNetworkSet, Namespace: set.Namespace, Name: set.Name})
	case head.Kind == "Tier":
		return nil, nil
	}
	return nil, fmt.Errorf("this judge does not know the kind")
}

func tierOf(name string) string {
	if name == "" {
		return "default"
	}
	return name
}

// defaultTypes is what Calico's API server fills in; the raw group is not defaulted.
func defaultTypes(types []apiv3.PolicyType, ingress, egress int) []apiv3.PolicyType {
	switch {
	case len(types) > 0:
		return types
	case egress == 0:
		return []apiv3.PolicyType{apiv3.PolicyTypeIngress}
	case ingress == 0:
		return []apiv3.PolicyType{apiv3.PolicyTypeEgress}
	default:
		return []apiv3.PolicyType{apiv3.PolicyTypeIngress, apiv3.PolicyTypeEgress}
	}
}

func checked(tier string, object any, value any, key model.ResourceKey) (*calicoObject, error) {
	if err := v3validator.Validate(value); err != nil {
		return nil, err
	}
	return &calicoObject{tier: tier, pair: &model.KVPair{Key: key, Value: object, Revision: "1"}}, nil
}

func runGraph(world *World, pods *podTable, objects []calicoObject, tier Tier) (*graph, error) {
	conf := config.New()
	conf.FelixHostname = hostname
	told := &graph{
		defaultAction: tier.DefaultAction,
		ipSets:        map[string]map[string]bool{},
		policies:      map[string]*proto.Policy{},
		profiles:      map[string]*proto.Profile{},
		endpoints:     map[string]*proto.WorkloadEndpoint{},
	}
	sequencer := calc.NewEventSequencer(conf)
	sequencer.Callback = told.listen
	calculation := calc.NewCalculationGraph(sequencer, conf, func() {})
	filter := calc.NewValidationFilter(calculation, conf)
	pairs, err := pairsOf(world, pods)
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		if object.tier == "" || object.tier == tier.Name {
			pairs = append(pairs, object.pair)
		}
	}
	updates, err := process(pairs)
	if err != nil {
		return nil, err
	}
	filter.OnStatusUpdated(api.ResyncInProgress)
	filter.OnUpdates(updates)
	filter.OnStatusUpdated(api.InSync)
	calculation.Flush()
	sequencer.Flush()
	return told, nil
}

// pairsOf turns what Kubernetes has into what Calico's datastore holds, by Calico's own converter.
func pairsOf(world *World, pods *podTable) ([]*model.KVPair, error) {
	var pairs []*model.KVPair
	for _, namespace := range pods.namespaces {
		pair, err := converter.NamespaceToProfile(namespace)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair)
	}
	for _, account := range pods.serviceAccounts {
		pair, err := converter.ServiceAccountToProfile(account)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair)
	}
	for _, pod := range pods.list {
		endpoints, err := converter.PodToWorkloadEndpoints(pod)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, endpoints...)
	}
	for _, raw := range world.Services {
		service := &corev1.Service{}
		if err := json.Unmarshal(raw, service); err != nil {
			return nil, err
		}
		pair, err := converter.ServiceToKVP(service)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair)
	}
	for _, raw := range world.EndpointSlices {
		slice := &discoveryv1.EndpointSlice{}
		if err := json.Unmarshal(raw, slice); err != nil {
			return nil, err
		}
		pair, err := converter.EndpointSliceToKVP(slice)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

// process runs the update processors that stand between Calico's datastore and Felix.
func process(pairs []*model.KVPair) ([]api.Update, error) {
	processors := map[string]watchersyncer.SyncerUpdateProcessor{
		apiv3.KindGlobalNetworkPolicy: updateprocessors.NewGlobalNetworkPolicyUpdateProcessor(),
		apiv3.KindNetworkPolicy:       updateprocessors.NewNetworkPolicyUpdateProcessor(),
		apiv3.KindGlobalNetworkSet:    updateprocessors.NewGlobalNetworkSetUpdateProcessor(),
		apiv3.KindNetworkSet:          updateprocessors.NewNetworkSetUpdateProcessor(),
		apiv3.KindProfile:             updateprocessors.NewProfileUpdateProcessor(),
		"WorkloadEndpoint":            updateprocessors.NewWorkloadEndpointUpdateProcessor(),
	}
	var updates []api.Update
	for _, pair := range pairs {
		processed := []*model.KVPair{pair}
		key, isResource := pair.Key.(model.ResourceKey)
		processor := processors[key.Kind]
		// A Kubernetes NetworkPolicy has been converted already, to Calico's kind under its own key.
		if key.Kind == model.KindKubernetesNetworkPolicy {
			key.Kind = apiv3.KindNetworkPolicy
			processor = processors[apiv3.KindNetworkPolicy]
			pair = &model.KVPair{Key: key, Value: pair.Value, Revision: pair.Revision}
		}
		if isResource && processor != nil {
			var err error
			if processed, err = processor.Process(pair); err != nil {
				return nil, err
			}
		}
		for _, one := range processed {
			updates = append(updates, api.Update{KVPair: *one, UpdateType: api.UpdateTypeKVNew})
		}
	}
	return updates, nil
}

func (told *graph) listen(message any) {
	switch update := message.(type) {
	case *proto.IPSetUpdate:
		set := map[string]bool{}
		for _, member := range update.Members {
			set[member] = true
		}
		told.ipSets[update.Id] = set
	case *proto.IPSetDeltaUpdate:
		for _, member := range update.AddedMembers {
			told.ipSets[update.Id][member] = true
		}
		for _, member := range update.RemovedMembers {
			delete(told.ipSets[update.Id], member)
		}
	case *proto.ActivePolicyUpdate:
		told.policies[update.Id.Name] = update.Policy
	case *proto.ActiveProfileUpdate:
		told.profiles[update.Id.Name] = update.Profile
	case *proto.WorkloadEndpointUpdate:
		told.endpoints[update.Id.WorkloadId] = update.Endpoint
	}
}

// decideCalico walks tiers, policies and profiles in the order in which Felix renders them (felix/rules/endpoints.go).
func decideCalico(graphs []*graph, pods *podTable, question *Question) (byte, error) {
	pod, err := pods.find(question.Pod)
	if err != nil {
		return 0, err
	}
	flow, err := packetOf(pods, pod, question)
	if err != nil || flow == nil {
		return '-', err
	}
	for _, told := range graphs {
		endpoint := told.endpoints[question.Pod]
		if endpoint == nil {
			return 0, fmt.Errorf("Calico has no endpoint for %s", question.Pod)
		}
		names := policiesOf(endpoint, question.Half)
		if len(names) == 0 {
			continue
		}
		action := walk(told, names, question.Half, flow)
		if action == "" && told.defaultAction == "Pass" {
			action = "pass"
		}
		switch action {
		case "allow":
			return 'a', nil
		case "deny", "":
			return 'd', nil
		}
	}
	return decideByProfiles(graphs[len(graphs)-1], question, flow), nil
}

func policiesOf(endpoint *proto.WorkloadEndpoint, half string) []string {
	var names []string
	for _, tier := range endpoint.Tiers {
		if half == "ingress" {
			names = append(names, tier.IngressPolicies...)
		} else {
			names = append(names, tier.EgressPolicies...)
		}
	}
	return names
}

// walk gives the first decisive action: allow, deny or pass; empty when no rule matched.
func walk(told *graph, names []string, half string, flow *packet) string {
	for _, name := range names {
		policy := told.policies[name]
		rules := policy.OutboundRules
		if half == "ingress" {
			rules = policy.InboundRules
		}
		for _, rule := range rules {
			if rule.Action != "log" && told.matches(rule, flow) {
				if rule.Action == "next-tier" {
					return "pass"
				}
				return rule.Action
			}
		}
	}
	return ""
}

func decideByProfiles(told *graph, question *Question, flow *packet) byte {
	for _, id := range told.endpoints[question.Pod].ProfileIds {
		profile := told.profiles[id]
		if profile == nil {
			continue
		}
		rules := profile.OutboundRules
		if question.Half == "ingress" {
			rules = profile.InboundRules
		}
		for _, rule := range rules {
			if rule.Action == "log" || !told.matches(rule, flow) {
				continue
			}
			if rule.Action == "allow" {
				return 'a'
			}
			return 'd'
		}
	}
	return 'd'
}
