import { describe, expect, test } from "vitest";
import { getArray, getIn, getString, getStringMap, type JsonObject, type JsonValue } from "../../lib/core/json.ts";
import { agentObjects } from "../../lib/roll/agent-objects.ts";
import { bridgeObjects, bridgeUndoObjects } from "../../lib/roll/bridge-objects.ts";
import { executors } from "../../lib/roll/executors.ts";
import { gateObjects } from "../../lib/roll/gate-objects.ts";
import { preparationObjects, probePolicy, scriptsName } from "../../lib/roll/preparation.ts";
import { cleanObjects, removalObjects } from "../../lib/roll/removal-objects.ts";
import type { RollObject } from "../../lib/roll/roll-object.ts";
import { undoObjects } from "../../lib/roll/undo-objects.ts";
import { waveObjects } from "../../lib/roll/wave-objects.ts";
import { golden } from "./golden.ts";
import {
  sampleBridge,
  sampleClean,
  sampleContext,
  sampleInput,
  samplePlan,
  sampleRemoval,
  sampleUndoInput,
  sampleWave,
} from "./sample.ts";

const stageRef = (id: string) => ({
  id,
  attempt: 1,
  previous: { id: "010-cilium", digest: `sha256:${"c".repeat(64)}` },
});

/** Every object that this room can make, by what makes it. */
const everything: Readonly<Record<string, readonly RollObject[]>> = {
  prepare: [
    ...preparationObjects(sampleContext, "000-prepare"),
    probePolicy(samplePlan, "030-policies", {
      apiVersion: "projectcalico.org/v3",
      tier: "metachron-mirror",
      order: -20,
    }),
  ],
  wave: waveObjects(sampleInput),
  "wave recycle": waveObjects({ ...sampleInput, wave: { ...sampleWave, mode: "recycle" } }),
  "wave again": waveObjects({ ...sampleInput, stage: { ...sampleInput.stage, attempt: 3 } }),
  undo: undoObjects(sampleUndoInput),
  bridge: gateObjects({
    context: sampleContext,
    stage: stageRef("020-bridge"),
    checks: ["bridge"],
    objects: bridgeObjects(sampleBridge),
  }),
  "bridge undo": bridgeUndoObjects(sampleBridge, stageRef("020-bridge")),
  policies: gateObjects({ context: sampleContext, stage: stageRef("030-policies"), checks: ["policies"], policies: 6 }),
  finalise: agentObjects({
    context: sampleContext,
    stage: stageRef("800-finalise"),
    kind: "finalise",
    nodes: ["worker-1", "worker-2"],
    expectedConfig: { "cni-exclusive": "true" },
    nodeConfigs: ["metachron-110-general-a"],
  }),
  remove: removalObjects(sampleRemoval),
  clean: cleanObjects(sampleClean),
  manual: executors.manual.objects(sampleInput),
  "system-upgrade-controller": executors["system-upgrade-controller"].objects(sampleInput),
  "system-upgrade-controller reboot": executors["system-upgrade-controller"].objects({
    ...sampleInput,
    wave: { ...sampleWave, mode: "reboot" },
  }),
  kured: executors.kured.objects({ ...sampleInput, wave: { ...sampleWave, mode: "reboot" } }),
  "cluster-api": executors["cluster-api"].objects({ ...sampleInput, wave: { ...sampleWave, mode: "replace" } }),
  "manual replace": executors.manual.objects({ ...sampleInput, wave: { ...sampleWave, mode: "replace" } }),
};

describe.each([
  ["wave", everything["wave"]],
  ["undo", everything["undo"]],
  ["bridge", everything["bridge"]],
  ["remove", everything["remove"]],
  ["clean", everything["clean"]],
  ["system-upgrade-controller", everything["system-upgrade-controller reboot"]],
])("the stage %s", (name, objects) => {
  test("is what was read and found right", () => {
    const { actual, expected } = golden(name, objects ?? []);

    expect(actual).toEqual(expected);
  });
});

test("the preparation is what was read and found right, but for the texts of the scripts", () => {
  const objects = (everything["prepare"] ?? []).map((entry) =>
    getString(entry.object, "metadata", "name") === scriptsName
      ? { ...entry, file: "08-configmap-metachron-scripts.yaml", object: { ...entry.object, data: {} } }
      : entry,
  );

  const { actual, expected } = golden("prepare", objects);

  expect(actual).toEqual(expected);
});

