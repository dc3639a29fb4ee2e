import { Construct } from "constructs";

const brand: unique symbol = Symbol.for("metachron.FileAsset");

/** What a file of the output is made of. */
export interface FileAssetProps {
  /** Path below the output folder, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** A file of the output that is no Kubernetes object: `values.yaml`, `STAGE.md`, `kustomization.yaml`. */
export class FileAsset extends Construct {
  /** Whether a construct is a FileAsset, also one of another copy of this package. */
  static isFileAsset(value: unknown): value is FileAsset {
    return typeof value === "object" && value !== null && brand in value;
  }

  readonly path: string;
  readonly text: string;

  constructor(scope: Construct, id: string, props: FileAssetProps) {
    super(scope, id);
    Object.defineProperty(this, brand, { value: true });
    this.path = props.path;
    this.text = props.text;
  }
}
