import type { Checked, Finding } from "../core/finding.ts";
import { compareText } from "../core/order.ts";
import { checkAddresses, type WrittenPrefixes } from "./check-addresses.ts";
import { placeholderRepoURL } from "./delivery-schema.ts";
import { executorModes } from "./executor-modes.ts";
import type { Plan, RollMode } from "./plan.ts";
import { planFinding, type Report } from "./plan-finding.ts";

/** Minor versions of Cilium whose values and CRDs this release knows. */
const supportedCiliumMinors: readonly string[] = ["1.18", "1.19", "1.20"];

/**
 * Checks the rules across fields that no schema can tell: prefixes, versions, executors and their modes, stage states.
 * The plan keeps its value; an error blocks it. `written` holds the prefixes as the user wrote them.
 */
export function checkPlan(plan: Plan, written: WrittenPrefixes): Checked<Plan> {
  const findings: Finding[] = [];
  const report: Report = (code, field, parts) => {
    findings.push(planFinding(code, plan.file, { ...parts, field, position: findPlanPosition(plan, field) }));
  };
  checkAddresses(plan, written, report);
  checkVersion(plan, report);
  checkRoll(plan, report);
  checkImages(plan, report);
  checkDelivery(plan, report);
  checkStages(plan, report);
  checkContinuity(plan, report);
  return { value: plan, findings };
}

/** The place of a field in the plan file, or of the nearest written field around it; `undefined` for plans in TypeScript. */
export function findPlanPosition(
  plan: Plan,
  field: string,
): { readonly line: number; readonly column: number } | undefined {
  for (let path = field; path !== ""; path = path.slice(0, Math.max(path.lastIndexOf("."), path.lastIndexOf("["), 0))) {
    const position = plan.positions?.get(path);
    if (position !== undefined) return position;
  }
  return undefined;
}

function checkVersion(plan: Plan, report: Report): void {
  const { cni, version } = plan.spec.target;
  if (cni !== "cilium") return;
  const minor = /^v?(\d+\.\d+)\.\d+(?:-[0-9A-Za-z.-]+)?$/.exec(version)?.[1];
  if (minor !== undefined && !version.startsWith("v") && supportedCiliumMinors.includes(minor)) return;
  const remedy = version.startsWith("v")
    ? `Write ${version.slice(1)}: the chart's version has no v`
    : `Write an exact version of ${supportedCiliumMinors.join(", ")}, for example 1.20.2`;
  report("plan/unsupported-cilium-version", "spec.target.version", {
    message: `Cilium ${JSON.stringify(version)} is not a version that this release can plan for`,
    reason: "Names and defaults of values differ between minor versions, and were checked for these only",
    remedy,
    data: { version, supported: [...supportedCiliumMinors] },
  });
}

function checkRoll(plan: Plan, report: Report): void {
  const { roll, waves } = plan.spec;
  const { modes, why } = executorModes[roll.executor];
  const refuse = (mode: RollMode, field: string): void => {
    if (modes.includes(mode)) return;
    const able = Object.entries(executorModes).flatMap(([name, entry]) => (entry.modes.includes(mode) ? [name] : []));
    report("plan/executor-mode", field, {
      message: `The executor ${roll.executor} cannot do the roll mode ${mode}`,
      reason: why,
      remedy: `Choose a mode of ${modes.join(", ")}, or an executor of ${able.join(", ")}`,
      data: { executor: roll.executor, mode },
    });
  };
  refuse(roll.mode, "spec.roll.mode");
  for (const [at, group] of waves.groups.entries())
    if (group.roll?.mode !== undefined && group.roll.mode !== roll.mode)
      refuse(group.roll.mode, `spec.waves.groups[${at}].roll.mode`);
  const isReplaced = roll.mode === "replace" || waves.groups.some((group) => group.roll?.mode === "replace");
  if (isReplaced && plan.spec.newNodes !== "cilium")
    report("plan/replace-without-new-nodes", "spec.newNodes", {
      message:
        "The roll mode replace needs newNodes: cilium: a machine that comes in place of another would join on the source",
      remedy: "Set spec.newNodes: cilium, and give the pools of new machines the start-up taint",
    });
  if (roll.serviceLevelGates.length > 0 && roll.prometheus === undefined)
    report("plan/gates-without-prometheus", "spec.roll.serviceLevelGates", {
      message: "serviceLevelGates are PromQL, and the plan names no Prometheus to ask",
      remedy: "Add spec.roll.prometheus.url",
    });
  if (roll.goldpinger?.maxResponseSeconds !== undefined && roll.prometheus === undefined)
    report("plan/gates-without-prometheus", "spec.roll.goldpinger.maxResponseSeconds", {
      message: "maxResponseSeconds is asked of Prometheus, and the plan names none",
      remedy: "Add spec.roll.prometheus.url, or take maxResponseSeconds out",
    });
  checkUnreadSettings(plan, report);
}

