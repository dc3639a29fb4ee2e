package main

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/projectcalico/calico/felix/proto"
	corev1 "k8s.io/api/core/v1"
)

// packet is a flow's first packet as Felix's rules see it.
type packet struct {
	source, destination         netip.Addr
	protocol                    int
	sourcePort, destinationPort int
	icmpType, icmpCode          int
}

// packetOf makes the packet of a question; nil where the two ends have no address of one family.
func packetOf(pods *podTable, pod *corev1.Pod, question *Question) (*packet, error) {
	peer := question.PeerAddress
	own := addressOf(pod, isV6(peer))
	if question.PeerPod != "" && peer == "" {
		other, err := pods.find(question.PeerPod)
		if err != nil {
			return nil, err
		}
		// ICMPv6 needs IPv6 ends, ICMP needs IPv4 ends; everything else takes the first address.
		wantsV6 := question.Protocol == 58
		own, peer = addressOf(pod, wantsV6), addressOf(other, wantsV6)
	}
	if isV6(own) != isV6(peer) {
		return nil, nil
	}
	ownAddress, err := netip.ParseAddr(own)
	if err != nil {
		return nil, err
	}
	peerAddress, err := netip.ParseAddr(peer)
	if err != nil {
		return nil, err
	}
	flow := &packet{
		source: ownAddress, destination: peerAddress,
		protocol: question.Protocol, sourcePort: question.SourcePort, destinationPort: question.Port,
		icmpType: question.ICMPType, icmpCode: question.ICMPCode,
	}
	if question.Half == "ingress" {
		flow.source, flow.destination = peerAddress, ownAddress
	}
	return flow, nil
}

// matches decides one rule as Felix renders it for one family (felix/rules/policy.go).
func (told *graph) matches(rule *proto.Rule, flow *packet) bool {
	isV6 := flow.source.Is6()
	if (rule.IpVersion == proto.IPVersion_IPV4 && isV6) || (rule.IpVersion == proto.IPVersion_IPV6 && !isV6) {
		return false
	}
	// FilterRuleToIPVersion: a list of networks that has none of this family takes the whole rule away.
	for _, nets := range [][]string{rule.SrcNet, rule.NotSrcNet, rule.DstNet, rule.NotDstNet} {
		if len(nets) > 0 && !hasFamily(nets, isV6) {
			return false
		}
	}
	return matchesProtocol(rule, flow) && told.matchesEnds(rule, flow) && matchesICMP(rule, flow)
}

func hasFamily(nets []string, isV6 bool) bool {
	for _, net := range nets {
		if strings.Contains(net, ":") == isV6 {
			return true
		}
	}
	return false
}

func matchesProtocol(rule *proto.Rule, flow *packet) bool {
	if rule.Protocol != nil && protocolNumber(rule.Protocol) != flow.protocol {
		return false
	}
	return rule.NotProtocol == nil || protocolNumber(rule.NotProtocol) != flow.protocol
}

