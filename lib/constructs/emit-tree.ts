import { ApiObject } from "cdk8s";
import type { IConstruct } from "constructs";
import type { FileTree } from "../core/file-tree.ts";
import { InvariantError } from "../core/invariant.ts";
import { compareText } from "../core/order.ts";
import { bodyDigest } from "../stages/body-digest.ts";
import { renderKustomization } from "../stages/seal-stages.ts";
import { FileAsset } from "./file-asset.ts";
import { Manifest } from "./manifest.ts";
import { StageChart } from "./stage-chart.ts";

/**
 * Walks a construct tree once, in the order in which its constructs were made, and gives every file with its text, sorted
 * by path.
 *
 * Constructs that a user added or changed show in the digest of their stage: where a digest differs from the one that the
 * stage was sealed with, the new one takes its place in every file after it, gates and engine objects included.
 *
 * Throws InvariantError when two constructs claim one path, when an ApiObject has no file, or when a construct's own
 * validation speaks up.
 * cdk8s's own `App.synth` is not used: it is quadratic in charts, names files by id and leaves stale ones behind.
 */
export function emitTree(root: IConstruct): FileTree {
  const constructs = root.node.findAll();
  const problems = constructs.flatMap((construct) => [...construct.node.validate(), ...homeless(construct)]);
  if (problems.length > 0) throw new InvariantError(problems.join("; "), { problems });
  const emission: Emission = { files: new Map(), renamed: new Map() };
  emit(root, emission);
  return new Map([...emission.files].sort(([a], [b]) => compareText(a, b)));
}

/** An ApiObject that no Manifest holds has no file, so it would be lost. */
function homeless(construct: IConstruct): readonly string[] {
  if (!ApiObject.isApiObject(construct) || Manifest.isManifest(construct.node.scope)) return [];
  return [`${construct.node.path} is an ApiObject without a file: make it a Manifest`];
}

interface Emission {
  readonly files: Map<string, string>;
  /** Digests that changed since their stage was sealed, before to after. */
  readonly renamed: Map<string, string>;
}

function emit(construct: IConstruct, emission: Emission): void {
  const text = textOf(construct, emission.renamed);
  if (text !== undefined) {
    put(emission.files, text[0], text[1]);
  } else if (StageChart.isStageChart(construct)) {
    for (const [path, settled] of settleDigest(construct, emission.renamed)) put(emission.files, path, settled);
  } else {
    for (const child of construct.node.children) emit(child, emission);
  }
}

function textOf(construct: IConstruct, renamed: ReadonlyMap<string, string>): [string, string] | undefined {
  if (Manifest.isManifest(construct)) return [construct.path, rename(construct.render(), renamed)];
  if (FileAsset.isFileAsset(construct)) return [construct.path, rename(construct.text, renamed)];
  return undefined;
}

function put(files: Map<string, string>, path: string, text: string): void {
  if (files.has(path)) throw new InvariantError("two constructs claim one file", { path });
  files.set(path, text);
}

function rename(text: string, renamed: ReadonlyMap<string, string>): string {
  let result = text;
  for (const [before, after] of renamed) result = result.replaceAll(before, after);
  return result;
}

function settleDigest(stage: StageChart, renamed: Map<string, string>): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const manifests: string[] = [];
  for (const construct of stage.node.findAll()) {
    const text = textOf(construct, renamed);
    if (text !== undefined) put(texts, text[0], text[1]);
    if (Manifest.isManifest(construct)) manifests.push(construct.path.slice(stage.folder.length + 1));
  }
  for (const [path, text] of kustomizations(manifests)) put(texts, `${stage.folder}/${path}`, text);
  const body = new Map([...texts].map(([path, text]) => [path.slice(stage.folder.length + 1), text]));
  const previous = stage.previousDigest === undefined ? undefined : rename(stage.previousDigest, renamed);
  const digest = bodyDigest(body, { digest: stage.digest, previous });
  if (digest === stage.digest) return texts;
  renamed.set(stage.digest, digest);
  return new Map([...texts].map(([path, text]) => [path, text.replaceAll(stage.digest, digest)]));
}

/** One list for the stage and one for its way back, so that no object is written and then not applied. */
function kustomizations(manifests: readonly string[]): readonly [string, string][] {
  const undo = manifests.filter((path) => path.startsWith("undo/")).map((path) => path.slice("undo/".length));
  const own = manifests.filter((path) => !path.startsWith("undo/"));
  return [
    ...(own.length > 0 ? [["kustomization.yaml", renderKustomization(own)] as [string, string]] : []),
    ...(undo.length > 0 ? [["undo/kustomization.yaml", renderKustomization(undo)] as [string, string]] : []),
  ];
}
