import { expect, test } from "vitest";
import { isJsonObject, type JsonObject } from "../../lib/core/json.ts";
import { lintStages } from "../../lib/delivery/lint-stages.ts";
import type { Stage } from "../../lib/stages/stage.ts";
import { fixture } from "./fixture.ts";

const { stages } = fixture({});

/** The fixture's stages with the objects of one kind changed. */
function withObjects(kind: string, change: (object: JsonObject) => JsonObject): readonly Stage[] {
  return stages.map((stage) => ({
    ...stage,
    objects: stage.objects.map((entry) =>
      entry.object["kind"] === kind ? { ...entry, object: change(entry.object) } : entry,
    ),
  }));
}

function withAnnotations(annotations: Readonly<Record<string, string>>): (object: JsonObject) => JsonObject {
  return (object) => {
    const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
    const old = isJsonObject(metadata["annotations"]) ? metadata["annotations"] : {};
    return { ...object, metadata: { ...metadata, annotations: { ...old, ...annotations } } };
  };
}

function withSpec(spec: JsonObject): (object: JsonObject) => JsonObject {
  return (object) => ({ ...object, spec: { ...(isJsonObject(object["spec"]) ? object["spec"] : {}), ...spec } });
}

function messages(changed: readonly Stage[]): readonly string[] {
  return lintStages(changed).map((finding) => `${finding.code}: ${finding.message}`);
}

test("stages as they are made have nothing to tell", () => {
  expect(lintStages(stages)).toEqual([]);
});

const canary = "CiliumNodeConfig/kube-system/metachron-100-canary of stage 100-canary";
const namespace = "Namespace/metachron of stage 000-prepare";
const policy = "CiliumNetworkPolicy/shop/allow-web of stage 030-policies";

test.each<[string, readonly Stage[], readonly string[]]>([
  [
    "a Node",
    withObjects("Namespace", (object) => ({ ...object, kind: "Node" })),
    ["delivery/object-forbidden: Node/metachron of stage 000-prepare is a Node"],
  ],
  [
    "a Secret",
    withObjects("Namespace", (object) => ({ ...object, kind: "Secret" })),
    ["delivery/object-forbidden: Secret/metachron of stage 000-prepare is a Secret"],
  ],
  [
    "an Application",
    withObjects("Namespace", (object) => ({ ...object, apiVersion: "argoproj.io/v1alpha1", kind: "Application" })),
    ["delivery/object-forbidden: Application/metachron of stage 000-prepare is an engine's own object"],
  ],
  [
    "an object that Argo CD may delete",
    withObjects("Namespace", withAnnotations({ "argocd.argoproj.io/sync-options": "Prune=false" })),
    [`delivery/object-unprotected: ${namespace} lacks Delete=false in annotation argocd.argoproj.io/sync-options`],
  ],
  [
    "an object that Flux may prune",
    withObjects("Namespace", withAnnotations({ "kustomize.toolkit.fluxcd.io/prune": "enabled" })),
    [`delivery/object-unprotected: ${namespace} lacks annotation kustomize.toolkit.fluxcd.io/prune: disabled`],
  ],
  [
    "a text that Flux would substitute",
    withObjects(
      "CiliumNodeConfig",
      withAnnotations({ "kustomize.toolkit.fluxcd.io/substitute": "enabled", note: "${HOME}" }),
    ),
    [
      `delivery/object-unprotected: ${canary} holds a dollar sign with a brace and lacks annotation kustomize.toolkit.fluxcd.io/substitute: disabled`,
    ],
  ],
  [
    "a policy that the health check would leave out",
    withObjects("CiliumNetworkPolicy", withAnnotations({ "kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent" })),
    [`delivery/object-unprotected: ${policy} carries annotation kustomize.toolkit.fluxcd.io/ssa`],
  ],
  [
    "a node config that is applied after the Job",
    withObjects("CiliumNodeConfig", withAnnotations({ "argocd.argoproj.io/sync-wave": "0" })),
    [`delivery/object-unprotected: ${canary} has sync wave 0, not below 0 of the stage's Job`],
  ],
])("%s is refused", (_what, changed, expected) => {
  expect(messages(changed)).toEqual(expected);
});

test.each([
  ["is suspended", { suspend: true }, "is a suspended Job"],
  ["vanishes by itself", { ttlSecondsAfterFinished: 60 }, "is a Job with ttlSecondsAfterFinished"],
])("a Job that %s is refused in every stage", (_what, spec, problem) => {
  const found = messages(withObjects("Job", withSpec(spec)));

  expect(found.length).toBe(stages.length);
  expect(found.every((message) => message.endsWith(problem))).toBe(true);
});

test("an object that two stages claim is refused, one that a stage undoes is not", () => {
  const [first, ...others] = stages;
  const namespaceObject = first?.objects.find((entry) => entry.object["kind"] === "Namespace");
  const claimed = stages.map((stage) =>
    stage.id === "100-canary" && namespaceObject !== undefined
      ? { ...stage, objects: [...stage.objects, namespaceObject] }
      : stage,
  );

  expect(others.length).toBeGreaterThan(0);
  expect(messages(claimed)).toEqual([
    "delivery/object-replaced: Namespace/metachron is in stage 000-prepare and in stage 100-canary",
  ]);
  const undone = stages.map((stage) => ({ ...stage, undo: [...stage.undo, ...stage.objects] }));
  expect(messages(undone)).toEqual([]);
});
