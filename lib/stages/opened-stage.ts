import { getArray, isJsonObject, type JsonObject } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { parseOwnYaml } from "../core/yaml.ts";
import {
  bodyDigest,
  carriedDigest,
  carriedPreviousDigest,
  fillDigests,
  fillObject,
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
  /** The files that its kustomization.yaml lists, and that of its way back. */
  readonly objects: readonly string[];
  readonly undo: readonly string[];
}

/**
 * Reads an opened stage from the files of its directory; `undefined` where they are not what was once written (no digest, another
 * digest than that of the files, a listed file that is not there): then the stage is rendered anew, and the merge gate tells.
 */
export function openedStageOf(id: string, files: ReadonlyMap<string, string>): OpenedStage | undefined {
  const texts = new Map([...files].filter(([path]) => isBodyFile(path)));
  const digest = carriedDigest(texts);
  const previousDigest = carriedPreviousDigest(texts);
  if (digest === undefined || bodyDigest(texts, { digest, previous: previousDigest }) !== digest) return undefined;
  const objects = listedFiles(texts, "");
  const undo = texts.has("undo/kustomization.yaml") ? listedFiles(texts, "undo/") : [];
  const attempt = attemptOf(objects ?? []);
  if (objects === undefined || undo === undefined || attempt === undefined) return undefined;
  return { id, attempt, digest, ...(previousDigest !== undefined && { previousDigest }), texts, objects, undo };
}

function listedFiles(texts: ReadonlyMap<string, string>, folder: string): readonly string[] | undefined {
  const names = getArray(parsed(texts.get(`${folder}kustomization.yaml`)), "resources");
  const files = names.filter((file): file is string => typeof file === "string" && texts.has(`${folder}${file}`));
  return files.length === names.length ? files : undefined;
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

/** The number at the end of the Job's name: `20-job-gate-030-policies-a2.yaml`. */
function attemptOf(files: readonly string[]): number | undefined {
  const found = files.map((file) => /^\d+-job-.*-a(\d+)\.yaml$/u.exec(file)?.[1]).find((one) => one !== undefined);
  return found === undefined ? undefined : Number(found);
}

/**
 * Seals a stage with the body that was opened; `today` is the body that would be rendered now, with its placeholders. `undefined`
 * where an object of the body cannot be read.
 */
export function sealOpened(
  draft: StageDraft,
  opened: OpenedStage,
  previous: PreviousStage | undefined,
  today: ReadonlyMap<string, string>,
): SealedStage | undefined {
  const { digest, texts } = opened;
  const gate = opened.previousDigest ?? previous?.digest;
  const drift = driftOf(opened, today);
  const objects = objectsOf(opened, "", draft.objects, drift);
  const undo = objectsOf(opened, "undo/", draft.undo, drift);
  if (objects === undefined || undo === undefined) return undefined;
  const listed = new Set([
    ...opened.objects,
    ...opened.undo.map((file) => `undo/${file}`),
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

/** The objects of the body: today's where their text has not changed, which spares reading it, else as the text says. */
function objectsOf(
  opened: OpenedStage,
  folder: "" | "undo/",
  today: readonly StageObject[],
  drift: readonly string[],
): readonly StageObject[] | undefined {
  const drifted = new Set(drift);
  const known = new Map(today.map((entry) => [entry.file, entry]));
  const digests = { digest: opened.digest, previous: opened.previousDigest };
  const objects: StageObject[] = [];
  for (const file of folder === "" ? opened.objects : opened.undo) {
    const same = drifted.has(folder + file) ? undefined : known.get(file);
    const object = same === undefined ? parsed(opened.texts.get(folder + file)) : fillObject(same.object, digests);
    if (object === undefined) return undefined;
    objects.push({ file, object });
  }
  return objects;
}

function driftOf(opened: OpenedStage, today: ReadonlyMap<string, string>): readonly string[] {
  const filled = fillDigests(today, { digest: opened.digest });
  const neutral = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : withPlaceholders(text, { digest: opened.digest, previous: opened.previousDigest });
  return sortedUnique([...opened.texts.keys(), ...filled.keys()]).filter(
    (path) => neutral(opened.texts.get(path)) !== neutral(filled.get(path)),
  );
}
