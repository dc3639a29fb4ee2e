import { type FieldChange, fieldChanges } from "../core/field-changes.ts";
import { apiGroup, identityOf, printIdentity } from "../core/identity.ts";
import { getString, type JsonObject } from "../core/json.ts";
import { byAll, byText, compareText } from "../core/order.ts";
import { compareStageIds, placeOf } from "../delivery/layout.ts";
import { neutralText, tryParseObject } from "../delivery/stage-tree.ts";
import type { FileDiff, ObjectDiff } from "./diff.ts";
import type { DiffSide } from "./diff-sides.ts";

interface FoundObject {
  readonly path: string;
  readonly stage: string | undefined;
  readonly object: JsonObject;
}

const policyGroups: ReadonlySet<string> = new Set([
  "cilium.io",
  "crd.projectcalico.org",
  "networking.k8s.io",
  "policy.networking.k8s.io",
  "projectcalico.org",
]);

/**
 * The objects in the files that differ, matched by kind, namespace and name; a Job of the next attempt is matched with the
 * Job that it follows. Files that hold no Kubernetes object (pages, values, kustomization.yaml) are left out, and objects of
 * stages that differ in digests alone.
 */
export function diffObjects(files: readonly FileDiff[], before: DiffSide, after: DiffSide): readonly ObjectDiff[] {
  const old = objectsOf(files, before, after);
  const young = objectsOf(files, after, before);
  const diffs: ObjectDiff[] = [];
  const matched = new Set<FoundObject>();
  const gone = new Map([...old].filter(([key]) => !young.has(key)).map(([key, found]) => [withoutAttempt(key), found]));
  for (const [key, found] of young) {
    const former = old.get(key) ?? gone.get(withoutAttempt(key));
    if (former !== undefined) matched.add(former);
    diffs.push(former === undefined ? alone(found, "added") : compared(former, found));
  }
  for (const found of old.values()) if (!matched.has(found)) diffs.push(alone(found, "removed"));
  return diffs.sort(compareDiffs);
}

const compareDiffs = byAll<ObjectDiff>(
  (a, b) => compareStageIds(a.stage ?? "", b.stage ?? ""),
  byText((diff) => diff.file),
  (a, b) => compareText(a.object, b.object),
);

function objectsOf(files: readonly FileDiff[], side: DiffSide, other: DiffSide): ReadonlyMap<string, FoundObject> {
  const found = new Map<string, FoundObject>();
  for (const { path } of files) {
    if (neutralFile(side, path) === neutralFile(other, path)) continue;
    const place = placeOf(path);
    const stage = place.area === "stage" ? place.stageId : undefined;
    const text = path.endsWith(".yaml") ? neutralFile(side, path) : undefined;
    const object = text === undefined ? undefined : tryParseObject(text);
    if (object === undefined || getString(object, "metadata", "name") === undefined) continue;
    // An object of undo/ may have the name of one of the stage.
    const part =
      place.area !== "stage" ? place.area : place.file.startsWith("undo/") ? `${place.stageId}/undo` : place.stageId;
    found.set(`${part}/${groupOf(object)}/${nameOf(object)}`, { path, stage, object });
  }
  return found;
}

/** A file's text; in a stage's directory with digests as placeholders, because each of them changes with any other file. */
function neutralFile(side: DiffSide, path: string): string | undefined {
  const place = placeOf(path);
  if (place.area !== "stage") return side.tree.get(path);
  const stage = side.stages.get(place.stageId);
  return stage === undefined ? undefined : neutralText(stage, place.file);
}

function groupOf(object: JsonObject): string {
  return apiGroup(getString(object, "apiVersion") ?? "");
}

/** `Kind/namespace/name` of an object. */
export function nameOf(object: JsonObject): string {
  return printIdentity(identityOf(object));
}

/** A key without the number of the attempt at its end: what the Jobs of two attempts have in common. */
function withoutAttempt(key: string): string {
  return key.replace(/-a\d+$/u, "");
}

function alone(found: FoundObject, change: "added" | "removed"): ObjectDiff {
  return { ...described(found), change, fields: [] };
}

function compared(former: FoundObject, found: FoundObject): ObjectDiff {
  const name = nameOf(former.object);
  const fields: readonly FieldChange[] = fieldChanges(former.object, found.object);
  return name === nameOf(found.object)
    ? { ...described(found), change: "changed", fields }
    : { ...described(found), change: "renamed", from: name, fields };
}

function described({ path, stage, object }: FoundObject): Pick<ObjectDiff, "object" | "file" | "stage" | "isPolicy"> {
  const isPolicy = /Policy$/u.test(getString(object, "kind") ?? "") && policyGroups.has(groupOf(object));
  return { object: nameOf(object), file: path, ...(stage !== undefined && { stage }), isPolicy };
}
