import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { PolicySide } from "../../../lib/policy/prove/policy-side.ts";
import type { FlowEnd, ProofDifference } from "../../../lib/policy/prove/proof.ts";
import { provePolicies } from "../../../lib/policy/prove/prove-policies.ts";
import { replayWitness } from "../../../lib/policy/prove/replay-witness.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { naiveCalico } from "../naive/naive-calico.ts";
import { naiveCilium } from "../naive/naive-cilium.ts";
import { someCalico, someCilium, someWorld } from "../support/generators.ts";
import { flowOfWitness, type Judge } from "../support/grid.ts";
import { calicoSide, ciliumSide } from "../support/sides.ts";
import { readVectors, vectorWorld } from "../support/vectors.ts";

/**
 * The world with the hypothetical pods of a witness in it, and the witness with their names; `isPossible` is false where
 * the two ends ask for one namespace or account with two sets of labels: each end is imagined by itself.
 */
function realise(
  world: World,
  difference: ProofDifference,
): { world: World; difference: ProofDifference; isPossible: boolean } {
  let isPossible = true;
  const put = (
    map: Map<string, Readonly<Record<string, string>>>,
    key: string,
    labels: Record<string, string>,
  ): void => {
    const known = map.get(key);
    if (
      known !== undefined &&
      JSON.stringify(Object.entries(known).sort()) !== JSON.stringify(Object.entries(labels).sort())
    )
      isPossible = false;
    map.set(key, labels);
  };
  const pods: WorldPod[] = [];
  const namespaces = new Map(world.namespaces);
  const serviceAccounts = new Map(world.serviceAccounts);
  const make = (end: FlowEnd, name: string): FlowEnd => {
    if (end.kind !== "hypothetical-pod") return end;
    const labels = end.labels ?? {};
    const of = (prefix: string): Record<string, string> =>
      Object.fromEntries(
        Object.entries(labels).flatMap(([key, value]) =>
          key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
        ),
      );
    const namespace = labels["meta:namespace"] ?? "";
    const account = labels["meta:serviceaccount"] ?? "default";
    put(namespaces, namespace, of("ns:"));
    put(serviceAccounts, `${namespace}/${account}`, of("sa:"));
    pods.push({
      namespace,
      name,
      labels: of("pod:"),
      serviceAccount: account,
      addresses: end.address === undefined ? [] : [end.address],
      namedPorts: Object.entries(end.namedPorts ?? {}).map(([port, text]) => {
        const [protocol, number] = text.split("/");
        return { name: port, protocol: protocol as "TCP", port: Number(number) };
      }),
      workload: name,
    });
    return { kind: "pod", name: `${namespace}/${name}` };
  };
  const from = make(difference.witness.from, "made-1");
  const to = make(difference.witness.to, "made-2");
  return {
    isPossible,
    world: { ...world, namespaces, serviceAccounts, pods: [...world.pods, ...pods] },
    difference: { ...difference, witness: { ...difference.witness, from, to } },
  };
}

interface Case {
  readonly objects: readonly JsonObject[];
  readonly side: PolicySide;
  readonly judge: Judge;
}

/** Whatever holds for every pod holds for those that exist; and a made-up pod, once it exists, is decided as the witness says. */
function checkOpen(before: Case, after: Case, world: World): void {
  const input = { before: before.side, after: after.side, world };
  const open = provePolicies({ ...input, mode: "open" });
  const wrong = open.differences.filter((found) => !isConfirmed(found, before, after, world));

  expect(wrong).toEqual([]);
  expect(open.equal && !provePolicies({ ...input, mode: "closed" }).equal).toBe(false);
}

function isConfirmed(found: ProofDifference, before: Case, after: Case, world: World): boolean {
  const real = realise(world, found);
  const { witness, half } = real.difference;
  const replays = [before, after].map(({ side }) => replayWitness(found.witness, half, side, world)?.verdict);
  const flow = real.isPossible ? flowOfWitness(witness, half, real.world) : undefined;
  const judged = [before, after].map(({ judge, objects }) =>
    flow === undefined ? "?" : judge(objects, real.world, flow),
  );
  const wanted = found.direction === "opened" ? ["deny", "allow"] : ["allow", "deny"];
  return String(replays) === String(wanted) && (flow === undefined || String(judged) === String(wanted));
}

const scale = Number(process.env["FC_SCALE"] ?? 1);

