import { getArray, getString, isJsonObject } from "../core/json.ts";
import { parseOwnYaml } from "../core/yaml.ts";
import type { Plan } from "../plan/plan.ts";
import { newNodesConfigName } from "../target/node-config.ts";
import type { RenderedWave } from "../waves/waves.ts";
import { type OpenedStage, openedStageOf } from "./opened-stage.ts";
import { nodeNamesAnnotation, waveRuleAnnotation } from "./wave-stage.ts";

/** The catch-all for nodes that join, as it stands in the output that was rendered before. */
export interface RenderedCatchAll {
  /** Stage id. */
  readonly id: string;
  /** Hostnames that it leaves out: the nodes that were known when it was rendered. */
  readonly knownHostnames: readonly string[];
}

/** What the next synth must know of the tree that was rendered before. */
export interface RenderedStages {
  /** In the order of their ids. */
  readonly waves: readonly RenderedWave[];
  readonly catchAll?: RenderedCatchAll;
  /** Bodies of stages that the plan has opened, by id. */
  readonly opened: ReadonlyMap<string, OpenedStage>;
}

/** No tree was rendered before. */
export const nothingRendered: RenderedStages = { waves: [], opened: new Map() };

/**
 * Reads what was rendered before: waves and the catch-all from their CiliumNodeConfigs, and whole bodies of stages that were
 * opened. `stages` has the files of each stage by path below its directory, in the order of the ids; of stages that are held the
 * CiliumNodeConfig is enough. Texts that are none of ours, broken ones included, are left out: the next synth plans that wave
 * anew, and the writer tells that the file was edited.
 */
export function renderedStagesOf(
  plan: Plan,
  stages: Iterable<readonly [id: string, files: ReadonlyMap<string, string>]>,
): RenderedStages {
  const waves: RenderedWave[] = [];
  const opened = new Map<string, OpenedStage>();
  let catchAll: RenderedCatchAll | undefined;
  for (const [id, files] of stages) {
    const config = [...files].find(([path]) => isNodeConfigFile(path))?.[1];
    const found = config === undefined ? undefined : nodesOf(id, config);
    if (found !== undefined && "knownHostnames" in found) catchAll = found;
    else if (found !== undefined) waves.push(found);
    const body = isOpened(plan, id) ? openedStageOf(id, files) : undefined;
    if (body !== undefined) opened.set(id, body);
  }
  return { waves, opened, ...(catchAll !== undefined && { catchAll }) };
}

/** Whether a path below a stage's directory is that of its CiliumNodeConfig. */
export function isNodeConfigFile(path: string): boolean {
  return /^10-ciliumnodeconfig-[^/]*\.yaml$/u.test(path);
}

/** Whether the plan has opened a stage and not taken it back whole. */
export function isOpened(plan: Plan, id: string): boolean {
  return (plan.stages[id]?.state ?? "held") !== "held";
}

function nodesOf(id: string, text: string): RenderedWave | RenderedCatchAll | undefined {
  const object = parse(text);
  if (getString(object, "kind") !== "CiliumNodeConfig") return undefined;
  const [term] = getArray(object, "spec", "nodeSelector", "matchExpressions");
  const hostnames = getArray(term, "values").filter((value): value is string => typeof value === "string");
  const operator = getString(term, "operator");
  if (operator === "NotIn" && getString(object, "metadata", "name") === newNodesConfigName)
    return { id, knownHostnames: hostnames };
  if (operator !== "In") return undefined;
  const rule = getString(object, "metadata", "annotations", waveRuleAnnotation);
  const names = namesOf(getString(object, "metadata", "annotations", nodeNamesAnnotation));
  return { id, hostnames, ...(rule !== undefined && { rule }), ...(names !== undefined && { names }) };
}

function parse(text: string): ReturnType<typeof parseOwnYaml> | undefined {
  try {
    return parseOwnYaml(text);
  } catch {
    return undefined;
  }
}

function namesOf(text: string | undefined): Readonly<Record<string, string>> | undefined {
  if (text === undefined) return undefined;
  try {
    const names: unknown = JSON.parse(text);
    if (!isJsonObject(names)) return undefined;
    return Object.fromEntries(
      Object.entries(names).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  } catch {
    return undefined;
  }
}
