import fc from "fast-check";
import type { JsonObject } from "../../lib/core/json.ts";
import type { Inventory, Node, Pod, RawObject } from "../../lib/inventory/inventory.ts";
import { checkPlanSpec } from "../../lib/plan/define-plan.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import type { PlanSpec } from "../../lib/plan/plan-schema.ts";
import type { RenderedWave, WavePlan } from "../../lib/waves/waves.ts";

const gibibyte = 1024 ** 3;

/** A Ready Linux worker of 8 cores and 32 GiB. */
export function node(name: string, given: Partial<Node> & { readonly pool?: string } = {}): Node {
  const { pool, ...rest } = given;
  return {
    apiVersion: "v1",
    kind: "Node",
    name,
    annotations: {},
    position: { file: "nodes.yaml", line: 1, column: 1 },
    hostname: name,
    isControlPlane: false,
    addresses: [],
    podCIDRs: [],
    taints: [],
    isUnschedulable: false,
    isReady: true,
    unhealthyConditions: [],
    allocatable: { cpu: 8, memory: 32 * gibibyte, pods: 110 },
    capacity: { cpu: 8, memory: 32 * gibibyte, pods: 110 },
    nodeInfo: { operatingSystem: "linux" },
    ...rest,
    labels: {
      "kubernetes.io/hostname": rest.hostname ?? name,
      ...(pool !== undefined && { "metachron.dev/pool": pool }),
      ...(rest.zone !== undefined && { "topology.kubernetes.io/zone": rest.zone }),
      ...rest.labels,
    },
  };
}

/** A control plane node with the usual taint. */
export function control(name: string, given: Partial<Node> = {}): Node {
  return node(name, {
    isControlPlane: true,
    taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }],
    ...given,
  });
}

/** `shop/web` is in the namespace shop, `web` in default. */
function splitName(name: string): readonly [namespace: string, name: string] {
  const slash = name.indexOf("/");
  return slash < 0 ? ["default", name] : [name.slice(0, slash), name.slice(slash + 1)];
}

/** A running, ready pod of a Deployment: `pod("shop/web-1", "node-a")` belongs to `Deployment/shop/web`. */
export function pod(name: string, nodeName: string, given: Partial<Pod> = {}): Pod {
  const [namespace, podName] = splitName(name);
  const app = podName.replace(/-[^-]*$/, "");
  return {
    apiVersion: "v1",
    kind: "Pod",
    namespace,
    name: podName,
    labels: { app },
    annotations: {},
    position: { file: "pods.yaml", line: 1, column: 1 },
    nodeName,
    phase: "Running",
    isReady: true,
    podIPs: [],
    isHostNetwork: false,
    serviceAccountName: "default",
    owner: { apiVersion: "apps/v1", kind: "ReplicaSet", name: `${app}-5d` },
    workload: { apiVersion: "apps/v1", kind: "Deployment", name: app },
    isMirror: false,
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    ports: [],
    images: [],
    requests: {},
    nodeSelector: {},
    volumes: [],
    ...given,
  };
}

/** A pod that nothing would create again. */
export function barePod(name: string, nodeName: string, given: Partial<Pod> = {}): Pod {
  const { owner: _owner, workload: _workload, ...rest } = pod(name, nodeName, given);
  return rest;
}

/** An object kept whole, from its manifest. */
export function raw(object: JsonObject): RawObject {
  const metadata = object["metadata"] as JsonObject;
  const namespace = metadata["namespace"];
  return {
    apiVersion: String(object["apiVersion"]),
    kind: String(object["kind"]),
    name: String(metadata["name"]),
    ...(typeof namespace === "string" && { namespace }),
    labels: (metadata["labels"] ?? {}) as Record<string, string>,
    annotations: {},
    position: { file: "objects.yaml", line: 1, column: 1 },
    object,
  };
}

/** A PodDisruptionBudget on `app: <app>`: `budget("shop/web", { minAvailable: 2 })`. */
export function budget(name: string, spec: JsonObject, status?: JsonObject): RawObject {
  const [namespace, app] = splitName(name);
  return raw({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { namespace, name: app },
    spec: { selector: { matchLabels: { app } }, ...spec },
    ...(status !== undefined && { status }),
  });
}

/** An inventory of nodes, pods and other objects in any order. */
export function inventory(
  nodes: readonly Node[],
  pods: readonly Pod[] = [],
  objects: readonly RawObject[] = [],
): Inventory {
  const kinds = [...new Set(objects.map((object) => object.kind))];
  return {
    nodes,
    pods,
    objects: new Map(kinds.map((kind) => [kind, objects.filter((object) => object.kind === kind)])),
    kindsSeen: new Set(["Node", "Pod", "PodDisruptionBudget", ...kinds]),
  };
}

