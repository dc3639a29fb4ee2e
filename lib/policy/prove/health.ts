import { cutAddresses } from "../space/address-cells.ts";
import { nodeLabels } from "../space/closed-ends.ts";
import { createClosedSpace } from "../space/closed-space.ts";
import { icmpL4, type L4Set, portsL4, protocols, uniteL4 } from "../space/l4-set.ts";
import type { PacketEnd } from "../space/packet-end.ts";
import type { Vocabulary } from "../space/vocabulary.ts";
import type { World } from "../space/world.ts";
import { type Coverage, compareHalf } from "./compare.ts";
import { compileCilium } from "./compile-cilium.ts";
import { addToGroups, type DifferenceGroups } from "./difference-groups.ts";
import type { CompiledSide } from "./evaluate.ts";
import type { PolicySide } from "./policy-side.ts";

/** What the agents' health checks send. Source: cilium 1.20.2 pkg/health/defaults. */
const healthHeaders: L4Set = uniteL4(portsL4(protocols.TCP, 4240, 4240), icmpL4(protocols.ICMP, 8));

/**
 * The health endpoint of a node is an endpoint with policy, and no policy is meant for it (D4): compares what nodes may
 * send it. A side that is no Cilium has no such endpoint and lets everything pass.
 */
export function compareHealth(
  { before, after, world }: { readonly before: PolicySide; readonly after: PolicySide; readonly world: World },
  vocabulary: Vocabulary,
  groups: DifferenceGroups,
  coverage: Coverage,
): void {
  if (before.engine !== "cilium" && after.engine !== "cilium") return;
  const cells = cutAddresses(vocabulary.prefixes, 4);
  const space = createClosedSpace({ family: 4, cells, ends: healthEnds(world), nodeClasses: [] }, vocabulary);
  const compile = (side: PolicySide): CompiledSide =>
    side.engine === "cilium" ? compileCilium(side.policies, space, world, "ingress") : { engine: "none" };
  const compared = compareHalf(
    {
      space,
      half: "ingress",
      before: compile(before),
      after: compile(after),
      headers: healthHeaders,
      cuts: [],
      peers: space.ofKind("node"),
    },
    coverage,
  );
  for (const cell of compared) addToGroups(groups, cell);
}

function healthEnds(world: World): PacketEnd[] {
  const [first] = world.nodes;
  const address = first?.addresses[0];
  return [
    {
      kind: "pod",
      weight: 1,
      names: ["health endpoint"],
      calico: {},
      cilium: { labels: new Map([["reserved:health", ""]]) },
      namedPorts: [],
    },
    {
      kind: "node",
      weight: 1,
      names: [first?.name ?? "another node"],
      calico: { ...(address !== undefined && { address }) },
      cilium: { labels: nodeLabels("node", first ?? { labels: {} }, world, false) },
      namedPorts: [],
    },
  ];
}
