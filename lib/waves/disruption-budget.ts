import { apiGroup } from "../core/identity.ts";
import { getIn, getNumber, getString, type JsonValue } from "../core/json.ts";
import type { Inventory, RawObject } from "../inventory/inventory.ts";
import { objectsOf } from "../inventory/inventory.ts";
import type { ClusterView, PodView } from "./cluster-view.ts";
import { readLabelSelector } from "./match-selector.ts";
import { indexPods } from "./pod-index.ts";

/** A PodDisruptionBudget with its pods and what it lets go now. */
export interface BudgetView {
  /** `namespace/name`. */
  readonly name: string;
  readonly object: RawObject;
  /** Every pod it selects that has not finished. */
  readonly pods: readonly PodView[];
  /** Disruptions allowed now: from the status, else by the arithmetic of the disruption controller. */
  readonly allowed: number;
  readonly expected: number;
  readonly healthy: number;
  readonly desired: number;
  /** Whether unready pods may go even when the budget is not met (`AlwaysAllow`). */
  readonly evictsUnhealthy: boolean;
  /** False when `minAvailable` or `maxUnavailable` could not be read. */
  readonly isReadable: boolean;
}

/**
 * How many pods a budget wants healthy out of those expected. Percentages are rounded up, for `maxUnavailable` too, which
 * makes that one milder. Neither given: none may go away, as the API does.
 * Source: Kubernetes v1.36 pkg/controller/disruption/disruption.go `getExpectedPodCount`; intstr.GetScaledValueFromIntOrPercent.
 */
export function desiredHealthy(
  spec: { readonly minAvailable?: JsonValue | undefined; readonly maxUnavailable?: JsonValue | undefined },
  expected: number,
): number | undefined {
  if (spec.maxUnavailable !== undefined) {
    const away = scale(spec.maxUnavailable, expected);
    return away === undefined ? undefined : Math.max(0, expected - away);
  }
  if (spec.minAvailable !== undefined) return scale(spec.minAvailable, expected);
  return expected;
}

function scale(value: JsonValue, expected: number): number | undefined {
  if (typeof value === "number") return Number.isInteger(value) && value >= 0 ? value : undefined;
  if (typeof value !== "string") return undefined;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  if (percent !== undefined) return Math.ceil((Number(percent) * expected) / 100);
  return /^\d+$/.test(value) ? Number(value) : undefined;
}

/** Every budget of the inventory with its pods, sorted by namespace and name; budgets that select no pod included. */
export function viewBudgets(inventory: Inventory, cluster: ClusterView): readonly BudgetView[] {
  const index = indexPods(cluster.pods);
  return objectsOf(inventory, "PodDisruptionBudget")
    .filter((object) => apiGroup(object.apiVersion) === "policy" && object.namespace !== undefined)
    .map((object) => viewBudget(object, cluster, index.find(object.namespace ?? "", readBudgetSelector(object))));
}

/** policy/v1beta1 takes an empty selector as nothing, policy/v1 as every pod of the namespace. */
function readBudgetSelector(object: RawObject) {
  const selector = getIn(object.object, "spec", "selector");
  const isEmpty = typeof selector === "object" && selector !== null && Object.keys(selector).length === 0;
  return readLabelSelector(object.apiVersion === "policy/v1beta1" && isEmpty ? undefined : selector);
}

function viewBudget(object: RawObject, cluster: ClusterView, pods: readonly PodView[]): BudgetView {
  const spec = {
    minAvailable: getIn(object.object, "spec", "minAvailable"),
    maxUnavailable: getIn(object.object, "spec", "maxUnavailable"),
  };
  const expected = getNumber(object.object, "status", "expectedPods") ?? expectedPods(pods, cluster);
  const ready = pods.filter((view) => view.pod.isReady).length;
  const healthy = getNumber(object.object, "status", "currentHealthy") ?? ready;
  const computed = desiredHealthy(spec, expected);
  const desired = computed ?? getNumber(object.object, "status", "desiredHealthy") ?? Math.max(0, expected - 1);
  return {
    name: `${object.namespace}/${object.name}`,
    object,
    pods,
    allowed: getNumber(object.object, "status", "disruptionsAllowed") ?? Math.max(0, healthy - desired),
    expected,
    healthy,
    desired,
    evictsUnhealthy: getString(object.object, "spec", "unhealthyPodEvictionPolicy") === "AlwaysAllow",
    isReadable: computed !== undefined,
  };
}

/** The sum of the sizes of the workloads behind the pods; bare pods count one each. */
function expectedPods(pods: readonly PodView[], cluster: ClusterView): number {
  const sizes = new Map<string, number>();
  let bare = 0;
  for (const { workload } of pods) {
    if (workload === undefined) bare += 1;
    else if (cluster.wantedReplicas.has(workload)) sizes.set(workload, cluster.wantedReplicas.get(workload) ?? 0);
    else sizes.set(workload, (sizes.get(workload) ?? 0) + 1);
  }
  let sum = bare;
  for (const size of sizes.values()) sum += size;
  return sum;
}
