import type { Plan } from "../../plan/plan.ts";
import type { DeliveryFile } from "../delivery-file.ts";
import { denyWindowCommand } from "../kubectl/stop-commands.ts";
import { kustomizationFile } from "../kustomization-file.ts";
import { migrationName, repositoryPath } from "../layout.ts";
import { argocdObject, inClusterServer } from "./argocd-object.ts";
import { migrationProject, type ProjectScope, rootProject, rootProjectName } from "./projects.ts";

/**
 * What a person applies once: both projects and the root Application, which applies `argocd/apps` and is the only one that
 * follows the branch. It restores Applications that somebody changes or deletes; it prunes none.
 */
export function argocdBootstrap(scope: ProjectScope): readonly DeliveryFile[] {
  const folder = `${scope.plan.name}/argocd/bootstrap`;
  const files = [
    {
      path: `${folder}/10-appproject-${migrationName}.yaml`,
      object: migrationProject(scope),
      comment: projectComment(scope.plan),
    },
    { path: `${folder}/11-appproject-${rootProjectName}.yaml`, object: rootProject(scope.plan) },
    {
      path: `${folder}/20-application-${rootProjectName}.yaml`,
      object: rootApplication(scope.plan),
      comment: rootComment,
    },
  ];
  return [...files, kustomizationFile(folder, files), appsReadme(scope.plan)];
}

function projectComment(plan: Plan): string {
  return `To stop everything, give this project a deny window (no Application manages it, so the window stays):
${denyWindowCommand(plan)}
A Job that already runs is not cut by a window.`;
}

const rootComment =
  "Applies the Applications of argocd/apps and restores them when they are changed by hand. Apply once, as a person.";

function rootApplication(plan: Plan): ReturnType<typeof argocdObject> {
  const { repoURL, revision, argocd } = plan.spec.delivery;
  return argocdObject(plan, "Application", rootProjectName, {
    project: rootProjectName,
    source: {
      repoURL,
      targetRevision: revision,
      path: repositoryPath(plan, `${plan.name}/argocd/apps`),
      directory: { recurse: false },
    },
    destination: { server: inClusterServer, namespace: argocd.namespace },
    syncPolicy: {
      automated: { enabled: true, prune: false, selfHeal: true, allowEmpty: false },
      syncOptions: ["ServerSideApply=true", "Prune=false"],
      retry: { limit: 3, refresh: true, backoff: { duration: "30s", factor: 2, maxDuration: "2m" } },
    },
  });
}

/** git keeps no empty directory, and an Application whose path does not exist is an error: this file keeps it there. */
function appsReadme(plan: Plan): DeliveryFile {
  const text = `# Applications of migration ${plan.name}

One file for each stage that was ever opened, and \`cilium.yaml\` once the chart is installed. A stage without a file here
is not applied by Argo CD. Written by metachron; changed by changing a stage's state in the plan file.
`;
  return { path: `${plan.name}/argocd/apps/README.md`, text };
}
