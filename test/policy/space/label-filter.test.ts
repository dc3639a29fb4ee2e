import { expect, test } from "vitest";
import { createLabelFilter } from "../../../lib/policy/space/label-filter.ts";

test.each<[string, string[], string, boolean]>([
  ["an ordinary label is kept", [], "app", true],
  ["app.kubernetes.io is kept", [], "app.kubernetes.io/name", true],
  ["kubernetes.io is dropped", [], "kubernetes.io/arch", false],
  ["io.kubernetes is dropped", [], "io.kubernetes.foo", false],
  ["anything beta is dropped", [], "failure-domain.beta.kubernetes.io/zone", false],
  ["topology is dropped", [], "topology.kubernetes.io/zone", false],
  ["the hash of a template is dropped", [], "pod-template-hash", false],
  ["what begins like an excluded name is dropped too", [], "controller-uid-2", false],
  [
    "batch.kubernetes.io/job-name is kept: it does not begin with an excluded name",
    [],
    "batch.kubernetes.io/job-name",
    true,
  ],
  ["the index of a job is dropped", [], "batch.kubernetes.io/job-completion-index", false],
  ["an own exclusion drops", ["!job-name"], "job-name", false],
  ["an own inclusion turns the filter into an allow-list", ["k8s:app"], "zone", false],
  ["the list keeps what it names", ["k8s:app"], "app", true],
  ["the defaults stay in the list", ["k8s:app"], "app.kubernetes.io/name", true],
  ["a longer inclusion beats a shorter exclusion", ["k8s:pod-template-hash.*"], "pod-template-hash-x", true],
  ["an entry for another source says nothing about pods", ["container:app"], "app", false],
  ["a pattern that is none is left out", ["("], "app", true],
])("%s", (_rule, entries, key, isKept) => {
  expect(createLabelFilter(entries)(key)).toBe(isKept);
});
