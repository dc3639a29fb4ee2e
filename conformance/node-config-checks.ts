import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { getArray, getString, getStringMap, type JsonObject } from "../lib/core/json.ts";
import { type ClusterJudge, startClusterJudge } from "./cluster-judge.ts";
import type { ManifestJudge } from "./manifest-judge.ts";
import { ciliumVersions, type ModuleFolders } from "./modules.ts";
import { type Ledger, type Outcome, openLedger } from "./step.ts";
import { filesBelow, textOf } from "./trees.ts";
import { definitionFiles } from "./written-objects.ts";
import { objectsIn } from "./yaml-documents.ts";

/** What an agent would run with: key of cilium-config to text. */
type AgentConfig = Readonly<Record<string, string>>;

/** A cluster in which stages are applied one after the other. */
interface Trial {
  readonly judge: ClusterJudge;
  readonly program: string;
  readonly kubeconfig: string;
  readonly nodes: readonly string[];
  readonly ledger: Ledger;
}

const namespace = "kube-system";
/** A node that joins while the migration runs. */
const newcomer = "joined-later";

/**
 * Cilium's own build-config step, for every node after every stage of a tree: nodes of a wave get its keys, every other node keeps
 * what it had; a node that joins gets the catch-all's; a wave that is taken back lets go; after the final values no node is special.
 */
export async function judgeNodeConfigs(
  binaries: { readonly cluster: string; readonly program: string },
  manifests: ManifestJudge,
  modules: ModuleFolders,
  tree: string,
): Promise<Outcome> {
  const ledger = openLedger();
  const version = ciliumVersions.at(-1) ?? "";
  const judge = startClusterJudge(binaries.cluster);
  let stages = 0;
  try {
    const plans = new Set(filesBelow(tree, "010-cilium/values.yaml").map((path) => path.replace(/\/stages\/.*$/u, "")));
    const defined = await judge.ask({ definitions: { files: definitionFiles(modules, "cilium", version) } });
    ledger.check((defined.kinds ?? 0) > 0, `definitions: ${defined.error ?? "none"}`);
    for (const plan of plans) {
      const configs = filesBelow(`${plan}/stages`, ".yaml").filter((path) => /\/10-ciliumnodeconfig-/u.test(path));
      if (configs.length === 0) continue;
      const kubeconfig = (await judge.ask({ kubeconfig: { user: "", groups: [] } })).path ?? "";
      const nodes = [...new Set(configs.flatMap((path) => hostnamesOf(objectIn(path))))].sort();
      const trial: Trial = { judge, program: binaries.program, kubeconfig, nodes: [...nodes, newcomer], ledger };
      for (const name of trial.nodes) await put(trial, nodeObject(name));
      const chart = join(modules.get(`cilium ${version}`) ?? "", "install/kubernetes/cilium");
      await put(trial, await configMap(manifests, chart, `${plan}/stages/010-cilium/values.yaml`, ledger));
      stages += await walkStages(trial, configs);
      await put(trial, await configMap(manifests, chart, `${plan}/stages/800-finalise/values.yaml`, ledger));
      await finish(trial, configs);
      for (const name of trial.nodes) await remove(trial, nodeObject(name));
    }
  } finally {
    await judge.close();
  }
  return ledger.outcome([`build-config of Cilium ${version}, ${stages} CiliumNodeConfigs applied one after the other`]);
}

/** Applies each stage's object in order, the ways back after the last wave, and looks at every node each time. */
async function walkStages(trial: Trial, configs: readonly string[]): Promise<number> {
  let before = resolve(trial);
  for (const name of trial.nodes)
    trial.ledger.check(
      (before[name]?.["write-cni-conf-when-ready"] ?? "") === "",
      `${name} would write a CNI file before any wave`,
    );
  const forward = configs.filter((path) => !path.includes("/undo/")).sort();
  const [undo] = configs
    .filter((path) => path.includes("/undo/"))
    .sort()
    .reverse();
  for (const path of [...forward, ...(undo === undefined ? [] : [undo])]) {
    const object = objectIn(path);
    await put(trial, object);
    const after = resolve(trial);
    for (const name of trial.nodes) compare(trial.ledger, path, object, name, before[name] ?? {}, after[name] ?? {});
    before = after;
  }
  return forward.length + (undo === undefined ? 0 : 1);
}

