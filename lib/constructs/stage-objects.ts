import { Construct } from "constructs";
import type { StageObject } from "../stages/stage.ts";
import { Manifest } from "./manifest.ts";

/** Objects that belong together, and where their files go. */
export interface StageObjectsProps {
  /** Directory below the output folder: `kind-canal/stages/100-canary`. */
  readonly folder: string;
  readonly objects: readonly StageObject[];
  /** Texts by file name where the caller has rendered them already. @default rendered when emitted */
  readonly texts?: ReadonlyMap<string, string>;
}

/** A group of Kubernetes objects, each with a file of its own. */
export class StageObjects extends Construct {
  /** In the order of their files. */
  readonly manifests: readonly Manifest[];

  constructor(scope: Construct, id: string, props: StageObjectsProps) {
    super(scope, id);
    this.manifests = props.objects.map((entry) => {
      const text = props.texts?.get(entry.file);
      return new Manifest(this, {
        path: `${props.folder}/${entry.file}`,
        object: entry.object,
        ...(entry.comment !== undefined && { comment: entry.comment }),
        ...(text !== undefined && { text }),
      });
    });
  }
}

/** One node batch: the CiliumNodeConfig that switches its nodes to Cilium at their agent's next start. */
export class NodeBatch extends StageObjects {}

/** What rolls a node batch: the Job, its service account and its rights, nothing else's. */
export class NodeRoll extends StageObjects {}

/** What keeps old and new pods talking, under policy, while both networks run. */
export class Bridge extends StageObjects {}

/** The Cilium policies that the source's policies became, one file each. */
export class TranslatedPolicies extends StageObjects {}
