import type { FindingKind } from "../core/finding.ts";

const ours = "metachron: states of a stage, see docs/operations.md";
const argocd =
  "argoproj/argo-cd 3.5: docs/user-guide/{auto_sync,sync-waves,sync-options}.md, controller/appcontroller.go; measured with 3.5.7";
const flux =
  "fluxcd/kustomize-controller 1.9: docs/spec/v1/kustomizations.md, internal/controller; measured with 1.9.6";

/** Every finding of this room. */
export const deliveryFindings: Readonly<Record<string, FindingKind>> = {
  "delivery/attempt-changes-body": {
    severity: "error",
    meaning: "a new attempt changes more of the stage than its Job",
    source: ours,
  },
  "delivery/attempt-changes-job": {
    severity: "warning",
    meaning: "a new attempt changes the Job in more than its name and number",
    source: ours,
  },
  "delivery/body-changed": {
    severity: "error",
    meaning: "the body of a stage that is open, done or rolling back is not the one that was reviewed",
    source: ours,
  },
  "delivery/digest-mismatch": {
    severity: "error",
    meaning: "the digest that a stage carries is not the digest of its files",
    source: ours,
  },
  "delivery/engine-object": {
    severity: "error",
    meaning: "an engine's object is missing, left over, or does not say what the stage's state wants",
    source: ours,
  },
  "delivery/helm-made-certificates": {
    severity: "warning",
    meaning: "the chart makes certificates at every rendering, which an engine shows as a difference for ever",
    source: "cilium/cilium 1.20: install/kubernetes/cilium/templates/hubble/tls-helm",
  },
  "delivery/illegal-move": {
    severity: "error",
    meaning: "a stage may not go from its old state to its new one",
    source: ours,
  },
  "delivery/marker": {
    severity: "error",
    meaning: "the cluster's marker does not say what the new state claims",
    source: ours,
  },
  "delivery/no-stage": {
    severity: "error",
    meaning: "the plan has no stage to move",
    source: ours,
  },
  "delivery/not-pinned": {
    severity: "warning",
    meaning: "an Application follows a branch although the plan wants it pinned to a commit",
    source: argocd,
  },
  "delivery/nothing-to-move": {
    severity: "info",
    meaning: "every stage is done",
    source: ours,
  },
  "delivery/object-forbidden": {
    severity: "error",
    meaning: "a stage holds an object that no engine may be given",
    source: ours,
  },
  "delivery/object-replaced": {
    severity: "error",
    meaning: "two stages claim one object",
    source: argocd,
  },
  "delivery/object-unprotected": {
    severity: "error",
    meaning: "an object of a stage lacks what keeps an engine from pruning or rewriting it",
    source: `${argocd}; ${flux}`,
  },
  "delivery/object-left-behind": {
    severity: "warning",
    meaning: "an object leaves a stage that is applied again, and nothing prunes it",
    source: `${argocd}; ${flux}`,
  },
  "delivery/opened-with-changes": {
    severity: "warning",
    meaning: "a stage is opened in the same pull request that changes or adds its body",
    source: ours,
  },
  "delivery/out-of-order": {
    severity: "error",
    meaning: "a stage is not held although a stage before it is not done",
    source: ours,
  },
  "delivery/pinned-body": {
    severity: "error",
    meaning: "the commit that an Application is pinned to does not hold the reviewed body",
    source: argocd,
  },
  "delivery/proof-stale": {
    severity: "error",
    meaning: "policies.md does not speak of the policies that the stage holds",
    source: ours,
  },
  "delivery/repo-url": {
    severity: "error",
    meaning: "the repository's address has a form that an engine refuses",
    source: "fluxcd/source-controller 1.9: GitRepository spec.url matches ^(http|https|ssh)://",
  },
  "delivery/again-blocked": {
    severity: "error",
    meaning: "only some stages that are done can be applied again, and none while another is at work",
    source: ours,
  },
  "delivery/retry-blocked": {
    severity: "error",
    meaning: "only a stage that is open or rolling back can be tried again",
    source: ours,
  },
  "delivery/rollback-blocked": {
    severity: "error",
    meaning: "only the last stage that was opened can be rolled back",
    source: ours,
  },
  "delivery/stage-blocked": {
    severity: "error",
    meaning: "the next stage has findings that block it",
    source: ours,
  },
  "delivery/stage-empty": {
    severity: "error",
    meaning: "a stage has no object that an engine could apply",
    source: flux,
  },
  "delivery/stage-removed": {
    severity: "error",
    meaning: "a stage that was opened is gone from the plan's tree",
    source: ours,
  },
  "delivery/two-changes": {
    severity: "error",
    meaning: "a pull request changes the state of more than one stage",
    source: ours,
  },
  "delivery/two-open": {
    severity: "error",
    meaning: "more than one stage is open or rolling back",
    source: ours,
  },
  "delivery/unknown-stage": {
    severity: "error",
    meaning: "the plan gives a state to a stage that does not exist",
    source: ours,
  },
};
