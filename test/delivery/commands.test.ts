import { expect, test } from "vitest";
import { kubectlCommands, kubectlUndoCommands } from "../../lib/delivery/kubectl/apply-commands.ts";
import { bootstrapCommands } from "../../lib/delivery/kubectl/bootstrap-commands.ts";
import { shellWord } from "../../lib/delivery/kubectl/command.ts";
import { resumeCommands, stopCommands } from "../../lib/delivery/kubectl/stop-commands.ts";
import { watchCommands } from "../../lib/delivery/kubectl/watch-commands.ts";
import { mergeEffects } from "../../lib/delivery/merge-effects.ts";
import type { Stage } from "../../lib/stages/stage.ts";
import { type Fixture, fixture, states } from "./fixture.ts";

const done3 = ["done", "done", "done"] as const;

function canaryOf(base: Fixture): Stage {
  const stage = base.stages.find((candidate) => candidate.id === "100-canary");
  if (stage === undefined) throw new Error("no canary");
  return stage;
}

const open = fixture({ stages: states(...done3, "open") });
const rollback = fixture({ stages: states(...done3, "rollback") });

const lines = (commands: readonly { readonly command: string }[]): readonly string[] =>
  commands.map((entry) => entry.command);

test("without an engine a wave is applied on the server side, under our field manager", () => {
  expect(lines(kubectlCommands(open.plan, canaryOf(open)))).toEqual([
    "kubectl diff --server-side --field-manager=metachron -k dist/prod-eu/stages/100-canary",
    "kubectl apply --server-side --field-manager=metachron -k dist/prod-eu/stages/100-canary",
  ]);
  expect(lines(kubectlUndoCommands(open.plan, canaryOf(open)))).toEqual([
    "kubectl diff --server-side --field-manager=metachron -k dist/prod-eu/stages/100-canary/undo",
    "kubectl apply --server-side --field-manager=metachron -k dist/prod-eu/stages/100-canary/undo",
  ]);
});

test("a stage that changes the release starts with helm, which rolls nothing back", () => {
  const stage = open.stages.find((candidate) => candidate.id === "010-cilium");
  const release = open.releases.get("010-cilium");
  if (stage === undefined || release === undefined) throw new Error("no release");
  const oci = {
    ...release,
    chart: { ...release.chart, source: "oci" as const, repository: "oci://quay.io/cilium/charts/" },
  };

  expect(lines(kubectlCommands(open.plan, stage, release))[0]).toBe(
    "helm upgrade --install cilium cilium --repo https://helm.cilium.io --version 1.20.2 --namespace kube-system --values dist/prod-eu/stages/010-cilium/values.yaml",
  );
  expect(lines(kubectlCommands(open.plan, stage, oci))[0]).toBe(
    "helm upgrade --install cilium oci://quay.io/cilium/charts/cilium --version 1.20.2 --namespace kube-system --values dist/prod-eu/stages/010-cilium/values.yaml",
  );
});

test("stopping stops the engine first and then the Job, which is the undo Job in a rollback", () => {
  expect(lines(stopCommands("flux", open.plan, canaryOf(open)))).toEqual([
    `kubectl -n flux-system patch gitrepository metachron --type merge --field-manager=metachron -p '{"spec":{"suspend":true}}'`,
    `kubectl -n flux-system patch kustomization metachron-100-canary --type merge --field-manager=metachron -p '{"spec":{"suspend":true}}'`,
    "kubectl -n metachron delete job roll-100-canary-a1 --wait=true",
  ]);
  expect(lines(stopCommands("argocd", rollback.plan, canaryOf(rollback)))).toEqual([
    `kubectl -n argocd patch appproject metachron --type merge -p '{"spec":{"syncWindows":[{"kind":"deny","schedule":"* * * * *","duration":"24h","applications":["*"],"manualSync":false}]}}'`,
    "kubectl -n metachron delete job undo-100-canary-a1 --wait=true",
  ]);
  expect(lines(stopCommands("kubectl", open.plan, canaryOf(open)))).toEqual([
    "kubectl -n metachron delete job roll-100-canary-a1 --wait=true",
  ]);
});

test("going on takes back what stopping did to the engine", () => {
  expect(lines(resumeCommands("argocd", open.plan, canaryOf(open)))).toEqual([
    `kubectl -n argocd patch appproject metachron --type merge -p '{"spec":{"syncWindows":null}}'`,
  ]);
  expect(
    lines(resumeCommands("flux", open.plan, canaryOf(open))).every((line) => line.includes('"suspend":false')),
  ).toBe(true);
  expect(resumeCommands("kubectl", open.plan, canaryOf(open))).toEqual([]);
});

test.each([
  ["argocd", "kubectl -n argocd get application metachron-100-canary -w"],
  ["flux", "kubectl -n flux-system get kustomization metachron-100-canary -w"],
  ["kubectl", "kubectl -n metachron get configmaps -l app.kubernetes.io/managed-by=metachron-roll"],
] as const)("watching with %s shows the Job, its end either way, and what the engine says", (engine, last) => {
  expect(lines(watchCommands(engine, open.plan, canaryOf(open)))).toEqual([
    "kubectl -n metachron logs -f job/roll-100-canary-a1",
    "until kubectl -n metachron get job roll-100-canary-a1 -o jsonpath='{.status.conditions[*].type}' | grep -E 'Complete|Failed'; do sleep 5; done",
    last,
  ]);
});

test("an engine is started by one command that a person types", () => {
  expect(lines(bootstrapCommands("argocd", open.plan))).toEqual([
    "kubectl apply --server-side --field-manager=metachron -k dist/prod-eu/argocd/bootstrap",
  ]);
  expect(bootstrapCommands("kubectl", open.plan)).toEqual([]);
});

test.each([
  ["dist/prod-eu", "dist/prod-eu"],
  ["a b", "'a b'"],
  ["it's", "'it'\\''s'"],
  ["$(reboot)", "'$(reboot)'"],
  ["", "''"],
])("the shell takes %j as one word", (text, expected) => {
  expect(shellWord(text)).toBe(expected);
});

test("what happens on merge names the object, the pin, the wait and the Job", () => {
  const stage = canaryOf(open);
  const previous = open.stages.find((candidate) => candidate.id === "030-policies");
  const merged = { plan: open.plan, stage, previous };

  expect(mergeEffects("argocd", merged)).toEqual([
    "The root Application creates Application metachron-100-canary, which follows branch main",
    "It applies dist/prod-eu/stages/100-canary once, without retries; Argo CD does not wait for the stage before, the Job does; Job roll-100-canary-a1 takes at most 120 minutes",
  ]);
  expect(mergeEffects("flux", merged)).toEqual([
    "The root Kustomization creates Kustomization metachron-100-canary",
    `It waits until metachron-030-policies is ready and healthy at digest ${previous?.digest}`,
    "It applies dist/prod-eu/stages/100-canary; Job roll-100-canary-a1 takes at most 120 minutes",
  ]);
});

test("a rollback waits for nothing, and says so by not saying that it waits", () => {
  const stage = canaryOf(rollback);
  const previous = rollback.stages.find((candidate) => candidate.id === "030-policies");

  expect(mergeEffects("flux", { plan: rollback.plan, stage, previous })).toEqual([
    "The root Kustomization changes Kustomization metachron-100-canary",
    "It applies dist/prod-eu/stages/100-canary/undo; Job undo-100-canary-a1 takes at most 60 minutes",
  ]);
});