function checkUnreadSettings(plan: Plan, report: Report): void {
  const { roll } = plan.spec;
  const settings = [
    ["systemUpgradeController", "system-upgrade-controller"],
    ["kured", "kured"],
    ["clusterAPI", "cluster-api"],
  ] as const;
  for (const [key, executor] of settings)
    if (roll[key] !== undefined && roll.executor !== executor)
      report("plan/unread-setting", `spec.roll.${key}`, {
        message: `spec.roll.${key} is read only with the executor ${executor}, and the plan chooses ${roll.executor}`,
        remedy: `Remove it, or set spec.roll.executor: ${executor}`,
      });
  const { k8sServiceHost, k8sServicePort } = plan.spec.target;
  if (k8sServicePort !== undefined && k8sServiceHost === undefined)
    report("plan/conflicting-settings", "spec.target.k8sServicePort", {
      message: "spec.target.k8sServicePort is given without spec.target.k8sServiceHost",
      remedy: "Give both or none",
    });
}

function checkImages(plan: Plan, report: Report): void {
  for (const [field, image] of [
    ["spec.roll.image", plan.spec.roll.image],
    ["spec.roll.probeImage", plan.spec.roll.probeImage],
  ] as const) {
    const withdrawn = /(^|\/)bitnami\/kubectl(?=[:@]|$)/.test(image);
    if (withdrawn)
      report("plan/image-withdrawn", field, {
        message: `${image} is no longer published under versioned tags`,
        reason: "Its versioned tags left the free catalogue on 2025-08-28, and the legacy copies are not maintained",
        remedy: "Use docker.io/alpine/k8s or an image of your own, by digest",
        data: { image },
      });
    if (field === "spec.roll.image" && /(^|\/)(registry\.k8s\.io|rancher)\/kubectl(?=[:@]|$)/.test(image))
      report("plan/image-without-shell", field, {
        message: `${image} holds kubectl and, in recent releases, no shell`,
        reason: "The Jobs of every stage run a script in it; where the shell is missing they do not start",
        remedy:
          "Use docker.io/alpine/k8s of the API server's version, or an image of your own with sh, coreutils and kubectl",
        data: { image },
      });
    if (!withdrawn && !/@sha256:[0-9a-f]{64}$/.test(image))
      report("plan/image-without-digest", field, {
        message: `${image} is named by a tag`,
        reason: "A tag can come to mean another image between the review of a wave and its run",
        remedy: `Look the digest up and write ${image.replace(/@.*$/, "")}@sha256:…`,
        data: { image },
      });
  }
}

function checkDelivery(plan: Plan, report: Report): void {
  const { engines, repoURL } = plan.spec.delivery;
  if (new Set(engines).size < engines.length)
    report("plan/conflicting-settings", "spec.delivery.engines", {
      message: "An engine is named twice",
      remedy: "Name each engine once",
    });
  const isUsed = engines.some((engine) => engine !== "kubectl");
  if (isUsed && (repoURL === placeholderRepoURL || /^[a-z]+:\/\/[^/]*\.(invalid|example)(:\d+)?(\/|$)/.test(repoURL)))
    report("plan/placeholder-repo-url", "spec.delivery.repoURL", {
      message: `The repository is still the placeholder ${repoURL}`,
      reason: "The objects for Argo CD and Flux name it; they could fetch nothing",
      remedy: "Write the address of the repository that will hold the stages, as the engine reaches it",
    });
}

function checkStages(plan: Plan, report: Report): void {
  const running = Object.keys(plan.stages)
    .filter((id) => plan.stages[id]?.state === "open" || plan.stages[id]?.state === "rollback")
    .sort(compareText);
  const [first, ...others] = running;
  for (const id of others)
    report("plan/two-open-stages", `stages.${id}`, {
      message: `The stages ${first} and ${id} are both open or being rolled back`,
      reason: "Each stage relies on the one before it being finished; two at once can take more away than was reviewed",
      remedy: `Set one of them to held, or finish ${first} first`,
      data: { stages: running },
    });
}

function checkContinuity(plan: Plan, report: Report): void {
  if (plan.spec.policies.continuity !== "off") return;
  report("plan/continuity-off", "spec.policies.continuity", {
    message: "The plan migrates without network policy",
    reason: "From the first wave to the end no policy is enforced on migrated pods",
    remedy: "Use exact where its conditions hold, else bridge, and read the exposure of each wave",
  });
}
