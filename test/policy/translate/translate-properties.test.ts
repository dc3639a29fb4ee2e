import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { CalicoPolicySet } from "../../../lib/policy/calico/model.ts";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import { readCiliumPolicies } from "../../../lib/policy/cilium/read-cilium-policies.ts";
import type { ProofDifference } from "../../../lib/policy/prove/proof.ts";
import { provePolicies } from "../../../lib/policy/prove/prove-policies.ts";
import { matches } from "../../../lib/policy/selector/match-selector.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import type { Translation } from "../../../lib/policy/translate/translation.ts";
import { rawObject, rawObjects } from "../support/objects.ts";
import { vectorWorld } from "../support/vectors.ts";
import { findDifferences } from "./flows.ts";
import { everyFeature, type Features, policySets } from "./random-policies.ts";

const fixture = vectorWorld();
/** The fixture, with nodes that a selector can name. */
const world: World = {
  ...fixture,
  nodes: fixture.nodes.map((node) => ({ ...node, labels: { "kubernetes.io/hostname": node.name } })),
  cilium: { ...fixture.cilium, nodeSelectorLabels: true },
};

interface Translated {
  readonly set: CalicoPolicySet;
  readonly translation: Translation;
  readonly outputs: readonly JsonObject[];
  /** What Kubernetes and Calico objects there are without those that Calico ignores. */
  readonly valid: readonly JsonObject[];
  readonly isExact: boolean;
}

function translate(objects: readonly JsonObject[], knowing: World = world): Translated {
  const set = readCalicoPolicies(objects.map(rawObject)).value;
  if (set === undefined) throw new Error("no set");
  const ignored = new Set((set.absent ?? []).map(({ identity }) => `${identity.kind} ${identity.name}`));
  const translation = translatePolicies(set, knowing);
  const taken = translation.policies.filter(({ source }) => !ignored.has(`${source.kind} ${source.name}`));
  return {
    set,
    translation,
    outputs: translation.policies.flatMap((policy) => policy.outputs.map((output) => output.object)),
    valid: objects.filter((object) => !ignored.has(`${object["kind"]} ${(object["metadata"] as JsonObject)["name"]}`)),
    isExact: taken.every(({ result }) => result === "exact" || result === "carved"),
  };
}

function kubernetesOf(objects: readonly JsonObject[]): JsonObject[] {
  return objects.filter((object) => object["apiVersion"] === "networking.k8s.io/v1");
}

function prove({ set, outputs, valid }: Translated, mode: "closed" | "open" = "closed"): readonly ProofDifference[] {
  const read = readCiliumPolicies(rawObjects([...outputs, ...kubernetesOf(valid)]), world.cilium);
  expect(read.findings.filter((finding) => finding.severity === "error")).toEqual([]);
  const after = read.value ?? { rules: [], cidrGroups: [] };
  const proof = provePolicies({
    before: { engine: "calico", policies: set },
    after: { engine: "cilium", policies: after },
    world,
    mode,
  });
  return proof.differences.filter((difference) => !isUnusedType(difference));
}

const typesInUse = new Set([3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 40, 42, 43]);

/** "Every ICMP type" is written as the types in use, and said so (POL030). */
function isUnusedType({ direction, witness }: ProofDifference): boolean {
  return direction === "closed" && witness.protocol === "ICMP" && !typesInUse.has(witness.icmpType ?? 0);
}

const profiles: readonly (readonly [string, Partial<Features>])[] = [
  [
    "order alone",
    { tiers: false, kubernetes: false, nets: false, networkSets: false, protocols: "ports", passes: false },
  ],
  ["passes and protocols", { tiers: false, kubernetes: false, nets: false, networkSets: false }],
  ["tiers", { kubernetes: false, nets: false, networkSets: false, protocols: "ports" }],
  ["Kubernetes policies between", { tiers: false, nets: false, networkSets: false, protocols: "ports" }],
  ["addresses and network sets", { tiers: false, kubernetes: false, protocols: "ports" }],
  ["everything", {}],
];

describe.each(profiles)("random policies with %s", (_name, features) => {
  const sets = policySets({ ...everyFeature, ...features });

  test("decide every packet as before where the result says so, and never allow more", () => {
    fc.assert(
      fc.property(sets, (objects) => {
        const translated = translate(objects);

        const differences = prove(translated);

        expect(differences.filter(({ direction }) => direction === "opened")).toEqual([]);
        if (translated.isExact) expect(differences).toEqual([]);
      }),
      { numRuns: 30, seed: 20_261 },
    );
  });
});

describe("random policies with everything", () => {
  const sets = policySets(everyFeature);

  test("decide alike by an evaluator that shares nothing with the translation", () => {
    fc.assert(
      fc.property(sets, (objects) => {
        const { outputs, valid, isExact } = translate(objects);

        const differences = findDifferences(valid, [...outputs, ...kubernetesOf(valid)], world);

        expect(differences.filter(({ after }) => after === "allow")).toEqual([]);
        if (isExact) expect(differences).toEqual([]);
      }),
      { numRuns: 6, seed: 20_262 },
    );
  });

  test("translate to the same bytes whatever the order of the input", () => {
    fc.assert(
      fc.property(
        sets.chain((objects) =>
          fc.tuple(fc.constant(objects), fc.shuffledSubarray(objects, { minLength: objects.length })),
        ),
        ([objects, shuffled]) => {
          expect(JSON.stringify(translate(shuffled).translation)).toBe(JSON.stringify(translate(objects).translation));
        },
      ),
      { numRuns: 20, seed: 20_263 },
    );
  });

  test("never allow more than the source where nothing is known of the cluster", () => {
    fc.assert(
      fc.property(sets, (objects) => {
        const translated = translate(objects, emptyWorld());
        const refused = translated.set.policies.filter(({ identity }) =>
          translated.translation.policies.some(
            ({ source, result }) =>
              result === "refused" && source.kind === identity.kind && source.name === identity.name,
          ),
        );

        const opened = prove(translated).filter(({ direction }) => direction === "opened");

        // Pods of a refused policy are open to what it alone denied: that is what its finding says.
        expect(
          opened.filter((one) => !refused.some((policy) => matches(policy.appliesTo, subjectLabels(one)))),
        ).toEqual([]);
      }),
      { numRuns: 25, seed: 20_264 },
    );
  });
});

function subjectLabels({ half, witness }: ProofDifference): ReadonlyMap<string, string> {
  const { name } = half === "ingress" ? witness.to : witness.from;
  const pod = world.pods.find((one) => `${one.namespace}/${one.name}` === name);
  if (pod === undefined) throw new Error(`no pod ${name}`);
  return new Map([
    ...Object.entries(pod.labels).map(([key, value]): [string, string] => [`pod:${key}`, value]),
    ...Object.entries(world.namespaces.get(pod.namespace) ?? {}).map(([key, value]): [string, string] => [
      `ns:${key}`,
      value,
    ]),
    ["meta:namespace", pod.namespace],
    ["meta:orchestrator", "k8s"],
    ["meta:serviceaccount", pod.serviceAccount],
  ]);
}

describe("random policies in the open world", () => {
  test("hold for pods with any labels where no inventory was needed", () => {
    const sets = policySets({
      ...everyFeature,
      nets: false,
      networkSets: false,
      protocols: "ports",
      kubernetes: false,
    });
    fc.assert(
      fc.property(sets, (objects) => {
        const translated = translate(objects, emptyWorld());
        fc.pre(translated.isExact);

        expect(prove(translated, "open")).toEqual([]);
      }),
      { numRuns: 15, seed: 20_265 },
    );
  });
});
