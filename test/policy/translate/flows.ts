import type { JsonObject } from "../../../lib/core/json.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { naiveCalico } from "../naive/naive-calico.ts";
import { naiveCilium } from "../naive/naive-cilium.ts";
import type { NaiveFlow, NaivePeer } from "../naive/naive-flow.ts";

/** Packets that the random policies tell apart, and one of each kind that they do not name. */
const packets: readonly Pick<NaiveFlow, "protocol" | "port" | "icmpType">[] = [
  { protocol: 6, port: 22 },
  { protocol: 6, port: 80 },
  { protocol: 6, port: 443 },
  { protocol: 6, port: 8080 },
  { protocol: 6, port: 1025 },
  { protocol: 17, port: 53 },
  { protocol: 17, port: 80 },
  { protocol: 132, port: 80 },
  { protocol: 1, icmpType: 3 },
  { protocol: 1, icmpType: 8 },
  { protocol: 47 },
];

const outside = ["192.0.2.10", "192.0.2.200", "198.51.100.5", "8.8.8.8", "203.0.113.9"];

/** Every packet between every pod of the world and every peer, both ways. */
function allFlows(world: World): readonly NaiveFlow[] {
  const peers: NaivePeer[] = [
    ...world.pods.map((pod): NaivePeer => ({ kind: "pod", pod })),
    ...world.nodes.flatMap((node): NaivePeer[] =>
      node.addresses.map((address) => ({ kind: node.name === "own" ? "host" : "node", node, address })),
    ),
    ...outside.map((address): NaivePeer => ({ kind: "address", address })),
  ];
  return world.pods.flatMap((subject) =>
    peers
      .filter((peer) => peer.kind !== "pod" || peer.pod !== subject)
      .flatMap((peer) =>
        (["ingress", "egress"] as const).flatMap((half) =>
          packets.map((packet): NaiveFlow => ({ half, subject, peer, family: 4, ...packet })),
        ),
      ),
  );
}

/** One flow that the two sides decide differently. */
export interface Difference {
  readonly flow: string;
  readonly before: "allow" | "deny";
  readonly after: "allow" | "deny";
}

/** The flows that Calico's objects and Cilium's objects decide differently, by the naive evaluators. */
export function findDifferences(
  before: readonly JsonObject[],
  after: readonly JsonObject[],
  world: World,
): Difference[] {
  return allFlows(world).flatMap((flow) => {
    const old = naiveCalico(before, world, flow);
    const now = naiveCilium(after, world, flow);
    return old === now ? [] : [{ flow: printFlow(flow), before: old, after: now }];
  });
}

function printFlow(flow: NaiveFlow): string {
  const peer =
    flow.peer.kind === "pod"
      ? `${flow.peer.pod.namespace}/${flow.peer.pod.name}`
      : `${flow.peer.kind} ${flow.peer.address}`;
  const subject = `${flow.subject.namespace}/${flow.subject.name}`;
  const packet = `${flow.protocol}/${flow.port ?? flow.icmpType ?? ""}`;
  return flow.half === "ingress" ? `${peer} -> [${subject}] ${packet}` : `[${subject}] -> ${peer} ${packet}`;
}
