import {
  addressFamily,
  addressMatcher,
  isAddress,
  mergeCIDRs,
  normaliseCIDR,
  overlaps,
  prefixAt,
  rangeOf,
} from "../core/cidr.ts";
import { printIdentity } from "../core/identity.ts";
import { getArray, getIn, getString, isJsonObject, type JsonValue } from "../core/json.ts";
import { onceFor } from "../core/once-for.ts";
import { byAll, compareText, sortedUnique } from "../core/order.ts";
import { type Inventory, objectsOf, type RawObject } from "../inventory/inventory.ts";
import type { SourceFacts } from "../source/source.ts";
import { readInstalledCilium } from "./installed-cilium.ts";

/** A range that somebody has, so that the new pool must stay out of it. */
export interface ReservedRange {
  /** Normalised prefix; a single address as /32 or /128. */
  readonly cidr: string;
  /** Whose it is, in words: `the pods of the source`, `Node/worker-1 InternalIP`. */
  readonly owner: string;
  /**
   * `certain`: an overlap breaks traffic; `likely`: it would break traffic where the guess is right (the subnet around
   * a node's address).
   */
  readonly certainty: "certain" | "likely";
  /** `source-pods`: what the pool replaces; only an in-place migration may reuse it. */
  readonly kind: "source-pods" | "service" | "node" | "platform" | "load-balancer" | "external" | "plan";
}

type Kind = ReservedRange["kind"];
type Certainty = ReservedRange["certainty"];

/**
 * Every range that the new pool of pod addresses must not touch, each with its owner: sorted by prefix, then owner.
 *
 * Read: the source's pools, the nodes' own pod ranges, service ranges and addresses, node addresses and the subnet
 * that is likely around them, load balancer pools and addresses, endpoints outside the cluster, docker's bridge,
 * link-local and OVN's join and transit ranges, and what the plan reserves.
 * Source: cilium/cilium v1.20.2 Documentation/network/concepts/ipam/cluster-pool.rst ("you will lose connectivity to
 * other nodes"); ovn-kubernetes go-controller/pkg/config (100.64.0.0/16, 100.88.0.0/16, 169.254.0.0/17).
 */
export function reservedRanges(
  inventory: Inventory,
  facts: SourceFacts,
  reserved: readonly string[],
): readonly ReservedRange[] {
  // The pool is checked and proposed from the same ranges, for several phases.
  const known = rangesOf(inventory);
  const key = JSON.stringify([facts.podCIDRs, facts.serviceCIDRs ?? [], reserved]);
  const ranges = known.get(key) ?? findRanges(inventory, facts, reserved);
  known.set(key, ranges);
  return ranges;
}

const rangesOf = onceFor((_inventory: Inventory) => new Map<string, readonly ReservedRange[]>());

function findRanges(inventory: Inventory, facts: SourceFacts, reserved: readonly string[]): readonly ReservedRange[] {
  const ranges = [
    ...reserved.flatMap((cidr) => range(cidr, "reservedCIDRs of the plan", "certain", "plan")),
    ...podRanges(inventory, facts),
    ...serviceRanges(inventory, facts),
    ...nodeRanges(inventory),
    ...platformRanges,
    ...loadBalancerRanges(inventory),
    ...externalEndpoints(inventory),
  ];
  const seen = new Map(ranges.map((item) => [`${item.cidr} ${item.owner} ${item.certainty}`, item]));
  return [...seen.values()].sort(
    byAll(
      (a, b) => compareText(a.cidr, b.cidr),
      (a, b) => compareText(a.owner, b.owner),
      (a, b) => compareText(a.certainty, b.certainty),
    ),
  );
}

function range(cidr: string, owner: string, certainty: Certainty, kind: Kind): ReservedRange[] {
  const normal = normaliseCIDR(cidr);
  return normal === undefined ? [] : [{ cidr: normal, owner, certainty, kind }];
}

