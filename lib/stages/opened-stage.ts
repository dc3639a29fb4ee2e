import { getArray, getString, isJsonObject, type JsonObject } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { parseOwnYaml } from "../core/yaml.ts";
import {
  bodyDigest,
  carriedDigest,
  carriedPreviousDigest,
  fillDigests,
  isBodyFile,
  withPlaceholders,
} from "./body-digest.ts";
import type { PreviousStage, SealedStage, StageDraft } from "./seal-stages.ts";
import type { StageObject } from "./stage.ts";

/**
 * The body of a stage as it was opened, read from the tree that was rendered before.
 *
 * What was opened was reviewed, and the cluster's markers carry its digest: so it keeps its bytes whatever the inventory, the plan
 * or the version of metachron say today, and gates after it name a digest that is there.
 */
export interface OpenedStage {
  readonly id: string;
  readonly attempt: number;
  readonly digest: string;
  /** Digest of the stage before, as the stage's gate names it; absent for the first stage. */
  readonly previousDigest?: string;
  /** Path below the stage's directory to text: all that is part of the body. */
  readonly texts: ReadonlyMap<string, string>;
  readonly objects: readonly StageObject[];
  readonly undo: readonly StageObject[];
}

/**
 * Reads an opened stage from the files of its directory; `undefined` where they are not what was once written (no digest, another
 * digest than that of the files, an object that cannot be read): then the stage is rendered anew, and the merge gate tells.
 */
export function openedStageOf(id: string, files: ReadonlyMap<string, string>): OpenedStage | undefined {
  const texts = new Map([...files].filter(([path]) => isBodyFile(path)));
  const digest = carriedDigest(texts);
  const previousDigest = carriedPreviousDigest(texts);
  if (digest === undefined || bodyDigest(texts, { digest, previous: previousDigest }) !== digest) return undefined;
  const objects = listedObjects(texts, "");
  const undo = texts.has("undo/kustomization.yaml") ? listedObjects(texts, "undo/") : [];
  const attempt = attemptOf(objects ?? []);
  if (objects === undefined || undo === undefined || attempt === undefined) return undefined;
  return { id, attempt, digest, ...(previousDigest !== undefined && { previousDigest }), texts, objects, undo };
}

function listedObjects(texts: ReadonlyMap<string, string>, folder: string): readonly StageObject[] | undefined {
  const names = getArray(parsed(texts.get(`${folder}kustomization.yaml`)), "resources");
  const objects: StageObject[] = [];
  for (const file of names) {
    if (typeof file !== "string") return undefined;
    const object = parsed(texts.get(`${folder}${file}`));
    if (object === undefined) return undefined;
    objects.push({ file, object });
  }
  return objects;
}

function parsed(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined;
  try {
    const value = parseOwnYaml(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The number at the end of the Job's name: `gate-030-policies-a2`. */
function attemptOf(objects: readonly StageObject[]): number | undefined {
  const job = objects.find((entry) => entry.object["kind"] === "Job")?.object;
  const found = /-a(\d+)$/u.exec(getString(job, "metadata", "name") ?? "")?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Seals a stage with the body that was opened; `today` is the body that would be rendered now, with its placeholders. */
export function sealOpened(
  draft: StageDraft,
  opened: OpenedStage,
  previous: PreviousStage | undefined,
  today: ReadonlyMap<string, string>,
): SealedStage {
  const { digest, texts, objects, undo } = opened;
  const gate = opened.previousDigest ?? previous?.digest;
  const drift = driftOf(opened, today);
  const listed = new Set([
    ...objects.map((entry) => entry.file),
    ...undo.map((entry) => `undo/${entry.file}`),
    "kustomization.yaml",
    "undo/kustomization.yaml",
  ]);
  return {
    ...draft,
    objects,
    undo,
    files: [...texts].filter(([path]) => !listed.has(path)).map(([file, text]) => ({ file, text })),
    digest,
    ...(previous !== undefined && gate !== undefined && { previous: { id: previous.id, digest: gate } }),
    texts,
    ...(drift.length > 0 && { drift }),
  };
}

function driftOf(opened: OpenedStage, today: ReadonlyMap<string, string>): readonly string[] {
  const filled = fillDigests(today, { digest: opened.digest });
  const neutral = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : withPlaceholders(text, { digest: opened.digest, previous: opened.previousDigest });
  return sortedUnique([...opened.texts.keys(), ...filled.keys()]).filter(
    (path) => neutral(opened.texts.get(path)) !== neutral(filled.get(path)),
  );
}
