import { digestAnnotation, digestPlaceholder, previousDigestPlaceholder } from "../../lib/core/digest-placeholder.ts";
import type { FileTree } from "../../lib/core/file-tree.ts";
import type { JsonObject } from "../../lib/core/json.ts";
import { compareText } from "../../lib/core/order.ts";
import { renderYaml } from "../../lib/core/yaml.ts";
import type { DeliveryFile } from "../../lib/delivery/delivery-file.ts";
import { renderDelivery } from "../../lib/delivery/render-delivery.ts";
import { positionOf } from "../../lib/delivery/transitions.ts";
import { checkPlanSpec } from "../../lib/plan/define-plan.ts";
import type { Plan, StageEntry } from "../../lib/plan/plan.ts";
import { type SealedStage, type StageBuilder, sealStages } from "../../lib/stages/seal-stages.ts";
import type { HelmRelease, StageKind, StageObject } from "../../lib/stages/stage.ts";

const image = `registry.example/kubectl@sha256:${"1".repeat(64)}`;

/** What a test changes about the plan of four stages. */
export interface FixtureOptions {
  readonly stages?: Readonly<Record<string, StageEntry>>;
  readonly delivery?: Readonly<Record<string, unknown>>;
  /** Nodes of the canary wave. */
  readonly nodes?: readonly string[];
  /** Seconds that the canary's drain may take: a detail of its Job. */
  readonly drainSeconds?: number;
  readonly chart?: HelmRelease["chart"];
  readonly values?: JsonObject;
}

/** The plan file of the fixture, checked as users' files are. */
export function fixturePlan(options: FixtureOptions = {}): Plan {
  const checked = checkPlanSpec(
    {
      apiVersion: "metachron.dev/v1alpha1",
      kind: "MigrationPlan",
      metadata: { name: "prod-eu" },
      spec: {
        inventory: "../inventory/prod-eu",
        target: { podCIDRs: ["10.245.0.0/16"] },
        roll: { image, probeImage: image },
        delivery: {
          engines: ["argocd", "flux"],
          repoURL: "https://git.example.com/platform/cluster-prod.git",
          ...options.delivery,
        },
      },
      stages: options.stages ?? {},
    },
    "plans/prod-eu.yaml",
  );
  if (checked.value === undefined) throw new Error(JSON.stringify(checked.findings, undefined, 1));
  return checked.value;
}

function metadata(stageId: string, name: string, namespace: string | undefined, wave: number): JsonObject {
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    labels: { "app.kubernetes.io/managed-by": "metachron", "metachron.dev/stage": stageId },
    annotations: {
      "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
      "argocd.argoproj.io/sync-wave": String(wave),
      "kustomize.toolkit.fluxcd.io/prune": "disabled",
      "kustomize.toolkit.fluxcd.io/substitute": "disabled",
    },
  };
}

function stageObject(number: number, object: JsonObject): StageObject {
  const { kind } = object;
  const { name } = object["metadata"] as { readonly name: string };
  return { file: `${String(number).padStart(2, "0")}-${String(kind).toLowerCase()}-${name}.yaml`, object };
}

interface JobOptions {
  readonly verb: string;
  readonly stageId: string;
  readonly attempt: number;
  readonly nodes?: readonly string[];
  readonly previous?: string | undefined;
  readonly drainSeconds?: number;
}

function job({ verb, stageId, attempt, nodes = [], previous, drainSeconds = 600 }: JobOptions): StageObject {
  const env = {
    STAGE: stageId,
    ATTEMPT: String(attempt),
    DIGEST: digestPlaceholder,
    PREVIOUS: previous ?? "",
    PREVIOUS_DIGEST: previous === undefined ? "" : previousDigestPlaceholder,
    NODES: nodes.join(" "),
    DRAIN_TIMEOUT: String(drainSeconds),
  };
  const container = {
    name: verb,
    image,
    command: ["/bin/sh", `/scripts/${verb}.sh`],
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
  };
  return stageObject(20, {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: metadata(stageId, `${verb}-${stageId}-a${attempt}`, "metachron", 0),
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: 7200,
      template: { spec: { serviceAccountName: `${verb}-${stageId}`, restartPolicy: "Never", containers: [container] } },
    },
  });
}

