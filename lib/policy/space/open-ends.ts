import { familyOf } from "./address.ts";
import { cutAddresses } from "./address-cells.ts";
import { type Ends, type LabelledAddress, otherEnds } from "./closed-ends.ts";
import type { Vocabulary } from "./vocabulary.ts";
import type { World, WorldNode } from "./world.ts";

/** Prefixes that clusters use inside, for a world that does not say which: RFC 1918, RFC 6598, RFC 4193. */
const privatePrefixes = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/**
 * The ends of the open world that are no pods, and the prefixes that a pod's address may lie in. Where the world knows no
 * pod prefixes, any private address may be a pod's, and just as well a machine's outside; where it knows no nodes, there
 * is one at every private address that policies tell apart.
 */
export function openEnds(
  world: World,
  family: 4 | 6,
  vocabulary: Vocabulary,
  labelled: readonly LabelledAddress[],
): { readonly others: Ends; readonly podPrefixes: readonly string[] } {
  const given = [...world.podCIDRs.source, ...world.podCIDRs.target];
  const known = given.filter((prefix) => familyOf(prefix) === family);
  const inside = privatePrefixes.filter((prefix) => familyOf(prefix) === family);
  const sourcePrefixes = world.podCIDRs.source.filter((prefix) => familyOf(prefix) === family);
  const podPrefixes = sourcePrefixes.length > 0 ? sourcePrefixes : inside;
  const cells = cutAddresses([...vocabulary.prefixes, ...known, ...inside], family);
  const withNodes = world.nodes.length > 0 ? world : { ...world, nodes: imaginedNodes(inside, cells) };
  return {
    others: { family, cells, ends: otherEnds(withNodes, cells, vocabulary, labelled), nodeClasses: [] },
    podPrefixes,
  };
}

/** Two nodes in every private cell: one for the pod's own, one for another. */
function imaginedNodes(prefixes: readonly string[], cells: ReturnType<typeof cutAddresses>): WorldNode[] {
  const ranges = prefixes.flatMap((prefix) => cells.cellsOf(prefix) ?? []);
  const nodes: WorldNode[] = [];
  for (let cell = 0; cell < cells.count; cell += 1) {
    const address = cells.freeAddressOf(cell, new Set(), []);
    if (address === undefined || !ranges.some(({ first, last }) => first <= cell && cell <= last)) continue;
    nodes.push({ name: `a node at ${address}`, labels: {}, addresses: [address], isControlPlane: false });
    nodes.push({ name: `another node at ${address}`, labels: {}, addresses: [address], isControlPlane: false });
  }
  return nodes;
}
