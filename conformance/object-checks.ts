import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../lib/core/json.ts";
import type { ManifestJudge } from "./manifest-judge.ts";
import { ciliumVersions, type ModuleFolders } from "./modules.ts";
import { type Ledger, type Outcome, openLedger } from "./step.ts";
import { filesBelow, recordedFiles, textOf } from "./trees.ts";
import { objectsIn, titleOf } from "./yaml-documents.ts";

/** Kinds that no module which can be had describes; they are counted and named, never passed over. */
const withoutSchema: Readonly<Record<string, string>> = {
  "crd.projectcalico.org/v1 Tier":
    "the module of Calico is of release 3.28, which has no tiers; the API server check needs 3.30 or newer",
};

/** What schemas older than the objects say, and nobody younger can be asked; named, too. */
const olderThanObjects: Readonly<Record<string, string>> = {
  "unknown field spec.tier": "the module of Calico is of release 3.28, whose policies have no tier",
};

interface Found {
  readonly path: string;
  readonly object: JsonObject;
}

/** Every object that we write, against the schemas of its API: unknown fields, types, patterns, CEL rules, names, namespaces. */
export async function judgeObjects(judge: ManifestJudge, modules: ModuleFolders, tree: string): Promise<Outcome> {
  const ledger = openLedger();
  const kinds = await loadSchemas(judge, modules, ledger);
  const found = [...treeObjects(tree), ...recordedObjects()];
  const unjudged = new Map<string, number>();
  let judged = 0;
  for (const { path, object } of found) {
    const kind = `${object["apiVersion"]} ${object["kind"]}`;
    if (kind in withoutSchema) {
      unjudged.set(kind, (unjudged.get(kind) ?? 0) + 1);
      continue;
    }
    for (const catalogue of cataloguesFor(kind)) {
      const answer = await judge.ask({ validate: { catalogues: [catalogue], object } });
      const said = answer.error === undefined ? (answer.problems ?? []) : [answer.error];
      const isOlder = (text: string): boolean => catalogue === "calico" && text in olderThanObjects;
      for (const text of said.filter(isOlder)) unjudged.set(text, (unjudged.get(text) ?? 0) + 1);
      const problems = said.filter((text) => !isOlder(text));
      ledger.check(problems.length === 0, `${path}: ${titleOf(object)} (${catalogue}): ${problems.join("; ")}`);
      judged += 1;
    }
  }
  await checkRefusals(judge, ledger);
  const missing = [...unjudged].map(
    ([kind, count]) => `${count} × ${kind}: ${withoutSchema[kind] ?? olderThanObjects[kind]}`,
  );
  return ledger.outcome([`${found.length} objects, ${judged} judgements, ${kinds} kinds known`], missing);
}

/** Which catalogues an object has to please: Cilium's objects those of every release, the rest the one that knows the kind. */
function cataloguesFor(kind: string): string[] {
  if (kind.startsWith("cilium.io/")) return ciliumVersions.map((version) => `cilium ${version}`);
  if (kind.startsWith("crd.projectcalico.org/")) return ["calico"];
  if (kind.startsWith("argoproj.io/")) return ["argo-cd"];
  return [kind.includes(".toolkit.fluxcd.io/") ? "flux" : "kubernetes"];
}