function role(stageId: string, attempt: number, nodes: readonly string[]): StageObject {
  const attempts = Array.from({ length: attempt - 1 }, (_, at) => `roll-${stageId}-a${at + 1}`);
  return stageObject(5, {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: metadata(stageId, `roll-${stageId}`, undefined, -2),
    rules: [
      { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"] },
      { apiGroups: [""], resources: ["nodes"], resourceNames: nodes, verbs: ["patch"] },
      { apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"] },
      ...(attempts.length === 0
        ? []
        : [{ apiGroups: ["batch"], resources: ["jobs"], resourceNames: attempts, verbs: ["get", "patch"] }]),
    ],
  });
}

function nodeConfig(stageId: string, name: string, nodes: readonly string[], defaults: JsonObject): StageObject {
  const base = metadata(stageId, name, "kube-system", -1);
  return stageObject(10, {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNodeConfig",
    metadata: {
      ...base,
      annotations: { ...(base["annotations"] as JsonObject), [digestAnnotation]: digestPlaceholder },
    },
    spec: {
      nodeSelector: { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: nodes }] },
      defaults,
    },
  });
}

const policies: readonly StageObject[] = [
  stageObject(15, {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: metadata("030-policies", "allow-web", "shop", -1),
    spec: { endpointSelector: { matchLabels: { app: "web" } }, ingress: [{ fromEntities: ["cluster"] }] },
  }),
  stageObject(15, {
    apiVersion: "cilium.io/v2",
    kind: "CiliumClusterwideNetworkPolicy",
    metadata: metadata("030-policies", "deny-metadata", undefined, -1),
    spec: { endpointSelector: {}, egressDeny: [{ toCIDR: ["169.254.169.254/32"] }] },
  }),
];

const titles: Readonly<Record<string, readonly [StageKind, string]>> = {
  "000-prepare": ["prepare", "Namespace and scripts"],
  "010-cilium": ["cilium", "Cilium, dormant"],
  "030-policies": ["policies", "Translated policies"],
  "100-canary": ["wave", "Canary"],
  "800-finalise": ["finalise", "Final values"],
};

function objectsOf(
  id: string,
  attempt: number,
  previous: string | undefined,
  options: FixtureOptions,
): readonly StageObject[] {
  const nodes = options.nodes ?? ["node-a"];
  switch (id) {
    case "000-prepare": {
      const namespace = { apiVersion: "v1", kind: "Namespace", metadata: metadata(id, "metachron", undefined, -2) };
      return [stageObject(0, namespace), job({ verb: "gate", stageId: id, attempt })];
    }
    case "030-policies":
      return [...policies, job({ verb: "gate", stageId: id, attempt, previous })];
    case "100-canary":
      return [
        role(id, attempt, nodes),
        nodeConfig(id, `metachron-${id}`, nodes, {
          "write-cni-conf-when-ready": "/host/etc/cni/net.d/05-cilium.conflist",
        }),
        job({
          verb: "roll",
          stageId: id,
          attempt,
          nodes,
          previous,
          ...(options.drainSeconds !== undefined && { drainSeconds: options.drainSeconds }),
        }),
      ];
    default:
      return [job({ verb: "gate", stageId: id, attempt, previous })];
  }
}

function builder(plan: Plan, id: string, options: FixtureOptions): StageBuilder {
  return (previous) => {
    const { state, attempt } = positionOf(plan, id);
    const [kind, title] = titles[id] ?? ["observe", id];
    const nodes = options.nodes ?? ["node-a"];
    const objects = objectsOf(id, attempt, previous?.id, options);
    const jobName = objects.find((entry) => entry.object["kind"] === "Job")?.object["metadata"] as {
      readonly name: string;
    };
    const isWave = kind === "wave";
    return {
      id,
      kind,
      title,
      purpose: `Purpose of ${id}.`,
      state,
      attempt,
      ...(plan.stages[id]?.commit !== undefined && { commit: plan.stages[id].commit }),
      nodes: isWave ? nodes : [],
      objects,
      undo: isWave
        ? [
            nodeConfig(id, `metachron-${id}-undo`, nodes, { "cni-exclusive": "false" }),
            job({ verb: "undo", stageId: id, attempt, nodes, previous: previous?.id }),
          ]
        : [],
      files: kind === "cilium" || kind === "finalise" ? [{ file: "values.yaml", text: valuesText(id) }] : [],
      gate: { before: [], after: [] },
      job: { name: jobName.name, namespace: "metachron", deadlineSeconds: 7200 },
      ...(isWave && { undoJob: { name: `undo-${id}-a${attempt}`, namespace: "metachron", deadlineSeconds: 3600 } }),
      estimateSeconds: 600,
      findings: [],
      health: [],
      caveats: [],
    };
  };
}

