import type { Finding } from "../core/finding.ts";
import { whereOf } from "../core/finding.ts";
import { apiGroup, identityOf, printIdentity } from "../core/identity.ts";
import { getIn, getString, getStringMap, type JsonObject } from "../core/json.ts";
import type { Stage } from "../stages/stage.ts";

/**
 * What an engine would do to the objects of stages, checked before it can: objects that no engine may be given, objects that
 * an engine would prune, rewrite or replace, Jobs that would run twice or not count, and objects that two stages claim.
 *
 * Findings: `delivery/object-forbidden`, `delivery/object-unprotected`, `delivery/object-replaced`.
 * Cost: one look at every object of every stage.
 */
export function lintStages(stages: readonly Stage[]): readonly Finding[] {
  const findings: Finding[] = [];
  const owners = new Map<string, string>();
  for (const stage of stages) {
    for (const { object } of [...stage.objects, ...stage.undo])
      for (const rule of rules) {
        const problem = rule.problem(object);
        if (problem !== undefined) findings.push(lintFinding(rule, stage, object, problem));
      }
    findings.push(...claimFindings(stage, owners), ...orderFindings(stage));
  }
  return findings;
}

interface LintRule {
  readonly code: "delivery/object-forbidden" | "delivery/object-unprotected";
  /** What is wrong with the object; `undefined` when nothing is. */
  readonly problem: (object: JsonObject) => string | undefined;
  readonly reason: string;
}

const argocdOptions = "argocd.argoproj.io/sync-options";
const fluxPrune = "kustomize.toolkit.fluxcd.io/prune";
const fluxSubstitute = "kustomize.toolkit.fluxcd.io/substitute";
const fluxForce = "kustomize.toolkit.fluxcd.io/force";
const fluxApply = "kustomize.toolkit.fluxcd.io/ssa";

const rules: readonly LintRule[] = [
  {
    code: "delivery/object-forbidden",
    problem: (object) => (kindOf(object) === "/Node" ? "is a Node" : undefined),
    reason: "an engine that owns a Node undoes the cordon that the stage's Job sets",
  },
  {
    code: "delivery/object-forbidden",
    problem: (object) => (kindOf(object) === "/Secret" ? "is a Secret" : undefined),
    reason: "metachron reads no Secret and writes none to git",
  },
  {
    code: "delivery/object-forbidden",
    problem: (object) =>
      /^(?:argoproj\.io|.*\.toolkit\.fluxcd\.io)\//u.test(kindOf(object)) ? "is an engine's own object" : undefined,
    reason: "a stage that makes an engine's objects could apply any other stage, held or not",
  },
  {
    code: "delivery/object-unprotected",
    problem: (object) => {
      const options = (annotation(object, argocdOptions) ?? "").split(",");
      const lacks = ["Prune=false", "Delete=false"].filter((option) => !options.includes(option));
      return lacks.length > 0 ? `lacks ${lacks.join(",")} in annotation ${argocdOptions}` : undefined;
    },
    reason:
      "options of an Application exist only since Argo CD 3.4; before, only the object's own keep it from pruning",
  },
  {
    code: "delivery/object-unprotected",
    problem: (object) =>
      annotation(object, fluxPrune) === "disabled" ? undefined : `lacks annotation ${fluxPrune}: disabled`,
    reason: "Flux prunes before it checks health, should anybody switch pruning on",
  },
  {
    code: "delivery/object-unprotected",
    problem: (object) => {
      const isSafe = annotation(object, fluxSubstitute) === "disabled" || !JSON.stringify(object).includes("${");
      return isSafe ? undefined : `holds a dollar sign with a brace and lacks annotation ${fluxSubstitute}: disabled`;
    },
    reason:
      "Flux replaces such texts as soon as a Kustomization above has postBuild, and since 2.9 fails on unknown names",
  },
  {
    code: "delivery/object-unprotected",
    problem: (object) => {
      const found = [fluxForce, fluxApply].find((name) => annotation(object, name) !== undefined);
      return found === undefined ? undefined : `carries annotation ${found}`;
    },
    reason:
      "force would replace a Job and run it again; ssa leaves an object out of the health check, so that a failed Job passes",
  },
  {
    code: "delivery/object-unprotected",
    problem: (object) =>
      kindOf(object) === "batch/Job" && getIn(object, "spec", "suspend") === true ? "is a suspended Job" : undefined,
    reason: "Flux takes a suspended Job for one that has passed",
  },
  {
    code: "delivery/object-unprotected",
    problem: (object) =>
      kindOf(object) === "batch/Job" && getIn(object, "spec", "ttlSecondsAfterFinished") !== undefined
        ? "is a Job with ttlSecondsAfterFinished"
        : undefined,
    reason: "an engine makes a Job again that has vanished, and Flux takes a Job that is gone for one that has passed",
  },
];

function kindOf(object: JsonObject): string {
  return `${apiGroup(getString(object, "apiVersion") ?? "")}/${getString(object, "kind") ?? ""}`;
}

function annotation(object: JsonObject, name: string): string | undefined {
  return getStringMap(object, "metadata", "annotations")[name];
}

function lintFinding(
  rule: Pick<LintRule, "code" | "reason">,
  stage: Stage,
  object: JsonObject,
  problem: string,
): Finding {
  const identity = identityOf(object);
  return {
    code: rule.code,
    severity: "error",
    message: `${printIdentity(identity)} of stage ${stage.id} ${problem}`,
    where: whereOf(identity),
    reason: rule.reason,
    remedy: "this is a bug of metachron unless the object is one of your own: report it, or correct your object",
    data: { stage: stage.id },
  };
}

/** Two Applications that claim one object fail; two Kustomizations take it from each other for ever. */
function claimFindings(stage: Stage, owners: Map<string, string>): readonly Finding[] {
  const findings: Finding[] = [];
  for (const { object } of [...stage.objects, ...stage.undo]) {
    const identity = identityOf(object);
    const key = `${kindOf(object)}/${identity.namespace ?? ""}/${identity.name}`;
    const owner = owners.get(key);
    if (owner === undefined) owners.set(key, stage.id);
    if (owner === undefined || owner === stage.id) continue;
    findings.push({
      code: "delivery/object-replaced",
      severity: "error",
      message: `${printIdentity(identity)} is in stage ${owner} and in stage ${stage.id}`,
      where: whereOf(identity),
      reason: "two Applications that claim one object fail, and two Kustomizations take it from each other for ever",
      remedy: "give the object of one stage another name, or leave it to one stage",
      data: { stages: [owner, stage.id] },
    });
  }
  return findings;
}

/** Argo CD applies custom kinds after Jobs unless a sync wave says otherwise: the Job must find its node config. */
function orderFindings(stage: Stage): readonly Finding[] {
  const objects = stage.objects.map((entry) => entry.object);
  const waveOf = (object: JsonObject): number => Number(annotation(object, "argocd.argoproj.io/sync-wave") ?? "0");
  const jobs = objects.filter((object) => kindOf(object) === "batch/Job");
  const first = Math.min(...jobs.map(waveOf));
  return objects
    .filter((object) => kindOf(object) === "cilium.io/CiliumNodeConfig" && waveOf(object) >= first)
    .map((object) =>
      lintFinding(orderRule, stage, object, `has sync wave ${waveOf(object)}, not below ${first} of the stage's Job`),
    );
}

const orderRule: Pick<LintRule, "code" | "reason"> = {
  code: "delivery/object-unprotected",
  reason: "inside one sync wave Argo CD applies custom kinds after Jobs, and the Job asks for its CiliumNodeConfig",
};
