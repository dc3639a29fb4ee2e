import type { FileTree } from "../core/file-tree.ts";
import type { Finding } from "../core/finding.ts";
import { placeOf } from "./layout.ts";
import type { StageStep, Transition } from "./plan-transition.ts";
import { readStages, type TreeStage } from "./stage-tree.ts";
import { entryOf, isSamePosition } from "./transitions.ts";

/**
 * What speaks for a change beside the change itself: the proof of the policies, the commit of a pin, the cluster's marker
 * (rules 4 and 6). Each is checked as far as the caller knows it.
 */
export function evidenceFindings(transition: Transition, steps: readonly StageStep[]): readonly Finding[] {
  return [
    ...proofFindings(transition, steps),
    ...steps.flatMap((step) => [...pinFindings(transition, step), ...markerFindings(transition, step)]),
  ];
}

/** policies.md names the digest of the stage with the translated policies: so it cannot speak of other ones. */
function proofFindings({ after }: Transition, steps: readonly StageStep[]): readonly Finding[] {
  const page = [...after.tree].find(([path]) => placeOf(path).area === "page" && /(?:^|\/)policies\.md$/u.test(path));
  return steps
    .flatMap((step) => (step.bodyAfter !== undefined && isPolicyStage(step.bodyAfter) ? [step.bodyAfter] : []))
    .filter((stage) => page?.[1].includes(stage.digest) !== true)
    .map((stage) => ({
      code: "delivery/proof-stale",
      severity: "error",
      message:
        page === undefined
          ? `stage ${stage.id} holds policies, and there is no policies.md that proves them`
          : `policies.md does not name digest ${stage.digest} of stage ${stage.id}`,
      where: { file: page?.[0] ?? "policies.md" },
      reason: "the proof that a reviewer reads must be about the policies that are applied",
      remedy: "run `metachron synth` and commit what it writes",
      data: { stage: stage.id, digest: stage.digest },
    }));
}

function isPolicyStage(stage: TreeStage): boolean {
  return /^\d+-policies$/u.test(stage.id);
}

function pinFindings({ after, treeAt }: Transition, step: StageStep): readonly Finding[] {
  const entry = entryOf(after.plan, step.id);
  const isPinned =
    after.plan.spec.delivery.engines.includes("argocd") && after.plan.spec.delivery.argocd.pinning === "commit";
  if (!isPinned || entry.commit === undefined || step.after.state === "held" || treeAt === undefined) return [];
  const tree: FileTree | undefined = treeAt(entry.commit);
  const there = tree === undefined ? undefined : readStages(tree).get(step.id);
  if (there !== undefined && there.digest === step.bodyAfter?.digest) return [];
  return [
    {
      code: "delivery/pinned-body",
      severity: "error",
      message:
        tree === undefined
          ? `commit ${entry.commit}, which stage ${step.id} is pinned to, is not in the history of the branch`
          : `commit ${entry.commit} holds ${there === undefined ? "no" : "another"} body of stage ${step.id}`,
      where: { file: after.plan.file, field: `stages.${step.id}.commit` },
      reason: "Argo CD would apply the files of that commit, not those that this pull request shows",
      remedy: `set stages.${step.id}.commit to a commit on ${after.plan.spec.delivery.revision} that holds digest ${step.bodyAfter?.digest ?? ""}`,
      data: { stage: step.id, commit: entry.commit },
    },
  ];
}

/** What the marker has to say before a state may be claimed. */
const claims: Readonly<Record<string, { readonly state: string; readonly claim: string }>> = {
  "open done": { state: "done", claim: "is done" },
  "rollback held": { state: "undone", claim: "was taken back" },
};

function markerFindings({ after, markers }: Transition, step: StageStep): readonly Finding[] {
  const claim = claims[`${step.before.state} ${step.after.state}`];
  if (markers === undefined || claim === undefined || isSamePosition(step.before, step.after)) return [];
  const marker = markers.find((candidate) => candidate.stageId === step.id);
  const digest = step.bodyBefore?.digest;
  if (marker !== undefined && marker.state === claim.state && marker.digest === digest) return [];
  const says =
    marker === undefined
      ? "has no marker of it"
      : marker.state === claim.state
        ? `has its marker at digest ${marker.digest}`
        : `has its marker at ${marker.state}`;
  return [
    {
      code: "delivery/marker",
      severity: "error",
      message: `the plan claims that stage ${step.id} ${claim.claim}, the inventory ${says}`,
      where: { file: after.plan.file, field: `stages.${step.id}.state` },
      reason: `the stage's Job writes ${claim.state} and digest ${digest ?? ""} when it has ended well; the next stage's Job asks for it`,
      remedy: "wait for the Job, take a new snapshot with `metachron snapshot`, and commit it with the change",
      data: { stage: step.id, ...(marker !== undefined && { marker: { state: marker.state, digest: marker.digest } }) },
    },
  ];
}
