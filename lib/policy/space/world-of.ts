import { getArray, getIn, getNumber, getString, getStringMap, isJsonObject, type JsonObject } from "../../core/json.ts";
import { sortedUnique } from "../../core/order.ts";
import { type Inventory, type Node, objectsOf, type Pod, type RawObject } from "../../inventory/inventory.ts";
import { familyOf, parseRange, printAddress } from "./address.ts";
import { ciliumSettingsOf } from "./cilium-settings.ts";
import type { World, WorldNode, WorldPod, WorldService } from "./world.ts";

/** What a world needs beside the inventory: the two address pools and what Cilium will be told. */
export interface WorldSettings {
  /** Prefixes that the source CNI hands out to pods. */
  readonly sourcePodCIDRs: readonly string[];
  /** The target's pool. */
  readonly targetPodCIDRs: readonly string[];
  /** Helm values of the Cilium chart as they will be installed; missing ones have the chart's default. */
  readonly ciliumValues: JsonObject;
  /** Cilium release, for example `1.20.2`. */
  readonly version: string;
}

type Protocol = "TCP" | "UDP" | "SCTP";

/**
 * Everything in a cluster that policies can talk about.
 *
 * Pods on the host network and finished pods (Succeeded, Failed) are left out: no engine sees them as endpoints of their
 * own. Node addresses include those of the tunnel devices, which both engines take for the node. A namespace that only a
 * pod names is there with its name label alone. Cost: 50,000 pods in about 0.1 s.
 * Source: reference of both engines, Calico 3.32 felix/calc and Cilium 1.20 pkg/labels.
 */
export function worldOf(inventory: Inventory, settings: WorldSettings): World {
  const pods = inventory.pods.filter((pod) => !pod.isHostNetwork && !isFinished(pod)).map(worldPod);
  const nodes = inventory.nodes.map(worldNode);
  const services = worldServices(inventory, pods);
  const hostAction = endpointToHostAction(inventory);
  return {
    namespaces: worldNamespaces(inventory, pods),
    serviceAccounts: worldServiceAccounts(inventory, pods),
    pods,
    nodes,
    services,
    podCIDRs: { source: settings.sourcePodCIDRs, target: settings.targetPodCIDRs },
    families: familiesOf(pods, settings.sourcePodCIDRs),
    cilium: ciliumSettingsOf(settings.ciliumValues, settings.version),
    apiServerAddresses: apiServerAddresses(services, nodes),
    ...(hostAction !== undefined && { endpointToHostAction: hostAction }),
    isInventoryKnown: true,
  };
}

/**
 * The world of somebody who has policies and no inventory: nothing is known to exist, so only the open world decides.
 * `settings` are read as `worldOf` reads them; absent, everything has the defaults of Cilium 1.20.
 */
export function emptyWorld(settings: Partial<WorldSettings> = {}): World {
  const cilium = ciliumSettingsOf(settings.ciliumValues ?? {}, settings.version ?? "1.20");
  return {
    namespaces: new Map(),
    serviceAccounts: new Map(),
    pods: [],
    nodes: [],
    services: [],
    podCIDRs: { source: settings.sourcePodCIDRs ?? [], target: settings.targetPodCIDRs ?? [] },
    families: cilium.families,
    cilium,
    isInventoryKnown: false,
  };
}

function isFinished(pod: Pod): boolean {
  return pod.phase === "Succeeded" || pod.phase === "Failed";
}

function worldPod(pod: Pod): WorldPod {
  const owner = pod.workload ?? pod.owner;
  return {
    namespace: pod.namespace,
    name: pod.name,
    labels: pod.labels,
    serviceAccount: pod.serviceAccountName,
    ...(pod.nodeName !== undefined && { node: pod.nodeName }),
    addresses: pod.podIPs,
    namedPorts: pod.ports.flatMap(({ name, protocol, containerPort }) =>
      name === undefined ? [] : [{ name, protocol, port: containerPort }],
    ),
    workload: owner === undefined ? pod.name : `${owner.kind}/${owner.name}`,
  };
}

/** Annotations in which Calico keeps addresses of the devices that it makes. Source: Calico 3.32 libcalico-go/lib/backend/k8s/conversion. */
const tunnelAnnotations = [
  "projectcalico.org/IPv4IPIPTunnelAddr",
  "projectcalico.org/IPv4VXLANTunnelAddr",
  "projectcalico.org/IPv6VXLANTunnelAddr",
  "projectcalico.org/IPv4WireguardInterfaceAddr",
  "projectcalico.org/IPv6WireguardInterfaceAddr",
];

