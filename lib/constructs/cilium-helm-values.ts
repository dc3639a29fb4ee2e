import type { Construct } from "constructs";
import type { CiliumValues } from "../target/target.ts";
import { FileAsset } from "./file-asset.ts";

/** Which values, and where their file goes. */
export interface CiliumHelmValuesProps {
  /** Directory below the output folder. */
  readonly folder: string;
  readonly values: CiliumValues;
}

/** The Helm values of one phase, each with its reason as a comment. */
export class CiliumHelmValues extends FileAsset {
  readonly values: CiliumValues;

  constructor(scope: Construct, id: string, props: CiliumHelmValuesProps) {
    super(scope, id, { path: `${props.folder}/values.yaml`, text: props.values.text });
    this.values = props.values;
  }
}
