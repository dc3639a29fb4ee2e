import type { Plan } from "../../plan/plan.ts";
import type { HelmRelease, Stage } from "../../stages/stage.ts";
import type { DeliveryFile } from "../delivery-file.ts";
import { engineLabels } from "../engine-labels.ts";
import { engineMode } from "../engine-mode.ts";
import { suspendSourceCommand } from "../kubectl/stop-commands.ts";
import { kustomizationFile } from "../kustomization-file.ts";
import { migrationName, repositoryPath } from "../layout.ts";
import type { ReleaseInForce } from "../release-in-force.ts";
import { applierObjects } from "./applier-rbac.ts";
import { ciliumRelease } from "./cilium-release.ts";
import { fluxObject } from "./flux-object.ts";
import { gitRepository } from "./git-source.ts";
import { stageKustomization } from "./stage-kustomization.ts";

/** Every file of `flux/`: what a person applies once, and one Kustomization for each stage that was opened. */
export function fluxFiles(
  plan: Plan,
  stages: readonly Stage[],
  releases: ReadonlyMap<string, HelmRelease>,
  inForce: ReleaseInForce | undefined,
): readonly DeliveryFile[] {
  const kustomizations = stages.flatMap((stage, at) => {
    const mode = engineMode(plan, stage.id, stages[at + 1]?.id);
    const entry = { stage, mode, previous: stages[at - 1], release: releases.get(stage.id) };
    return mode.isPresent ? [stageKustomization(plan, entry)] : [];
  });
  return [
    ...fluxBootstrap(plan, stages),
    planConfigMap(plan),
    ...(inForce === undefined ? [] : ciliumRelease(plan, inForce)),
    ...kustomizations,
  ];
}

/** What a person applies once: the rights that Flux applies stages with, the source, and the root Kustomization. */
function fluxBootstrap(plan: Plan, stages: readonly Stage[]): readonly DeliveryFile[] {
  const folder = `${plan.name}/flux/bootstrap`;
  const [account, role, binding] = applierObjects(plan, stages);
  const files = [
    { name: "10-serviceaccount", object: account },
    { name: "20-clusterrole", object: role, comment: roleComment },
    { name: "30-clusterrolebinding", object: binding },
    { name: "40-gitrepository", object: gitRepository(plan), comment: sourceComment(plan) },
    { name: "50-kustomization", object: rootKustomization(plan) },
  ].flatMap(({ name, object, comment }) =>
    object === undefined ? [] : [{ path: `${folder}/${name}.yaml`, object, ...(comment !== undefined && { comment }) }],
  );
  return [...files, kustomizationFile(folder, files)];
}

const roleComment = `The kinds that the stages hold, and every right that a stage's own Roles grant (nobody may grant what they do not hold).
Rights to delete come from these Roles; Flux itself deletes nothing. Apply as a person; Flux does not manage this object.`;

function sourceComment(plan: Plan): string {
  return `Suspending this source freezes the migration and nothing else:
${suspendSourceCommand(plan)}`;
}

/** Applies `flux/kustomizations`. It waits for none of its children: a Job that fails must not freeze the next commit. */
function rootKustomization(plan: Plan): ReturnType<typeof fluxObject> {
  return fluxObject(plan, "Kustomization", migrationName, {
    sourceRef: { kind: "GitRepository", name: migrationName },
    path: `./${repositoryPath(plan, `${plan.name}/flux/kustomizations`)}`,
    interval: "5m",
    retryInterval: "1m",
    timeout: "2m",
    prune: false,
    deletionPolicy: "Orphan",
    force: false,
    wait: false,
  });
}

/** git keeps no empty directory, and a Kustomization whose path does not exist is an error: this object keeps it there. */
function planConfigMap(plan: Plan): DeliveryFile {
  return {
    path: `${plan.name}/flux/kustomizations/plan.yaml`,
    object: {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: `${migrationName}-plan`,
        namespace: plan.spec.delivery.flux.namespace,
        labels: engineLabels(plan),
      },
      data: { plan: plan.name, pages: repositoryPath(plan, `${plan.name}/PLAN.md`) },
    },
    comment:
      "Tells people where to read about this migration, and keeps the directory in git while every stage is held.",
  };
}
