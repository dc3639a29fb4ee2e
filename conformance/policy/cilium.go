package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"sort"
	"strings"
	"sync"

	"github.com/cilium/cilium/pkg/endpoint/regeneration"
	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	"github.com/cilium/cilium/pkg/k8s"
	v2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	slimnetworkingv1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/networking/v1"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/labelsfilter"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/policy/types"
	"github.com/cilium/cilium/pkg/policy/utils"
	testpolicy "github.com/cilium/cilium/pkg/testutils/policy"
	pkgtypes "github.com/cilium/cilium/pkg/types"
	"github.com/cilium/cilium/pkg/u8proto"
	corev1 "k8s.io/api/core/v1"
)

const clusterName = "default"

// configure gives Cilium's process-wide options the values of a cluster's agents.
func configure(settings CiliumSettings) {
	option.Config.EnableIPv4 = true
	option.Config.EnableIPv6 = settings.IPv6
	option.Config.EnableICMPRules = true
	option.Config.EnableNonDefaultDenyPolicies = true
	option.Config.EnableL7Proxy = true
	option.Config.EnableNodeSelectorLabels = settings.NodeSelectorLabels
	option.Config.UnsafeDaemonConfigOption.AllowLocalhost = option.AllowLocalhostAlways
	policy.SetPolicyEnabled(option.DefaultEnforcement)
	api.InitEntities(clusterName)
	if err := labelsfilter.ParseLabelPrefixCfg(silent, nil, nil, ""); err != nil {
		panic(err)
	}
}

// askCilium parses, sanitises and adds the objects to a policy repository, then looks every question up as the datapath would.
func askCilium(world *World, pods *podTable) (string, []Rejected, error) {
	configure(world.Settings)
	entries, rejected, err := readCilium(world)
	if err != nil {
		return "", nil, err
	}
	cluster := newCluster(world, pods, entries)
	answers := make([]byte, len(world.Questions))
	for index := range world.Questions {
		if answers[index], err = cluster.decide(&world.Questions[index]); err != nil {
			return "", nil, err
		}
	}
	return string(answers), rejected, nil
}

// readCilium gives policy entries; an object that Parse refuses is not enforced, so it is left out and named.
func readCilium(world *World) (types.PolicyEntries, []Rejected, error) {
	var entries types.PolicyEntries
	var rejected []Rejected
	for _, raw := range world.Cilium {
		head, err := headOf(raw)
		if err != nil {
			return nil, nil, err
		}
		parsed, err := parseCilium(raw, head, clusterFor(world.Settings))
		if err != nil {
			rejected = append(rejected, Rejected{Object: head.String(), Reason: err.Error()})
			continue
		}
		entries = append(entries, parsed...)
	}
	return entries, rejected, nil
}

// clusterFor is the cluster that peers without a cluster label are limited to; none where the option is off.
func clusterFor(settings CiliumSettings) string {
	if settings.PolicyDefaultLocalCluster {
		return clusterName
	}
	return ""
}

func parseCilium(raw json.RawMessage, head objectHead, cluster string) (types.PolicyEntries, error) {
	switch head.Kind {
	case "CiliumNetworkPolicy":
		object := &v2.CiliumNetworkPolicy{}
		if err := json.Unmarshal(raw, object); err != nil {
			return nil, err
		}
		rules, err := object.Parse(silent, cluster)
		if err != nil {
			return nil, err
		}
		return utils.RulesToPolicyEntries(rules), nil
	case "CiliumClusterwideNetworkPolicy":
		object := &v2.CiliumClusterwideNetworkPolicy{}
		if err := json.Unmarshal(raw, object); err != nil {
			return nil, err
		}
		rules, err := object.Parse(silent, cluster)
		if err != nil {
			return nil, err
		}
		return utils.RulesToPolicyEntries(rules), nil
	case "NetworkPolicy":
		object := &slimnetworkingv1.NetworkPolicy{}
		if err := json.Unmarshal(raw, object); err != nil {
			return nil, err
		}
		return k8s.ParseNetworkPolicy(silent, cluster, object)
	}
	return nil, fmt.Errorf("this judge does not know the kind")
}

// owner answers what an endpoint's policy asks of its endpoint: the named ports of its own containers.
type owner struct {
	id    uint64
	ports map[string]uint16
}

