import { expect, test } from "vitest";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import { readCiliumPolicies } from "../../../lib/policy/cilium/read-cilium-policies.ts";
import { provePolicies } from "../../../lib/policy/prove/prove-policies.ts";
import { translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import { rawObjects } from "../support/objects.ts";
import { readVectors, type Vector, vectorWorld } from "../support/vectors.ts";

/** What the vector's own result is at best: V44 is about a Kubernetes policy alone. */
const vectors = readVectors().filter((vector) => vector.calico.length > 0);

function objectsOf(vector: Vector): ReturnType<typeof rawObjects> {
  const group = vector.raw ? "crd.projectcalico.org/v1" : "projectcalico.org/v3";
  const calico = vector.calico.map((object) => ({ ...object, apiVersion: group }));
  return rawObjects([...calico, ...kubernetesOf(vector)]);
}

function kubernetesOf(vector: Vector): Vector["k8s"] {
  return vector.k8s.map((object) => ({ ...object, apiVersion: "networking.k8s.io/v1" }));
}

test.each(vectors)("$id, $title: our own translation decides every flow as Calico does", (vector) => {
  const world = vectorWorld(vector.isLocalClusterOff);
  const set = readCalicoPolicies(objectsOf(vector)).value;
  if (set === undefined) throw new Error("no policies");

  const translation = translatePolicies(set, world);

  const outputs = translation.policies.flatMap((policy) => policy.outputs.map((output) => output.object));
  const read = readCiliumPolicies(rawObjects([...outputs, ...kubernetesOf(vector)]), world.cilium);
  const proof = provePolicies({
    before: { engine: "calico", policies: set },
    after: { engine: "cilium", policies: read.value ?? { rules: [], cidrGroups: [] } },
    world,
    mode: "closed",
  });
  expect(read.findings.filter((finding) => finding.severity === "error")).toEqual([]);
  expect(proof.differences).toEqual([]);
  expect(translation.policies.map((policy) => policy.result).filter((result) => result === "refused")).toEqual([]);
});
