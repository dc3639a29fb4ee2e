import { expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import { type Probe, planProbes } from "../../../lib/policy/probe/plan-probes.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import { calicoSide, ciliumSide } from "../support/sides.ts";

const pod = (name: string, app: string, last: number): WorldPod => ({
  namespace: "lab",
  name,
  labels: { app },
  serviceAccount: "default",
  node: "n1",
  addresses: [`10.244.0.${last}`],
  namedPorts: [],
  workload: name,
});

const lab: World = {
  ...emptyWorld({ sourcePodCIDRs: ["10.244.0.0/16"], targetPodCIDRs: ["10.245.0.0/16"] }),
  namespaces: new Map([["lab", { "kubernetes.io/metadata.name": "lab" }]]),
  serviceAccounts: new Map([["lab/default", {}]]),
  pods: [pod("m1", "mesh", 1), pod("m2", "mesh", 2), pod("x1", "other", 3)],
  nodes: [{ name: "n1", labels: {}, addresses: ["172.16.0.1"], isControlPlane: false }],
  families: [4],
  isInventoryKnown: true,
};

const mesh: JsonObject = {
  kind: "GlobalNetworkPolicy",
  metadata: { name: "mesh" },
  spec: {
    selector: "app == 'mesh'",
    types: ["Ingress"],
    ingress: [
      { action: "Allow", protocol: "TCP", source: { selector: "app == 'mesh'" }, destination: { ports: [8080] } },
    ],
  },
};

const probe = (
  id: string,
  from: string,
  to: string,
  port: number,
  verdict: "allow" | "deny",
  shows: string,
): Probe => ({
  id,
  from: { kind: "pod", name: `lab/${from}` },
  to: { kind: "pod", name: `lab/${to}` },
  protocol: "TCP",
  port,
  expected: { before: verdict, after: verdict },
  shows: [shows],
});

test("each rule and each end of a tier decides one probe, with the same verdict before and after", () => {
  const before = calicoSide([mesh]);
  if (before.engine !== "calico") throw new Error("the policy was not read");
  const { policies } = translatePolicies(before.policies, lab, {});
  const after = ciliumSide(
    policies.flatMap(({ outputs }) => outputs.map(({ object }) => object)),
    lab.cilium,
  );

  expect(planProbes({ before, after, world: lab })).toEqual({
    probes: [
      probe("p1", "m1", "x1", 80, "allow", "no policy allows"),
      probe("p2", "m2", "m1", 80, "deny", "end of tier default denies"),
      probe("p3", "m2", "m1", 8080, "allow", "GlobalNetworkPolicy/mesh ingress[0] allows"),
    ],
    notShown: [
      { rule: "no policy", verdict: "allow", why: "the other end denies the same packet: end of tier default" },
    ],
  });
});

test("a source without policy needs no probe", () => {
  expect(planProbes({ before: { engine: "none" }, after: { engine: "none" }, world: lab })).toEqual({
    probes: [],
    notShown: [],
  });
});