func (o owner) GetID() uint64 { return o.id }
func (o owner) GetIngressNamedPort(name string, protocol u8proto.U8proto) uint16 {
	return o.ports[portKey(name, protocol)]
}
func (o owner) PolicyDebug(string, ...any)                  {}
func (o owner) IsHost() bool                                { return false }
func (o owner) PreviousMapStateSizes() policy.MapStateSizes { return policy.MapStateSizes{} }
func (o owner) RegenerateIfAlive(*regeneration.ExternalRegenerationMetadata) <-chan bool {
	done := make(chan bool)
	close(done)
	return done
}

func portKey(name string, protocol u8proto.U8proto) string {
	return strings.ToLower(name) + "/" + protocol.String()
}

func namedPorts(pod *corev1.Pod) map[string]uint16 {
	numbers := map[string]u8proto.U8proto{"": u8proto.TCP, "TCP": u8proto.TCP, "UDP": u8proto.UDP, "SCTP": u8proto.SCTP}
	ports := map[string]uint16{}
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name != "" {
				ports[portKey(port.Name, numbers[string(port.Protocol)])] = uint16(port.ContainerPort)
			}
		}
	}
	return ports
}

// portsOfPeers answers which numbers the peers of an egress rule give to a name.
type portsOfPeers struct{ ports pkgtypes.NamedPortMultiMap }

func (p portsOfPeers) GetNamedPorts() pkgtypes.NamedPortMultiMap { return p.ports }

func portMap(pod *corev1.Pod) pkgtypes.NamedPortMap {
	ports := pkgtypes.NamedPortMap{}
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name != "" {
				if err := ports.AddPort(port.Name, int(port.ContainerPort), string(port.Protocol)); err != nil {
					panic(err)
				}
			}
		}
	}
	return ports
}

// cluster is a policy repository with the identities of a world.
type cluster struct {
	world    *World
	pods     *podTable
	repo     *policy.Repository
	byPod    map[string]*identity.Identity
	policies map[string]*policy.EndpointPolicy
	prefixes []netip.Prefix
	byPrefix map[netip.Prefix]identity.NumericIdentity
}

type nobody struct{}

func (nobody) RegisterFQDNSelector(api.FQDNSelector) uint64   { return 0 }
func (nobody) UnregisterFQDNSelector(api.FQDNSelector) uint64 { return 0 }

func newCluster(world *World, pods *podTable, entries types.PolicyEntries) *cluster {
	manager := identitymanager.NewIDManager(silent)
	reserved := identity.IdentityMap{}
	identity.IterateReservedIdentities(func(id identity.NumericIdentity, known *identity.Identity) {
		reserved[id] = known.LabelArray
	})
	repo := policy.NewPolicyRepository(silent, reserved, nil, nil, manager, testpolicy.NewPolicyMetricsNoop())
	repo.GetSelectorCache().SetLocalIdentityNotifier(nobody{})
	ports := pkgtypes.NewNamedPortMultiMap()
	repo.SetNamedPortsGetter(portsOfPeers{ports})
	c := &cluster{
		world: world, pods: pods, repo: repo,
		byPod: map[string]*identity.Identity{}, policies: map[string]*policy.EndpointPolicy{},
		byPrefix: map[netip.Prefix]identity.NumericIdentity{},
	}
	added := identity.IdentityMap{}
	for index, pod := range pods.list {
		known := podIdentity(identity.NumericIdentity(1000+index), pod, pods)
		c.byPod[pod.Namespace+"/"+pod.Name] = known
		added[known.ID] = known.LabelArray
		ports.Update(known.ID, nil, portMap(pod))
	}
	for index, prefix := range prefixesOf(world) {
		id := identity.IdentityScopeLocal + identity.NumericIdentity(index+1)
		c.prefixes = append(c.prefixes, prefix)
		c.byPrefix[prefix] = id
		added[id] = labels.GetCIDRLabels(prefix).LabelArray()
	}
	wait := &sync.WaitGroup{}
	repo.GetSelectorCache().UpdateIdentities(added, nil, wait)
	repo.GetSubjectSelectorCache().UpdateIdentities(added, nil, wait)
	wait.Wait()
	repo.MustAddPolicyEntries(entries)
	return c
}

