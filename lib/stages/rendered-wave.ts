import { getArray, getString, isJsonObject } from "../core/json.ts";
import { parseOwnYaml } from "../core/yaml.ts";
import type { RenderedWave } from "../waves/waves.ts";
import { nodeNamesAnnotation, waveRuleAnnotation } from "./wave-stage.ts";

/**
 * A wave as its CiliumNodeConfig tells it: which nodes it has, and by which rule. `undefined` for a text that is none of
 * ours, a broken one included: the next synth then plans that wave anew, and the writer tells that the file was edited.
 */
export function renderedWaveOf(id: string, text: string): RenderedWave | undefined {
  let object: ReturnType<typeof parseOwnYaml>;
  try {
    object = parseOwnYaml(text);
  } catch {
    return undefined;
  }
  const [term] = getArray(object, "spec", "nodeSelector", "matchExpressions");
  if (getString(object, "kind") !== "CiliumNodeConfig" || getString(term, "operator") !== "In") return undefined;
  const hostnames = getArray(term, "values").filter((value): value is string => typeof value === "string");
  const rule = getString(object, "metadata", "annotations", waveRuleAnnotation);
  const names = namesOf(getString(object, "metadata", "annotations", nodeNamesAnnotation));
  return { id, hostnames, ...(rule !== undefined && { rule }), ...(names !== undefined && { names }) };
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
