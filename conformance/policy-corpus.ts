import { getString, isJsonObject, type JsonObject } from "../lib/core/json.ts";
import { worldFor } from "../lib/migration/plan-policies.ts";
import type { World, WorldPod } from "../lib/policy/space/world.ts";
import { emptyWorld } from "../lib/policy/space/world-of.ts";
import { detectSource } from "../lib/source/detect-source.ts";
import { planTarget } from "../lib/target/plan-target.ts";
import { gridOf } from "../test/policy/support/grid.ts";
import { plan } from "../test/target/cluster.ts";
import { clusterFolders, readCluster } from "../test/target/read-cluster.ts";
import { emittedFor, emittedInPart } from "./emitted.ts";
import type { Judge } from "./judge.ts";
import { judgedWorld, questionOf } from "./judged-world.ts";
import { type Ledger, type Outcome, openLedger } from "./step.ts";
import { filesBelow, textOf } from "./trees.ts";
import { readableObjectsIn } from "./yaml-documents.ts";

/** Policies of one origin with the cluster that they are about. */
interface Case {
  readonly name: string;
  readonly world: World;
  readonly objects: readonly JsonObject[];
  /** Documents of the file that are no YAML. */
  readonly unreadable: number;
}

/** Pods of a cluster that are asked; more would ask the same rules again. */
const mostPods = 12;

/** Kinds that say what Calico enforces. */
const policyKinds = new Set(["NetworkPolicy", "GlobalNetworkPolicy", "NetworkSet", "GlobalNetworkSet", "Tier"]);

/** Policies of real repositories and of the example clusters: Cilium parses what we emit, and decides as Calico does. */
export async function judgeCorpus(judge: Judge): Promise<Outcome> {
  const ledger = openLedger();
  const cases = [...corpusCases(), ...(await clusterCases())];
  const unjudged: string[] = [];
  const parsedOnly: string[] = [];
  let objects = 0;
  let verdicts = 0;
  for (const one of cases) {
    objects += one.objects.length;
    if (one.unreadable > 0) unjudged.push(`${one.name}: ${one.unreadable} documents that are no YAML`);
    const compared = await judgeCase(judge, one, ledger);
    if (compared === undefined) {
      await judgeParts(judge, one, ledger);
      parsedOnly.push(one.name);
    }
    verdicts += compared ?? 0;
  }
  if (parsedOnly.length > 0)
    unjudged.push(
      `${parsedOnly.length} sets hold a policy without a translation, or HTTP rules: what is emitted was parsed, not compared`,
    );
  return ledger.outcome(
    [`${cases.length} sets of policies, ${objects} objects, ${verdicts} verdicts compared`],
    unjudged,
  );
}

/** How many verdicts were compared; `undefined` where nothing is emitted. */
async function judgeCase(judge: Judge, { name, world, objects }: Case, ledger: Ledger): Promise<number | undefined> {
  const emitted = emittedFor(world, objects);
  // Neither look-up of the engines decides on HTTP requests.
  if (emitted === undefined || JSON.stringify(objects).includes('"http"')) return undefined;
  const asked = [...gridOf(world)].flatMap((flow) => questionOf(flow) ?? []);
  const tiers = tiersOf(objects);
  const verdicts = await judge.ask({
    ...judgedWorld(world, name),
    tiers,
    calico: objects,
    cilium: emitted.objects,
    questions: asked,
  });
  ledger.check(verdicts.error === undefined, `${name}: ${verdicts.error}`);
  for (const { object, reason } of verdicts.ciliumRejected ?? [])
    ledger.check(false, `${name}: Cilium refuses ${object}: ${reason}`);
  for (const { object, reason } of verdicts.calicoRejected ?? [])
    ledger.check(false, `${name}: Calico refuses ${object}: ${reason}`);
  ledger.check((verdicts.ciliumRejected ?? []).length === 0, `${name}: Cilium refuses objects that we emit`);
  let compared = 0;
  const wrong: string[] = [];
  for (const [index, question] of asked.entries()) {
    const [before, after] = [verdicts.calico?.[index] ?? "-", verdicts.cilium?.[index] ?? "-"];
    if (before === "-" || after === "-") continue;
    compared += 1;
    const isWrong = emitted.isExact ? before !== after : before === "d" && after === "a";
    if (isWrong) wrong.push(`${before} became ${after} for ${JSON.stringify(question)}`);
  }
  ledger.check(
    wrong.length === 0,
    `${name}: ${wrong.length} of ${compared} verdicts differ: ${wrong.slice(0, 3).join("; ")}`,
  );
  return compared;
}

/** Cilium parses what we emit where a policy beside it has no translation. */
async function judgeParts(judge: Judge, { name, world, objects }: Case, ledger: Ledger): Promise<void> {
  const cilium = emittedInPart(world, objects);
  const verdicts = await judge.ask({ ...judgedWorld(world, name), cilium, questions: [] });
  const refused = (verdicts.ciliumRejected ?? []).map(({ object, reason }) => `${object}: ${reason}`);
  ledger.check(verdicts.error === undefined, `${name}: ${verdicts.error}`);
  ledger.check(refused.length === 0, `${name}: Cilium refuses ${refused.join("; ")}`);
}

