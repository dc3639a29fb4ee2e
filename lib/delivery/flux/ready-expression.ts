import { digestAnnotation } from "../../core/digest-placeholder.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Stage } from "../../stages/stage.ts";
import { repositoryPath, stageFolder } from "../layout.ts";

/**
 * The CEL expression with which a Kustomization waits for the stage before it.
 *
 * It is true when that stage's Kustomization carries the reviewed digest, points at the stage itself and not at its undo/,
 * is not suspended, has been reconciled at its present generation, and is Ready and Healthy. Where git itself suspends it at
 * the same moment (see `engineMode`), its last verdict counts, because a suspended object gets no new one. While the other
 * object has no status the expression fails to evaluate, which Flux takes for "not yet".
 *
 * Ready is asked for because `readyExpr` replaces Flux's own check (`AdditiveCELDependencyCheck` is off by default); the
 * applied revision is not, because then every commit would apply the whole chain of stages again, link by link.
 * Source: fluxcd/kustomize-controller 1.9, internal/controller checkDependencies; CEL as in fluxcd/pkg/runtime/cel.
 */
export function readyExpression(plan: Plan, previous: Stage, isSuspended: boolean): string {
  const path = `./${repositoryPath(plan, stageFolder(plan.name, previous.id))}`;
  const isTrue = (type: string): string => `dep.status.conditions.exists(c, c.type == '${type}' && c.status == 'True')`;
  return [
    `dep.spec.commonMetadata.annotations['${digestAnnotation}'] == '${previous.digest}'`,
    `dep.spec.path == '${celText(path)}'`,
    ...(isSuspended
      ? ["has(dep.spec.suspend) && dep.spec.suspend"]
      : ["!(has(dep.spec.suspend) && dep.spec.suspend)", "dep.status.observedGeneration == dep.metadata.generation"]),
    isTrue("Ready"),
    isTrue("Healthy"),
  ].join("\n&& ");
}

/** A text inside single quotes in CEL: backslash and quote are written with a backslash. */
function celText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
}
