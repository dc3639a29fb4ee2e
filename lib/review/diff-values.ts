import { isSameJson } from "../core/field-changes.ts";
import type { FileTree } from "../core/file-tree.ts";
import { getIn, getString, getStringMap, isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { compareStageIds, placeOf } from "../delivery/layout.ts";
import { tryParseObject } from "../delivery/stage-tree.ts";
import type { ValueDiff } from "./diff.ts";
import type { DiffSide } from "./diff-sides.ts";

/** The release that a tree's engines hold in the cluster. */
interface TreeRelease {
  readonly chart: string;
  readonly values: JsonObject;
  /** Stage whose values these are. */
  readonly stageId: string;
}

/** Helm values that change: those of the release in the cluster first, then those of each stage's values.yaml. */
export function diffValues(before: DiffSide, after: DiffSide): readonly ValueDiff[] {
  return [...releaseValues(before, after), ...stageValues(before, after)];
}

/** Name and version of the chart on both sides, when they differ. */
export function diffChart(
  before: DiffSide,
  after: DiffSide,
): { readonly before?: string; readonly after?: string } | undefined {
  const old = findRelease(before.tree)?.chart;
  const young = findRelease(after.tree)?.chart;
  if (old === young) return undefined;
  return { ...(old !== undefined && { before: old }), ...(young !== undefined && { after: young }) };
}

function releaseValues(before: DiffSide, after: DiffSide): readonly ValueDiff[] {
  const old = findRelease(before.tree);
  const young = findRelease(after.tree);
  const reasons = new Map([
    ...reasonsOf(valuesText(before, old?.stageId)),
    ...reasonsOf(valuesText(after, young?.stageId)),
  ]);
  return valueChanges(old?.values ?? {}, young?.values ?? {}).map((change) => ({
    scope: "release",
    ...change,
    ...reasonFor(reasons, change.path),
  }));
}

function stageValues(before: DiffSide, after: DiffSide): readonly ValueDiff[] {
  const ids = [...new Set([...before.stages.keys(), ...after.stages.keys()])].sort(compareStageIds);
  return ids.flatMap((stageId) => {
    const old = valuesText(before, stageId);
    const young = valuesText(after, stageId);
    if (old === young || old === "" || young === "") return [];
    const reasons = new Map([...reasonsOf(old), ...reasonsOf(young)]);
    return valueChanges(tryParseObject(old) ?? {}, tryParseObject(young) ?? {}).map((change) => ({
      scope: stageId,
      ...change,
      ...reasonFor(reasons, change.path),
    }));
  });
}

function valuesText(side: DiffSide, stageId: string | undefined): string {
  return stageId === undefined ? "" : (side.stages.get(stageId)?.body.get("values.yaml") ?? "");
}

/** Changes down to single values: an object that comes or goes is told key by key. */
function valueChanges(before: JsonObject, after: JsonObject): readonly Omit<ValueDiff, "scope" | "reason">[] {
  const old = flatten(before);
  const young = flatten(after);
  return sortedUnique([...old.keys(), ...young.keys()])
    .filter((path) => !isSameJson(old.get(path), young.get(path)))
    .map((path) => ({ path, ...sideOf("before", old.get(path)), ...sideOf("after", young.get(path)) }));
}

function sideOf(side: "before" | "after", value: JsonValue | undefined): { readonly [key: string]: JsonValue } {
  return value === undefined ? {} : { [side]: value };
}

function flatten(values: JsonObject, prefix = ""): ReadonlyMap<string, JsonValue> {
  const flat = new Map<string, JsonValue>();
  for (const [key, value] of Object.entries(values)) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    if (!isJsonObject(value) || Object.keys(value).length === 0) flat.set(path, value);
    else for (const [inner, leaf] of flatten(value, path)) flat.set(inner, leaf);
  }
  return flat;
}

function findRelease(tree: FileTree): TreeRelease | undefined {
  for (const [path, text] of tree) {
    if (placeOf(path).area !== "release") continue;
    const object = tryParseObject(text);
    const release = object === undefined ? undefined : releaseOf(object);
    if (release !== undefined) return release;
  }
  return undefined;
}

function releaseOf(object: JsonObject): TreeRelease | undefined {
  const isArgo = getString(object, "kind") === "Application";
  const values = isArgo ? getIn(object, "spec", "source", "helm", "valuesObject") : getIn(object, "spec", "values");
  if (!isJsonObject(values)) return undefined;
  const chart = isArgo
    ? `${getString(object, "spec", "source", "chart") ?? ""} ${getString(object, "spec", "source", "targetRevision") ?? ""}`
    : `${getString(object, "spec", "chart", "spec", "chart") ?? ""} ${getString(object, "spec", "chart", "spec", "version") ?? ""}`;
  const stageId = getStringMap(object, "metadata", "labels")["metachron.dev/stage"] ?? "";
  return { chart: chart.trim(), values, stageId };
}

/** The comment above each key of a values.yaml that we wrote, by the key's path. */
function reasonsOf(text: string): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  const path: string[] = [];
  let comment: string[] = [];
  for (const line of text.split("\n")) {
    const words = /^ *# ?(.*)$/u.exec(line)?.[1];
    if (words !== undefined) {
      comment.push(words);
      continue;
    }
    const key = /^( *)("(?:[^"\\]|\\.)*"|[^\s#"'-][^:]*|-[^\s:][^:]*):(?: |$)/u.exec(line);
    if (key !== null) {
      path.length = (key[1] ?? "").length / 2;
      path.push(keyName(key[2] ?? ""));
      if (comment.length > 0) reasons.set(path.join("."), comment.join(" "));
    }
    comment = [];
  }
  return reasons;
}

function keyName(written: string): string {
  return written.startsWith('"') ? String(JSON.parse(written)) : written;
}

/** The reason of a value, or of the value that it is a part of. */
function reasonFor(reasons: ReadonlyMap<string, string>, path: string): { readonly reason?: string } {
  const steps = path.split(".");
  for (let length = steps.length; length > 0; length -= 1) {
    const reason = reasons.get(steps.slice(0, length).join("."));
    if (reason !== undefined) return { reason };
  }
  return {};
}
