import { renderYaml } from "../core/yaml.ts";
import { bridgeObjects } from "../roll/bridge-objects.ts";
import { gateObjects } from "../roll/gate-objects.ts";
import { preparationObjects, probePolicy } from "../roll/preparation.ts";
import { type RollObject, rollObject, withProtection } from "../roll/roll-object.ts";
import type { SourcePreparation } from "../source/source.ts";
import { preparationText } from "./preparation-text.ts";
import type { PreviousStage, StageBuilder, StageDraft } from "./seal-stages.ts";
import type { StageFile } from "./stage.ts";
import { draftOf, type StageContext, stageRef } from "./stage-context.ts";

/** Ids of the stages before the first wave. */
const installIds = {
  prepare: "000-prepare",
  cilium: "010-cilium",
  bridge: "020-bridge",
  policies: "030-policies",
} as const;

/** 000-prepare: what every later stage stands on, and what a person changes at the source first. */
export function prepareStage(context: StageContext, preparation: readonly SourcePreparation[]): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const id = installIds.prepare;
    const before = preparation.filter((step) => step.before === "install");
    const probes = probePolicyOf(context);
    const objects = [...preparationObjects(roll, id), ...(probes === undefined ? [] : [probes])];
    return draftOf(context, {
      id,
      kind: "prepare",
      title: "namespace, scripts and probe pods; settings of the source",
      purpose: [
        "Creates the namespace metachron with the scripts that later Jobs run, and a small pod on every node that answers probes.",
        before.length === 0
          ? "The source needs no change first."
          : `${before.length} settings of ${migration.source.source} are changed by a person first: see source-settings.md.`,
        "No workload is touched.",
      ].join(" "),
      gate: {
        before: before.map((step) => `${step.title} (${step.necessity})`),
        after: ["the probe pods are ready on every node"],
      },
      wayBack: "Delete the namespace metachron; take the source's settings back as source-settings.md says.",
      objects: gateObjects({ context: roll, stage: stageRef(context, id, previous), checks: ["echo"], objects }),
      files: before.length === 0 ? [] : [{ file: "source-settings.md", text: preparationText(before) }],
      estimateSeconds: 120,
    });
  };
}

/** The probe pods must not be stopped by a global default deny of a Calico source; `undefined` for any other. */
export function probePolicyOf({ migration, bridge }: StageContext): RollObject | undefined {
  const isCalico = migration.source.facts.enforcedPolicyKinds.some((kind) => kind.endsWith("projectcalico.org"));
  if (!isCalico) return undefined;
  const { tier, order } = bridge.first;
  return probePolicy(migration.plan, installIds.prepare, {
    apiVersion: bridge.group,
    // Far ahead, so that a policy that joins later does not change what was opened first.
    order: Math.min(order - 1, -1_000_000),
    ...(tier !== undefined && { tier }),
  });
}

/** 010-cilium: the chart, dormant beside the source. */
export function ciliumStage(context: StageContext): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const id = installIds.cilium;
    const { target, plan } = migration;
    return draftOf(context, {
      id,
      kind: "cilium",
      title: `Cilium ${plan.spec.target.version}, dormant beside ${migration.source.source}`,
      purpose: [
        `Installs the Cilium chart ${plan.spec.target.version} with the values in values.yaml, each with its reason.`,
        "The agents run on every node and build their own overlay, but write no CNI configuration: no pod moves, and pods that start still get the source's network.",
      ].join(" "),
      gate: {
        before: ["the stage before is done at the digest that this stage names"],
        after: [
          "an agent is ready on every Linux node and has a block of the new pool",
          "no pod has an address of the new pool but Cilium's own",
          "every DaemonSet of the source is still ready",
        ],
      },
      wayBack: `Uninstall the release: helm uninstall cilium -n ${target.namespace}. The devices cilium_host, cilium_net and cilium_vxlan stay until the next reboot and do nothing.`,
      objects: gateObjects({
        context: roll,
        stage: stageRef(context, id, previous),
        checks: ["agents", "dormant", "echo"],
      }),
      files: [{ file: "values.yaml", text: target.migration.text }],
      estimateSeconds: 300,
    });
  };
}

