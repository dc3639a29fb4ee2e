import { sha256Hex } from "../core/digest.ts";
import { digestPlaceholder, previousDigestPlaceholder } from "../core/digest-placeholder.ts";
import type { JsonObject } from "../core/json.ts";
import { compareText } from "../core/order.ts";

/** The digests that were written into a stage's files. */
export interface FilledDigests {
  readonly digest?: string | undefined;
  readonly previous?: string | undefined;
}

/**
 * Whether a file of a stage's directory is part of its body. `STAGE.md` is not: it is for people, no engine reads it,
 * and a better sentence in it must not look like a changed stage.
 */
export function isBodyFile(path: string): boolean {
  return path !== "STAGE.md";
}

/**
 * The body digest of a stage: `sha256:` and 64 hexadecimal digits.
 *
 * `files` maps paths relative to the stage's directory (`20-job-roll.yaml`, `undo/kustomization.yaml`) to texts; the
 * whole directory may be given, `STAGE.md` is left out here. The digest is SHA-256 over one line `path NUL sha256(file)`
 * for each file, sorted by path, each ended by a line feed, with `filled.digest` written as `digestPlaceholder` and
 * `filled.previous` as `previousDigestPlaceholder`. So the digest of files that still hold placeholders and the digest of
 * the same files after `fillDigests` are one value, and anybody can check it with sha256sum and sed.
 * It depends on the stage's own content only: no time, no tool version, no other stage. The line that names the digest of
 * the stage before takes part as its placeholder, so a changed stage changes one line of the stage after it, and not the
 * digest of every stage to the end of the plan.
 */
export function bodyDigest(files: ReadonlyMap<string, string>, filled: FilledDigests = {}): string {
  const lines = [...files]
    .filter(([path]) => isBodyFile(path))
    .sort(([a], [b]) => compareText(a, b))
    .map(([path, text]) => `${path}\0${sha256Hex(withPlaceholders(text, filled))}\n`);
  return `sha256:${sha256Hex(lines.join(""))}`;
}

/** The files with the stage's digest, and the one of the stage before if there is one, in place of the placeholders. */
export function fillDigests(
  files: ReadonlyMap<string, string>,
  digests: FilledDigests & { readonly digest: string },
): ReadonlyMap<string, string> {
  return new Map(
    [...files].map(([path, text]) => {
      const own = text.replaceAll(digestPlaceholder, digests.digest);
      return [
        path,
        digests.previous === undefined ? own : own.replaceAll(previousDigestPlaceholder, digests.previous),
      ] as const;
    }),
  );
}

/** An object with the digests in place of the placeholders. */
export function fillObject(object: JsonObject, digests: FilledDigests & { readonly digest: string }): JsonObject {
  const filled = JSON.stringify(object)
    .replaceAll(digestPlaceholder, digests.digest)
    .replaceAll(previousDigestPlaceholder, digests.previous ?? previousDigestPlaceholder);
  return JSON.parse(filled) as JsonObject;
}

/** A text with the given digests written as their placeholders: what `bodyDigest` hashes, what two attempts are compared by. */
export function withPlaceholders(text: string, filled: FilledDigests): string {
  const own = filled.digest === undefined ? text : text.replaceAll(filled.digest, digestPlaceholder);
  return filled.previous === undefined ? own : own.replaceAll(filled.previous, previousDigestPlaceholder);
}

/** Where a stage's own digest stands: an annotation, the Job's variable, the completion that follows the Job. */
const carriers: readonly RegExp[] = [
  /metachron\.dev\/body-digest["']?:\s*["']?(sha256:[0-9a-f]{64})/u,
  /name: DIGEST\n\s*value: (sha256:[0-9a-f]{64})/u,
  /^ {2}digest: (sha256:[0-9a-f]{64})$/mu,
];

/** The digest that a stage's files carry; `undefined` where none does. */
export function carriedDigest(files: ReadonlyMap<string, string>): string | undefined {
  for (const carrier of carriers) {
    const found = firstMatch(files, carrier);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The digest of the stage before, as the stage's own gate names it; `undefined` where no gate names one. */
export function carriedPreviousDigest(files: ReadonlyMap<string, string>): string | undefined {
  return firstMatch(files, /name: PREVIOUS_DIGEST\n\s*value: (sha256:[0-9a-f]{64})/u);
}

function firstMatch(files: ReadonlyMap<string, string>, pattern: RegExp): string | undefined {
  for (const [path, text] of files) {
    const found = isBodyFile(path) ? pattern.exec(text)?.[1] : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
