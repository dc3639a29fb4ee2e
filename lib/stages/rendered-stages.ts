import { getArray, getString, isJsonObject } from "../core/json.ts";
import { parseOwnYaml } from "../core/yaml.ts";
import { newNodesConfigName } from "../target/node-config.ts";
import type { RenderedWave } from "../waves/waves.ts";
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
}

/** No tree was rendered before. */
export const nothingRendered: RenderedStages = { waves: [] };

/**
 * Reads waves and the catch-all from CiliumNodeConfigs, given as stage id and text. Texts that are none of ours, broken ones
 * included, are left out: the next synth then plans that wave anew, and the writer tells that the file was edited.
 */
export function renderedStagesOf(texts: Iterable<readonly [id: string, text: string]>): RenderedStages {
  const waves: RenderedWave[] = [];
  let catchAll: RenderedCatchAll | undefined;
  for (const [id, text] of texts) {
    const object = parse(text);
    if (getString(object, "kind") !== "CiliumNodeConfig") continue;
    const [term] = getArray(object, "spec", "nodeSelector", "matchExpressions");
    const hostnames = getArray(term, "values").filter((value): value is string => typeof value === "string");
    const operator = getString(term, "operator");
    if (operator === "NotIn" && getString(object, "metadata", "name") === newNodesConfigName) {
      catchAll = { id, knownHostnames: hostnames };
    }
    if (operator !== "In") continue;
    const rule = getString(object, "metadata", "annotations", waveRuleAnnotation);
    const names = namesOf(getString(object, "metadata", "annotations", nodeNamesAnnotation));
    waves.push({ id, hostnames, ...(rule !== undefined && { rule }), ...(names !== undefined && { names }) });
  }
  return { waves, ...(catchAll !== undefined && { catchAll }) };
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
