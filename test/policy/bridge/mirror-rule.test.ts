import { expect, test } from "vitest";
import { anyEnd, conjoin, type MirrorEnd, type MirrorRule } from "../../../lib/policy/bridge/mirror-rule.ts";

function rule(source: Partial<MirrorEnd>, parts: Partial<MirrorRule> = {}): MirrorRule {
  return {
    action: "Deny",
    family: 4,
    protocol: 6,
    notProtocols: [],
    source: { ...anyEnd, ...source },
    destination: anyEnd,
    why: "",
    ...parts,
  };
}

const port = (from: number, to: number) => ({ kind: "range" as const, from, to });

test.each<[string, Partial<MirrorEnd>, Partial<MirrorEnd>, Partial<MirrorEnd>]>([
  [
    "both leave their prefixes out",
    { notNets: ["10.1.0.0/16"] },
    { notNets: ["10.2.0.0/16"] },
    { notNets: ["10.1.0.0/16", "10.2.0.0/16"] },
  ],
  [
    "of two nested prefixes the longer one",
    { nets: ["10.0.0.0/8"] },
    { nets: ["10.1.0.0/16"] },
    { nets: ["10.1.0.0/16"] },
  ],
  ["ports that both mean", { ports: [port(80, 90)] }, { ports: [port(85, 99)] }, { ports: [port(85, 90)] }],
  [
    "ports that neither leaves out",
    { notPorts: [port(80, 80)] },
    { notPorts: [port(443, 443)] },
    { notPorts: [port(80, 80), port(443, 443)] },
  ],
])("two rules met as one: %s", (_what, first, second, met) => {
  const conjunction = conjoin(rule(first), rule(second));

  expect(conjunction.kind === "rule" ? conjunction.rule.source : conjunction).toEqual({ ...anyEnd, ...met });
});

test.each<[string, MirrorRule, MirrorRule]>([
  ["prefixes that lie apart", rule({ nets: ["10.1.0.0/16"] }), rule({ nets: ["10.2.0.0/16"] })],
  ["ports that lie apart", rule({ ports: [port(80, 80)] }), rule({ ports: [port(81, 81)] })],
  ["two protocols", rule({}), rule({}, { protocol: 17 })],
  ["two families", rule({}), rule({}, { family: 6 })],
])("no packet matches both: %s", (_what, first, second) => {
  expect(conjoin(first, second)).toEqual({ kind: "empty" });
});

test("the action is the second rule's: a Pass goes on with the tiers after it", () => {
  const conjunction = conjoin(rule({}, { action: "Pass" }), rule({}));

  expect(conjunction.kind === "rule" && conjunction.rule.action).toBe("Deny");
});
