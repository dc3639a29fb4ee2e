import type { Finding } from "../core/finding.ts";
import { inventoryFinding } from "./findings.ts";
import type { SourceFile } from "./source-file.ts";
import { splitJson } from "./split-json.ts";
import { splitYaml } from "./split-yaml.ts";
import type { PieceSink, Splitter } from "./text-piece.ts";

/**
 * Hands the parts of one file to a sink, in order, and tells what the file's bytes or text are not.
 *
 * The syntax follows from the first sign: `{` or `[` is JSON, all else YAML. Stops at the first NUL: such a file is no text.
 * Findings: `inventory/not-text`, `inventory/not-utf8`, and the file's own `failure`.
 */
export async function readSourceFile(file: SourceFile, sink: PieceSink): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let splitter: Splitter | undefined;
  let blank = "";
  let line = 1;
  let isSound = true;
  for await (const chunk of file.chunks) {
    const bad = findBadSign(chunk);
    if (bad?.isBinary === true) {
      findings.push(notText(file.name, line + countLines(chunk.slice(0, bad.at))));
      return findings;
    }
    if (bad !== undefined && isSound) {
      findings.push(notUtf8(file.name, line + countLines(chunk.slice(0, bad.at))));
      isSound = false;
    }
    line += countLines(chunk);
    if (splitter === undefined) {
      blank += chunk;
      const first = /[^\s\uFEFF]/u.exec(blank);
      // Two signs are needed to tell JSON from a template: { and {{.
      if (first === null || first.index + 1 >= blank.length) continue;
      splitter = start(blank, sink);
    } else splitter.push(chunk);
  }
  splitter ??= start(blank, sink);
  splitter.end();
  const failure = file.failure?.();
  return failure === undefined ? findings : [...findings, failure];
}

function start(text: string, sink: PieceSink): Splitter {
  const isJson = /^[\s\uFEFF]*(?:\{(?![{%#])|\[)/u.test(text);
  const splitter = isJson ? splitJson(sink) : splitYaml(sink);
  splitter.push(text.startsWith("\uFEFF") ? text.slice(1) : text);
  return splitter;
}

function findBadSign(chunk: string): { readonly at: number; readonly isBinary: boolean } | undefined {
  const nul = chunk.indexOf("\0");
  if (nul >= 0) return { at: nul, isBinary: true };
  const replacement = chunk.indexOf("\uFFFD");
  return replacement < 0 ? undefined : { at: replacement, isBinary: false };
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

function notText(file: string, line: number): Finding {
  return inventoryFinding("inventory/not-text", {
    message: `${file} is not a text file: it has a NUL`,
    where: { file, line, column: 1 },
    reason: "Kubernetes objects are UTF-8 text; a NUL shows binary data or UTF-16 without its mark",
    remedy: "take the file out, or save it as UTF-8",
  });
}

function notUtf8(file: string, line: number): Finding {
  return inventoryFinding("inventory/not-utf8", {
    message: `${file} has bytes that are not UTF-8`,
    where: { file, line, column: 1 },
    reason: "names and labels with such bytes would not match those of the cluster",
    remedy: "save the file as UTF-8",
  });
}