/** Annotations in which engines keep addresses of the node. */
const addressAnnotations = [
  "projectcalico.org/IPv4Address",
  "projectcalico.org/IPv6Address",
  ...tunnelAnnotations,
  "flannel.alpha.coreos.com/public-ip",
  "flannel.alpha.coreos.com/public-ipv6",
];

function worldNode(node: Node): WorldNode {
  const own = node.addresses.filter(({ type }) => type !== "Hostname").map(({ address }) => address);
  const annotated = addressAnnotations.flatMap((key) => node.annotations[key]?.split("/")[0] ?? []);
  // flannel.1 has the first address of the node's pod prefix (seen in the lab; flannel pkg/backend/vxlan).
  const isVXLAN = node.annotations["flannel.alpha.coreos.com/backend-type"] === "vxlan";
  const overlay = isVXLAN ? node.podCIDRs.flatMap(firstAddress) : [];
  const tunnels = [...tunnelAnnotations.flatMap((key) => node.annotations[key] ?? []), ...overlay];
  const others = new Set(own);
  return {
    name: node.name,
    labels: node.labels,
    addresses: sortedUnique([...own, ...annotated, ...overlay].filter((text) => familyOf(text) !== undefined)),
    ...(others.size > 0 && { tunnelAddresses: sortedUnique(tunnels.filter((address) => !others.has(address))) }),
    isControlPlane: node.isControlPlane,
  };
}

function firstAddress(prefix: string): string[] {
  const range = parseRange(prefix);
  return range === undefined ? [] : [printAddress(range.first)];
}

function worldNamespaces(
  inventory: Inventory,
  pods: readonly WorldPod[],
): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const labels = new Map<string, Readonly<Record<string, string>>>();
  for (const { name, labels: own } of objectsOf(inventory, "Namespace"))
    labels.set(name, { ...own, "kubernetes.io/metadata.name": name });
  for (const { namespace } of pods)
    if (!labels.has(namespace)) labels.set(namespace, { "kubernetes.io/metadata.name": namespace });
  return labels;
}

function worldServiceAccounts(
  inventory: Inventory,
  pods: readonly WorldPod[],
): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const labels = new Map<string, Readonly<Record<string, string>>>();
  for (const account of objectsOf(inventory, "ServiceAccount"))
    labels.set(`${account.namespace ?? "default"}/${account.name}`, account.labels);
  for (const pod of pods) {
    const name = `${pod.namespace}/${pod.serviceAccount}`;
    if (!labels.has(name)) labels.set(name, {});
  }
  return labels;
}

function familiesOf(pods: readonly WorldPod[], prefixes: readonly string[]): (4 | 6)[] {
  const seen = new Set<4 | 6>();
  for (const prefix of prefixes) seen.add(familyOf(prefix) ?? 4);
  for (const pod of pods) for (const address of pod.addresses) seen.add(familyOf(address) ?? 4);
  if (seen.size === 0) seen.add(4);
  return [...seen].sort();
}

function worldServices(inventory: Inventory, pods: readonly WorldPod[]): WorldService[] {
  const slices = slicesByService(inventory);
  const podsByNamespace = groupByNamespace(pods);
  return objectsOf(inventory, "Service").map((service) => {
    const selector = getStringMap(service.object, "spec", "selector");
    const hasSelector = Object.keys(selector).length > 0;
    const shape = {
      namespace: service.namespace ?? "default",
      name: service.name,
      labels: service.labels,
      ...(hasSelector && { selector }),
      ports: servicePorts(service),
    };
    const own = slices.get(`${shape.namespace}/${shape.name}`);
    return {
      ...shape,
      endpoints: own?.flatMap(sliceEndpoints) ?? endpointsFromPods(shape, podsByNamespace.get(shape.namespace) ?? []),
    };
  });
}

function groupByNamespace(pods: readonly WorldPod[]): ReadonlyMap<string, readonly WorldPod[]> {
  const groups = new Map<string, WorldPod[]>();
  for (const pod of pods) {
    const group = groups.get(pod.namespace);
    if (group === undefined) groups.set(pod.namespace, [pod]);
    else group.push(pod);
  }
  return groups;
}

