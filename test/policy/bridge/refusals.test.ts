import { expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import { planExactBridge } from "../../../lib/policy/bridge/exact-bridge.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { calicoSide } from "../support/sides.ts";

const world: World = {
  ...emptyWorld({ sourcePodCIDRs: ["10.244.0.0/16"], targetPodCIDRs: ["10.245.0.0/16"] }),
  families: [4],
};

function bridgeOf(objects: readonly JsonObject[], hasTiers = true) {
  const side = calicoSide(objects);
  if (side.engine !== "calico") throw new Error("the objects were not read");
  return planExactBridge(side.policies, world, { group: "projectcalico.org/v3", hasCalico: true, hasTiers });
}

const policy = (ingress: readonly JsonObject[], kind = "GlobalNetworkPolicy"): JsonObject => ({
  kind,
  metadata: { name: "web" },
  spec: { selector: "app == 'web'", types: ["Ingress"], ingress: [...ingress] },
});
const allow: JsonObject = { action: "Allow", protocol: "TCP", destination: { ports: [80] } };

test("without tiers no mirror is written, and the way out is named", () => {
  const { mirrors, findings } = bridgeOf([policy([allow])], false);

  expect(mirrors).toEqual([]);
  expect(findings).toEqual([
    {
      code: "bridge/no-tiers",
      severity: "error",
      message: "this Calico has no Tier resource, so the mirrors of 1 policy cannot stand before them",
      reason:
        "without a tier of its own a mirror would end the evaluation for pods that have no policy in that direction",
      remedy:
        "upgrade the source to Calico 3.29 or newer, or set spec.policies.continuity to bridge and read what it exposes",
    },
  ]);
});

test.each([
  ["tiers are served", [policy([allow])], true],
  ["no policy is there", [], false],
  ["policies are staged only", [policy([allow], "StagedGlobalNetworkPolicy")], false],
])("nobody speaks of tiers where %s", (_name, objects, hasTiers) => {
  expect(bridgeOf(objects, hasTiers).findings).toEqual([]);
});

const told = (at: number, why: string, change: string) => ({
  code: "bridge/rule-has-no-mirror",
  severity: "error",
  message: `ingress rule ${at} of GlobalNetworkPolicy/web has no mirror: ${why}`,
  where: { object: "GlobalNetworkPolicy/web", field: `spec.ingress[${at - 1}]` },
  reason:
    "while both networks run, the end that is still on the source must enforce what the migrated end's policy says",
  remedy: `${change}, or set spec.policies.continuity to bridge and read what it exposes`,
});
/** A policy of a first tier that hands on what it matches, before a rule of a second. */
const passing = (first: JsonObject, second: JsonObject): JsonObject[] => [
  { kind: "Tier", metadata: { name: "first" }, spec: { order: 10 } },
  {
    kind: "GlobalNetworkPolicy",
    metadata: { name: "web" },
    spec: { tier: "first", selector: "app == 'web'", types: ["Ingress"], ingress: [{ action: "Pass", ...first }] },
  },
  {
    kind: "GlobalNetworkPolicy",
    metadata: { name: "later" },
    spec: { selector: "app == 'web'", types: ["Ingress"], ingress: [{ action: "Allow", ...second }] },
  },
];

test.each([
  [
    "HTTP requests",
    [policy([allow, { ...allow, http: { methods: ["GET"] } }])],
    [told(2, "it matches HTTP requests", "take its HTTP match out until the migration is done")],
  ],
  ["the same without its requests", [policy([allow, allow])], []],
  [
    "a protocol that it excludes, where the rule that it hands on to excludes another",
    passing({ notProtocol: "UDP" }, { notProtocol: "SCTP" }),
    [told(1, "two different notProtocol criteria meet in one rule", "split the rule")],
  ],
  ["the same protocol excluded in both", passing({ notProtocol: "UDP" }, { notProtocol: "UDP" }), []],
])("a rule with %s", (_name, objects, findings) => {
  expect(bridgeOf(objects).findings).toMatchObject(findings);
});