async function loadSchemas(judge: ManifestJudge, modules: ModuleFolders, ledger: Ledger): Promise<number> {
  const folder = (name: string): string => modules.get(name) ?? "";
  const openAPI = join(folder("kubernetes"), "api/openapi-spec/swagger.json");
  const catalogues: readonly (readonly [string, readonly string[]])[] = [
    ...ciliumVersions.map((version) => {
      const crds = join(folder(`cilium ${version}`), "pkg/k8s/apis/cilium.io/client/crds");
      return [`cilium ${version}`, [...definitions(join(crds, "v2")), ...definitions(join(crds, "v2alpha1"))]] as const;
    }),
    ["argo-cd", definitions(join(folder("argo-cd"), "manifests/crds"))],
    [
      "flux",
      ["kustomize-controller", "source-controller", "helm-controller"].flatMap((name) =>
        definitions(join(folder(name), "config/crd/bases")),
      ),
    ],
    ["calico", definitions(join(folder("calico"), "libcalico-go/config/crd"))],
  ];
  let kinds = 0;
  // Kubernetes first: its ObjectMeta stands for the metadata of every custom object.
  for (const [name, crds] of [["kubernetes", []] as const, ...catalogues]) {
    const answer = await judge.ask({ schemas: { name, ...(name === "kubernetes" && { openAPI }), crds } });
    ledger.check(
      answer.error === undefined && (answer.kinds ?? 0) > 0,
      `schemas of ${name}: ${answer.error ?? "none"}`,
    );
    kinds += answer.kinds ?? 0;
  }
  return kinds;
}

function definitions(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml") && name !== "kustomization.yaml")
    .sort()
    .map((name) => join(folder, name));
}

function treeObjects(tree: string): Found[] {
  return filesBelow(tree, ".yaml")
    .filter((path) => !/\/(?:values|kustomization)\.yaml$/u.test(path))
    .flatMap((path) => objectsIn(textOf(path)).map((object) => ({ path, object })));
}

/** Engine objects of stages in every state: the tree in the repository has every stage held. */
function recordedObjects(): Found[] {
  return filesBelow("test/delivery/golden", ".txt").flatMap((golden) =>
    recordedFiles(golden)
      .filter(({ path }) => path.endsWith(".yaml") && !/\/(?:values|kustomization)\.yaml$/u.test(path))
      .flatMap(({ path, text }) => objectsIn(text).map((object) => ({ path: `${golden} ${path}`, object }))),
  );
}

const policy = (spec: JsonObject): JsonObject => ({
  apiVersion: "cilium.io/v2",
  kind: "CiliumClusterwideNetworkPolicy",
  metadata: { name: "wrong" },
  spec,
});

/** Objects that a real API server refused; each must be refused here, so that silence means something. */
const refused: Readonly<Record<string, JsonObject>> = {
  "an unknown field": policy({ endpointSelector: {}, ingres: [{}] }),
  "a selector of pods and of nodes": policy({ endpointSelector: {}, nodeSelector: {}, ingress: [{}] }),
  "an unknown entity": policy({ endpointSelector: {}, ingress: [{ fromEntities: ["everybody"] }] }),
  "a prefix of 99 bits": policy({ endpointSelector: {}, ingress: [{ fromCIDR: ["10.0.0.0/99"] }] }),
  "a star in a label value": policy({ endpointSelector: { matchLabels: { app: "x*" } }, ingress: [{}] }),
  "a number in a node config": {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNodeConfig",
    metadata: { name: "wrong", namespace: "kube-system" },
    spec: { nodeSelector: {}, defaults: { "cni-exclusive": 1 } },
  },
  "a node config without a namespace": {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNodeConfig",
    metadata: { name: "wrong" },
    spec: { nodeSelector: {}, defaults: {} },
  },
  "an unknown field of a Job": {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "wrong", namespace: "default" },
    spec: { template: { spec: { containers: [{ name: "c", image: "i", comand: ["x"] }], restartPolicy: "Never" } } },
  },
  "a label with a space": {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "wrong", namespace: "default", labels: { a: "b c" } },
  },
  "a number in a ConfigMap": {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "wrong", namespace: "default" },
    data: { a: 1 },
  },
};

async function checkRefusals(judge: ManifestJudge, ledger: Ledger): Promise<void> {
  for (const [what, object] of Object.entries(refused)) {
    for (const catalogue of cataloguesFor(`${object["apiVersion"]} ${object["kind"]}`)) {
      const answer = await judge.ask({ validate: { catalogues: [catalogue], object } });
      ledger.check((answer.problems ?? []).length > 0, `${catalogue} accepts ${what}`);
    }
  }
}