function servicePorts(service: RawObject): WorldService["ports"] {
  return getArray(service.object, "spec", "ports").flatMap((entry) => {
    const port = getNumber(entry, "port");
    if (port === undefined) return [];
    const name = getString(entry, "name");
    const target = getIn(entry, "targetPort");
    return [
      {
        ...(name !== undefined && { name }),
        protocol: transport(getString(entry, "protocol")),
        port,
        targetPort: typeof target === "number" || typeof target === "string" ? target : port,
      },
    ];
  });
}

function transport(text: string | undefined): Protocol {
  return text === "UDP" || text === "SCTP" ? text : "TCP";
}

function slicesByService(inventory: Inventory): ReadonlyMap<string, readonly RawObject[]> {
  const slices = new Map<string, RawObject[]>();
  for (const slice of objectsOf(inventory, "EndpointSlice")) {
    const service = slice.labels["kubernetes.io/service-name"];
    if (service === undefined) continue;
    const key = `${slice.namespace ?? "default"}/${service}`;
    slices.set(key, [...(slices.get(key) ?? []), slice]);
  }
  return slices;
}

function sliceEndpoints(slice: RawObject): WorldService["endpoints"] {
  const addresses = getArray(slice.object, "endpoints").flatMap((endpoint) =>
    getArray(endpoint, "addresses").filter((address): address is string => typeof address === "string"),
  );
  return getArray(slice.object, "ports").flatMap((entry) => {
    const port = getNumber(entry, "port");
    if (port === undefined) return [];
    const protocol = transport(getString(entry, "protocol"));
    return addresses.map((address) => ({ address, protocol, port }));
  });
}

/** What the EndpointSlices of a Service would hold, for an inventory that has none. */
function endpointsFromPods(
  service: Pick<WorldService, "selector" | "ports">,
  podsOfNamespace: readonly WorldPod[],
): WorldService["endpoints"] {
  const { selector, ports } = service;
  if (selector === undefined) return [];
  const wanted = Object.entries(selector);
  const chosen = podsOfNamespace.filter((pod) => wanted.every(([key, value]) => pod.labels[key] === value));
  return chosen.flatMap((pod) =>
    ports.flatMap(({ protocol, targetPort }) =>
      resolvePort(pod, protocol, targetPort).flatMap((port) =>
        pod.addresses.map((address) => ({ address, protocol, port })),
      ),
    ),
  );
}

function resolvePort(pod: WorldPod, protocol: Protocol, target: number | string): number[] {
  if (typeof target === "number") return [target];
  return pod.namedPorts.filter((port) => port.name === target && port.protocol === protocol).map(({ port }) => port);
}

function apiServerAddresses(services: readonly WorldService[], nodes: readonly WorldNode[]): string[] {
  const service = services.find(({ namespace, name }) => namespace === "default" && name === "kubernetes");
  const fromService = sortedUnique((service?.endpoints ?? []).map(({ address }) => address));
  if (fromService.length > 0) return fromService;
  return sortedUnique(nodes.filter(({ isControlPlane }) => isControlPlane).flatMap(({ addresses }) => addresses));
}

/**
 * `defaultEndpointToHostAction` of the default FelixConfiguration, else the environment of the node DaemonSet;
 * `undefined` when neither says.
 */
function endpointToHostAction(inventory: Inventory): "accept" | "drop" | undefined {
  const felix = objectsOf(inventory, "FelixConfiguration").find(({ name }) => name === "default");
  const daemons = objectsOf(inventory, "DaemonSet").filter(({ name }) => name === "calico-node" || name === "canal");
  const settings = [
    getString(felix?.object, "spec", "defaultEndpointToHostAction"),
    ...daemons.flatMap((daemon) =>
      getArray(daemon.object, "spec", "template", "spec", "containers").flatMap((container) =>
        getArray(container, "env")
          .filter(isJsonObject)
          .filter((entry) => getString(entry, "name") === "FELIX_DEFAULTENDPOINTTOHOSTACTION")
          .map((entry) => getString(entry, "value")),
      ),
    ),
  ];
  const found = settings.find((value) => value !== undefined)?.toLowerCase();
  return found === undefined ? undefined : found === "drop" ? "drop" : "accept";
}
