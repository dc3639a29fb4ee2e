import type { JsonObject } from "../core/json.ts";

/** A file that an engine reads: one Kubernetes object, with a comment above it that says why it is as it is. */
export interface DeliveryObjectFile {
  /** Relative to the output folder, forward slashes: `kind-canal/argocd/apps/100-canary.yaml`. */
  readonly path: string;
  readonly object: JsonObject;
  readonly comment?: string;
}

/** A file beside them that is no object. */
interface DeliveryTextFile {
  readonly path: string;
  readonly text: string;
}

/** A file of `argocd/` or `flux/`. */
export type DeliveryFile = DeliveryObjectFile | DeliveryTextFile;
