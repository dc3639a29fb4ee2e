import { identityOf, printIdentity } from "../core/identity.ts";
import { getStringMap, type JsonObject } from "../core/json.ts";
import { parseOwnYaml, renderYaml } from "../core/yaml.ts";
import type { RawObject } from "../inventory/inventory.ts";

/**
 * Objects as somebody who reads the emitted files would get them: rendered to YAML and parsed again. What is proven is the
 * text that is written, not the translator's own values.
 */
export function readBack(objects: readonly JsonObject[]): readonly RawObject[] {
  return objects.map((object) => {
    const parsed = parseOwnYaml(renderYaml(object));
    const identity = identityOf(parsed);
    return {
      ...identity,
      labels: getStringMap(parsed, "metadata", "labels"),
      annotations: getStringMap(parsed, "metadata", "annotations"),
      position: { file: `emitted ${printIdentity(identity)}` },
      object: parsed,
    };
  });
}
