import type { Plan } from "../../plan/plan.ts";
import { migrationName, repositoryPath } from "../layout.ts";
import { type Command, shellWord } from "./command.ts";
import type { EngineName } from "./watch-commands.ts";

/** The commands that a person types once before the first stage is opened, so that an engine looks at the repository. */
export function bootstrapCommands(engine: EngineName, plan: Plan): readonly Command[] {
  if (engine === "kubectl") return [];
  const folder = shellWord(repositoryPath(plan, `${plan.name}/${engine}/bootstrap`));
  const what =
    engine === "argocd"
      ? "the two projects and the root Application"
      : "the rights that Flux applies stages with, the source and the root Kustomization";
  return [
    {
      command: `kubectl apply --server-side --field-manager=${migrationName} -k ${folder}`,
      why: `${what}; nothing is applied to the cluster's network before a stage is opened`,
    },
  ];
}
