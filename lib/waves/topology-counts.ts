import type { Node } from "../inventory/inventory.ts";
import type { PodView } from "./cluster-view.ts";
import type { NodeFilter } from "./node-filter.ts";
import type { PodIndex } from "./pod-index.ts";
import { type TopologyTerm, termsOf } from "./topology-terms.ts";

/** Answers for hard rules about neighbours while pods are taken away and put elsewhere. */
export interface TopologyCounts {
  /** Whether the rules of a pod, and those of pods already there, let it run on a node. */
  readonly admits: (view: PodView, node: number, demand: number, away: Uint8Array) => boolean;
  /** Counts a pod on a node (1) or takes it away again (-1). */
  readonly move: (view: PodView, node: number, by: 1 | -1) => void;
  /** Whether any rule concerns the pod, so that the rest can be skipped. */
  readonly isConcerned: (view: PodView) => boolean;
}

interface Counted {
  readonly term: TopologyTerm;
  /** Pods that the term's selector matches, by domain. */
  readonly matching: Map<string, number>;
  /** Pods that state the term, by domain; for anti-affinity only. */
  readonly stating: Map<string, number>;
  /** Least number of matching pods in any domain, by demand, until a pod moves. */
  readonly least: Map<number, { readonly away: Uint8Array; readonly number: number }>;
}

interface Concern {
  readonly states: readonly number[];
  readonly matched: readonly number[];
}

const none: Concern = { states: [], matched: [] };

/**
 * Counts of the pods of a cluster for every hard rule about neighbours that any pod states.
 * Source: kube-scheduler v1.36 plugins interpodaffinity (rules of both sides) and podtopologyspread (skew over domains).
 */
export function countTopology(
  pods: readonly PodView[],
  nodes: readonly Node[],
  filter: NodeFilter,
  index: PodIndex,
  namespaceLabels: ReadonlyMap<string, Readonly<Record<string, string>>>,
): TopologyCounts {
  const { terms, concerns } = collectTerms(pods, index, namespaceLabels);
  const domainOf = (node: number, key: string): string | undefined => nodes[node]?.labels[key];
  const move = (view: PodView, node: number, by: 1 | -1): void => {
    const concern = concerns[view.at];
    if (concern === undefined) return;
    for (const at of concern.matched) {
      change(terms[at]?.matching, domainOf(node, terms[at]?.term.topologyKey ?? ""), by);
      terms[at]?.least.clear();
    }
    for (const at of concern.states)
      if (terms[at]?.term.kind === "antiAffinity")
        change(terms[at]?.stating, domainOf(node, terms[at]?.term.topologyKey ?? ""), by);
  };
  for (const view of pods) move(view, view.nodeAt, 1);

  const spreadMinimum = (counted: Counted, demand: number, away: Uint8Array): number => {
    const cached = counted.least.get(demand);
    if (cached !== undefined && (cached.away === away || !counted.term.honoursTaints)) return cached.number;
    const number = leastOf(counted, demand, away);
    counted.least.set(demand, { away, number });
    return number;
  };
  const leastOf = ({ term, matching }: Counted, demand: number, away: Uint8Array): number => {
    const domains = new Set<string>();
    for (let node = 0; node < nodes.length; node += 1) {
      const domain = domainOf(node, term.topologyKey);
      if (domain === undefined || (term.honoursAffinity && !filter.selects(demand, node))) continue;
      // Default policy: a cordoned node stays a domain, and an empty one, which is why such pods cannot leave.
      if (term.honoursTaints && (away[node] === 1 || !filter.admits(demand, node))) continue;
      domains.add(domain);
    }
    if (domains.size < term.minDomains) return 0;
    let least = Number.POSITIVE_INFINITY;
    for (const domain of domains) least = Math.min(least, matching.get(domain) ?? 0);
    return Number.isFinite(least) ? least : 0;
  };

  /** Whether a rule that a pod states lets it run on a node; `isSelf` when the rule speaks of the pod itself too. */
  const allows = (counted: Counted, isSelf: boolean, node: number, demand: number, away: Uint8Array): boolean => {
    const { term, matching } = counted;
    const domain = domainOf(node, term.topologyKey);
    const here = domain === undefined ? 0 : (matching.get(domain) ?? 0);
    if (term.kind === "antiAffinity") return here === 0;
    if (domain === undefined) return false;
    if (term.kind === "affinity") return here > 0 || (isSelf && sum(matching) === 0);
    return here + (isSelf ? 1 : 0) - spreadMinimum(counted, demand, away) <= term.maxSkew;
  };

  return {
    move,
    isConcerned: (view) => concerns[view.at] !== undefined,
    admits(view, node, demand, away) {
      const { states, matched } = concerns[view.at] ?? none;
      const keepsOut = matched.some((at) => {
        const counted = terms[at];
        if (counted?.term.kind !== "antiAffinity") return false;
        const domain = domainOf(node, counted.term.topologyKey);
        return domain !== undefined && (counted.stating.get(domain) ?? 0) > 0;
      });
      if (keepsOut) return false;
      return states.every((at) => {
        const counted = terms[at];
        return counted === undefined || allows(counted, matched.includes(at), node, demand, away);
      });
    },
  };
}

function collectTerms(
  pods: readonly PodView[],
  index: PodIndex,
  namespaceLabels: ReadonlyMap<string, Readonly<Record<string, string>>>,
): { readonly terms: readonly Counted[]; readonly concerns: readonly (Concern | undefined)[] } {
  const terms: Counted[] = [];
  const known = new Map<string, number>();
  const concerns = new Array<{ states: number[]; matched: number[] } | undefined>(pods.length).fill(undefined);
  const concernOf = (view: PodView): { states: number[]; matched: number[] } => {
    const found = concerns[view.at] ?? { states: [], matched: [] };
    concerns[view.at] = found;
    return found;
  };
  for (const view of pods)
    for (const { key, read } of termsOf(view.pod, namespaceLabels)) {
      let at = known.get(key);
      if (at === undefined) {
        const term = read();
        at = terms.push({ term, matching: new Map(), stating: new Map(), least: new Map() }) - 1;
        known.set(key, at);
        for (const namespace of term.namespaces)
          for (const match of index.find(namespace, term.selector)) concernOf(match).matched.push(at);
      }
      concernOf(view).states.push(at);
    }
  return { terms, concerns };
}

function change(counts: Map<string, number> | undefined, domain: string | undefined, by: number): void {
  if (counts === undefined || domain === undefined) return;
  counts.set(domain, (counts.get(domain) ?? 0) + by);
}

function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const number of counts.values()) total += number;
  return total;
}