function podRanges(inventory: Inventory, facts: SourceFacts): ReservedRange[] {
  const pools = facts.podCIDRs.flatMap((cidr) => range(cidr, "the pods of the source", "certain", "source-pods"));
  const ofNodes = inventory.nodes.flatMap((node) =>
    node.podCIDRs
      .filter((cidr) => !facts.podCIDRs.some((pool) => overlaps(pool, cidr)))
      .flatMap((cidr) => range(cidr, `Node/${node.name} spec.podCIDRs`, "certain", "source-pods")),
  );
  // Pods of a wave that is done have addresses of the new pool already.
  const isKnown = addressMatcher([...facts.podCIDRs, ...(readInstalledCilium(inventory)?.podCIDRs ?? [])]);
  const strays = inventory.pods
    .filter((pod) => !pod.isHostNetwork)
    .flatMap((pod) => pod.podIPs.map((address) => ({ pod, address })))
    .filter(({ address }) => !isKnown(address))
    .flatMap(({ pod, address }) => range(address, `Pod/${pod.namespace}/${pod.name}`, "certain", "source-pods"));
  return [...pools, ...ofNodes, ...strays];
}

const usualServiceRanges = ["10.96.0.0/12", "10.43.0.0/16", "10.152.183.0/24", "172.20.0.0/16", "10.100.0.0/16"];

function serviceRanges(inventory: Inventory, facts: SourceFacts): ReservedRange[] {
  const told = (facts.serviceCIDRs ?? []).flatMap((cidr) => range(cidr, "the Services", "certain", "service"));
  const isTold = addressMatcher(told.map((known) => known.cidr));
  const addresses = objectsOf(inventory, "Service", "").flatMap((service) => {
    const ips = getArray(service.object, "spec", "clusterIPs").filter((ip): ip is string => typeof ip === "string");
    const single = getString(service.object, "spec", "clusterIP");
    return (ips.length > 0 ? ips : single === undefined ? [] : [single])
      .filter((ip) => isAddress(ip) && !isTold(ip))
      .map((ip) => ({ ip, owner: printIdentity(service) }));
  });
  const single = addresses.flatMap(({ ip, owner }) => range(ip, owner, "certain", "service"));
  const guesses = usualServiceRanges
    .filter((cidr) => addresses.some(({ ip }) => overlaps(cidr, ip)))
    .flatMap((cidr) => range(cidr, "the Services, by their usual range", "likely", "service"));
  const around = subnetsAround(addresses.map(({ ip }) => ip)).flatMap((cidr) =>
    range(cidr, "the subnet around the Services' addresses", "likely", "service"),
  );
  return [...told, ...single, ...guesses, ...around];
}

/** The /16 or /64 around each address, merged. */
function subnetsAround(addresses: readonly string[]): string[] {
  const subnets = addresses.map((address) => {
    const { family, first } = rangeOf(address);
    const hostBits = family === 4 ? 16n : 64n;
    return prefixAt(family, (first >> hostBits) << hostBits, family === 4 ? 16 : 64);
  });
  return mergeCIDRs(sortedUnique(subnets));
}

function nodeRanges(inventory: Inventory): ReservedRange[] {
  const addresses = inventory.nodes.flatMap((node) =>
    node.addresses
      .filter((entry) => isAddress(entry.address))
      .map((entry) => ({ ip: entry.address, owner: `Node/${node.name} ${entry.type}`, type: entry.type })),
  );
  const own = addresses.flatMap(({ ip, owner }) => range(ip, owner, "certain", "node"));
  const internal = addresses.filter(({ type }) => type === "InternalIP").map(({ ip }) => ip);
  const around = subnetsAround(internal).flatMap((cidr) =>
    range(cidr, "the subnet around the nodes' addresses", "likely", "node"),
  );
  return [...own, ...around];
}

const platformRanges: readonly ReservedRange[] = [
  ...range("172.17.0.0/16", "docker's default bridge", "likely", "platform"),
  ...range(
    "169.254.0.0/16",
    "link-local addresses (metadata services, NodeLocal DNSCache, OVN)",
    "certain",
    "platform",
  ),
  ...range("100.64.0.0/16", "OVN's join network", "likely", "platform"),
  ...range("100.88.0.0/16", "OVN's transit network", "likely", "platform"),
  ...range("127.0.0.0/8", "loopback", "certain", "platform"),
  ...range("224.0.0.0/4", "multicast", "certain", "platform"),
  ...range("fe80::/10", "link-local addresses", "certain", "platform"),
  ...range("ff00::/8", "multicast", "certain", "platform"),
];

