import type { Finding } from "../core/finding.ts";
import { compareText } from "../core/order.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Plan } from "../plan/plan.ts";
import type { BudgetsOfPods } from "./budgets-of-pods.ts";
import type { CapacityTest } from "./capacity.ts";
import { checkBudgets } from "./check-budgets.ts";
import { checkMovedPods } from "./check-moved-pods.ts";
import { checkRoom } from "./check-room.ts";
import type { ClusterView, NodeView, ReplicaSetView } from "./cluster-view.ts";
import type { BudgetView } from "./disruption-budget.ts";
import { placeOf } from "./group-nodes.ts";
import { count, nameSome, waveFinding } from "./wave-finding.ts";
import type { Wave } from "./waves.ts";

/** A wave with the nodes behind it. */
export interface WaveToCheck {
  readonly wave: Wave;
  readonly nodes: readonly NodeView[];
}

/** What the checks read. */
export interface WaveContext {
  readonly inventory: Inventory;
  readonly plan: Plan;
  readonly cluster: ClusterView;
  readonly budgets: readonly BudgetView[];
  readonly budgetsOf: BudgetsOfPods;
  readonly capacity: CapacityTest;
  readonly localClaims: ReadonlySet<string>;
  readonly workers: readonly NodeView[];
}

/** Says of every wave what its cut could not avoid. Waves that are done are not judged again. */
export function checkWaves(waves: readonly WaveToCheck[], context: WaveContext): readonly Finding[] {
  const setsByNode = indexSets(context.cluster.replicaSets.values());
  const zones = workersByZone(context.workers);
  const coming = waves.filter(({ wave }) => context.plan.stages[wave.id]?.state !== "done");
  return [
    ...checkCluster(waves, context),
    ...checkRecord(waves, context.plan),
    ...coming.flatMap((wave) => checkSpread(wave, setsByNode, zones)),
    ...checkBudgets(coming, context),
    ...checkMovedPods(coming, context),
    ...checkRoom(coming, context),
    ...checkSingletons(coming, context),
  ];
}

function checkCluster(waves: readonly WaveToCheck[], { cluster, plan }: WaveContext): readonly Finding[] {
  const findings: Finding[] = [];
  const all = waves.flatMap(({ nodes }) => nodes);
  const only = cluster.nodes.length === 1 ? all[0] : undefined;
  if (all.length === 0)
    findings.push(
      waveFinding("waves/no-nodes", {
        message:
          cluster.nodes.length === 0
            ? "The inventory holds no nodes, so there is nothing to cut into waves"
            : `None of the ${count(cluster.nodes.length, "node")} can be in a wave`,
        remedy: "Take the inventory with kubectl get nodes -o yaml, and read the findings about each node",
      }),
    );
  if (only !== undefined) findings.push(reportSingleNode(only, plan));
  if (all.length > 1 && all.every((view) => view.node.isControlPlane))
    findings.push(
      waveFinding("waves/no-workers", {
        message: `All ${all.length} nodes are control plane nodes: they migrate one by one, and the first is the canary`,
      }),
    );
  const control = cluster.nodes.filter((view) => view.node.isControlPlane);
  const { mode } = plan.spec.roll;
  if (control.length === 1 && cluster.nodes.length > 1 && (mode === "reboot" || mode === "replace"))
    findings.push(
      waveFinding("waves/single-control-plane", {
        message: `The only control plane node ${control[0]?.node.name} is ${mode === "reboot" ? "rebooted" : "replaced"}, and the API with it`,
        where: placeOf(plan, "spec.roll.mode"),
        remedy: "Migrate it with the executor manual and the mode recycle, in a plan of its own",
      }),
    );
  return findings;
}

function reportSingleNode({ node }: NodeView, plan: Plan): Finding {
  const { mode, executor } = plan.spec.roll;
  const isPossible = mode === "recycle" && executor === "manual";
  return waveFinding("waves/single-node", {
    ...(isPossible && { severity: "warning" as const }),
    message: isPossible
      ? `The cluster has one node, ${node.name}: every pod restarts at once, and a person carries it out`
      : `The cluster has one node, ${node.name}: its pods have nowhere to go, and a Job could not watch its own node`,
    where: placeOf(plan, "spec.roll"),
    reason: "A roll empties a node and is run from another one",
    remedy: isPossible
      ? "Plan a maintenance window"
      : "Set spec.roll.mode: recycle and spec.roll.executor: manual and plan a maintenance window, or use the strategy in-place",
    data: { node: node.name },
  });
}