describe.each(Object.entries(everything))("every object of %s", (_name, objects) => {
  test("has no dollar-brace anywhere, which Flux would substitute", () => {
    expect(objects.filter((entry) => JSON.stringify(entry.object).includes("${")).map((entry) => entry.file)).toEqual(
      [],
    );
  });

  test("is kept from pruning and substitution, and belongs to its stage", () => {
    const marks = objects.map((entry) => {
      const annotations = getStringMap(entry.object, "metadata", "annotations");
      return [
        annotations["argocd.argoproj.io/sync-options"],
        annotations["kustomize.toolkit.fluxcd.io/prune"],
        annotations["kustomize.toolkit.fluxcd.io/substitute"],
        getStringMap(entry.object, "metadata", "labels")["app.kubernetes.io/managed-by"],
      ];
    });

    expect(marks).toEqual(objects.map(() => ["Prune=false,Delete=false", "disabled", "disabled", "metachron"]));
  });

  test("has a file of its own", () => {
    expect(new Set(objects.map((entry) => entry.file)).size).toBe(objects.length);
  });
});

describe("an Application applies a wave in the order", () => {
  test("rights and texts, CiliumNodeConfig, Job, completion", () => {
    const waves = (everything["wave"] ?? []).map((entry) => [
      getString(entry.object, "kind"),
      getStringMap(entry.object, "metadata", "annotations")["argocd.argoproj.io/sync-wave"],
    ]);

    expect(waves).toEqual([
      ["ServiceAccount", "-2"],
      ["ClusterRole", "-2"],
      ["ClusterRoleBinding", "-2"],
      ["Role", "-2"],
      ["RoleBinding", "-2"],
      ["Role", "-2"],
      ["RoleBinding", "-2"],
      ["ConfigMap", "-2"],
      ["CiliumNodeConfig", "-1"],
      ["Job", "0"],
      ["ConfigMap", "1"],
    ]);
  });
});

/** A role's rules, one line each: `group/resource verbs [names]`. */
function rulesOf(objects: readonly RollObject[], kind: string, namespace?: string): readonly string[] {
  const role = objects.find(
    (entry) =>
      getString(entry.object, "kind") === kind && getString(entry.object, "metadata", "namespace") === namespace,
  );
  const texts = (rule: JsonValue, key: string): string => getArray(rule, key).join(",");
  return getArray(role?.object, "rules").map((rule) =>
    `${texts(rule, "apiGroups")}/${texts(rule, "resources")} ${texts(rule, "verbs")} [${texts(rule, "resourceNames")}]`.trim(),
  );
}

describe("the rights of a wave's Job", () => {
  const objects = everything["wave"] ?? [];

  test("in the cluster: read what gates look at, cordon its own nodes, evict", () => {
    expect(rulesOf(objects, "ClusterRole")).toEqual([
      "/nodes get,list,watch []",
      "/pods get,list []",
      "apps/daemonsets get []",
      "cilium.io/ciliumendpoints,ciliumnodes get,list []",
      "/nodes patch [worker-1,worker-2]",
      "/pods/eviction create []",
    ]);
  });

  test("in the agents' namespace: restart agents, read node configurations, delete that of its own rollback", () => {
    expect(rulesOf(objects, "Role", "kube-system")).toEqual([
      "/pods delete,get,list,watch []",
      "cilium.io/ciliumnodeconfigs get,list []",
      "cilium.io/ciliumnodeconfigs delete [metachron-110-general-a-undo]",
    ]);
  });

  test("in our namespace: its marker, the lease, helper pods; the marker before may only be read", () => {
    expect(rulesOf(objects, "Role", "metachron")).toEqual([
      "/configmaps get,patch,update [wave-110-general-a]",
      "/configmaps get [wave-100-canary]",
      "/configmaps create []",
      "coordination.k8s.io/leases get,update [roll]",
      "coordination.k8s.io/leases create []",
      "/pods create,delete,get,list []",
      "/pods/log get []",
    ]);
  });

  test("from the second attempt on also the earlier Jobs of the stage, by name", () => {
    expect(rulesOf(everything["wave again"] ?? [], "Role", "metachron")).toContain(
      "batch/jobs get,patch [roll-110-general-a-a1,roll-110-general-a-a2]",
    );
  });

  test("never exec, secrets, the nodes' proxy, wildcards, or deleting pods of others", () => {
    const rules = Object.values(everything).flatMap((list) =>
      list.flatMap((entry) =>
        /Role$/u.test(getString(entry.object, "kind") ?? "") ? getArray(entry.object, "rules") : [],
      ),
    );
    const words = rules.flatMap((rule) => [
      ...getArray(rule, "resources"),
      ...getArray(rule, "verbs"),
      ...getArray(rule, "apiGroups"),
    ]);
    expect(
      words.filter((word) =>
        ["pods/exec", "secrets", "nodes/proxy", "*", "escalate", "bind", "impersonate"].includes(String(word)),
      ),
    ).toEqual([]);
    expect(rulesOf(objects, "ClusterRole").filter((line) => /\/pods .*delete/u.test(line))).toEqual([]);
  });
});

