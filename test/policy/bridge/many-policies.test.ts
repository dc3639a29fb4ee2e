import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import { sortedUnique } from "../../../lib/core/order.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { mixedCase, proveCase } from "./mixed-case.ts";

/** So many that the mirrors' rules, which every pod has, are split once for all pods. */
const count = 40;
const names = Array.from({ length: count }, (_, index) => `app-${index}`);

const world: World = {
  ...emptyWorld({ sourcePodCIDRs: ["10.244.0.0/16"], targetPodCIDRs: ["10.245.0.0/16"] }),
  namespaces: new Map([["lab", { "kubernetes.io/metadata.name": "lab" }]]),
  serviceAccounts: new Map([["lab/default", {}]]),
  pods: names.map(
    (name, index): WorldPod => ({
      namespace: "lab",
      name,
      labels: { app: name },
      serviceAccount: "default",
      node: `n${index % 2}`,
      addresses: [`10.244.0.${index + 1}`],
      namedPorts: [],
      workload: name,
    }),
  ),
  nodes: [0, 1].map((index) => ({
    name: `n${index}`,
    labels: {},
    addresses: [`172.16.0.${index + 1}`],
    isControlPlane: false,
  })),
  families: [4],
  isInventoryKnown: true,
};

/** Each pod hears the one before it on a port of its own, and speaks to everybody. */
const policies = names.map(
  (name, index): JsonObject => ({
    kind: "GlobalNetworkPolicy",
    metadata: { name: `to-${name}` },
    spec: {
      order: 100 + index,
      selector: `app == '${name}'`,
      types: ["Ingress"],
      ingress: [
        {
          action: "Allow",
          protocol: "TCP",
          source: { selector: `app == '${names[(index + count - 1) % count]}'` },
          destination: { ports: [8000 + index] },
        },
      ],
    },
  }),
);

const one = mixedCase(policies, world);

/** The mirrors without the rules about one pod. */
function withoutRulesAbout(name: string): readonly JsonObject[] {
  return one.mirrors.map((mirror) => {
    const spec = mirror["spec"] as JsonObject;
    const { egress } = spec as { readonly egress?: readonly JsonObject[] };
    if (egress === undefined) return mirror;
    const isAbout = (rule: JsonObject): boolean => JSON.stringify(rule["destination"] ?? {}).includes(`'${name}'`);
    return { ...mirror, spec: { ...spec, egress: egress.filter((rule) => !isAbout(rule)) } };
  });
}

describe("a cluster with a policy for each of forty pods", () => {
  test("is exact with its mirrors", () => {
    const proof = proveCase(policies, world, one);

    expect({ findings: one.bridge.findings, equal: proof.equal, classes: proof.classes }).toEqual({
      findings: [],
      equal: true,
      classes: count,
    });
  });

  test("loses exactly the pod whose rules a mirror lacks", () => {
    const proof = proveCase(policies, world, { ...one, mirrors: withoutRulesAbout("app-17") });

    expect(
      sortedUnique(proof.differences.map(({ row, direction, witness }) => `${row} ${direction} ${witness.to.name}`)),
    ).toEqual(["old-to-new opened lab/app-17"]);
  });

  test("is open at every moved pod without the mirrors", () => {
    const proof = proveCase(policies, world, { ...one, mirrors: [] });

    expect(proof.differences.map(({ row, direction }) => `${row} ${direction}`)).toContain("old-to-new opened");
    expect(proof.rows.map(({ row, flows }) => [row, flows])).toEqual(
      proveCase(policies, world, one).rows.map(({ row, flows }) => [row, flows]),
    );
  });
});