func protocolNumber(protocol *proto.Protocol) int {
	switch name := protocol.NumberOrName.(type) {
	case *proto.Protocol_Number:
		return int(name.Number)
	case *proto.Protocol_Name:
		numbers := map[string]int{"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132, "udplite": 136}
		return numbers[strings.ToLower(name.Name)]
	}
	return -1
}

func (told *graph) matchesEnds(rule *proto.Rule, flow *packet) bool {
	if len(rule.SrcNet) > 0 && !inNets(rule.SrcNet, flow.source) || inNets(rule.NotSrcNet, flow.source) {
		return false
	}
	if len(rule.DstNet) > 0 && !inNets(rule.DstNet, flow.destination) || inNets(rule.NotDstNet, flow.destination) {
		return false
	}
	for _, id := range rule.SrcIpSetIds {
		if !told.inSet(id, flow.source) {
			return false
		}
	}
	for _, id := range rule.DstIpSetIds {
		if !told.inSet(id, flow.destination) {
			return false
		}
	}
	for _, id := range rule.NotSrcIpSetIds {
		if told.inSet(id, flow.source) {
			return false
		}
	}
	for _, id := range rule.NotDstIpSetIds {
		if told.inSet(id, flow.destination) {
			return false
		}
	}
	for _, id := range rule.DstIpPortSetIds {
		if !told.hasPort(id, flow.destination, flow.protocol, flow.destinationPort) {
			return false
		}
	}
	return told.matchesPorts(rule, flow)
}

func (told *graph) matchesPorts(rule *proto.Rule, flow *packet) bool {
	hasSource := len(rule.SrcPorts)+len(rule.SrcNamedPortIpSetIds) > 0
	if hasSource && !told.onPort(rule.SrcPorts, rule.SrcNamedPortIpSetIds, flow.source, flow.protocol, flow.sourcePort) {
		return false
	}
	hasDestination := len(rule.DstPorts)+len(rule.DstNamedPortIpSetIds) > 0
	if hasDestination && !told.onPort(rule.DstPorts, rule.DstNamedPortIpSetIds, flow.destination, flow.protocol, flow.destinationPort) {
		return false
	}
	if told.onPort(rule.NotSrcPorts, rule.NotSrcNamedPortIpSetIds, flow.source, flow.protocol, flow.sourcePort) {
		return false
	}
	return !told.onPort(rule.NotDstPorts, rule.NotDstNamedPortIpSetIds, flow.destination, flow.protocol, flow.destinationPort)
}

func (told *graph) onPort(ranges []*proto.PortRange, sets []string, address netip.Addr, protocol, port int) bool {
	for _, entry := range ranges {
		if hasPorts(protocol) && int(entry.First) <= port && port <= int(entry.Last) {
			return true
		}
	}
	for _, id := range sets {
		if told.hasPort(id, address, protocol, port) {
			return true
		}
	}
	return false
}

func hasPorts(protocol int) bool {
	return protocol == 6 || protocol == 17 || protocol == 132 || protocol == 136
}

func matchesICMP(rule *proto.Rule, flow *packet) bool {
	switch wanted := rule.Icmp.(type) {
	case *proto.Rule_IcmpType:
		if int(wanted.IcmpType) != flow.icmpType {
			return false
		}
	case *proto.Rule_IcmpTypeCode:
		if int(wanted.IcmpTypeCode.Type) != flow.icmpType || int(wanted.IcmpTypeCode.Code) != flow.icmpCode {
			return false
		}
	}
	switch refused := rule.NotIcmp.(type) {
	case *proto.Rule_NotIcmpType:
		return int(refused.NotIcmpType) != flow.icmpType
	case *proto.Rule_NotIcmpTypeCode:
		return int(refused.NotIcmpTypeCode.Type) != flow.icmpType || int(refused.NotIcmpTypeCode.Code) != flow.icmpCode
	}
	return true
}

func inNets(nets []string, address netip.Addr) bool {
	for _, net := range nets {
		if prefixOf(net).Contains(address) {
			return true
		}
	}
	return false
}

func prefixOf(text string) netip.Prefix {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Masked()
	}
	address := netip.MustParseAddr(text)
	return netip.PrefixFrom(address, address.BitLen())
}

func (told *graph) inSet(id string, address netip.Addr) bool {
	for member := range told.ipSets[id] {
		if prefixOf(member).Contains(address) {
			return true
		}
	}
	return false
}

// hasPort looks into a set of addresses with ports: "10.0.0.1,tcp:8080".
func (told *graph) hasPort(id string, address netip.Addr, protocol, port int) bool {
	names := map[int]string{6: "tcp", 17: "udp", 132: "sctp"}
	for member := range told.ipSets[id] {
		parts := strings.SplitN(member, ",", 2)
		if len(parts) == 2 && prefixOf(parts[0]).Contains(address) && parts[1] == names[protocol]+":"+strconv.Itoa(port) {
			return true
		}
	}
	return false
}
