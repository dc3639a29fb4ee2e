import type { DeliveryFile } from "../delivery-file.ts";
import { engineMode } from "../engine-mode.ts";
import type { ReleaseInForce } from "../release-in-force.ts";
import { ciliumApplication } from "./cilium-application.ts";
import { healthChecks } from "./health-checks.ts";
import type { ProjectScope } from "./projects.ts";
import { argocdBootstrap } from "./root-application.ts";
import { stageApplication } from "./stage-application.ts";

/** Every file of `argocd/`: what a person applies once, and one Application for each stage that was opened. */
export function argocdFiles(scope: ProjectScope, inForce: ReleaseInForce | undefined): readonly DeliveryFile[] {
  return [
    ...argocdBootstrap(scope),
    healthChecks(
      scope.plan,
      scope.stages.flatMap((stage) => stage.health),
    ),
    ...(inForce === undefined ? [] : [ciliumApplication(scope.plan, inForce)]),
    ...scope.stages.flatMap((stage, at) => {
      const mode = engineMode(scope.plan, stage.id, scope.stages[at + 1]?.id);
      return mode.isPresent ? [stageApplication(scope.plan, stage, mode)] : [];
    }),
  ];
}
