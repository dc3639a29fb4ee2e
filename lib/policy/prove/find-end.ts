import { addressFamily } from "../../core/cidr.ts";
import type { LabelKey } from "../selector/selector.ts";
import { type LabelledAddress, nodeLabels, worldLabels } from "../space/closed-ends.ts";
import { createLabelFilter } from "../space/label-filter.ts";
import { calicoLabelsOf, ciliumLabelsOf, type PacketEnd } from "../space/packet-end.ts";
import type { World, WorldPod } from "../space/world.ts";
import type { FlowEnd } from "./proof.ts";

/** What turns a named end into one that policies can be asked about. */
export interface EndContext {
  readonly world: World;
  readonly family: 4 | 6;
  /** Host endpoint addresses of the sides. */
  readonly labelled: readonly LabelledAddress[];
}

/** The end of a witness in full; `undefined` when the world has no such pod or node. */
export function packetEndOf(end: FlowEnd, context: EndContext): PacketEnd | undefined {
  switch (end.kind) {
    case "pod": {
      const pod = context.world.pods.find(({ namespace, name }) => `${namespace}/${name}` === end.name);
      return pod === undefined ? undefined : podEnd(pod, context);
    }
    case "hypothetical-pod":
      return hypotheticalEnd(end, context);
    case "node":
      return nodeEnd(end, context);
    case "address":
      return addressEnd(end, context);
    case "health":
      return {
        kind: "pod",
        weight: 1,
        names: [end.name],
        calico: {},
        cilium: { labels: new Map([["reserved:health", ""]]) },
        namedPorts: [],
      };
  }
}

function podEnd(pod: WorldPod, { world, family }: EndContext): PacketEnd {
  const address = pod.addresses.find((text) => addressFamily(text) === family);
  const matchesPods = world.cilium.policyCIDRMatchMode.includes("pods");
  return {
    kind: "pod",
    weight: 1,
    names: [`${pod.namespace}/${pod.name}`],
    ...(pod.node !== undefined && { node: pod.node }),
    calico: { labels: calicoLabelsOf(pod, world), ...(address !== undefined && { address }) },
    cilium: {
      labels: ciliumLabelsOf(pod, world, createLabelFilter(world.cilium.labelFilter)),
      ...(matchesPods && address !== undefined && { address }),
    },
    namedPorts: pod.namedPorts,
  };
}

function hypotheticalEnd(end: FlowEnd, { world }: EndContext): PacketEnd {
  const keeps = createLabelFilter(world.cilium.labelFilter);
  const own = Object.entries(end.labels ?? {});
  const isStripped = (key: LabelKey): boolean => key.startsWith("pod:pcns.") || key.startsWith("pod:pcsa.");
  const isKept = (key: LabelKey): boolean =>
    key.startsWith("pod:") ? keeps(key.slice(4)) : !key.startsWith("sa:") && key !== "meta:orchestrator";
  return {
    kind: "pod",
    weight: 1,
    names: [end.name],
    calico: {
      labels: new Map([...own.filter(([key]) => !isStripped(key)), ["meta:orchestrator", "k8s"]]),
      ...(end.address !== undefined && { address: end.address }),
    },
    cilium: {
      labels: new Map([...own.filter(([key]) => isKept(key)), ["meta:cluster", world.cilium.clusterName ?? "default"]]),
      ...(world.cilium.policyCIDRMatchMode.includes("pods") && end.address !== undefined && { address: end.address }),
    },
    namedPorts: Object.entries(end.namedPorts ?? {}).flatMap(([name, text]) => parsePort(name, text)),
  };
}

function parsePort(name: string, text: string): WorldPod["namedPorts"] {
  const [protocol, port] = text.split("/");
  return [{ name, protocol: protocol === "UDP" || protocol === "SCTP" ? protocol : "TCP", port: Number(port) }];
}

function nodeEnd(end: FlowEnd, { world, family, labelled }: EndContext): PacketEnd | undefined {
  const node = world.nodes.find(({ name }) => name === end.name);
  const address = end.address ?? node?.addresses.find((text) => addressFamily(text) === family);
  if (node === undefined && end.address === undefined && world.nodes.length > 0) return undefined;
  const kind = end.isOwnNode === true ? "host" : "node";
  const labels = labelled.find((candidate) => candidate.address === address)?.labels;
  const isApi = (world.apiServerAddresses ?? []).some((text) => text === address || node?.addresses.includes(text));
  return {
    kind,
    weight: 1,
    names: [end.name],
    calico: { ...(address !== undefined && { address }), ...(labels !== undefined && { labels }) },
    cilium: {
      labels: nodeLabels(kind, node ?? { labels: {} }, world, isApi),
      ...(world.cilium.policyCIDRMatchMode.includes("nodes") && address !== undefined && { address }),
    },
    namedPorts: [],
  };
}

function addressEnd(end: FlowEnd, { world, family }: EndContext): PacketEnd {
  const address = end.address ?? end.name;
  const labels = worldLabels(world, family);
  if (world.apiServerAddresses?.includes(address) === true) labels.set("reserved:kube-apiserver", "");
  return {
    kind: "address",
    weight: 1,
    names: [end.name],
    calico: { address },
    cilium: { labels, address, ...(end.name !== address && { fqdns: [end.name] }) },
    namedPorts: [],
  };
}
