import { expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { mixedCase, proveCase } from "./mixed-case.ts";

const pod = (name: string, app: string, node: string, last: number): WorldPod => ({
  namespace: "lab",
  name,
  labels: { app },
  serviceAccount: "default",
  node,
  addresses: [`10.244.0.${last}`],
  namedPorts: [],
  workload: name,
});

/** The lab of the pilot: mesh pods, other pods, two nodes. */
const lab: World = {
  ...emptyWorld({ sourcePodCIDRs: ["10.244.0.0/16"], targetPodCIDRs: ["10.245.0.0/16"] }),
  namespaces: new Map([["lab", { "kubernetes.io/metadata.name": "lab" }]]),
  serviceAccounts: new Map([["lab/default", {}]]),
  pods: [
    pod("m1", "mesh", "n1", 1),
    pod("m2", "mesh", "n2", 2),
    pod("x1", "other", "n1", 3),
    pod("x2", "other", "n2", 4),
  ],
  nodes: [
    { name: "n1", labels: {}, addresses: ["172.16.0.1"], isControlPlane: false },
    { name: "n2", labels: {}, addresses: ["172.16.0.2"], isControlPlane: false },
  ],
  families: [4],
  isInventoryKnown: true,
};

const mesh: JsonObject = {
  kind: "GlobalNetworkPolicy",
  metadata: { name: "mesh" },
  spec: {
    order: 100,
    selector: "app == 'mesh'",
    types: ["Ingress", "Egress"],
    ingress: [
      { action: "Allow", protocol: "TCP", source: { selector: "app == 'mesh'" }, destination: { ports: [8080] } },
    ],
    egress: [{ action: "Allow", protocol: "TCP", destination: { selector: "app == 'mesh'", ports: [8080] } }],
  },
};

test("the pilot's example is exact in all four rows", () => {
  const one = mixedCase([mesh], lab);

  const proof = proveCase([mesh], lab, one);

  expect(one.bridge.findings).toEqual([]);
  expect({ equal: proof.equal, differences: proof.differences, rows: proof.rows }).toEqual({
    equal: true,
    differences: [],
    rows: [
      { row: "old-to-old", flows: 52, differences: 0 },
      { row: "new-to-new", flows: 52, differences: 0 },
      { row: "old-to-new", flows: 12, differences: 0 },
      { row: "new-to-old", flows: 24, differences: 0 },
    ],
  });
});

test("without the mirrors the bridge opens what the pilot saw open", () => {
  const one = mixedCase([mesh], lab);

  const proof = proveCase([mesh], lab, { ...one, mirrors: [] });

  expect(
    proof.differences.map((d) => [d.row, d.place, d.direction, d.half, d.before.decidedBy, d.after.decidedBy]),
  ).toEqual([
    [
      "old-to-new",
      undefined,
      "opened",
      "ingress",
      "end of tier default",
      "CiliumClusterwideNetworkPolicy/metachron-bridge ingress[0]",
    ],
    [
      "new-to-old",
      "other node",
      "opened",
      "egress",
      "end of tier default",
      "CiliumClusterwideNetworkPolicy/metachron-bridge egress[1]",
    ],
    [
      "new-to-old",
      "same node",
      "opened",
      "egress",
      "end of tier default",
      "CiliumClusterwideNetworkPolicy/metachron-bridge egress[0]",
    ],
  ]);
});
