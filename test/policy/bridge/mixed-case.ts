import type { JsonObject } from "../../../lib/core/json.ts";
import { parseOwnYaml, renderYaml } from "../../../lib/core/yaml.ts";
import { type ExactBridge, planExactBridge } from "../../../lib/policy/bridge/exact-bridge.ts";
import type { MixedProof } from "../../../lib/policy/bridge/mixed-proof.ts";
import { type MixedPhaseInput, proveMixedPhase } from "../../../lib/policy/bridge/prove-mixed-phase.ts";
import type { PolicySide } from "../../../lib/policy/prove/policy-side.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import { calicoSide, ciliumSide } from "../support/sides.ts";

/** A source's objects with everything that the bridge adds, as somebody who reads the emitted YAML would see it. */
export interface MixedCase {
  readonly bridge: ExactBridge;
  readonly mirrors: readonly JsonObject[];
  readonly translation: readonly JsonObject[];
  readonly bridgePolicies: readonly JsonObject[];
}

/** Plans the bridge of a source and reads every object back from its YAML. */
export function mixedCase(objects: readonly JsonObject[], world: World, isWide = false): MixedCase {
  const side = calicoSide(objects);
  const set = side.engine === "calico" ? side.policies : undefined;
  if (set === undefined) throw new Error("the objects were not read");
  const bridge = planExactBridge(set, world, { group: "projectcalico.org/v3", hasCalico: true, hasTiers: true });
  const translation = translatePolicies(set, world, { bridge: { sourcePodCIDRs: world.podCIDRs.source } });
  return {
    bridge,
    mirrors: readBack(isWide ? bridge.wide.source : bridge.mirrors),
    translation: readBack(translation.policies.flatMap(({ outputs }) => outputs)),
    bridgePolicies: readBack(isWide ? bridge.wide.cilium : bridge.cilium),
  };
}

function readBack(entries: readonly { readonly object: JsonObject }[]): JsonObject[] {
  return entries.map(({ object }) => parseOwnYaml(renderYaml(object)));
}

/** Proves a case; parts of it may be replaced. */
export function proveCase(
  objects: readonly JsonObject[],
  world: World,
  one: MixedCase,
  more: Partial<MixedPhaseInput> = {},
): MixedProof {
  const kubernetes = objects.filter(({ apiVersion }) => apiVersion === "networking.k8s.io/v1");
  const target = [...one.translation, ...kubernetes];
  const cilium = (own: readonly JsonObject[]): PolicySide => ciliumSide(own, world.cilium, true);
  return proveMixedPhase({
    source: calicoSide(objects),
    sourceDuring: calicoSide([...objects, ...one.mirrors]),
    target: cilium(target),
    targetDuring: cilium([...target, ...one.bridgePolicies]),
    world,
    continuity: "exact",
    ...more,
  });
}