test(
  "a difference of the open world is one for the naive judges once its pods exist",
  () => {
    fc.assert(
      fc.property(someWorld, someCalico, someCilium, (world, calico, cilium) =>
        checkOpen(
          { objects: calico, side: calicoSide(calico), judge: naiveCalico },
          { objects: cilium, side: ciliumSide(cilium, world.cilium, true), judge: naiveCilium },
          world,
        ),
      ),
      { numRuns: 8 * scale },
    );
  },
  60_000 * scale,
);

test(
  "what the open world calls equal the closed one does too, for changed copies",
  () => {
    fc.assert(
      fc.property(someWorld, someCalico, fc.nat(3), (world, objects, gone) => {
        const changed = objects.filter((_object, place) => place !== gone + 2);
        checkOpen(
          { objects, side: calicoSide(objects), judge: naiveCalico },
          { objects: changed, side: calicoSide(changed), judge: naiveCalico },
          world,
        );
      }),
      { numRuns: 8 * scale },
    );
  },
  60_000 * scale,
);

describe("translations that lean on the inventory hold in it and not beyond it", () => {
  const leaning = ["V08", "V39", "V40"];
  test.each(readVectors().filter(({ class: kind, id }) => kind !== "wrong" && id !== "V11"))("$id $title", (vector) => {
    const world = vectorWorld(vector.isLocalClusterOff);
    const kubernetes = vector.k8s.map((object) => ({ ...object, apiVersion: "networking.k8s.io/v1" }));
    const group = vector.raw ? "crd.projectcalico.org/v1" : "projectcalico.org/v3";
    const before = calicoSide([...vector.calico.map((object) => ({ ...object, apiVersion: group })), ...kubernetes]);
    const after = ciliumSide([...vector.cilium, ...kubernetes], world.cilium);

    const proof = provePolicies({ before, after, world, mode: "open" });

    expect(proof.equal).toBe(!leaning.includes(vector.id));
  });
});

test("a world of too many label sets is given up at once, and nothing is claimed", () => {
  const world = emptyWorld();
  const policies = Array.from(
    { length: 20 },
    (_, index): JsonObject => ({
      kind: "GlobalNetworkPolicy",
      metadata: { name: `p${index}` },
      spec: { selector: `has(label-${index})`, types: ["Ingress"], ingress: [{ action: "Allow", protocol: "TCP" }] },
    }),
  );

  const proof = provePolicies({ before: calicoSide(policies), after: calicoSide(policies), world, mode: "open" });

  expect([proof.equal, proof.world.isTruncated, proof.differences]).toEqual([false, true, []]);
});

describe("without an inventory", () => {
  const world = emptyWorld();
  const policy = (rule: JsonObject): JsonObject => ({
    kind: "NetworkPolicy",
    metadata: { name: "p", namespace: "a" },
    spec: { selector: "app == 'web'", types: ["Ingress"], ingress: [{ action: "Allow", ...rule }] },
  });
  const translated = (element: JsonObject): JsonObject => ({
    kind: "CiliumNetworkPolicy",
    metadata: { name: "p", namespace: "a" },
    spec: { endpointSelector: { matchLabels: { app: "web" } }, ingress: [element] },
  });

  test.each<[string, JsonObject, JsonObject, boolean]>([
    [
      "equal selectors are equal",
      { source: { selector: "app == 'cli'" } },
      { fromEndpoints: [{ matchLabels: { app: "cli" } }] },
      true,
    ],
    [
      "a public net is equal to its prefix",
      { source: { nets: ["192.0.2.0/24"] } },
      { fromCIDR: ["192.0.2.0/24"] },
      true,
    ],
    [
      "a private net may hold pods, which no prefix of Cilium matches",
      { source: { nets: ["10.1.0.0/16"] } },
      { fromCIDR: ["10.1.0.0/16"] },
      false,
    ],
    [
      "a start of a value is more than the one value that is known",
      { source: { selector: "app starts with 'cli'" } },
      { fromEndpoints: [{ matchLabels: { app: "cli" } }] },
      false,
    ],
    [
      "a label that is not there meets a negative term on both sides",
      { source: { selector: "app != 'cli'" } },
      { fromEndpoints: [{ matchExpressions: [{ key: "app", operator: "NotIn", values: ["cli"] }] }] },
      true,
    ],
  ])("%s", (_rule, before, after, equal) => {
    const proof = provePolicies({
      before: calicoSide([policy(before)]),
      after: ciliumSide([translated(after)], world.cilium),
      world,
      mode: "open",
    });

    expect(proof.equal).toBe(equal);
  });
});