/** 020-bridge: the node rules that keep pod addresses across the two networks; only with exact continuity. */
export function bridgeStage(context: StageContext): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const id = installIds.bridge;
    const input = {
      context: roll,
      stageId: id,
      source: migration.source,
      sourcePrefixes: migration.target.continuity.sourcePrefixes,
    };
    const ref = stageRef(context, id, previous);
    return draftOf(context, {
      id,
      kind: "bridge",
      title: "rules on every node that keep pod addresses across both networks",
      purpose: [
        "A DaemonSet keeps three iptables rules per address family on every node: two stop address translation between the old and the new pool, one keeps kube-proxy from dropping packets that come back another way.",
        "With them each side's policy engine sees the other side's pods under their own addresses. No pod moves.",
      ].join(" "),
      gate: {
        before: ["the stage before is done at the digest that this stage names"],
        after: [
          "the bridge is ready on every node: all its rules are in place and in order",
          "probe pods still reach each other",
        ],
      },
      wayBack: "undo/ runs a DaemonSet that takes the rules away and keeps them away. Roll every wave back first.",
      objects: gateObjects({ context: roll, stage: ref, checks: ["bridge", "echo"], objects: bridgeObjects(input) }),
      undo: gateObjects({
        context: roll,
        stage: { ...ref, previous: undefined },
        checks: ["unbridged"],
        endState: "undone",
        kind: "undo",
        objects: bridgeObjects(input, "remove"),
      }),
      estimateSeconds: 120,
    });
  };
}

/** 030-policies: translated policies, the policy that admits old pods, the mirrors at the source. */
export function policiesStage(context: StageContext): StageBuilder {
  return (previous) => buildPolicies(context, previous);
}

function buildPolicies(context: StageContext, previous: PreviousStage | undefined): StageDraft {
  const { migration, roll, bridge } = context;
  const id = installIds.policies;
  const outputs = migration.translation.policies.flatMap((policy) => policy.outputs);
  const mixed =
    migration.continuity === "exact" ? bridge.cilium : migration.continuity === "bridge" ? bridge.wide.cilium : [];
  const mirrors =
    migration.continuity === "exact" ? bridge.mirrors : migration.continuity === "bridge" ? bridge.wide.source : [];
  const objects = [
    ...mirrors.map((entry) => rollObject(10, withProtection(entry.object, id, -1), entry.comment)),
    ...outputs.map((entry) => rollObject(12, withProtection(entry.object, id, -1), entry.comment)),
    ...mixed.map((entry) => rollObject(14, withProtection(entry.object, id, -1), entry.comment)),
  ];
  const cilium = objects.filter((entry) => String(entry.object["apiVersion"]).startsWith("cilium.io/"));
  const refused = migration.translation.policies.filter((policy) => policy.result === "refused");
  return draftOf(context, {
    id,
    kind: "policies",
    title:
      outputs.length === 0
        ? "the policy that admits pods that have not moved yet"
        : `${outputs.length === 1 ? "1 translated policy" : `${outputs.length} translated policies`}, valid before the first pod moves`,
    purpose: [
      outputs.length === 0
        ? "Applies what lets the two networks talk while both run; the source has no policy that needs a translation."
        : `Applies ${outputs.length} Cilium policies that decide every packet as the source's policies do${refused.length === 0 ? "" : `, except for ${refused.length} that have no translation`}: see policies.md.`,
      mirrors.length === 0
        ? ""
        : "The mirrors in the source's own engine make the pods that have not moved yet ask what a moved pod's policy says; until a pod moves they decide nothing.",
      "No pod moves, and Cilium has no pod to enforce on yet.",
    ]
      .filter((sentence) => sentence !== "")
      .join(" "),
    gate: {
      before: ["the stage before is done at the digest that this stage names"],
      after: [`all ${cilium.length} Cilium policies are there and Valid`, "probe pods still reach each other"],
    },
    wayBack:
      "Delete the objects of this directory (kubectl delete -k). While no pod has moved they decide nothing; after that, roll every wave back first.",
    objects: gateObjects({
      context: roll,
      stage: stageRef(context, id, previous),
      checks: cilium.length > 0 ? ["policies", "echo"] : ["echo"],
      policies: cilium.length,
      objects,
    }),
    files: policyFiles(context),
    estimateSeconds: 120,
  });
}

/** The values that policies need stand beside them, so that a reviewer sees both in one place. */
function policyFiles({ migration }: StageContext): readonly StageFile[] {
  const required = migration.translation.requiredValues;
  if (Object.keys(required).length === 0) return [];
  const comment = "Helm values that these policies need; they are part of 010-cilium's values.yaml already.";
  return [{ file: "required-values.yaml", text: renderYaml(required, { comment }) }];
}
