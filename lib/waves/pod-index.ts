import type { PodView } from "./cluster-view.ts";
import type { LabelMatcher } from "./match-selector.ts";

/** Finds pods by namespace and labels without looking at all of them. */
export interface PodIndex {
  /** Pods of one namespace that a selector matches, in the order of the index. */
  readonly find: (namespace: string, selector: LabelMatcher) => readonly PodView[];
}

/**
 * An index over pods by namespace, and by one label pair of the selector where it has one.
 * Cost: the labels of a namespace are indexed at its first question.
 */
export function indexPods(pods: readonly PodView[]): PodIndex {
  const byNamespace = new Map<string, PodView[]>();
  for (const view of pods) {
    const list = byNamespace.get(view.pod.namespace);
    if (list === undefined) byNamespace.set(view.pod.namespace, [view]);
    else list.push(view);
  }
  const byPair = new Map<string, Map<string, PodView[]>>();
  return {
    find(namespace, selector) {
      const all = byNamespace.get(namespace) ?? [];
      if (selector.pair === undefined) return all.filter((view) => selector.matches(view.pod.labels));
      let pairs = byPair.get(namespace);
      if (pairs === undefined) {
        pairs = indexPairs(all);
        byPair.set(namespace, pairs);
      }
      const candidates = pairs.get(`${selector.pair[0]}=${selector.pair[1]}`) ?? [];
      return candidates.filter((view) => selector.matches(view.pod.labels));
    },
  };
}

function indexPairs(pods: readonly PodView[]): Map<string, PodView[]> {
  const pairs = new Map<string, PodView[]>();
  for (const view of pods)
    for (const [key, value] of Object.entries(view.pod.labels)) {
      const pair = `${key}=${value}`;
      const list = pairs.get(pair);
      if (list === undefined) pairs.set(pair, [view]);
      else list.push(view);
    }
  return pairs;
}
