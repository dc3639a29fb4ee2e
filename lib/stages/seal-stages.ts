import { compareText } from "../core/order.ts";
import { renderYaml } from "../core/yaml.ts";
import { bodyDigest, type FilledDigests, fillDigests, fillObject } from "./body-digest.ts";
import { kustomizationOf } from "./kustomization.ts";
import { type OpenedStage, sealOpened } from "./opened-stage.ts";
import type { Stage, StageObject } from "./stage.ts";

/** The stage before, as the next one's gate names it. */
export interface PreviousStage {
  readonly id: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
}

/** A stage before its digest is known: its objects carry `digestPlaceholder` where the digest will stand, and
 * `previousDigestPlaceholder` where the one of the stage before will. */
export type StageDraft = Omit<Stage, "digest" | "previous">;

/** Makes a stage when the one before it is sealed: a gate names the digest that was reviewed. */
export type StageBuilder = (previous: PreviousStage | undefined) => StageDraft;

/** A stage whose digest is in place, with the texts of its files. */
export interface SealedStage extends Stage {
  /** Path below the stage's directory to text: objects, `undo/` objects, files and both kustomization.yaml; no STAGE.md. */
  readonly texts: ReadonlyMap<string, string>;
  /** Files of an opened stage that would be others were the stage rendered today, sorted; absent where none would. */
  readonly drift?: readonly string[];
}

/**
 * Builds stages in their order, computes each body digest over its own files and puts it in place.
 *
 * The gate of a stage names the digest of the stage before; that line is no part of its own digest (see `bodyDigest`), so
 * a changed stage shows in the one gate after it and nowhere else. A stage that was opened keeps the body it was opened with
 * (`opened`, by id), until its next attempt.
 */
export function sealStages(
  builders: readonly StageBuilder[],
  opened: ReadonlyMap<string, OpenedStage> = new Map(),
): readonly SealedStage[] {
  const sealed: SealedStage[] = [];
  for (const build of builders) {
    const before = sealed.at(-1);
    const previous = before === undefined ? undefined : { id: before.id, digest: before.digest };
    const draft = inFileOrder(build(previous));
    const body = opened.get(draft.id);
    const isKept = draft.state !== "held" && body?.attempt === draft.attempt;
    const kept = isKept ? sealOpened(draft, body, previous, renderBody(draft)) : undefined;
    sealed.push(kept ?? seal(draft, previous));
  }
  return sealed;
}

/** As kustomization.yaml lists them and as an opened stage is read back: a page must not change when nothing else does. */
function inFileOrder(draft: StageDraft): StageDraft {
  const byFile = (a: StageObject, b: StageObject): number => compareText(a.file, b.file);
  return { ...draft, objects: draft.objects.toSorted(byFile), undo: draft.undo.toSorted(byFile) };
}

function seal(draft: StageDraft, previous: PreviousStage | undefined): SealedStage {
  const open = renderBody(draft);
  const digests = { digest: bodyDigest(open), previous: previous?.digest };
  const texts = fillDigests(open, digests);
  const isFilled = (path: string): boolean => texts.get(path) !== open.get(path);
  return {
    ...draft,
    objects: draft.objects.map((entry) => (isFilled(entry.file) ? filled(entry, digests) : entry)),
    undo: draft.undo.map((entry) => (isFilled(`undo/${entry.file}`) ? filled(entry, digests) : entry)),
    digest: digests.digest,
    ...(previous !== undefined && { previous }),
    texts,
  };
}

/** The texts of a stage's files by path below its directory. */
function renderBody(draft: StageDraft): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const entry of draft.objects) files.set(entry.file, renderObject(entry));
  for (const entry of draft.undo) files.set(`undo/${entry.file}`, renderObject(entry));
  for (const file of draft.files) files.set(file.file, file.text);
  if (draft.objects.length > 0)
    files.set("kustomization.yaml", renderKustomization(draft.objects.map((entry) => entry.file)));
  if (draft.undo.length > 0)
    files.set("undo/kustomization.yaml", renderKustomization(draft.undo.map((entry) => entry.file)));
  return files;
}

/** One object's file. */
function renderObject(entry: StageObject): string {
  return renderYaml(entry.object, entry.comment === undefined ? {} : { comment: entry.comment });
}

/** The stage's list of files, in the order of their names: the number in front of a name is its place. */
export function renderKustomization(files: readonly string[]): string {
  return renderYaml(kustomizationOf([...files].sort(compareText)));
}

function filled(entry: StageObject, digests: FilledDigests & { readonly digest: string }): StageObject {
  return { ...entry, object: fillObject(entry.object, digests) };
}