/** A plan with the given waves; the rest is default. */
export function plan(
  waves: NonNullable<PlanSpec["spec"]["waves"]> = {},
  more: { readonly roll?: PlanSpec["spec"]["roll"]; readonly stages?: PlanSpec["stages"] } = {},
): Plan {
  const spec: PlanSpec = {
    apiVersion: "metachron.dev/v1alpha1",
    kind: "MigrationPlan",
    metadata: { name: "test" },
    spec: { inventory: "inventory", waves, ...(more.roll !== undefined && { roll: more.roll }) },
    ...(more.stages !== undefined && { stages: more.stages }),
  };
  const checked = checkPlanSpec(spec, "plan.yaml");
  if (checked.value === undefined) throw new Error(JSON.stringify(checked.findings, undefined, 2));
  return checked.value;
}

/** Each wave as `id: node node`. */
export function printWaves(waves: WavePlan): string[] {
  return waves.waves.map((wave) => `${wave.id}: ${wave.nodes.map((entry) => entry.name).join(" ")}`);
}

/** The wave of every node. */
export function waveOfNode(waves: WavePlan): ReadonlyMap<string, string> {
  return new Map(waves.waves.flatMap((wave) => wave.nodes.map((entry) => [entry.name, wave.id] as const)));
}

/** What the output folder would tell of these waves. */
export function rendered(waves: WavePlan): RenderedWave[] {
  return waves.waves.map((wave) => ({
    id: wave.id,
    hostnames: wave.nodes.map((entry) => entry.hostname),
    rule: wave.rule,
  }));
}

/** Codes of findings, each once, sorted. */
export function codes(waves: WavePlan): string[] {
  return [...new Set(waves.findings.map((finding) => finding.code))].sort();
}

/** A random cluster: some pools, zones, names with numbers or as clouds make them, workloads with budgets and requests. */
export const someCluster: fc.Arbitrary<Inventory> = fc
  .record({
    workers: fc.integer({ min: 1, max: 24 }),
    controls: fc.integer({ min: 0, max: 3 }),
    zones: fc.integer({ min: 0, max: 3 }),
    pools: fc.integer({ min: 1, max: 3 }),
    isNumbered: fc.boolean(),
    salt: fc.integer({ min: 0, max: 999 }),
    workloads: fc.array(
      fc.record({
        replicas: fc.integer({ min: 1, max: 6 }),
        offset: fc.nat(40),
        stride: fc.integer({ min: 0, max: 5 }),
        cpu: fc.constantFrom(0, 0.1, 1, 4),
        budget: fc.constantFrom<JsonObject | undefined>(
          undefined,
          { maxUnavailable: 1 },
          { minAvailable: 1 },
          { maxUnavailable: "50%" },
          { minAvailable: "100%" },
        ),
      }),
      { maxLength: 8 },
    ),
  })
  .map((shape) => {
    const nameOf = (at: number): string =>
      shape.isNumbered
        ? `worker-${at + 1}`
        : `ip-10-0-${(at * 7919 + shape.salt) % 251}-${(at * 104_729 + shape.salt) % 241}`;
    const nodes = [
      ...Array.from({ length: shape.controls }, (_, at) => control(`control-${at + 1}`)),
      ...Array.from({ length: shape.workers }, (_, at) =>
        node(nameOf(at), {
          pool: `pool-${at % shape.pools}`,
          ...(shape.zones > 0 && { zone: `zone-${at % shape.zones}` }),
        }),
      ),
    ];
    const pods = shape.workloads.flatMap((workload, number) =>
      Array.from({ length: workload.replicas }, (_, at) =>
        pod(`apps/app${number}-${at}`, nameOf((workload.offset + at * workload.stride) % shape.workers), {
          requests: { cpu: workload.cpu },
        }),
      ),
    );
    const budgets = shape.workloads.flatMap((workload, number) =>
      workload.budget === undefined ? [] : [budget(`apps/app${number}`, workload.budget)],
    );
    return inventory(nodes, pods, budgets);
  });

/** Waves of random sizes over the pools of `someCluster`. */
export const somePlan: fc.Arbitrary<Plan> = fc
  .record({
    sizes: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 3 }),
    mode: fc.constantFrom("evict" as const, "recycle" as const),
    maxUnavailable: fc.constantFrom<number | string>(1, 3, "10%", "50%", "100%"),
    acrossZones: fc.boolean(),
    canary: fc.integer({ min: 1, max: 2 }),
  })
  .map(({ sizes, mode, maxUnavailable, acrossZones, canary }) =>
    plan(
      {
        canary: { nodes: canary },
        groups: sizes.map((size, at) => ({ pool: `pool-${at}`, size })),
        budget: { maxUnavailable, acrossZones },
      },
      { roll: { mode } },
    ),
  );