/** Opened waves of which no rendered form was given: their nodes are a guess. */
function checkRecord(waves: readonly WaveToCheck[], plan: Plan): readonly Finding[] {
  return waves.flatMap(({ wave }) => {
    const state = plan.stages[wave.id]?.state ?? "held";
    if (state === "held") return [];
    const gone = wave.nodes.filter((node) => node.isGone === true).map((node) => node.name);
    return [
      ...(wave.isLocked
        ? []
        : [
            waveFinding("waves/no-record", {
              message: `The wave ${wave.id} is ${state}, and its rendered form is missing: its nodes are computed anew`,
              where: placeOf(plan, `stages.${wave.id}`),
              reason: "The nodes of an opened wave must not change, and only the rendered wave tells which they were",
              remedy: "Write into the folder that holds the reviewed stages, or restore it from git",
            }),
          ]),
      ...(gone.length === 0
        ? []
        : [
            waveFinding("waves/node-gone", {
              message: `The wave ${wave.id} holds ${nameSome(gone)}, which the inventory does not have any more`,
              where: { object: `Wave/${wave.id}` },
              data: { wave: wave.id, nodes: gone },
            }),
          ]),
    ];
  });
}

type Named<T> = ReadonlyMap<string, readonly T[]>;

function indexSets(sets: Iterable<ReplicaSetView>): Named<ReplicaSetView> {
  const index = new Map<string, ReplicaSetView[]>();
  for (const set of sets)
    for (const node of set.countByNode.keys()) {
      const list = index.get(node);
      if (list === undefined) index.set(node, [set]);
      else list.push(set);
    }
  return index;
}

/** Names of the workers of each zone; empty where the cluster has a single zone. */
function workersByZone(workers: readonly NodeView[]): Named<string> {
  const zones = new Map<string, string[]>();
  for (const { node, zone } of workers)
    if (zone !== undefined) zones.set(zone, [...(zones.get(zone) ?? []), node.name]);
  return zones.size > 1 ? zones : new Map();
}

function checkSpread(
  { wave, nodes }: WaveToCheck,
  setsByNode: Named<ReplicaSetView>,
  zones: Named<string>,
): readonly Finding[] {
  const names = new Set(nodes.map((view) => view.node.name));
  const touched = new Set(nodes.flatMap((view) => setsByNode.get(view.node.name) ?? []));
  const whole = [...touched].filter((set) => isWhole(set, names)).sort((a, b) => compareText(a.name, b.name));
  const services = whole.filter((set) => set.kind !== "workload");
  const told = whole.filter(
    (set) =>
      set.kind !== "workload" ||
      // One replica is told as a singleton, and a workload that is the whole of a service under the service's name.
      (set.replicas > 1 && !services.some((service) => service.replicas === set.replicas)),
  );
  return [
    ...told.map((set) => reportAllReplicas(wave, set, nodes)),
    ...wave.zones.flatMap((zone) => {
      const members = zones.get(zone) ?? [];
      return members.length > 0 && members.every((name) => names.has(name))
        ? [reportWholeZone(wave, zone, members)]
        : [];
    }),
  ];
}

function reportWholeZone(wave: Wave, zone: string, members: readonly string[]): Finding {
  return waveFinding("waves/whole-zone", {
    message: `The wave ${wave.id} holds every worker of the zone ${zone}: ${nameSome(members)}`,
    where: { object: `Wave/${wave.id}` },
    reason: "While it moves nothing of that zone runs pods, and zonal volumes have nowhere to go",
    remedy: "Add a worker to the zone before the wave, or plan for it",
    data: { wave: wave.id, zone, nodes: [...members] },
  });
}

function isWhole(set: ReplicaSetView, names: ReadonlySet<string>): boolean {
  if (set.countByNode.size > names.size) return false;
  for (const node of set.countByNode.keys()) if (!names.has(node)) return false;
  return true;
}

function reportAllReplicas(wave: Wave, set: ReplicaSetView, nodes: readonly NodeView[]): Finding {
  const on = nodes.map((view) => view.node.name).filter((name) => set.countByNode.has(name));
  const what = set.kind === "workload" ? set.name : `${set.name}`;
  const amount = set.replicas === 1 ? `the only pod` : `all ${count(set.replicas, "pod")}`;
  return waveFinding("waves/all-replicas", {
    message: `The wave ${wave.id} holds ${amount} of ${what}, on ${nameSome(on)}`,
    where: { object: set.kind === "workload" ? set.name : `Wave/${wave.id}` },
    reason: "They stand together, so no cut of the nodes can keep one of them away from the wave",
    remedy:
      "Spread them over several nodes before the wave (more replicas, a topology spread constraint), or plan for the gap",
    data: { wave: wave.id, workload: set.name, replicas: set.replicas, nodes: on },
  });
}

function checkSingletons(waves: readonly WaveToCheck[], { cluster }: WaveContext): readonly Finding[] {
  const touched = new Set(waves.flatMap(({ wave }) => wave.workloads.map((entry) => entry.workload)));
  const single = [...cluster.replicaSets.values()]
    .filter((set) => set.kind === "workload" && set.replicas === 1 && touched.has(set.name))
    .map((set) => set.name)
    .sort(compareText);
  if (single.length === 0) return [];
  return [
    waveFinding("waves/singleton", {
      message: `${count(single.length, "workload")} of one replica will be away while it moves: ${nameSome(single)}`,
      reason: "A pod that is alone answers nobody from its end to the readiness of its successor",
      remedy: "Give those that matter a second replica before their wave",
      data: { workloads: single },
    }),
  ];
}
