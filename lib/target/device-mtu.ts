import type { Encapsulation, SourceFacts } from "../source/source.ts";

/**
 * Bytes that an encapsulation takes from each packet over IPv4.
 *
 * Source: projectcalico/calico felix/dataplane/linux/int_dataplane.go (IPIP 20, VXLAN 50, WireGuard 60);
 * flannel-io/flannel pkg/backend (udp 28, vxlan 50, wireguard 80); ovn-kubernetes (Geneve 100 in its documentation).
 * Where sources differ the smaller number stands here: a device MTU that is too small works, one that is too large does not.
 */
const overhead: Readonly<Record<Encapsulation, number>> = {
  vxlan: 50,
  geneve: 50,
  ipip: 20,
  wireguard: 60,
  udp: 28,
  fou: 28,
  ipsec: 0,
  none: 0,
  unknown: 0,
};

/**
 * The MTU of the nodes' uplinks, in bytes, where the source was told an MTU; absent where it detects one, because then
 * Cilium does the same.
 *
 * The source's number is a pod's or tunnel's MTU; Cilium subtracts its own overhead from a device's (50 bytes over
 * IPv4), so the source's overhead is added.
 * Source: cilium/cilium v1.20.2 pkg/mtu/mtu.go.
 */
export function deviceMTU(facts: SourceFacts): { readonly value: number; readonly why: string } | undefined {
  if (facts.mtu === undefined || facts.mtu <= 0) return undefined;
  const added = overhead[facts.encapsulation];
  return {
    value: facts.mtu + added,
    why:
      added === 0
        ? `the source was told ${facts.mtu}; the value is the device's MTU, Cilium subtracts its overhead itself`
        : `the source was told ${facts.mtu} and takes ${added} for itself; the value is the device's MTU, Cilium subtracts its own`,
  };
}
