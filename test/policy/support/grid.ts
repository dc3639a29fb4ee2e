import type { JsonObject } from "../../../lib/core/json.ts";
import type { FlowEnd, Witness } from "../../../lib/policy/prove/proof.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { addressValue, type NaiveFlow, type NaivePeer } from "../naive/naive-flow.ts";

const outside: Readonly<Record<4 | 6, readonly string[]>> = {
  4: ["192.0.2.10", "192.0.2.200", "198.51.100.5"],
  6: ["2001:db8::5", "2001:db8:1::5", "2620::5"],
};

const packets: Readonly<Record<4 | 6, readonly Omit<NaiveFlow, "half" | "subject" | "peer" | "family">[]>> = {
  4: [
    ...[79, 80, 81, 443, 444, 8080].flatMap((port) =>
      [40_000, 1500].map((sourcePort) => ({ protocol: 6, port, sourcePort })),
    ),
    { protocol: 17, port: 53 },
    { protocol: 17, port: 80 },
    { protocol: 132, port: 80 },
    { protocol: 1, icmpType: 8, icmpCode: 0 },
    { protocol: 1, icmpType: 3, icmpCode: 0 },
    { protocol: 1, icmpType: 3, icmpCode: 1 },
    { protocol: 47 },
  ],
  6: [
    { protocol: 6, port: 80 },
    { protocol: 6, port: 8080 },
    { protocol: 17, port: 53 },
    { protocol: 58, icmpType: 128, icmpCode: 0 },
  ],
};

/** Every flow of a small world that the generated policies can tell apart. */
export function* gridOf(world: World): Generator<NaiveFlow> {
  for (const family of world.families)
    for (const subject of world.pods)
      for (const peer of peersOf(world, subject, family))
        for (const half of ["ingress", "egress"] as const)
          for (const packet of packets[family]) yield { ...packet, half, subject, peer, family };
}

function peersOf(world: World, subject: NaiveFlow["subject"], family: 4 | 6): NaivePeer[] {
  const nodes = world.nodes.flatMap((node): NaivePeer[] => {
    const address = node.addresses.find((text) => addressValue(text).family === family);
    if (address === undefined) return [];
    return [{ kind: node.name === subject.node ? "host" : "node", node, address }];
  });
  return [
    ...world.pods.filter((pod) => pod !== subject).map((pod): NaivePeer => ({ kind: "pod", pod })),
    ...nodes,
    ...outside[family].map((address): NaivePeer => ({ kind: "address", address })),
  ];
}

/** A flow of the grid as a witness. */
export function witnessOfFlow(flow: NaiveFlow): Witness {
  const subject: FlowEnd = { kind: "pod", name: `${flow.subject.namespace}/${flow.subject.name}` };
  const peer = flowEnd(flow.peer);
  const names: Readonly<Record<number, string>> = {
    1: "ICMP",
    6: "TCP",
    17: "UDP",
    47: "GRE",
    58: "ICMPv6",
    132: "SCTP",
  };
  return {
    from: flow.half === "ingress" ? peer : subject,
    to: flow.half === "ingress" ? subject : peer,
    protocol: names[flow.protocol] ?? String(flow.protocol),
    ...(flow.port !== undefined && { port: flow.port }),
    ...(flow.icmpType !== undefined && { icmpType: flow.icmpType }),
    ...(flow.icmpCode !== undefined && { icmpCode: flow.icmpCode }),
    ...(flow.sourcePort !== undefined && { sourcePort: flow.sourcePort }),
    ...(flow.family === 6 && { family: 6 as const }),
  };
}

function flowEnd(peer: NaivePeer): FlowEnd {
  if (peer.kind === "pod") return { kind: "pod", name: `${peer.pod.namespace}/${peer.pod.name}` };
  if (peer.kind === "address") return { kind: "address", name: peer.address, address: peer.address };
  return {
    kind: "node",
    name: peer.node.name,
    address: peer.address,
    ...(peer.kind === "host" && { isOwnNode: true }),
  };
}

const numbers: Readonly<Record<string, number>> = {
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  GRE: 47,
  ICMPv6: 58,
  SCTP: 132,
  UDPLite: 136,
  IPIP: 4,
  IGMP: 2,
};

/** A witness as a flow that a naive judge decides; `undefined` for one that is not about a pod of the world. */
export function flowOfWitness(witness: Witness, half: "ingress" | "egress", world: World): NaiveFlow | undefined {
  const [own, other] = half === "ingress" ? [witness.to, witness.from] : [witness.from, witness.to];
  const subject = world.pods.find(({ namespace, name }) => `${namespace}/${name}` === own.name);
  const peer = peerOf(other, world);
  if (subject === undefined || peer === undefined) return undefined;
  return {
    half,
    subject,
    peer,
    family: witness.family ?? 4,
    protocol: numbers[witness.protocol] ?? Number(witness.protocol),
    ...(witness.port !== undefined && { port: witness.port }),
    ...(witness.icmpType !== undefined && { icmpType: witness.icmpType }),
    ...(witness.icmpCode !== undefined && { icmpCode: witness.icmpCode }),
    ...(witness.sourcePort !== undefined && { sourcePort: witness.sourcePort }),
  };
}

function peerOf(end: FlowEnd, world: World): NaivePeer | undefined {
  if (end.kind === "address") return { kind: "address", address: end.address ?? end.name };
  const pod = world.pods.find(({ namespace, name }) => `${namespace}/${name}` === end.name);
  if (pod !== undefined) return { kind: "pod", pod };
  const node = world.nodes.find(({ name }) => name === end.name);
  const address = end.address ?? node?.addresses[0];
  if (node === undefined || address === undefined) return undefined;
  return { kind: end.isOwnNode === true ? "host" : "node", node, address };
}

/** A verdict on a flow. */
export type Judge = (objects: readonly JsonObject[], world: World, flow: NaiveFlow) => "allow" | "deny";
