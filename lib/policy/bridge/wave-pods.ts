import type { MixedClass } from "./mixed-ends.ts";
import type { MixedRow } from "./mixed-proof.ts";

/** A wave as far as policy is concerned: the nodes whose pods it moves. */
export interface NodesOfWave {
  readonly id: string;
  readonly nodes: readonly string[];
}

/** How many pods of each class are on which side when a wave is done. */
export interface WavePods {
  /** How many waves. */
  readonly waves: number;
  /** Adds, for each wave, the pairs of pods of two classes (or of one class and one other end) that a row speaks of. */
  readonly addPairs: (
    sums: Float64Array,
    row: MixedRow,
    source: number | undefined,
    destination: number | undefined,
  ) => void;
}

/** Counts by the nodes that pods run on in the inventory; a pod without a node, or on one that no wave takes, stays old. */
export function countPodsPerWave(classes: readonly MixedClass[], waves: readonly NodesOfWave[]): WavePods {
  const waveOf = new Map(waves.flatMap(({ nodes }, wave) => nodes.map((node) => [node, wave] as const)));
  const young = classes.map(({ pods }) => {
    const counts = new Float64Array(waves.length);
    for (const { node } of pods) {
      const wave = node === undefined ? undefined : waveOf.get(node);
      if (wave === undefined) continue;
      for (let later = wave; later < waves.length; later += 1) counts[later] = (counts[later] ?? 0) + 1;
    }
    return counts;
  });
  const on = (side: "old" | "new", index: number | undefined, wave: number): number => {
    if (index === undefined) return 1;
    const moved = young[index]?.[wave] ?? 0;
    return side === "new" ? moved : (classes[index]?.pods.length ?? 0) - moved;
  };
  return {
    waves: waves.length,
    addPairs: (sums, row, source, destination) => {
      const [from, to] = row.split("-to-") as ["old" | "new", "old" | "new"];
      for (let wave = 0; wave < sums.length; wave += 1) {
        const pairs = on(from, source, wave) * on(to, destination, wave);
        const self = source !== undefined && source === destination && from === to ? on(from, source, wave) : 0;
        sums[wave] = (sums[wave] ?? 0) + pairs - self;
      }
    },
  };
}
