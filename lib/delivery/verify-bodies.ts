import { fieldChanges } from "../core/field-changes.ts";
import type { Finding } from "../core/finding.ts";
import { apiGroup } from "../core/identity.ts";
import { getString, isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { canApplyAgain } from "../stages/reapplied-stages.ts";
import type { StageStep, Transition } from "./plan-transition.ts";
import { hasTrueDigest, neutralBody, type TreeStage, tryParseObject } from "./stage-tree.ts";
import { entryOf } from "./transitions.ts";

/**
 * Rule 3: a stage that was opened keeps the bytes that were reviewed; a new attempt changes its Job and nothing else.
 *
 * Bodies are compared with digests written as placeholders, because one changed byte changes the digest in every file that
 * carries it. With a new attempt these may differ: the Job's file, the line that lists it, and rules of a Role about Jobs
 * (from the second attempt on, the script may touch the Jobs of the attempts before).
 */
export function bodyFindings(transition: Transition, steps: readonly StageStep[]): readonly Finding[] {
  return steps.flatMap((step) => [...digestFindings(transition, step), ...changeFindings(step)]);
}

function digestFindings({ after }: Transition, step: StageStep): readonly Finding[] {
  const { bodyAfter } = step;
  if (bodyAfter === undefined) return [];
  const findings: Finding[] = [];
  const isPast = step.after.state === "done" || step.after.state === "rollback";
  if (!hasTrueDigest(bodyAfter, isPast)) {
    findings.push({
      code: "delivery/digest-mismatch",
      severity: "error",
      message: `stage ${step.id} carries digest ${bodyAfter.digest}, which is not the digest of its files`,
      where: { file: `stages/${step.id}` },
      reason: "the next stage's gate asks for this digest, so it has to stand for what was reviewed",
      remedy: "run `metachron synth` and commit what it writes",
      data: { stage: step.id, digest: bodyAfter.digest },
    });
  }
  const noted = entryOf(after.plan, step.id).digest;
  if (noted !== undefined && step.after.state !== "held" && noted !== bodyAfter.digest) {
    findings.push({
      code: "delivery/digest-mismatch",
      severity: "error",
      message: `the plan file notes digest ${noted} for stage ${step.id}, its files have ${bodyAfter.digest}`,
      where: { file: after.plan.file, field: `stages.${step.id}.digest` },
      reason: "the stage is not what it was when it was opened",
      remedy: `find what changed stage ${step.id} (inventory, plan or the version of metachron) and take it back`,
      data: { stage: step.id, digest: bodyAfter.digest, noted },
    });
  }
  return findings;
}

function changeFindings(step: StageStep): readonly Finding[] {
  const { bodyBefore, bodyAfter } = step;
  if (bodyAfter === undefined) return [];
  if (bodyBefore === undefined) return step.after.state === "held" ? [] : [openedUnseen(step)];
  if (step.after.state === "held") return [];
  const changed = changedFiles(bodyBefore, bodyAfter);
  // A new attempt of a stage that was taken back changes its Job, as every new attempt does.
  if (step.before.state === "held")
    return openedFindings(
      step,
      step.before.wasOpened ? changed.filter((file) => !isJobFile(file) && !isFollower(file)) : changed,
    );
  if (changed.length === 0) return [];
  const isNewAttempt = step.after.attempt === step.before.attempt + 1;
  if (isNewAttempt && step.before.state === "done" && canApplyAgain(step.id)) return leftBehind(step, changed);
  if (!isNewAttempt)
    return [
      bodyChanged(
        step,
        changed.map((file) => file.path),
      ),
    ];
  return attemptFindings(step, changed);
}

/** Opening a stage should change one word of the plan and one engine object; a body that changes with it is a second thing to review. */
function openedFindings(step: StageStep, changed: readonly ChangedFile[]): readonly Finding[] {
  if (changed.length === 0) return [];
  const files = changed.map((file) => file.path);
  return [
    {
      code: "delivery/opened-with-changes",
      severity: "warning",
      message: `stage ${step.id} is opened and changes in the same pull request: ${files.join(", ")}`,
      where: { file: `stages/${step.id}/${files[0] ?? ""}` },
      reason: "what is opened should have been there to read, and no commit of the branch holds it yet",
      remedy: "merge the change first, then open the stage",
      data: { stage: step.id, files },
    },
  ];
}

function openedUnseen(step: StageStep): Finding {
  return {
    code: "delivery/opened-with-changes",
    severity: "warning",
    message: `stage ${step.id} is opened in the pull request that adds it`,
    where: { file: `stages/${step.id}` },
    reason: "what is opened should have been there to read, and no commit of the branch holds it yet",
    remedy: "merge the stage as held first, then open it",
    data: { stage: step.id },
  };
}

/** Applying a stage again brings what is new; what left it stays in the cluster, because nothing prunes. */
function leftBehind(step: StageStep, changed: readonly ChangedFile[]): readonly Finding[] {
  const gone = changed.flatMap((file) => {
    const object = file.after === undefined && file.before !== undefined ? tryParseObject(file.before) : undefined;
    const isOfJob = isJobFile(file) || isFollower(file) || /^(?:undo\/|08-)/u.test(file.path);
    return object === undefined || isOfJob ? [] : [{ path: file.path, command: deleteCommand(object) }];
  });
  return gone.map(
    ({ path, command }): Finding => ({
      code: "delivery/object-left-behind",
      severity: "warning",
      message: `${path} leaves stage ${step.id} and its object stays in the cluster`,
      where: { file: `stages/${step.id}/${path}` },
      reason: "no engine prunes anything here, so a policy that is no longer in git goes on deciding",
      remedy: `after the merge, before the stage's Job ends: ${command}`,
      data: { stage: step.id, file: path },
    }),
  );
}

function deleteCommand(object: JsonObject): string {
  const group = apiGroup(getString(object, "apiVersion") ?? "");
  const namespace = getString(object, "metadata", "namespace");
  const kind = `${(getString(object, "kind") ?? "").toLowerCase()}${group === "" ? "" : `.${group}`}`;
  const place = namespace === undefined ? "" : ` -n ${namespace}`;
  return `kubectl delete ${kind} ${getString(object, "metadata", "name") ?? ""}${place}`;
}

interface ChangedFile {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

function changedFiles(before: TreeStage, after: TreeStage): readonly ChangedFile[] {
  const old = neutralBody(before);
  const young = neutralBody(after);
  return sortedUnique([...old.keys(), ...young.keys()])
    .map((path) => ({ path, before: old.get(path), after: young.get(path) }))
    .filter((file) => file.before !== file.after);
}

function bodyChanged(step: StageStep, files: readonly string[]): Finding {
  return {
    code: "delivery/body-changed",
    severity: "error",
    message: `stage ${step.id} is ${step.before.state} and changes: ${files.join(", ")}`,
    where: { file: `stages/${step.id}/${files[0] ?? ""}` },
    reason: "an engine would apply what nobody reviewed as a stage: a Job is immutable, a policy or node config is not",
    remedy: canApplyAgain(step.id)
      ? `apply the stage again: metachron next --again ${step.id}`
      : `take the change back, or make it a new attempt (stages.${step.id}.attempt: ${step.before.attempt + 1}) if it concerns the Job`,
    data: { stage: step.id, files: [...files] },
  };
}

function attemptFindings(step: StageStep, changed: readonly ChangedFile[]): readonly Finding[] {
  const jobs = changed.filter(isJobFile);
  const others = changed.filter((file) => !isJobFile(file) && !isFollower(file));
  const findings: Finding[] = [];
  if (others.length > 0) {
    const names = others.map((file) => file.path);
    findings.push({
      code: "delivery/attempt-changes-body",
      severity: "error",
      message: `attempt ${step.after.attempt} of stage ${step.id} changes more than its Job: ${names.join(", ")}`,
      where: { file: `stages/${step.id}/${names[0] ?? ""}` },
      reason: "nodes that the attempt before has finished were checked against the old files",
      remedy: `take the change back, or roll stage ${step.id} back and open it again`,
      data: { stage: step.id, files: names },
    });
  }
  const fields = jobFields(jobs);
  if (fields.length > 0) {
    findings.push({
      code: "delivery/attempt-changes-job",
      severity: "warning",
      message: `attempt ${step.after.attempt} of stage ${step.id} changes the Job in ${fields.join(", ")}`,
      where: { file: `stages/${step.id}/${jobs[0]?.path ?? ""}` },
      reason: "a new attempt usually differs in its name and number alone",
      remedy: "check that this change is what makes the attempt succeed",
      data: { stage: step.id, fields: [...fields] },
    });
  }
  return findings;
}

/** A Job, or the object that Argo CD applies after it: both carry the number of the attempt in their names. */
function isJobFile(file: ChangedFile): boolean {
  return [file.before, file.after].every((text) => text === undefined || isOfAttempt(text));
}

function isOfAttempt(text: string): boolean {
  const object = tryParseObject(text);
  const name = getString(object, "metadata", "name") ?? "";
  return (
    getString(object, "kind") === "Job" || (getString(object, "kind") === "ConfigMap" && /^completed-/u.test(name))
  );
}

/** A file that follows from the Job's new name: the list of files, or a Role's rules about Jobs. */
function isFollower(file: ChangedFile): boolean {
  if (file.before === undefined || file.after === undefined) return false;
  const before = tryParseObject(file.before);
  const after = tryParseObject(file.after);
  if (before === undefined || after === undefined) return false;
  const kind = getString(before, "kind");
  if (kind === "Kustomization") return fieldChanges(withoutAttempts(before), withoutAttempts(after)).length === 0;
  if (kind !== "Role" && kind !== "ClusterRole") return false;
  return fieldChanges(withoutJobRules(before), withoutJobRules(after)).length === 0;
}

function withoutJobRules(role: JsonObject): JsonObject {
  const rules = role["rules"];
  if (!Array.isArray(rules)) return role;
  return { ...role, rules: rules.filter((rule) => !isJobRule(rule)) };
}

function isJobRule(rule: JsonValue): boolean {
  return isJsonObject(rule) && JSON.stringify(rule["resources"]) === '["jobs"]' && rule["resourceNames"] !== undefined;
}

/** What differs in the Jobs beside their names and the number of the attempt. */
function jobFields(jobs: readonly ChangedFile[]): readonly string[] {
  const objects = (side: "before" | "after"): readonly JsonObject[] =>
    jobs.flatMap((file) => {
      const text = file[side];
      const object = text === undefined ? undefined : tryParseObject(text);
      return object === undefined ? [] : [withoutAttempts(object)];
    });
  const before = objects("before");
  const after = objects("after");
  return sortedUnique(
    before.flatMap((object, at) => fieldChanges(object, after[at] ?? {}).map((change) => change.path)),
  );
}

/** The object with `-a2` at the end of names and the values of `ATTEMPT` written as one and the same text. */
function withoutAttempts(object: JsonObject): JsonObject {
  const neutral = neutralise(object);
  return isJsonObject(neutral) ? neutral : {};
}

function neutralise(value: JsonValue): JsonValue {
  if (typeof value === "string") return value.replace(/-a\d+(?=$|\.yaml$)/u, "-aN");
  if (Array.isArray(value)) return value.map(neutralise);
  if (!isJsonObject(value)) return value;
  if (value["name"] === "ATTEMPT") return { name: "ATTEMPT", value: "N" };
  const entries = Object.entries(value).map(([key, inner]): [string, JsonValue] => [
    key,
    key === "attempt" || key === "metachron.dev/attempt" ? "N" : neutralise(inner),
  ]);
  return Object.fromEntries(entries);
}
