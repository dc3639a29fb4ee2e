import { expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import { translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import { rawObject } from "../support/objects.ts";
import { vectorWorld } from "../support/vectors.ts";

function findingsOf(code: string, objects: readonly JsonObject[]) {
  const set = readCalicoPolicies(objects.map(rawObject)).value;
  if (set === undefined) throw new Error("no set");
  const { policies } = translatePolicies(set, vectorWorld());
  return policies.flatMap((policy) => policy.findings).filter((finding) => finding.code === code);
}

const global = (spec: JsonObject): JsonObject => ({
  apiVersion: "projectcalico.org/v3",
  kind: "GlobalNetworkPolicy",
  metadata: { name: "p" },
  spec: { types: ["Ingress"], ...spec },
});

/** A selector with 2 to the power of `pairs` alternatives. */
const pairs = (count: number): string =>
  Array.from({ length: count }, (_, at) => `(a${at} == 'x' || b${at} == 'x')`).join(" && ");

test("a selector with too many alternatives is refused with their number; the largest that fits is not", () => {
  const selecting = (count: number) =>
    global({ selector: "app == 'web'", ingress: [{ action: "Allow", source: { selector: pairs(count) } }] });

  expect(findingsOf("POL022", [selecting(8)])).toMatchObject([
    {
      severity: "error",
      message: expect.stringContaining('the selector has more than 128 alternatives when it is written without "or"'),
      where: { object: "GlobalNetworkPolicy/p", field: "spec.ingress[0].source.selector" },
      reason: "a Cilium selector is a conjunction; each alternative becomes a rule of its own",
      remedy: "simplify the selector, or give the pods one common label and select that",
    },
  ]);
  expect(findingsOf("POL022", [selecting(7)])).toEqual([]);
});

/** What every pod may do afterwards, in a policy that cannot be changed. */
const kubernetes: JsonObject = {
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name: "open", namespace: "a" },
  spec: { podSelector: {}, policyTypes: ["Ingress"], ingress: [{ from: [{ namespaceSelector: {} }] }] },
};

/** A deny behind allows, each of which leaves two alternatives of what is denied. */
const denied = (allows: number): JsonObject =>
  global({
    order: 10,
    selector: "app == 'web'",
    ingress: [
      ...Array.from({ length: allows }, (_, at) => ({
        action: "Allow",
        source: { selector: `a${at} == 'x' && b${at} == 'x'` },
      })),
      { action: "Deny", source: { selector: "all()" } },
    ],
  });

test("a deny that cannot be written without all earlier allows denies more, and says so; with few allows it is exact", () => {
  const codes = (allows: number) => findingsOf("POL041", [denied(allows), kubernetes]);

  expect(codes(8)).toMatchObject([
    {
      severity: "error",
      message:
        "GlobalNetworkPolicy/p ingress[8]: the order of ingress[8] and ingress[0], ingress[1], ingress[2] and 5 more rules cannot be written exactly; less is allowed than before",
      where: { object: "GlobalNetworkPolicy/p", field: "spec.ingress[8]" },
      remedy:
        "give the peers of the earlier rules one common label and let one rule speak of it, or move this rule before them where it may count for them too",
    },
  ]);
  expect(codes(7)).toEqual([]);
});
