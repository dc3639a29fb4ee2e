import { expect, test } from "vitest";
import { parse } from "yaml";
import type { JsonObject } from "../../../lib/core/json.ts";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import { rawObject } from "../support/objects.ts";
import { vectorWorld } from "../support/vectors.ts";

const api = "projectcalico.org/v3";
const policy = (name: string, spec: string): JsonObject => ({
  apiVersion: api,
  kind: "GlobalNetworkPolicy",
  metadata: { name },
  spec: parse(spec) as JsonObject,
});
const endpoint: JsonObject = {
  apiVersion: api,
  kind: "HostEndpoint",
  metadata: { name: "n1", labels: { role: "db" } },
  spec: { node: "n1", interfaceName: "*" },
};
const told = (objects: readonly JsonObject[], world: World): readonly string[] => {
  const set = readCalicoPolicies(objects.map(rawObject)).value;
  if (set === undefined) throw new Error("no set");
  return translatePolicies(set, world)
    .findings.filter(({ code }) => code === "POL064")
    .map(({ severity, message, where }) => `${severity} ${where?.field}: ${message}`);
};

const metrics = policy("metrics", "{ selector: running-calico == 'true', ingress: [{ action: Deny }] }");
const everybody = policy("everybody", "{ ingress: [{ action: Allow }] }");
const ofPods = policy("of-pods", "{ namespaceSelector: has(team), ingress: [{ action: Allow }] }");

test("policies that may mean host endpoints are told once, where nobody knows whether there are any", () => {
  expect(told([metrics, everybody, ofPods], emptyWorld())).toEqual([
    "info spec.selector: GlobalNetworkPolicy/everybody, GlobalNetworkPolicy/metrics would also apply to host endpoints: what is written is for pods alone",
  ]);
});

test.each<[string, readonly JsonObject[], World]>([
  ["they ask for namespaces", [ofPods], emptyWorld()],
  ["host endpoints stand beside them, so that each policy is told by itself", [metrics, endpoint], emptyWorld()],
  ["the cluster is known", [metrics, everybody], vectorWorld()],
])("nothing is told where %s", (_why, objects, world) => {
  expect(told(objects, world)).toEqual([]);
});
