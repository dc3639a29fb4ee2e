import type { Finding } from "../core/finding.ts";
import { sortedUnique } from "../core/order.ts";
import type { Displaced } from "./capacity.ts";
import type { WaveContext, WaveToCheck } from "./check-waves.ts";
import { hasLocalStorage } from "./describe-wave.ts";
import { count, nameSome, waveFinding } from "./wave-finding.ts";

/** Pods that the rest of the cluster does not take while a wave's nodes are away, in two findings for each wave. */
export function checkRoom(waves: readonly WaveToCheck[], { capacity, localClaims }: WaveContext): readonly Finding[] {
  return waves.flatMap((entry) => {
    const displaced = capacity.findDisplaced(entry.nodes, entry.wave.mode);
    const short = displaced.filter(({ why }) => why === "short");
    // Pods that keep their data on the node are told of there.
    const bound = displaced.filter(({ why, view }) => why === "bound" && !hasLocalStorage(view, localClaims));
    return [
      ...(short.length === 0 ? [] : [reportShort(entry, short)]),
      ...(bound.length === 0 ? [] : [reportBound(entry, bound)]),
    ];
  });
}

function namesOf(displaced: readonly Displaced[]): readonly string[] {
  return displaced.map(({ view }) => `${view.pod.namespace}/${view.pod.name}`);
}

function workloadsOf(displaced: readonly Displaced[]): string[] {
  return sortedUnique(displaced.map(({ view }) => view.workload ?? `Pod/${view.pod.namespace}/${view.pod.name}`));
}

function reportShort({ wave, nodes }: WaveToCheck, short: readonly Displaced[]): Finding {
  const resources = sortedUnique(short.flatMap(({ resource }) => resource ?? []));
  const what = resources.includes("several") ? "several resources together" : resources.join(", ");
  const names = nodes.map((view) => view.node.name);
  return waveFinding("waves/no-capacity", {
    message: `${count(short.length, "pod")} of ${nameSome(workloadsOf(short))} find no room while ${nameSome(names)} ${names.length === 1 ? "is" : "are"} away: ${what} ${resources.length > 1 ? "are" : "is"} short`,
    where: { object: `Wave/${wave.id}` },
    reason:
      "By their requests no other node that may run them has enough left, so they would wait for their node to come back",
    remedy:
      names.length > 1
        ? "Make the waves of this group smaller, or add a node for the time of the migration"
        : "Add a node for the time of the migration, lower requests, or set roll: { mode: recycle } for the group: pods stay on their node",
    data: { wave: wave.id, nodes: names, pods: [...namesOf(short)], workloads: workloadsOf(short), resources },
  });
}

function reportBound({ wave, nodes }: WaveToCheck, bound: readonly Displaced[]): Finding {
  const names = nodes.map((view) => view.node.name);
  return waveFinding("waves/returns-to-its-node", {
    message: `${count(bound.length, "pod")} of ${nameSome(workloadsOf(bound))} may run on no node but ${nameSome(names)}`,
    where: { object: `Wave/${wave.id}` },
    reason:
      "Node selector, affinity, taints, host ports, neighbours, topology spread or volumes keep them from every other node, so they are down until theirs is back",
    remedy:
      "Set roll: { mode: recycle } for the group of these nodes to keep them in place, or loosen the rule for the time of the migration",
    data: { wave: wave.id, nodes: names, pods: [...namesOf(bound)], workloads: workloadsOf(bound) },
  });
}
