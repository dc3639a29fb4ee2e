import { Chart } from "cdk8s";
import type { Construct } from "constructs";

const brand: unique symbol = Symbol.for("metachron.StageChart");

/** Where a stage's files go and which digest they were sealed with. */
export interface StageChartProps {
  /** Directory name of the stage: `100-canary`. */
  readonly stageId: string;
  /** Directory below the output folder: `kind-canal/stages/100-canary`. */
  readonly folder: string;
  /** Body digest that the stage's objects carry. */
  readonly digest: string;
  /** Body digest of the stage before, which the gate names. @default none */
  readonly previousDigest?: string;
}

/** One stage: a directory of manifests that is applied at once. */
export class StageChart extends Chart {
  /** Whether a construct is a StageChart, also one of another copy of this package. */
  static isStageChart(value: unknown): value is StageChart {
    return typeof value === "object" && value !== null && brand in value;
  }

  readonly stageId: string;
  readonly folder: string;
  readonly digest: string;
  readonly previousDigest: string | undefined;

  constructor(scope: Construct, props: StageChartProps) {
    // A letter in front: cdk8s sorts ids that look like numbers before all others.
    super(scope, `s${props.stageId}`);
    Object.defineProperty(this, brand, { value: true });
    this.stageId = props.stageId;
    this.folder = props.folder;
    this.digest = props.digest;
    this.previousDigest = props.previousDigest;
  }
}