function valuesText(id: string): string {
  return id === "800-finalise"
    ? "# Cilium writes its configuration itself now.\ncni:\n  customConf: false\n"
    : "# The waves' CiliumNodeConfigs switch nodes over, one batch at a time.\ncni:\n  customConf: true\n";
}

/** A whole small migration: its stages and what the engines get. */
export interface Fixture {
  readonly plan: Plan;
  readonly stages: readonly SealedStage[];
  readonly releases: ReadonlyMap<string, HelmRelease>;
  readonly files: readonly DeliveryFile[];
  readonly findings: ReturnType<typeof renderDelivery>["findings"];
  readonly tree: FileTree;
}

/** Stages 000-prepare, 010-cilium, 030-policies, 100-canary and 800-finalise in the states that the plan gives them. */
export function fixture(options: FixtureOptions = {}): Fixture {
  const key = JSON.stringify(options);
  const known = fixtures.get(key) ?? makeFixture(options);
  fixtures.set(key, known);
  return known;
}

/** Rendering takes a while, and tests ask for the same few migrations again and again. */
const fixtures = new Map<string, Fixture>();

function makeFixture(options: FixtureOptions): Fixture {
  const plan = fixturePlan(options);
  const stages = sealStages(
    Object.keys(titles)
      .sort(compareText)
      .map((id) => builder(plan, id, options)),
  );
  const chart = options.chart ?? {
    source: "https",
    repository: "https://helm.cilium.io",
    name: "cilium",
    version: "1.20.2",
  };
  const values = options.values ?? { hubble: { tls: { auto: { method: "cronJob" } } } };
  const release = (customConf: boolean): HelmRelease => ({
    releaseName: "cilium",
    namespace: "kube-system",
    chart,
    values: { ...values, cni: { customConf } },
  });
  const releases = new Map([
    ["010-cilium", release(true)],
    ["800-finalise", release(false)],
  ]);
  const { value = [], findings } = renderDelivery({ plan, stages, releases });
  return { plan, stages, releases, files: value, findings, tree: treeOf(plan, stages, value) };
}

function treeOf(plan: Plan, stages: readonly SealedStage[], files: readonly DeliveryFile[]): FileTree {
  const tree = new Map<string, string>();
  for (const stage of stages) {
    for (const [file, text] of stage.texts) tree.set(`${plan.name}/stages/${stage.id}/${file}`, text);
    tree.set(`${plan.name}/stages/${stage.id}/STAGE.md`, `# ${stage.id}: ${stage.state}\n`);
  }
  for (const file of files) tree.set(file.path, textOf(file));
  const proven = stages.filter((stage) => stage.kind === "policies").map((stage) => stage.digest);
  tree.set(`${plan.name}/policies.md`, `# Policies\n\nProven for ${proven.join(", ")}.\n`);
  return new Map([...tree].sort(([a], [b]) => compareText(a, b)));
}

/** The text of an engine's file, as it is written to disk. */
export function textOf(file: DeliveryFile): string {
  if ("text" in file) return file.text;
  return renderYaml(file.object, file.comment === undefined ? {} : { comment: file.comment });
}

/** States of stages in order, the rest held: `states("done", "open")` has 000 done and 010 open. */
export function states(
  ...entries: readonly (StageEntry["state"] | StageEntry)[]
): Readonly<Record<string, StageEntry>> {
  const ids = Object.keys(titles).sort(compareText);
  return Object.fromEntries(
    entries.map((entry, at): [string, StageEntry] => [
      ids[at] ?? "",
      typeof entry === "string" ? { state: entry } : entry,
    ]),
  );
}