func podIdentity(id identity.NumericIdentity, pod *corev1.Pod, pods *podTable) *identity.Identity {
	all := labels.Labels{}
	add := func(key, value string) { all[key] = labels.NewLabel(key, value, labels.LabelSourceK8s) }
	for key, value := range pod.Labels {
		add(key, value)
	}
	for key, value := range pods.namespaceLabels[pod.Namespace] {
		add("io.cilium.k8s.namespace.labels."+key, value)
	}
	add("io.kubernetes.pod.namespace", pod.Namespace)
	add("io.cilium.k8s.policy.cluster", clusterName)
	account := pod.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	add("io.cilium.k8s.policy.serviceaccount", account)
	relevant, _ := labelsfilter.Filter(all)
	return identity.NewIdentity(id, relevant)
}

// prefixesOf collects every prefix that a policy names: an address belongs to the longest, and to the outside without one.
func prefixesOf(world *World) []netip.Prefix {
	found := map[netip.Prefix]bool{}
	var walk func(value any)
	walk = func(value any) {
		switch typed := value.(type) {
		case map[string]any:
			for _, inner := range typed {
				walk(inner)
			}
		case []any:
			for _, inner := range typed {
				walk(inner)
			}
		case string:
			if prefix, err := netip.ParsePrefix(typed); err == nil {
				found[prefix.Masked()] = true
			} else if address, err := netip.ParseAddr(typed); err == nil {
				found[netip.PrefixFrom(address, address.BitLen())] = true
			}
		}
	}
	for _, raw := range world.Cilium {
		var object map[string]any
		if json.Unmarshal(raw, &object) == nil {
			walk(object["spec"])
			walk(object["specs"])
		}
	}
	var prefixes []netip.Prefix
	for prefix := range found {
		if prefix.Bits() > 0 {
			prefixes = append(prefixes, prefix)
		}
	}
	sort.Slice(prefixes, func(a, b int) bool { return prefixes[a].String() < prefixes[b].String() })
	return prefixes
}

// identityOf is the identity that the ipcache holds for an address outside the pods.
func (c *cluster) identityOf(address string) (identity.NumericIdentity, error) {
	for _, node := range c.world.RemoteNodes {
		if node == address {
			return identity.ReservedIdentityRemoteNode, nil
		}
	}
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return 0, err
	}
	best := -1
	id := identity.ReservedIdentityWorld
	if c.world.Settings.IPv6 {
		id = identity.ReservedIdentityWorldIPv4
		if parsed.Is6() {
			id = identity.ReservedIdentityWorldIPv6
		}
	}
	for _, prefix := range c.prefixes {
		if prefix.Contains(parsed) && prefix.Bits() > best {
			best = prefix.Bits()
			id = c.byPrefix[prefix]
		}
	}
	return id, nil
}

func (c *cluster) policyOf(name string) (*policy.EndpointPolicy, error) {
	if known := c.policies[name]; known != nil {
		return known, nil
	}
	subject := c.byPod[name]
	if subject == nil {
		return nil, fmt.Errorf("the world has no pod %s", name)
	}
	selected, _, err := c.repo.ComputeSelectorPolicy(subject)
	if err != nil {
		return nil, err
	}
	distilled := selected.DistillPolicy(silent, owner{id: uint64(subject.ID), ports: namedPorts(c.pods.byName[name])}, map[string]uint16{})
	if err := distilled.Ready(); err != nil {
		return nil, err
	}
	c.policies[name] = distilled
	return distilled, nil
}

func (c *cluster) decide(question *Question) (byte, error) {
	distilled, err := c.policyOf(question.Pod)
	if err != nil {
		return 0, err
	}
	var peer identity.NumericIdentity
	if question.PeerPod != "" {
		other := c.byPod[question.PeerPod]
		if other == nil {
			return 0, fmt.Errorf("the world has no pod %s", question.PeerPod)
		}
		peer = other.ID
	} else if peer, err = c.identityOf(question.PeerAddress); err != nil {
		return 0, err
	}
	port := uint16(question.Port)
	if question.Protocol == 1 || question.Protocol == 58 {
		port = uint16(question.ICMPType)
		// Port 0 is refused by the look-up, and ICMP type 0 is a reply.
		if port == 0 {
			return '-', nil
		}
	}
	key := policy.EgressKey()
	if question.Half == "ingress" {
		key = policy.IngressKey()
	}
	entry, _, found := distilled.Lookup(key.WithIdentity(peer).WithPortProto(u8proto.U8proto(question.Protocol), port))
	if !found || entry.IsDeny() {
		return 'd', nil
	}
	return 'a', nil
}
