import type { IConstruct } from "constructs";
import type { FileTree } from "../core/file-tree.ts";
import { InvariantError } from "../core/invariant.ts";
import { compareText } from "../core/order.ts";
import { bodyDigest } from "../stages/body-digest.ts";
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
 * Throws InvariantError when two constructs claim one path, or when a construct's own validation speaks up.
 * cdk8s's own `App.synth` is not used: it is quadratic in charts, names files by id and leaves stale ones behind.
 */
export function emitTree(root: IConstruct): FileTree {
  const problems = root.node.findAll().flatMap((construct) => construct.node.validate());
  if (problems.length > 0) throw new InvariantError(problems.join("; "), { problems });
  const emission: Emission = { files: new Map(), renamed: new Map() };
  emit(root, emission);
  return new Map([...emission.files].sort(([a], [b]) => compareText(a, b)));
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
  for (const construct of stage.node.findAll()) {
    const text = textOf(construct, renamed);
    if (text !== undefined) put(texts, text[0], text[1]);
  }
  const body = new Map([...texts].map(([path, text]) => [path.slice(stage.folder.length + 1), text]));
  const previous = stage.previousDigest === undefined ? undefined : rename(stage.previousDigest, renamed);
  const digest = bodyDigest(body, { digest: stage.digest, previous });
  if (digest === stage.digest) return texts;
  renamed.set(stage.digest, digest);
  return new Map([...texts].map(([path, text]) => [path, text.replaceAll(stage.digest, digest)]));
}
