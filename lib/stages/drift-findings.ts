import type { Finding, FindingKind } from "../core/finding.ts";
import type { PlannedMigration } from "./planned-migration.ts";
import { canApplyAgain } from "./reapplied-stages.ts";
import type { SealedStage } from "./seal-stages.ts";

const ours = "metachron: a stage that was opened keeps the body that was reviewed";

/** Codes of this room. */
export const stageFindings = {
  "stages/policies-differ": {
    severity: "error",
    meaning: "The policies of the inventory are others than those that were applied",
    source: ours,
  },
  "stages/scripts-differ": {
    severity: "error",
    meaning: "Stages that are left need scripts of another release of metachron than the one in the cluster",
    source: ours,
  },
  "stages/version-differs": {
    severity: "error",
    meaning: "The plan names another version of Cilium than the one that was installed",
    source: "metachron: values and images were reviewed for one version; upgrades belong before or after a migration",
  },
  "stages/values-differ": {
    severity: "warning",
    meaning: "Values of an opened stage would be others today; they stay as they were applied",
    source: ours,
  },
  "stages/opened-differs": {
    severity: "info",
    meaning: "An opened stage would be rendered otherwise today; it stays as it was applied",
    source: ours,
  },
} as const satisfies Readonly<Record<string, FindingKind>>;

/**
 * What it means that opened stages would be rendered otherwise today: the inventory, the plan or the release of metachron changed
 * after they were opened. Their bytes stay; where the rest of the migration needs the change, an error says how it gets in.
 */
export function driftFindings(
  { plan }: Pick<PlannedMigration, "plan">,
  stages: readonly SealedStage[],
): readonly Finding[] {
  const isOver = stages.every((stage) => stage.state !== "held");
  return stages.flatMap((stage) => {
    const drift = stage.drift ?? [];
    if (drift.length === 0) return [];
    const content = drift.filter((path) => !isMachinery(path));
    const code = isOver ? "stages/opened-differs" : codeOf(stage, drift, content, plan.spec.target.version);
    return [findingOf(code, stage, content.length > 0 ? content : drift, plan.file)];
  });
}

/** Files that carry a stage out: its Job, the Job's rights and pods, and the lists. */
function isMachinery(path: string): boolean {
  return /^(?:undo\/)?(?:05-|08-configmap-pods-|20-job-|30-configmap-completed-|kustomization\.yaml$)/u.test(path);
}

function codeOf(
  stage: SealedStage,
  drift: readonly string[],
  content: readonly string[],
  version: string,
): keyof typeof stageFindings {
  if (stage.kind === "policies" && content.length > 0) return "stages/policies-differ";
  if (drift.some((path) => path.startsWith("08-configmap-metachron-scripts-"))) return "stages/scripts-differ";
  const values = stage.texts.get("values.yaml");
  if (values === undefined || !drift.includes("values.yaml")) return "stages/opened-differs";
  return installedVersion(values) === version ? "stages/values-differ" : "stages/version-differs";
}

/** The version in the first line of a values.yaml of ours; `undefined` where it has none. */
export function installedVersion(values: string): string | undefined {
  return /^# .*\bCilium (\S+)/u.exec(values)?.[1];
}

function findingOf(
  code: keyof typeof stageFindings,
  stage: SealedStage,
  files: readonly string[],
  planFile: string,
): Finding {
  const some = files.length > 4 ? `${files.slice(0, 4).join(", ")} and ${files.length - 4} more` : files.join(", ");
  const again = `metachron next --again ${stage.id} --plan ${planFile}`;
  const remedies: Readonly<Record<keyof typeof stageFindings, string>> = {
    "stages/policies-differ": `look at what changed, then apply the stage again: ${again}`,
    "stages/scripts-differ": `go on with the release of metachron that the migration was begun with, or apply the stage again: ${again}`,
    "stages/version-differs": "set spec.target.version back; upgrade Cilium when the migration is done",
    "stages/values-differ":
      stage.kind === "finalise"
        ? "change the values of the release the way you will from now on"
        : "nothing to do where they may wait for 800-finalise; otherwise take the change out of the plan",
    "stages/opened-differs": canApplyAgain(stage.id)
      ? `nothing to do; to apply it all the same: ${again}`
      : "nothing to do",
  };
  return {
    code,
    severity: stageFindings[code].severity,
    message: `${stage.id} is ${stage.state} and would be rendered otherwise today: ${some}`,
    where: { file: planFile, field: `stages.${stage.id}` },
    reason: "it keeps the bytes that were reviewed, and the cluster's markers carry their digest",
    remedy: remedies[code],
    data: { stage: stage.id, files: [...files] },
  };
}
