import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../lib/core/json.ts";
import type { ModuleFolders } from "./modules.ts";
import { filesBelow, recordedFiles, textOf } from "./trees.ts";
import { objectsIn } from "./yaml-documents.ts";

/** Kinds that no module which can be had describes; they are counted and named, never passed over. */
export const withoutSchema: Readonly<Record<string, string>> = {
  "crd.projectcalico.org/v1 Tier":
    "the module of Calico is of release 3.28, which has no tiers; the API server check needs 3.30 or newer",
};

/** What schemas older than the objects say, and nobody younger can be asked; named, too. */
export const olderThanObjects: Readonly<Record<string, string>> = {
  "unknown field spec.tier": "the module of Calico is of release 3.28, whose policies have no tier",
};

/** An object that we write, and the file it stands in. */
export interface Found {
  readonly path: string;
  readonly object: JsonObject;
}

/** Every object of a tree, and the engines' objects for stages in every state. */
export function writtenObjects(tree: string): readonly Found[] {
  return [...treeObjects(tree), ...recordedObjects()];
}

/** Files with the definitions of all kinds that an API server has to know beside its own: one release of Cilium, and the rest. */
export function definitionFiles(
  modules: ModuleFolders,
  part: "cilium" | "argo-cd" | "flux" | "calico",
  version = "",
): string[] {
  const folder = (name: string): string => modules.get(name) ?? "";
  switch (part) {
    case "cilium": {
      const crds = join(folder(`cilium ${version}`), "pkg/k8s/apis/cilium.io/client/crds");
      return [...definitions(join(crds, "v2")), ...definitions(join(crds, "v2alpha1"))];
    }
    case "argo-cd":
      return definitions(join(folder("argo-cd"), "manifests/crds"));
    case "flux":
      return ["kustomize-controller", "source-controller", "helm-controller"].flatMap((name) =>
        definitions(join(folder(name), "config/crd/bases")),
      );
    case "calico":
      return definitions(join(folder("calico"), "libcalico-go/config/crd"));
  }
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
export const refusedObjects: Readonly<Record<string, JsonObject>> = {
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