/** Tiers in their order; the default tier has the order 1,000,000. */
export function tiersOf(objects: readonly JsonObject[]): { readonly name: string; readonly defaultAction: string }[] {
  const named = objects
    .filter((object) => object["kind"] === "Tier")
    .map((object) => {
      const spec = isJsonObject(object["spec"]) ? object["spec"] : {};
      const order = spec["order"];
      return {
        name: getString(object, "metadata", "name") ?? "",
        order: typeof order === "number" ? order : Number.POSITIVE_INFINITY,
        defaultAction: getString(spec, "defaultAction") ?? "Deny",
      };
    });
  return [
    ...named.filter(({ name }) => name !== "default"),
    { name: "default", order: 1_000_000, defaultAction: "Deny" },
  ]
    .sort((a, b) => a.order - b.order)
    .map(({ name, defaultAction }) => ({ name, defaultAction }));
}

function corpusCases(): Case[] {
  return filesBelow("test/corpus", ".yaml").flatMap((path) => {
    const text = textOf(path);
    if (!/^kind: (?:Global)?NetworkPolicy$/mu.test(text)) return [];
    const { objects: all, unreadable } = readableObjectsIn(text);
    const objects = all.filter((object) => policyKinds.has(String(object["kind"]))).map(inNamespace);
    const isCalico = objects.some((object) => String(object["apiVersion"]).includes("projectcalico.org"));
    return isCalico ? [{ name: path, world: worldAround(objects), objects, unreadable }] : [];
  });
}

/** An object as it is after `kubectl apply` without a namespace. */
function inNamespace(object: JsonObject): JsonObject {
  const isNamespaced = object["kind"] === "NetworkPolicy" || object["kind"] === "NetworkSet";
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  if (!isNamespaced || metadata["namespace"] !== undefined) return object;
  return { ...object, metadata: { ...metadata, namespace: "default" } };
}

/** A small cluster in which every namespace that the policies name has pods that their selectors speak of, and one that they do not. */
function worldAround(objects: readonly JsonObject[]): World {
  const text = JSON.stringify(objects);
  const names = [
    ...objects.map((object) => getString(object, "metadata", "namespace") ?? "default"),
    ...[...text.matchAll(/projectcalico\.org\/name == '([^']+)'/gu)].map(([, name = ""]) => name),
  ];
  const namespaces = [...new Set(["default", "kube-system", ...names])].sort();
  const labels = [...text.matchAll(/([\w./-]+) == '([^']+)'/gu)]
    .map(([, key = "", value = ""]) => ({ [key]: value }))
    .filter((label) => !Object.keys(label).some((key) => key.startsWith("projectcalico.org/")));
  const distinct = [...new Map(labels.map((label) => [JSON.stringify(label), label])).values()];
  const wanted: readonly Record<string, string>[] = [{}, ...distinct];
  const pods = wanted.flatMap((label, index): WorldPod[] => {
    const namespace = namespaces[index % namespaces.length] ?? "default";
    return [
      podOf(index, namespace, label),
      podOf(index + 100, names[index % Math.max(1, names.length)] ?? "default", label),
    ];
  });
  return {
    ...emptyWorld({ sourcePodCIDRs: ["10.0.0.0/16"], targetPodCIDRs: ["10.245.0.0/16"] }),
    namespaces: new Map(namespaces.map((name) => [name, { "kubernetes.io/metadata.name": name }])),
    serviceAccounts: new Map(namespaces.map((name) => [`${name}/default`, {}])),
    pods: pods.slice(0, mostPods),
    nodes: [
      { name: "own", labels: {}, addresses: ["172.16.0.1"], isControlPlane: true },
      { name: "other", labels: {}, addresses: ["172.16.0.2"], isControlPlane: false },
    ],
    isInventoryKnown: true,
  };
}

function podOf(index: number, namespace: string, labels: Readonly<Record<string, string>>): WorldPod {
  const name = `pod-${index}`;
  const addresses = [`10.0.${Math.floor(index / 100)}.${(index % 100) + 1}`];
  return { namespace, name, labels, serviceAccount: "default", node: "own", addresses, namedPorts: [], workload: name };
}

async function clusterCases(): Promise<Case[]> {
  const cases: Case[] = [];
  for (const [name, folder] of Object.entries(clusterFolders)) {
    const inventory = await readCluster(name);
    const source = detectSource(inventory, "auto");
    const { value: target } = planTarget({
      plan: plan(),
      inventory,
      source,
      requiredValues: { nodeSelectorLabels: true },
    });
    const objects = [...policyKinds].flatMap((kind) => (inventory.objects.get(kind) ?? []).map(({ object }) => object));
    const isCalico = objects.some((object) => String(object["apiVersion"]).includes("projectcalico.org"));
    if (target === undefined || !isCalico) continue;
    const world = worldFor(inventory, source, target);
    cases.push({ name: folder, world: { ...world, pods: differentPods(world) }, objects, unreadable: 0 });
  }
  return cases;
}

/** One pod for each set of labels in a namespace, the first ones by name. */
function differentPods(world: World): WorldPod[] {
  const byLabels = new Map<string, WorldPod>();
  for (const pod of world.pods) {
    const key = JSON.stringify([pod.namespace, pod.workload]);
    if (!byLabels.has(key) && pod.addresses.length > 0) byLabels.set(key, pod);
  }
  return [...byLabels.values()].slice(0, mostPods);
}
