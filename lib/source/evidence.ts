import { addressMatcher } from "../core/cidr.ts";
import { printIdentity } from "../core/identity.ts";
import { getString } from "../core/json.ts";
import { byAll, byText, compareText } from "../core/order.ts";
import { objectsOf } from "../inventory/inventory.ts";
import { mergeSorted } from "./build-facts.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Evidence } from "./source.ts";
import type { SourceAdapter } from "./source-adapter.ts";
import { findAgents } from "./source-adapter.ts";
import { isRunning, type Workload } from "./workload.ts";

/** What a piece of evidence proves, from the strongest: it runs, it wrote, its addresses are in use, and so on. */
export type Proof = "runs" | "addresses" | "annotated" | "declared" | "configured" | "scaled-away" | "installed";

/** Evidence with what it proves; the proof is dropped when detection hands its answer out. */
export interface Observation extends Evidence {
  readonly proof: Proof;
}

const weights: Readonly<Record<Proof, Evidence["weight"]>> = {
  runs: "strong",
  addresses: "strong",
  annotated: "strong",
  declared: "medium",
  configured: "medium",
  "scaled-away": "weak",
  installed: "weak",
};

/**
 * Everything in the inventory that speaks for one network, by the contract of detection: a running agent, annotations
 * on ready nodes, pod addresses inside the prefixes it claims (strong); its configuration (medium); its definitions
 * and an agent scaled to nothing (weak). Cached images on nodes say nothing and are not read.
 */
export function observe(adapter: SourceAdapter, view: ClusterView): readonly Observation[] {
  return [
    ...observeAgents(adapter, view),
    ...observeAddresses(adapter, view),
    ...observeAnnotations(adapter, view),
    ...observeConfiguration(adapter, view),
    ...observeDefinitions(adapter, view),
  ];
}

function observation(adapter: SourceAdapter, proof: Proof, object: string, field: string, value: string): Observation {
  return { source: adapter.name, object, field, value, weight: weights[proof], proof };
}

function observeAgents(adapter: SourceAdapter, view: ClusterView): readonly Observation[] {
  const found = findAgents(adapter.signals, view).map((agent) => observeAgent(adapter, agent));
  const embedded = adapter.signals.embedded?.(view);
  if (embedded === undefined) return found;
  return [...found, observation(adapter, "runs", embedded.object, embedded.field, embedded.value)];
}

function observeAgent(adapter: SourceAdapter, agent: Workload): Observation {
  const object = printIdentity(agent);
  if (agent.from === "pods")
    return observation(adapter, "runs", object, "pods", `${agent.ready ?? 0} of ${agent.desired ?? 0} pods ready`);
  if (agent.desired === undefined)
    return observation(adapter, "declared", object, "spec", "no status in the inventory");
  const field = "status.desiredNumberScheduled";
  if (!isRunning(agent)) return observation(adapter, "scaled-away", object, field, "0");
  return observation(adapter, "runs", object, field, `${agent.desired}, ready ${agent.ready ?? 0}`);
}

function observeAddresses(adapter: SourceAdapter, view: ClusterView): readonly Observation[] {
  const claims = adapter.signals.claims(view);
  const [first] = claims;
  if (first === undefined || view.networkPods.length === 0) return [];
  const prefixes = mergeSorted(claims.map((claim) => claim.cidr));
  const isInside = addressMatcher(prefixes);
  const inside = view.networkPods.filter((pod) => pod.podIPs.some(isInside)).length;
  if (inside === 0) return [];
  const more = prefixes.length > 3 ? ` and ${prefixes.length - 3} more` : "";
  const value = `${inside} of ${view.networkPods.length} pods in ${prefixes.slice(0, 3).join(", ")}${more}`;
  return [observation(adapter, "addresses", first.object, first.field, value)];
}

function observeAnnotations(adapter: SourceAdapter, view: ClusterView): readonly Observation[] {
  const found: Observation[] = [];
  for (const key of adapter.signals.nodeAnnotations(view)) {
    const carriers = view.readyNodes.filter((node) => findAnnotation(node.annotations, key) !== undefined);
    const [first] = carriers;
    if (first === undefined) continue;
    const value = `on ${carriers.length} of ${view.readyNodes.length} ready nodes`;
    const field = `metadata.annotations["${findAnnotation(first.annotations, key) ?? key}"]`;
    found.push(observation(adapter, "annotated", printIdentity(first), field, value));
  }
  for (const key of adapter.signals.podAnnotations) {
    const carriers = view.networkPods.filter((pod) => Object.hasOwn(pod.annotations, key));
    const [first] = carriers;
    if (first === undefined) continue;
    const value = `on ${carriers.length} of ${view.networkPods.length} pods`;
    found.push(observation(adapter, "annotated", printIdentity(first), `metadata.annotations["${key}"]`, value));
  }
  return found;
}

/** The annotation of this name; of a name that ends in a slash, the first below it. */
function findAnnotation(annotations: Readonly<Record<string, string>>, key: string): string | undefined {
  if (!key.endsWith("/")) return Object.hasOwn(annotations, key) ? key : undefined;
  return Object.keys(annotations)
    .filter((one) => one.startsWith(key))
    .sort(compareText)[0];
}

function observeConfiguration(adapter: SourceAdapter, view: ClusterView): readonly Observation[] {
  const maps = objectsOf(view.inventory, "ConfigMap", "").filter((map) =>
    adapter.signals.configMaps.includes(map.name),
  );
  const resources = adapter.signals.resources.flatMap(({ kind, group }) => {
    const objects = objectsOf(view.inventory, kind, group);
    const [first] = objects;
    return first === undefined ? [] : [{ first, count: objects.length }];
  });
  return [
    ...maps.map((map) => observation(adapter, "configured", printIdentity(map), "data", "present")),
    ...resources.map(({ first, count }) =>
      observation(adapter, "configured", printIdentity(first), "spec", count === 1 ? "present" : `${count} objects`),
    ),
  ];
}

function observeDefinitions(adapter: SourceAdapter, view: ClusterView): readonly Observation[] {
  return adapter.signals.definitionGroups.flatMap((group) => {
    const definitions = objectsOf(view.inventory, "CustomResourceDefinition").filter(
      (definition) => getString(definition.object, "spec", "group") === group,
    );
    const [first] = definitions;
    if (first === undefined) return [];
    return [observation(adapter, "installed", printIdentity(first), "spec.group", `${definitions.length} of ${group}`)];
  });
}

const rank = { strong: "0", medium: "1", weak: "2" } as const;

/** Strongest first, then by object, field and source. */
export const compareEvidence: (a: Evidence, b: Evidence) => number = byAll<Evidence>(
  byText((evidence) => rank[evidence.weight]),
  byText((evidence) => evidence.object),
  byText((evidence) => evidence.field),
  byText((evidence) => evidence.source),
);
