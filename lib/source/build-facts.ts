import { addressFamily, addressMatcher, mergeCIDRs, normaliseCIDR } from "../core/cidr.ts";
import { byAll, byText, sortedUnique } from "../core/order.ts";
import type { ClusterView } from "./cluster-view.ts";
import { findCompanions } from "./companions.ts";
import { distributionDirectories } from "./distribution.ts";
import type { Claim } from "./kubernetes-network.ts";
import type { SourceFacts } from "./source.ts";
import { hostDirectory, isRunning, type Workload } from "./workload.ts";

/** What an adapter knows itself; the rest of the facts is the same question for every network. */
export interface OwnFacts
  extends Pick<SourceFacts, "encapsulation" | "enforcedPolicyKinds" | "devices">,
    Partial<
      Pick<
        SourceFacts,
        | "tunnelPort"
        | "vni"
        | "mtu"
        | "version"
        | "datastore"
        | "dataplane"
        | "serviceProxy"
        | "cniConfFile"
        | "usesTiers"
        | "uplinks"
        | "cniNetworkName"
        | "installation"
        | "policyEngines"
      >
    > {
  readonly agents: readonly Workload[];
  /** Prefixes out of the network's own configuration; empty when it says nothing. */
  readonly claims: readonly Claim[];
  /** Service prefixes out of the network's own configuration, beside those that Kubernetes tells. */
  readonly serviceClaims?: readonly Claim[];
  /** Whether pods get their addresses out of `spec.podCIDRs` of their node. */
  readonly usesNodeCIDRs: boolean;
  readonly details?: Readonly<Record<string, string | undefined>>;
}

/**
 * Fills the facts: the adapter's own, and for everything else the places that Kubernetes and the distribution offer.
 *
 * Pod prefixes: the network's own configuration; without one the cluster's own words (kubeadm, controller manager,
 * kube-proxy, k3s), the most trusted first; without those the nodes' podCIDRs. Node podCIDRs outside are added where
 * the network hands them out, so that no address in use is missed.
 */
export function buildFacts(view: ClusterView, own: OwnFacts): SourceFacts {
  const chosen = choosePodClaims(view, own);
  const podCIDRs = mergeSorted(chosen.map((claim) => claim.cidr));
  const services = [...view.kubernetes.serviceCIDRs, ...(own.serviceClaims ?? [])];
  const serviceCIDRs = mergeSorted(services.map((claim) => claim.cidr));
  const running = own.agents.filter((agent) => agent.desired === undefined || isRunning(agent));
  const directories = distributionDirectories(view.inventory, view.distribution);
  const companions = findCompanions(view).map((companion) => companion.name);
  const [agent] = running.length > 0 ? running : own.agents;
  const isMounted = agent?.object !== undefined;
  const fallback =
    isMounted && view.distribution === "k3s"
      ? { configuration: "/etc/cni/net.d", binaries: "/opt/cni/bin" }
      : directories;
  return {
    podCIDRs,
    ...(serviceCIDRs.length > 0 && { serviceCIDRs }),
    ...(serviceCIDRs.length === 0 &&
      view.kubernetes.serviceCIDRHint.length > 0 && { serviceCIDRHint: view.kubernetes.serviceCIDRHint }),
    families: familiesOf(view, podCIDRs),
    encapsulation: own.encapsulation,
    ...optional(own),
    installation: own.installation ?? ownerOf(view),
    serviceProxy: own.serviceProxy ?? view.kubernetes.serviceProxy,
    enforcedPolicyKinds: own.enforcedPolicyKinds,
    devices: sortedUnique(own.devices),
    cniConfDirectory: hostDirectory(agent, ["/host/etc/cni/net.d", "/etc/cni/net.d"]) ?? fallback.configuration,
    cniBinDirectory: hostDirectory(agent, ["/host/opt/cni/bin", "/opt/cni/bin"]) ?? fallback.binaries,
    daemonSets: sortedUnique(running.map((one) => `${one.namespace}/${one.name}`)),
    companions: companions.filter((name) => name !== "kube-router"),
    policyEngines: own.policyEngines ?? [],
    details: detailsOf(own, chosen, companions),
  };
}

const copied = [
  "tunnelPort",
  "vni",
  "mtu",
  "version",
  "datastore",
  "dataplane",
  "cniConfFile",
  "usesTiers",
  "cniNetworkName",
] as const;

function optional(own: OwnFacts): Partial<SourceFacts> {
  const entries = copied.flatMap((key) => (own[key] === undefined ? [] : [[key, own[key]] as const]));
  const uplinks = own.uplinks ?? [];
  return { ...Object.fromEntries(entries), ...(uplinks.length > 0 && { uplinks }) };
}

function choosePodClaims(view: ClusterView, own: OwnFacts): readonly Claim[] {
  const base = own.claims.length > 0 ? own.claims : mostTrusted(view.kubernetes.podCIDRs);
  if (!own.usesNodeCIDRs) return base;
  const isCovered = addressMatcher(mergeSorted(base.map((claim) => claim.cidr)));
  return [...base, ...view.kubernetes.nodePodCIDRs.filter((claim) => !isCovered(claim.cidr.split("/")[0] ?? ""))];
}

/** The claims of the first object that makes any, of both families where it has them. */
function mostTrusted(claims: readonly Claim[]): readonly Claim[] {
  const [first] = claims;
  return first === undefined ? [] : claims.filter((claim) => claim.object === first.object);
}

/** Valid prefixes merged to the fewest and sorted: IPv4 before IPv6, then by text. */
export function mergeSorted(cidrs: readonly string[]): readonly string[] {
  return cidrs.length === 0
    ? []
    : mergeCIDRs(cidrs)
        .map((cidr) => normaliseCIDR(cidr) ?? cidr)
        .sort(
          byAll<string>(
            byText((cidr) => String(addressFamily(cidr))),
            byText((cidr) => cidr),
          ),
        );
}

function familiesOf(view: ClusterView, podCIDRs: readonly string[]): readonly (4 | 6)[] {
  const addresses = [...podCIDRs, ...view.networkPods.slice(0, 100).flatMap((pod) => pod.podIPs)];
  const families = new Set(addresses.map(addressFamily));
  return ([4, 6] as const).filter((family) => families.has(family));
}

function ownerOf(view: ClusterView): string {
  return view.distribution === "plain" ? "manifest" : view.distribution;
}

function detailsOf(
  own: OwnFacts,
  claims: readonly Claim[],
  companions: readonly string[],
): Readonly<Record<string, string>> {
  const [first] = claims;
  const entries = Object.entries({
    ...own.details,
    // No part of the CNI configuration, unlike the other companions.
    beside: companions.includes("kube-router") ? "kube-router" : undefined,
    podCIDRsFrom: first === undefined ? undefined : `${first.object} ${first.field}`.trim(),
  });
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined).sort(byText(([key]) => key)),
  );
}