function loadBalancerRanges(inventory: Inventory): ReservedRange[] {
  const pools = ["IPAddressPool", "CiliumLoadBalancerIPPool", "AddressPool"].flatMap((kind) =>
    objectsOf(inventory, kind).flatMap((pool) =>
      poolTexts(pool).flatMap((text) => range(text, printIdentity(pool), "certain", "load-balancer")),
    ),
  );
  const services = objectsOf(inventory, "Service", "").flatMap((service) => {
    const ingress = getArray(service.object, "status", "loadBalancer", "ingress").map((entry) =>
      getString(entry, "ip"),
    );
    const external = getArray(service.object, "spec", "externalIPs");
    return [...ingress, ...external, getString(service.object, "spec", "loadBalancerIP")]
      .filter((ip): ip is string => typeof ip === "string" && isAddress(ip))
      .flatMap((ip) => range(ip, printIdentity(service), "certain", "load-balancer"));
  });
  return [...pools, ...services];
}

/** Prefixes of a load balancer pool; a range `a-b` is covered by the subnet around its first address. */
function poolTexts(pool: RawObject): string[] {
  const metalLB = getArray(pool.object, "spec", "addresses");
  const cilium = getArray(pool.object, "spec", "blocks").flatMap((block) => [
    getIn(block, "cidr") ?? null,
    getIn(block, "start") ?? null,
    getIn(block, "stop") ?? null,
  ]);
  return [...metalLB, ...cilium]
    .filter((text): text is string => typeof text === "string")
    .flatMap((text) => (text.includes("-") ? rangeEnds(text) : [text.trim()]));
}

function rangeEnds(text: string): string[] {
  const [first = "", last = ""] = text.split("-").map((part) => part.trim());
  if (!isAddress(first) || !isAddress(last)) return [];
  return [addressFamily(first) === 4 ? `${first}/24` : `${first}/64`, last];
}

/** Addresses of EndpointSlices and Endpoints that belong to no pod and no node: systems outside the cluster. */
function externalEndpoints(inventory: Inventory): ReservedRange[] {
  const inside = new Set([
    ...inventory.pods.flatMap((pod) => pod.podIPs),
    ...inventory.nodes.flatMap((node) => node.addresses.map((entry) => entry.address)),
  ]);
  const slices = objectsOf(inventory, "EndpointSlice").flatMap((slice) =>
    getArray(slice.object, "endpoints").flatMap((endpoint) =>
      getArray(endpoint, "addresses").map((address) => ({ slice, address })),
    ),
  );
  const endpoints = objectsOf(inventory, "Endpoints", "").flatMap((slice) =>
    getArray(slice.object, "subsets").flatMap((subset) =>
      getArray(subset, "addresses").map((entry) => ({ slice, address: getIn(entry, "ip") ?? null })),
    ),
  );
  return [...slices, ...endpoints].flatMap(({ slice, address }) =>
    typeof address === "string" && isAddress(address) && !inside.has(address)
      ? range(address, printIdentity(slice), "certain", "external")
      : [],
  );
}

/** One prefix that a policy names, and where. */
export interface PolicyNet {
  readonly cidr: string;
  /** `Kind/namespace/name`. */
  readonly object: string;
  readonly position: RawObject["position"];
}

const policyKinds = [
  "NetworkPolicy",
  "GlobalNetworkPolicy",
  "NetworkSet",
  "GlobalNetworkSet",
  "AdminNetworkPolicy",
  "BaselineAdminNetworkPolicy",
  "ClusterNetworkPolicy",
  "CiliumNetworkPolicy",
  "CiliumClusterwideNetworkPolicy",
];
const netKeys = new Set(["cidr", "cidrs", "nets", "notNets", "except", "toCIDR", "fromCIDR", "networks"]);

/** Every prefix that a policy or network set of the cluster names (`ipBlock`, `nets`, `notNets`, …), each once per object, sorted. */
export function policyNets(inventory: Inventory): PolicyNet[] {
  return policyKinds.flatMap((kind) =>
    objectsOf(inventory, kind).flatMap((policy) => {
      const found = new Set<string>();
      collectNets(policy.object["spec"], found);
      return [...found]
        .sort(compareText)
        .map((cidr) => ({ cidr, object: printIdentity(policy), position: policy.position }));
    }),
  );
}

function collectNets(value: JsonValue | undefined, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) collectNets(item, found);
  if (!isJsonObject(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    if (netKeys.has(key)) for (const cidr of cidrsIn(inner)) found.add(cidr);
    collectNets(inner, found);
  }
}

function cidrsIn(value: JsonValue): string[] {
  const texts = Array.isArray(value) ? value : [value];
  return texts.flatMap((text) => (typeof text === "string" ? (normaliseCIDR(text) ?? []) : []));
}
