import { addressFamily } from "../core/cidr.ts";
import { deviceMTU } from "./device-mtu.ts";
import { chooseDevices } from "./devices.ts";
import type { TargetContext } from "./target-context.ts";
import { byPhase, rule, set, type ValueRule } from "./value-rule.ts";

function has(context: TargetContext, family: 4 | 6): boolean {
  return context.source.facts.families.includes(family);
}

function poolOf(context: TargetContext, family: 4 | 6): string[] {
  return context.pool.cidrs.filter((cidr) => addressFamily(cidr) === family);
}

function rangeText(context: TargetContext): string {
  const old = context.source.facts.podCIDRs.join(", ");
  return old === "" ? "" : `; the old pods keep ${old}`;
}

/** Addresses: who gives them out, and out of which pool. */
export const addressRules: readonly ValueRule[] = [
  rule("ipam.mode", () =>
    set(
      "cluster-pool",
      "blocks come from CiliumNode objects, so the source keeps using Node.spec.podCIDR; cannot be changed later",
    ),
  ),
  rule("ipam.operator.clusterPoolIPv4PodCIDRList", (context) =>
    poolOf(context, 4).length === 0
      ? undefined
      : set(
          poolOf(context, 4),
          `the new pool, which overlaps nothing${rangeText(context)}; prefixes may be added, never changed`,
        ),
  ),
  rule("ipam.operator.clusterPoolIPv4MaskSize", (context) =>
    context.pool.maskSize.ipv4 === undefined
      ? undefined
      : set(
          context.pool.maskSize.ipv4,
          `a block of ${2 ** (32 - context.pool.maskSize.ipv4) - 2} addresses for each node; cannot be changed later`,
        ),
  ),
  rule("ipam.operator.clusterPoolIPv6PodCIDRList", (context) =>
    poolOf(context, 6).length === 0
      ? undefined
      : set(poolOf(context, 6), "the new IPv6 pool; prefixes may be added, never changed"),
  ),
  rule("ipam.operator.clusterPoolIPv6MaskSize", (context) =>
    context.pool.maskSize.ipv6 === undefined
      ? undefined
      : set(
          context.pool.maskSize.ipv6,
          "each node's IPv6 block, at most 16 bits longer than the pool; cannot be changed later",
        ),
  ),
  rule("ipv4.enabled", (context) =>
    set(
      has(context, 4),
      has(context, 4) ? "the running pods have IPv4 addresses" : "no running pod has an IPv4 address",
    ),
  ),
  rule("ipv6.enabled", (context) =>
    set(
      has(context, 6),
      has(context, 6) ? "the running pods have IPv6 addresses" : "no running pod has an IPv6 address",
    ),
  ),
  rule("enableIPv4Masquerade", (context) =>
    has(context, 4) ? set(true, "pods leave the cluster with their node's address, as before") : undefined,
  ),
  rule("enableIPv6Masquerade", (context) =>
    has(context, 6) ? set(true, "pods leave the cluster with their node's address, as before") : undefined,
  ),
];

/** The overlay between nodes and the devices under it. */
export const overlayRules: readonly ValueRule[] = [
  rule("routingMode", () => set("tunnel", "an overlay of its own needs nothing of the source's routes")),
  rule("tunnelProtocol", (context) => set(context.tunnel.protocol, "the encapsulation that every kernel has")),
  rule("tunnelPort", (context) => {
    const avoided = context.tunnel.avoided.map((taken) => `${taken.port} belongs to ${taken.by}`).join(", ");
    return set(
      context.tunnel.port,
      avoided === ""
        ? "Cilium's usual VXLAN port, which nothing here uses; a change later cuts the whole cluster"
        : `${avoided}; keep it for good, a change later cuts the whole cluster`,
    );
  }),
  rule("underlayProtocol", (context) =>
    has(context, 4) ? undefined : set("ipv6", "the cluster has no IPv4, so the overlay runs over IPv6"),
  ),
  rule("MTU", (context) => {
    const mtu = deviceMTU(context.source.facts);
    return mtu === undefined ? undefined : set(mtu.value, mtu.why);
  }),
  rule("devices", (context, phase) => {
    const devices = chooseDevices(context.plan, context.source, context.minor);
    if (devices === undefined) return undefined;
    return set(
      devices.value,
      phase === "final" && devices.detects ? `${devices.why}; may go when the nodes are clean` : devices.why,
    );
  }),
  rule("forceDeviceDetection", (context) =>
    chooseDevices(context.plan, context.source, context.minor)?.detects === true
      ? set(true, "a list of exclusions alone selects nothing: detection has to go on for the rest")
      : undefined,
  ),
];

/** The datapath's features, kept as near to netfilter as the source expects. */
export const datapathRules: readonly ValueRule[] = [
  rule("bpf.datapathMode", () => set("veth", "the kind of pod device cannot be changed for living pods")),
  rule("bpf.hostLegacyRouting", (context) =>
    set(
      true,
      context.distribution === "talos"
        ? "pods' traffic passes netfilter, where the bridge and kube-proxy work; Talos' host DNS needs it for good"
        : "pods' traffic passes netfilter, where the bridge and kube-proxy work; eBPF host routing is a step of its own afterwards",
    ),
  ),
  rule("bpf.masquerade", () =>
    set(
      false,
      "iptables masquerading keeps what the source's rules rely on; eBPF masquerading is a step of its own afterwards",
    ),
  ),
  rule("extraConfig.prepend-iptables-chains", (_context, phase) =>
    byPhase(
      phase,
      set(
        "false",
        "Cilium's chains come after the source's: in front they would bypass its policy for seconds after every agent start",
      ),
      undefined,
    ),
  ),
  rule("socketLB.hostNamespaceOnly", (context) => {
    const who = meshOrVirtualMachines(context);
    return who === undefined
      ? undefined
      : set(true, `${who} must see the Service's address, which socket load balancing would hide`);
  }),
];

function meshOrVirtualMachines(context: TargetContext): string | undefined {
  const mesh = context.source.facts.companions.find((name) => name.startsWith("istio") || name.startsWith("linkerd"));
  if (mesh !== undefined) return mesh;
  const crds = context.inventory.objects.get("CustomResourceDefinition") ?? [];
  if (crds.some((crd) => crd.name === "kubevirts.kubevirt.io")) return "KubeVirt";
  return undefined;
}
