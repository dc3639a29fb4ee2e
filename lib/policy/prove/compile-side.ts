import type { LabelledAddress } from "../space/closed-ends.ts";
import type { PacketSpace } from "../space/packet-space.ts";
import { createVocabulary, type Vocabulary } from "../space/vocabulary.ts";
import type { World } from "../space/world.ts";
import { compileCalico } from "./compile-calico.ts";
import { compileCilium } from "./compile-cilium.ts";
import type { CompiledSide } from "./evaluate.ts";
import type { Half, PolicySide } from "./policy-side.ts";
import { addSideTo } from "./side-vocabulary.ts";

/** A side as terms over a space, for one direction. */
export function compileSide(side: PolicySide, space: PacketSpace, world: World, half: Half): CompiledSide {
  if (side.engine === "none") return { engine: "none" };
  return side.engine === "calico"
    ? compileCalico(side.policies, space, world, half)
    : compileCilium(side.policies, space, world, half);
}

/** Everything that the sides can tell ends apart by. */
export function vocabularyOf(sides: readonly PolicySide[], world: World): Vocabulary {
  const builder = createVocabulary();
  for (const side of sides) addSideTo(builder, side, world);
  return builder.vocabulary;
}

/** Addresses that Calico knows as host endpoints. */
export function labelledAddresses(sides: readonly PolicySide[]): LabelledAddress[] {
  return sides
    .flatMap((side) => (side.engine === "calico" ? side.policies.hostEndpoints : []))
    .flatMap(({ expectedIPs, labels }) => {
      const set = new Map(Object.entries(labels).map(([key, value]) => [`pod:${key}`, value]));
      return expectedIPs.map((address) => ({ address, labels: set }));
    });
}