describe("the rights of the removal", () => {
  test("name every object that may be deleted, and no other", () => {
    const objects = everything["remove"] ?? [];

    expect(rulesOf(objects, "ClusterRole")).toEqual([
      "/nodes get,list,watch []",
      "/pods get,list []",
      "apps/daemonsets get []",
      "cilium.io/ciliumendpoints,ciliumnodes get,list []",
      "apiextensions.k8s.io/customresourcedefinitions delete,get [felixconfigurations.crd.projectcalico.org]",
      "cilium.io/ciliumclusterwidenetworkpolicies delete,get [metachron-bridge]",
      "crd.projectcalico.org/globalnetworkpolicies delete,get [deny-rest,metachron-mirror-egress]",
      "rbac.authorization.k8s.io/clusterroles delete,get [canal]",
    ]);
    expect(rulesOf(objects, "Role", "kube-system")).toEqual([
      "/configmaps delete,get [canal-config]",
      "apps/daemonsets delete,get [canal]",
    ]);
    expect(rulesOf(objects, "Role", "metachron").slice(0, 1)).toEqual([
      "apps/daemonsets delete,get [metachron-bridge]",
    ]);
  });

  test("list the objects in the order in which they go", () => {
    const texts = (everything["remove"] ?? []).find(
      (entry) => getString(entry.object, "metadata", "name")?.startsWith("pods-") === true,
    );

    expect(getStringMap(texts?.object, "data")["removal"]?.split("\n")).toEqual([
      "bridge-policy|ciliumclusterwidenetworkpolicies.v2.cilium.io||metachron-bridge|no",
      "mirrors|globalnetworkpolicies.v1.crd.projectcalico.org||metachron-mirror-egress|no",
      "policies|globalnetworkpolicies.v1.crd.projectcalico.org||deny-rest|no",
      "agents|daemonsets.apps|kube-system|canal|no",
      "access|clusterroles.rbac.authorization.k8s.io||canal|no",
      "configuration|configmaps|kube-system|canal-config|no",
      "definitions|customresourcedefinitions.apiextensions.k8s.io||felixconfigurations.crd.projectcalico.org|yes",
      "bridge|daemonsets.apps|metachron|metachron-bridge|no",
      "",
    ]);
  });
});

describe("a wave's Job", () => {
  const jobOf = (objects: readonly RollObject[]): JsonObject =>
    objects.find((entry) => getString(entry.object, "kind") === "Job")?.object ?? {};

  test("does not run on a node that it empties", () => {
    const terms = getArray(
      jobOf(everything["wave"] ?? []),
      "spec",
      "template",
      "spec",
      "affinity",
      "nodeAffinity",
      "requiredDuringSchedulingIgnoredDuringExecution",
      "nodeSelectorTerms",
    );

    expect(getArray(terms[0], "matchExpressions")).toContainEqual({
      key: "kubernetes.io/hostname",
      operator: "NotIn",
      values: ["ip-10-0-0-2", "worker-1"],
    });
  });

  test("of another attempt differs in name, attempt and rights only", () => {
    const first = JSON.stringify(jobOf(everything["wave"] ?? []))
      .replaceAll("-a1", "-aN")
      .replace('"ATTEMPT","value":"1"', "");
    const third = JSON.stringify(jobOf(everything["wave again"] ?? []))
      .replaceAll("-a3", "-aN")
      .replace('"ATTEMPT","value":"3"', "");

    expect(third).toBe(first);
  });

  test("finds the API server where the plan says, if it says so", () => {
    const target = { ...sampleContext.plan.spec.target, k8sServiceHost: "127.0.0.1", k8sServicePort: 6443 };
    const plan = { ...sampleContext.plan, spec: { ...sampleContext.plan.spec, target } };
    const job = jobOf(waveObjects({ ...sampleInput, context: { ...sampleContext, plan } }));

    expect(getIn(job, "spec", "template", "spec", "containers")).toMatchObject([
      {
        env: expect.arrayContaining([
          { name: "KUBERNETES_SERVICE_HOST", value: "127.0.0.1" },
          { name: "KUBERNETES_SERVICE_PORT", value: "6443" },
        ]),
      },
    ]);
  });
});
