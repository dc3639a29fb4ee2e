import type { Checked, Finding } from "../core/finding.ts";
import { onceFor } from "../core/once-for.ts";
import { type Inventory, objectsOf, type RawObject } from "../inventory/inventory.ts";
import { type ExactBridge, planExactBridge } from "../policy/bridge/exact-bridge.ts";
import type { CalicoPolicySet } from "../policy/calico/model.ts";
import { readCalicoPolicies } from "../policy/calico/read-calico-policies.ts";
import { readCiliumPolicies } from "../policy/cilium/read-cilium-policies.ts";
import type { PolicySide } from "../policy/prove/policy-side.ts";
import type { Proof } from "../policy/prove/proof.ts";
import { provePolicies } from "../policy/prove/prove-policies.ts";
import type { World } from "../policy/space/world.ts";
import { worldOf } from "../policy/space/world-of.ts";
import { translatePolicies } from "../policy/translate/translate-policies.ts";
import type { Translation } from "../policy/translate/translation.ts";
import type { SourceDetection } from "../source/source.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import type { TargetPlan } from "../target/target.ts";
import { readBack } from "./emitted-policies.ts";

/** What policies are planned from. */
export interface PolicyInput {
  readonly inventory: Inventory;
  readonly source: SourceDetection;
  /** The target before the policies' own needs are known. */
  readonly target: TargetPlan;
}

/** The source's policies, what they became, and the bridge's half of them. */
export interface PlannedPolicies {
  /** Whether the source enforces any policy at all. */
  readonly enforces: boolean;
  readonly set: CalicoPolicySet;
  /** The objects that it was read from. */
  readonly objects: readonly RawObject[];
  readonly translation: Translation;
  readonly bridge: ExactBridge;
  readonly findings: readonly Finding[];
}

const noPolicies: CalicoPolicySet = { tiers: [], policies: [], networkSets: [], hostEndpoints: [], profiles: [] };

/** Whether the source's engine enforces Calico's own policy kinds. */
function enforcesCalico(source: SourceDetection): boolean {
  return source.facts.enforcedPolicyKinds.some((kind) => kind.endsWith("projectcalico.org"));
}

/** Reads and translates the policies that the source enforces, and plans the bridge's policies. */
export function planPolicies({ inventory, source, target }: PolicyInput): PlannedPolicies {
  const world = worldFor(inventory, source, target);
  const isCalico = enforcesCalico(source);
  const objects = [...inventory.objects.values()]
    .flat()
    .filter((object) => isCalico || !object.apiVersion.includes("projectcalico.org"));
  const read = source.facts.enforcedPolicyKinds.length === 0 ? undefined : readCalicoPolicies(objects);
  const set = read?.value ?? noPolicies;
  const holds = target.continuity.effective;
  const translation = translatePolicies(
    set,
    world,
    holds === "off" ? {} : { bridge: { sourcePodCIDRs: source.facts.podCIDRs } },
  );
  const bridge = planExactBridge(set, bridgeWorld(world, target), {
    group: usesCalicoAPI(inventory) ? "projectcalico.org/v3" : "crd.projectcalico.org/v1",
    hasCalico: isCalico,
    hasTiers: servesTiers(inventory),
  });
  return {
    enforces: read !== undefined,
    set,
    objects,
    translation,
    bridge,
    findings: [...(read?.findings ?? []), ...translation.findings],
  };
}

/** The bridge speaks of one prefix per family; where there is none its own conditions have failed already. */
export function bridgeWorld(world: World, target: TargetPlan): World {
  const { sourcePrefixes } = target.continuity;
  return sourcePrefixes.length === 0 ? world : { ...world, podCIDRs: { ...world.podCIDRs, source: sourcePrefixes } };
}

/** Objects are written for the group that the cluster's own policies use: without Calico's API server v3 is not served. */
function usesCalicoAPI(inventory: Inventory): boolean {
  const policies = ["GlobalNetworkPolicy", "NetworkPolicy", "Tier"].flatMap((kind) => [
    ...objectsOf(inventory, kind, "projectcalico.org"),
  ]);
  return policies.length > 0;
}

/** Whether Calico's Tier resource is served: its definition is there, or a tier is. Open-source Calico has it since 3.29. */
function servesTiers(inventory: Inventory): boolean {
  const definitions = objectsOf(inventory, "CustomResourceDefinition").map((object) => object.name);
  return (
    definitions.some((name) => /^tiers\.(?:crd\.)?projectcalico\.org$/u.test(name)) ||
    objectsOf(inventory, "Tier").some((object) => object.apiVersion.includes("projectcalico.org"))
  );
}

/** The world of the inventory under the target's final values. Worked out once for a target: four steps ask for it. */
export function worldFor(inventory: Inventory, source: SourceDetection, target: TargetPlan): World {
  const known = worlds.get(target);
  if (known?.inventory === inventory && known.source === source) return known.world;
  const world = worldOf(inventory, {
    sourcePodCIDRs: source.facts.podCIDRs,
    targetPodCIDRs: target.podCIDRs,
    ciliumValues: target.final.values,
    version: target.final.version,
  });
  worlds.set(target, { inventory, source, world });
  return world;
}

const worlds = new WeakMap<
  TargetPlan,
  { readonly inventory: Inventory; readonly source: SourceDetection; readonly world: World }
>();

/** Both sides of the question, and the world they are asked in. */
export interface PlannedSides {
  readonly before: PolicySide;
  readonly after: PolicySide;
  readonly world: World;
}

/** What the source enforces, what Cilium will enforce as the emitted YAML says, and the world of both. */
export function plannedSides(planned: PlannedPolicies, inventory: Inventory, world: World): Checked<PlannedSides> {
  const own = objectsOf(inventory, "NetworkPolicy", "networking.k8s.io");
  const read = readCiliumPolicies([...emittedObjects(planned.translation), ...own], world.cilium);
  const before: PolicySide = planned.enforces ? { engine: "calico", policies: planned.set } : { engine: "none" };
  const after: PolicySide = { engine: "cilium", policies: read.value ?? { rules: [], cidrGroups: [] } };
  return { value: { before, after, world }, findings: read.findings };
}

/** A translation's objects as they are read from the emitted YAML: once, for the three proofs that start from them. */
const emittedObjects = onceFor((translation: Translation): readonly RawObject[] =>
  readBack(translation.policies.flatMap(({ outputs }) => outputs.map(({ object }) => object))),
);

/** The sides of a whole planned migration, for questions about single flows. */
export function sidesOf(migration: Pick<PlannedMigration, "inventory" | "source" | "target">): PlannedSides {
  const { inventory, source, target } = migration;
  const planned = planPolicies({ inventory, source, target });
  const world = worldFor(inventory, source, target);
  const sides = plannedSides(planned, inventory, world);
  return sides.value ?? { before: { engine: "none" }, after: { engine: "none" }, world };
}

/** Compares what the source enforces with what Cilium will. Absent where the source enforces no policy. */
export function provePlanned(
  planned: PlannedPolicies,
  inventory: Inventory,
  world: World,
): { readonly proof: Proof | undefined; readonly findings: readonly Finding[] } {
  if (planned.set.policies.length === 0) return { proof: undefined, findings: [] };
  const sides = plannedSides(planned, inventory, world);
  const proof = sides.value === undefined ? undefined : provePolicies({ ...sides.value, mode: "closed" });
  return { proof, findings: sides.findings };
}
