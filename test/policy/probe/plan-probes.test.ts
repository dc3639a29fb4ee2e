import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import { planProbes } from "../../../lib/policy/probe/plan-probes.ts";
import type { ProbePack } from "../../../lib/policy/probe/probe-pack.ts";
import type { PolicySide } from "../../../lib/policy/prove/policy-side.ts";
import { replayWitness } from "../../../lib/policy/prove/replay-witness.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import { calicoSide, ciliumSide } from "../support/sides.ts";

const pod = (name: string, app: string, last: number): WorldPod => ({
  namespace: "lab",
  name,
  labels: { app, "pod-template-hash": `hash-${name}` },
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

/** Both sides of a set of policies: as Calico reads it, and as it is translated. */
function sidesOf(objects: readonly JsonObject[], world: World): { before: PolicySide; after: PolicySide } {
  const before = calicoSide(objects);
  if (before.engine !== "calico") throw new Error("the policies were not read");
  const { policies } = translatePolicies(before.policies, world, {});
  const outputs = policies.flatMap(({ outputs: all }) => all.map(({ object }) => object));
  return { before, after: ciliumSide(outputs, world.cilium) };
}

const brief = ({ pods, probes }: ProbePack): readonly string[] =>
  probes.map((probe) => {
    const name = (id: string): string => pods.find((one) => one.id === id)?.standsFor ?? "?";
    return `${name(probe.from)} -> ${name(probe.to)} ${probe.protocol} ${probe.port} ${probe.before.verdict}: ${probe.shows.join(", ")}`;
  });

describe("a pack", () => {
  test("shows each rule where it matches and next to where it does", () => {
    const pack = planProbes({ ...sidesOf([mesh], lab), world: lab });

    expect(brief(pack)).toEqual([
      "lab/m1 -> lab/m1 TCP 80 deny: GlobalNetworkPolicy/mesh ingress[0] does not match, end of tier default denies",
      "lab/m1 -> lab/m1 TCP 8080 allow: GlobalNetworkPolicy/mesh ingress[0] allows, the lack of a policy allows",
    ]);
    expect(pack.notShown).toEqual([]);
  });

  test("has pods with the labels that policies ask for, and no others", () => {
    const { pods } = planProbes({ ...sidesOf([mesh], lab), world: lab });

    expect(pods).toEqual([
      { id: "01", namespace: "lab", labels: { app: "mesh" }, standsFor: "lab/m1", namedPorts: [] },
    ]);
  });

  test("never stands for pods that a Service sends traffic to before they are ready", () => {
    const eagerServices = [{ namespace: "lab", name: "gossip", selector: { app: "mesh" } }];

    const { pods, notShown } = planProbes({ ...sidesOf([mesh], lab), world: lab, eagerServices });

    expect(pods.map(({ standsFor }) => standsFor)).toEqual(["lab/x1"]);
    expect(notShown.map(({ rule, why }) => `${rule}: ${why}`)).toEqual([
      "GlobalNetworkPolicy/mesh ingress[0]: it decides no TCP or UDP packet between two pods of the inventory",
      "pods of lab/m1: Service lab/gossip sends traffic to pods that are not ready",
      "pods of lab/m2: Service lab/gossip sends traffic to pods that are not ready",
    ]);
  });

  test.each([
    [
      "it is decided by the address that a pod gets",
      { action: "Deny", source: { nets: ["10.244.0.0/26"] } },
      "it decides no TCP or UDP packet between two pods of the inventory",
    ],
    [
      "it concerns neither TCP nor UDP",
      { action: "Deny", protocol: "ICMP" },
      "it decides no TCP or UDP packet between two pods of the inventory",
    ],
    [
      "it looks at the caller's port",
      { action: "Allow", protocol: "TCP", source: { ports: [123] } },
      "it decides no TCP or UDP packet between two pods of the inventory",
    ],
  ])("says why it cannot show a rule: %s", (_what, rule, why) => {
    const policy = {
      ...mesh,
      metadata: { name: "odd" },
      spec: { selector: "app == 'mesh'", order: 1, types: ["Ingress"], ingress: [rule] },
    };

    const pack = planProbes({ ...sidesOf([policy, mesh], lab), world: lab });

    expect(pack.notShown).toContainEqual({
      rule: "GlobalNetworkPolicy/odd ingress[0]",
      verdict: rule.action.toLowerCase(),
      why,
    });
  });

  test("says that the other end stands in the way", () => {
    const wall = {
      kind: "GlobalNetworkPolicy",
      metadata: { name: "wall" },
      spec: { selector: "app == 'mesh'", types: ["Egress"], egress: [{ action: "Deny" }] },
    };

    const pack = planProbes({ ...sidesOf([mesh, wall], lab), world: lab });

    expect(pack.notShown).toContainEqual({
      rule: "GlobalNetworkPolicy/mesh ingress[0]",
      verdict: "allow",
      why: "the other end denies every packet that it decides",
    });
  });

  test("is empty for a source without policy", () => {
    const none: PolicySide = { engine: "none" };

    expect(planProbes({ before: none, after: none, world: lab })).toEqual({ pods: [], probes: [], notShown: [] });
  });
});

/** A pod of the pack in a world of its own, at any address of the pool. */
function asWorldPod(pack: ProbePack, id: string, name: string): WorldPod {
  const pod = pack.pods.find((one) => one.id === id);
  if (pod === undefined) throw new Error(`no probe pod ${id}`);
  return { ...pod, name, serviceAccount: pod.serviceAccount ?? "default", addresses: ["10.244.77.7"], workload: name };
}

test("every verdict of a pack is the one that the policies give for its own pods", () => {
  const world: World = { ...lab, pods: ["a", "b", "c", "d"].map((app, at) => pod(`${app}1`, app, at + 1)) };
  const allow = (name: string, to: string, from: string, ports: readonly number[]): JsonObject => ({
    kind: "GlobalNetworkPolicy",
    metadata: { name },
    spec: {
      selector: to,
      types: ["Ingress"],
      ingress: [
        { action: "Deny", protocol: "TCP", source: { selector: "app == 'd'" }, destination: { ports: [9000] } },
        { action: "Allow", protocol: "TCP", source: { selector: from }, destination: { ports: [...ports] } },
      ],
    },
  });
  const sides = sidesOf(
    [allow("one", "app == 'a'", "app != 'b'", [80, 9000]), allow("two", "app == 'b'", "all()", [53])],
    world,
  );

  const pack = planProbes({ ...sides, world });

  expect(pack.probes.length).toBeGreaterThan(4);
  for (const probe of pack.probes) {
    const pods = [asWorldPod(pack, probe.from, "caller"), asWorldPod(pack, probe.to, "listener")];
    const ends = pods.map(({ namespace, name }) => ({ kind: "pod" as const, name: `${namespace}/${name}` }));
    const [from, to] = ends;
    if (from === undefined || to === undefined) throw new Error("no ends");
    const witness = { from, to, protocol: probe.protocol, port: probe.port };
    const verdict = (side: PolicySide): string =>
      (["egress", "ingress"] as const).every(
        (half) => replayWitness(witness, half, side, { ...world, pods })?.verdict === "allow",
      )
        ? "allow"
        : "deny";
    expect([probe.id, verdict(sides.before), verdict(sides.after)]).toEqual([
      probe.id,
      probe.before.verdict,
      probe.after.verdict,
    ]);
  }
});
