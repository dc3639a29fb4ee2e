import type { Plan } from "../../plan/plan.ts";
import type { HelmRelease, Stage } from "../../stages/stage.ts";
import { migrationName, repositoryPath, stageFolder } from "../layout.ts";
import { type Command, shellWord } from "./command.ts";

/**
 * The commands that apply a stage without an engine, in their order: helm where the stage changes the release, then
 * `kubectl diff` and `kubectl apply`.
 *
 * Server-side with the field manager `metachron`: last-applied annotations would bloat Jobs and policies, and Flux, should
 * it take over later, strips the fields of managers whose names begin with `kubectl`. Never `--prune`, never `delete -k`.
 */
export function kubectlCommands(plan: Plan, stage: Stage, release?: HelmRelease): readonly Command[] {
  const folder = shellWord(repositoryPath(plan, stageFolder(plan.name, stage.id)));
  const helm = release === undefined ? [] : [helmCommand(plan, stage, release)];
  return stage.objects.length === 0 ? helm : [...helm, ...applyCommands(folder)];
}

/** The commands that roll a stage back without an engine; empty where a stage has nothing to undo. */
export function kubectlUndoCommands(plan: Plan, stage: Stage): readonly Command[] {
  if (stage.undo.length === 0) return [];
  return applyCommands(shellWord(repositoryPath(plan, `${stageFolder(plan.name, stage.id)}/undo`)));
}

function applyCommands(folder: string): readonly Command[] {
  const options = `--server-side --field-manager=${migrationName}`;
  return [
    { command: `kubectl diff ${options} -k ${folder}`, why: "shows what would change; exit code 1 means differences" },
    { command: `kubectl apply ${options} -k ${folder}`, why: "applies it, in the order of the files" },
  ];
}

/** helm is told to wait for nothing and to roll nothing back: a wait that runs out must never remove a CNI. */
function helmCommand(plan: Plan, stage: Stage, release: HelmRelease): Command {
  const { source, repository, name, version } = release.chart;
  const registry = repository.replace(/^oci:\/\//u, "").replace(/\/$/u, "");
  const chart =
    source === "https" ? `${shellWord(name)} --repo ${shellWord(repository)}` : shellWord(`oci://${registry}/${name}`);
  const values = shellWord(repositoryPath(plan, `${stageFolder(plan.name, stage.id)}/values.yaml`));
  return {
    command: `helm upgrade --install ${shellWord(release.releaseName)} ${chart} --version ${shellWord(version)} --namespace ${shellWord(release.namespace)} --values ${values}`,
    why: "installs the chart, or changes its values to those of this stage",
  };
}