function compare(
  ledger: Ledger,
  path: string,
  object: JsonObject,
  node: string,
  before: AgentConfig,
  after: AgentConfig,
): void {
  const isMeant = selects(object, node);
  const given = getStringMap(object, "spec", "defaults");
  const expected: AgentConfig = isMeant ? { ...before, ...given } : before;
  const keys = new Set([...Object.keys(expected), ...Object.keys(after)]);
  // The names of the sources are part of the answer and change with every object that selects the node.
  keys.delete("config-sources");
  const wrong = [...keys].filter((key) => expected[key] !== after[key]).sort();
  ledger.check(
    wrong.length === 0,
    `${path}: ${node} ${isMeant ? "is in the batch and" : "is outside and"} gets ${wrong.map((key) => `${key}=${after[key]}`).join(", ")}`,
  );
}

/** The final values are in the ConfigMap: without node configurations every agent runs with them and nothing else. */
async function finish(trial: Trial, configs: readonly string[]): Promise<void> {
  for (const path of configs) await remove(trial, objectIn(path));
  const [first, ...others] = trial.nodes.map((name) => resolve(trial)[name] ?? {});
  for (const [index, other] of others.entries())
    trial.ledger.check(
      JSON.stringify(other) === JSON.stringify(first),
      `${trial.nodes[index + 1]} runs with other values than ${trial.nodes[0]} after the end`,
    );
  trial.ledger.check(
    (first?.["write-cni-conf-when-ready"] ?? "") !== "",
    "the final values do not let the agents write the CNI file",
  );
}

function resolve({ program, kubeconfig, nodes }: Trial): Readonly<Record<string, AgentConfig>> {
  const output = execFileSync(program, [kubeconfig, namespace, ...nodes], { encoding: "utf8", maxBuffer: 2 ** 26 });
  return JSON.parse(output) as Record<string, AgentConfig>;
}

function selects(object: JsonObject, node: string): boolean {
  const [term] = getArray(object, "spec", "nodeSelector", "matchExpressions");
  const isIn = hostnamesOf(object).includes(node);
  return getString(term, "operator") === "NotIn" ? !isIn : isIn;
}

function hostnamesOf(object: JsonObject): readonly string[] {
  const [term] = getArray(object, "spec", "nodeSelector", "matchExpressions");
  return getArray(term, "values").filter((value): value is string => typeof value === "string");
}

function objectIn(path: string): JsonObject {
  const [object] = objectsIn(textOf(path));
  if (object === undefined) throw new Error(`${path} holds no object`);
  return object;
}

function nodeObject(name: string): JsonObject {
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels: { "kubernetes.io/hostname": name } } };
}

/** The ConfigMap that the real chart makes of a values file. */
async function configMap(manifests: ManifestJudge, chart: string, values: string, ledger: Ledger): Promise<JsonObject> {
  const render = { chart, values: textOf(values), release: "cilium", namespace, kubeVersion: "v1.34.1" };
  const answer = await manifests.ask({ render });
  const found = Object.values(answer.files ?? {})
    .flatMap(objectsIn)
    .find((object) => object["kind"] === "ConfigMap" && getString(object, "metadata", "name") === "cilium-config");
  ledger.check(found !== undefined, `${values}: the chart makes no cilium-config: ${answer.error ?? ""}`);
  if (found === undefined) throw new Error(`${values} cannot be rendered`);
  return found;
}

async function put({ judge, ledger }: Trial, object: JsonObject): Promise<void> {
  const { error } = await judge.ask({ send: { verb: "apply", object } });
  if (error !== undefined) ledger.check(false, `${object["kind"]}: ${error}`);
}

async function remove({ judge, ledger }: Trial, object: JsonObject): Promise<void> {
  const { error } = await judge.ask({ send: { verb: "delete", object } });
  if (error !== undefined && !error.includes("not found")) ledger.check(false, `${object["kind"]}: ${error}`);
}
