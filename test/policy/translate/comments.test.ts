import { expect, test } from "vitest";
import { parse } from "yaml";
import type { JsonObject } from "../../../lib/core/json.ts";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import { rawObject } from "../support/objects.ts";

/** Result and comment of one GlobalNetworkPolicy, translated without a cluster. */
function translated(spec: string): { readonly result: string; readonly comment: string; readonly codes: string[] } {
  const object = { apiVersion: "projectcalico.org/v3", kind: "GlobalNetworkPolicy", metadata: { name: "p" } };
  const set = readCalicoPolicies([rawObject({ ...object, spec: parse(spec) as JsonObject })]).value;
  if (set === undefined) throw new Error("no set");
  const [policy] = translatePolicies(set, emptyWorld()).policies;
  return {
    result: policy?.result ?? "",
    comment: policy?.outputs[0]?.comment ?? "",
    codes: policy?.findings.map(({ code, message }) => `${code} ${message}`) ?? [],
  };
}

test("an empty rule, which reads like everybody, is explained where it closes a direction", () => {
  const { comment } = translated("{ selector: app == 'web', types: [Ingress, Egress], egress: [{ action: Allow }] }");

  expect(comment).toContain("\ningress: the rule {} lets nobody in, it closes the direction as the source does");
  expect(comment).not.toContain("egress: the rule {}");
});

test("a file that allows less than its source says so itself", () => {
  const prefix = "[{ action: Deny, destination: { nets: [10.20.0.0/16] } }, { action: Allow }]";
  const whole = translated("{ selector: app == 'web', types: [Egress], egress: [{ action: Allow }] }");
  const less = translated(`{ selector: app == 'web', types: [Egress], egress: ${prefix} }`);

  expect([whole.result, whole.comment.includes("PARTIAL")]).toEqual(["exact", false]);
  expect(less.result).toBe("partial");
  expect(less.comment.split("\n")[1]).toBe("PARTIAL: less is allowed than at the source, see POL041, POL042");
});

test.each([
  ["", "partial", true],
  ["protocol: TCP, ", "carved", false],
])("HTTP with the protocol written as '%s' is %s", (protocol, result, isTold) => {
  const rule = `{ action: Allow, ${protocol}http: { methods: [GET] } }`;
  const policy = translated(`{ selector: app == 'web', types: [Ingress], ingress: [${rule}] }`);

  expect(policy.result).toBe(result);
  expect(policy.codes.some((text) => /^POL037 .*the rule names no protocol/u.test(text))).toBe(isTold);
});
