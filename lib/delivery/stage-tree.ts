import type { FileTree } from "../core/file-tree.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { parseOwnYaml } from "../core/yaml.ts";
import {
  bodyDigest,
  carriedDigest,
  carriedPreviousDigest,
  isBodyFile,
  withPlaceholders,
} from "../stages/body-digest.ts";
import { compareStageIds, placeOf } from "./layout.ts";

/** A stage as it lies in a rendered tree. */
export interface TreeStage {
  readonly id: string;
  /** Files of the body by path below the stage's directory. */
  readonly body: ReadonlyMap<string, string>;
  /** The digest that its objects carry; computed over the files where no object carries one. */
  readonly digest: string;
  /** Digest of the stage before as it is now, `undefined` for the first. */
  readonly previousDigest: string | undefined;
  /** Digest of the stage before as this stage's gate names it: another one where that stage was applied again since. */
  readonly gateDigest: string | undefined;
}

/** Every stage of a tree in its order. */
export function readStages(tree: FileTree): ReadonlyMap<string, TreeStage> {
  const bodies = new Map<string, Map<string, string>>();
  for (const [path, text] of tree) {
    const place = placeOf(path);
    if (place.area !== "stage" || !isBodyFile(place.file)) continue;
    const body = bodies.get(place.stageId) ?? new Map<string, string>();
    bodies.set(place.stageId, body.set(place.file, text));
  }
  const stages = new Map<string, TreeStage>();
  let previousDigest: string | undefined;
  for (const [id, body] of [...bodies].sort(([a], [b]) => compareStageIds(a, b))) {
    const digest = carriedDigest(body) ?? bodyDigest(body, { previous: previousDigest });
    stages.set(id, { id, body, digest, previousDigest, gateDigest: carriedPreviousDigest(body) ?? previousDigest });
    previousDigest = digest;
  }
  return stages;
}

/**
 * Whether a stage's digest is the digest of its files. The digest of the stage before may have been hashed as it stands or as
 * its placeholder. `isPast`: the stage's gate was passed, so it may name a digest that the stage before has no more.
 */
export function hasTrueDigest(stage: TreeStage, isPast: boolean): boolean {
  const { body, digest } = stage;
  const previous = isPast ? stage.gateDigest : stage.previousDigest;
  return bodyDigest(body, { digest, previous }) === digest || bodyDigest(body, { digest }) === digest;
}

/** A stage's files with digests written as placeholders: what two versions of a stage are compared by. */
export function neutralBody(stage: TreeStage): ReadonlyMap<string, string> {
  return new Map([...stage.body.keys()].map((file) => [file, neutralText(stage, file) ?? ""]));
}

/** One file of `neutralBody`; `undefined` where the stage has no such file. */
export function neutralText(stage: TreeStage, file: string): string | undefined {
  const text = stage.body.get(file);
  return text === undefined ? undefined : withPlaceholders(text, { digest: stage.digest, previous: stage.gateDigest });
}

/** An object from a file that we once wrote; `undefined` when somebody made it something else. */
export function tryParseObject(text: string): JsonObject | undefined {
  try {
    const parsed = parseOwnYaml(text);
    return isJsonObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
