import type { ProofDifference } from "../prove/proof.ts";

/** From where to where, by side: `old` is on the source, `new` has moved. Nodes and the outside go with the pod they speak to. */
export type MixedRow = "old-to-old" | "new-to-new" | "old-to-new" | "new-to-old";

/**
 * Packets that the mixed phase decides otherwise than before. `before` and `after` are the decisions of the half that
 * makes the difference, before the move and while both networks run; `half` says at which end: the one that denies.
 */
export interface MixedDifference extends ProofDifference {
  readonly row: MixedRow;
  /** Where the two pods run, when it matters: without and with node rules a neighbour looks different from a distant pod. */
  readonly place?: "same node" | "other node";
}

/** Pairs of pods and kinds of packet that are decided otherwise once a wave is done, and before the next one starts. */
export interface WaveExposure {
  /** Stage id of the wave. */
  readonly wave: string;
  /** Pods on each side when it is done, as they are placed in the inventory. */
  readonly pods: { readonly old: number; readonly new: number };
  readonly rows: readonly { readonly row: MixedRow; readonly opened: number; readonly closed: number }[];
}

/** What the four rows of the mixed phase decide, compared with before. */
export interface MixedProof {
  /** No packet is decided otherwise in any row, and nothing was left out for its size. */
  readonly equal: boolean;
  /** Pairs of ends compared, each once for every row and place. */
  readonly flows: number;
  readonly rows: readonly { readonly row: MixedRow; readonly flows: number; readonly differences: number }[];
  /** Opened before closed, then the most flows. */
  readonly differences: readonly MixedDifference[];
  /** Whether the source has an engine that decides; without one everything was open before, so that nothing can open. */
  readonly isPolicyEnforcedBefore: boolean;
  readonly classes: number;
  /** One for each wave asked about, in their order; empty when nothing differs. */
  readonly waves: readonly WaveExposure[];
  /** Set when the cluster was too large to be compared whole: nothing is claimed. */
  readonly isTruncated?: boolean;
}
