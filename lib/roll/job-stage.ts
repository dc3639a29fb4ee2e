import type { HelperKind } from "./helper-pods.ts";
import { completionObject, jobObject, type StageRef } from "./job.ts";
import type { JobKind } from "./names.ts";
import { podTemplatesObject } from "./pod-templates.ts";
import { accountObjects, type Rights } from "./rbac.ts";
import { apiServerOf, type RollContext } from "./roll-context.ts";
import type { RollObject } from "./roll-object.ts";
import type { Signal } from "./signals.ts";

/** A stage that a Job carries out, whatever the Job does. */
export interface JobStage {
  readonly kind: JobKind;
  readonly context: RollContext;
  readonly stage: StageRef;
  readonly script: string;
  readonly rights: Rights;
  readonly env: Readonly<Record<string, string>>;
  readonly deadlineSeconds: number;
  readonly helpers: readonly HelperKind[];
  readonly signals?: readonly Signal[];
  /** Files of lines that the script reads: name to lines. */
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  /** Values of `kubernetes.io/hostname` that the Job must not run on. */
  readonly avoidHostnames?: readonly string[];
  /** The stage's own objects, applied before the Job. */
  readonly objects?: readonly RollObject[];
}

/** Rights, pod texts, the stage's own objects, the Job and the completion, in the order in which they are applied. */
export function jobStageObjects(input: JobStage): readonly RollObject[] {
  const { kind, context, stage } = input;
  const apiServer = apiServerOf(context.plan);
  const signals = input.signals ?? [];
  return [
    ...accountObjects(kind, stage.id, input.rights),
    podTemplatesObject(context, kind, stage.id, input.helpers, signals, input.lists),
    ...(input.objects ?? []),
    jobObject({
      kind,
      stage,
      script: input.script,
      image: context.plan.spec.roll.image,
      env: { ...input.env, SIGNALS: signals.map((signal) => signal.name).join(" ") },
      deadlineSeconds: input.deadlineSeconds,
      avoidHostnames: input.avoidHostnames ?? [],
      ...(apiServer !== undefined && { apiServer }),
    }),
    completionObject(kind, stage),
  ];
}
