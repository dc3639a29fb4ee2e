import type { Inventory } from "../inventory/inventory.ts";
import type { Continuity } from "../plan/plan.ts";
import type { MixedSides } from "../policy/bridge/mixed-legs.ts";
import type { MixedProof } from "../policy/bridge/mixed-proof.ts";
import { proveMixedPhase } from "../policy/bridge/prove-mixed-phase.ts";
import { readCalicoPolicies } from "../policy/calico/read-calico-policies.ts";
import { readCiliumPolicies } from "../policy/cilium/read-cilium-policies.ts";
import type { PolicySide } from "../policy/prove/policy-side.ts";
import type { World } from "../policy/space/world.ts";
import type { SourceDetection } from "../source/source.ts";
import type { TargetPlan } from "../target/target.ts";
import type { WavePlan } from "../waves/waves.ts";
import { readBack } from "./emitted-policies.ts";
import { bridgeWorld, type PlannedPolicies, plannedSides, worldFor } from "./plan-policies.ts";

/** What the mixed phase is worked out from. */
export interface MixedInput {
  readonly planned: PlannedPolicies;
  readonly inventory: Inventory;
  readonly source: SourceDetection;
  readonly target: TargetPlan;
  readonly waves: WavePlan;
}

/**
 * What the mixed phase decides under a continuity, with the objects that this continuity would emit, read back from their
 * YAML. Absent when there is no new pool or nobody to move.
 */
export function proveMixed(input: MixedInput, continuity: Continuity): MixedProof | undefined {
  const { source, target, waves } = input;
  if (target.podCIDRs.length === 0 || waves.waves.length === 0) return undefined;
  const sides = mixedSidesOf(input, continuity);
  if (sides === undefined) return undefined;
  return proveMixedPhase({
    ...sides,
    continuity,
    waves: [beforeWaves(source), ...waves.waves.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ name }) => name) }))],
  });
}

/** The stage from which on policy may differ although no wave has moved a pod: the source's controller off, or the bridge's policies there. */
function beforeWaves(source: SourceDetection): { readonly id: string; readonly nodes: readonly string[] } {
  const id = source.switchedOffFilters === undefined ? "030-policies" : "000-prepare";
  return { id, nodes: source.hybrid?.migratedNodes ?? [] };
}

/** Who decides what in the mixed phase, and the world that it is decided in. */
export interface PlannedMixedSides extends MixedSides {
  readonly world: World;
}

/** The sides of the mixed phase under a continuity; with `audit` and `off` Cilium's is what it will enforce, not what it drops. */
export function mixedSidesOf(input: Omit<MixedInput, "waves">, continuity: Continuity): PlannedMixedSides | undefined {
  const { planned, inventory, source, target } = input;
  const world = bridgeWorld(worldFor(inventory, source, target), target);
  const sides = plannedSides(planned, inventory, world).value;
  if (sides === undefined) return undefined;
  const { bridge } = planned;
  const added = {
    exact: { source: bridge.mirrors, cilium: bridge.cilium },
    bridge: bridge.wide,
    audit: { source: [], cilium: [] },
    off: { source: [], cilium: [] },
  }[continuity];
  return {
    source: sides.before,
    sourceDuring: sourceDuring(input, sides.before, added.source),
    target: sides.after,
    targetDuring: besides(sides.after, readBack(added.cilium.map(({ object }) => object)), world),
    world,
  };
}

/** Old pods under the source's policies and mirrors, or under nothing, where its controller is off before Cilium comes. */
function sourceDuring(
  { planned, source }: Omit<MixedInput, "waves">,
  before: PolicySide,
  mirrors: PlannedPolicies["bridge"]["mirrors"],
): PolicySide {
  if (source.switchedOffFilters !== undefined) return { engine: "none" };
  if (!planned.enforces) return before;
  return calicoSide([...planned.objects, ...readBack(mirrors.map(({ object }) => object))]);
}

function calicoSide(objects: Parameters<typeof readCalicoPolicies>[0]): PolicySide {
  const { value } = readCalicoPolicies(objects);
  return value === undefined ? { engine: "none" } : { engine: "calico", policies: value };
}

/** Cilium's rules know no order, so that a few more objects are a few more rules. */
function besides(
  side: PolicySide,
  objects: Parameters<typeof readCiliumPolicies>[0],
  world: Parameters<typeof proveMixedPhase>[0]["world"],
): PolicySide {
  if (side.engine !== "cilium") return side;
  const more = readCiliumPolicies(objects, world.cilium).value;
  return { engine: "cilium", policies: { ...side.policies, rules: [...side.policies.rules, ...(more?.rules ?? [])] } };
}
