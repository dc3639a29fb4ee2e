import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

function filesBelow(folder: string, names: RegExp): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && names.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const sources = filesBelow("lib", /\.ts$/u).map((file) => ({ file, text: readFileSync(file, "utf8") }));
/** A table of findings is a record of what each code means. */
const tables = sources.filter(({ text }) => /Record<string, FindingKind>/u.test(text));

async function codesOf(file: string): Promise<readonly string[]> {
  const exported = Object.values((await import(file)) as Record<string, unknown>);
  return exported
    .filter((value) => typeof value === "object" && value !== null)
    .flatMap((value) => Object.entries(value as object))
    .filter(([, kind]) => typeof kind === "object" && kind !== null && "meaning" in kind && "severity" in kind)
    .map(([code]) => code);
}

/** Whether a text in a program makes a finding: not a key, not a type, not compared, not in a list of codes that others make. */
function isMade(node: ts.StringLiteralLike): boolean {
  const { parent } = node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isArrayLiteralExpression(parent))
    return ts.isPropertyAssignment(parent.parent) && parent.parent.name.getText() === "codes";
  if (ts.isCallExpression(parent)) return !/\.(?:has|includes)$/u.test(parent.expression.getText());
  return ts.isConditionalExpression(parent) || ts.isVariableDeclaration(parent) || ts.isReturnStatement(parent);
}

function textsMade(file: string, text: string): readonly string[] {
  const made: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) && isMade(node)) made.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return made;
}

const isTable = new Set(tables.map(({ file }) => file));
// A room's constructor of findings may stand beside its table, but makes none itself; drift findings do.
const emitted = new Set(
  sources
    .filter(({ file }) => !isTable.has(file) || file.endsWith("drift-findings.ts"))
    .flatMap(({ file, text }) => textsMade(file, text)),
);
const named = new Set(
  filesBelow("test", /\.(?:ts|txt|md|snap)$/u)
    .filter((file) => file !== import.meta.filename && !/\/test\/(?:corpus|fixtures)\//u.test(file))
    .flatMap((file) => {
      const text = readFileSync(file, "utf8");
      const codes = text.match(/\b(?:POL\d{3}|[a-z]+\/[a-z0-9]+(?:-[a-z0-9]+)*)/gu) ?? [];
      const ids = file.includes("/test/preflight/") ? [...text.matchAll(/"([a-z0-9-]+)"/gu)] : [];
      return [...codes, ...ids.map(([, id]) => `preflight/${id}`)];
    }),
);

// The catalogue and its tests spell a check by its id; the room puts its own name before it.
const isOfCatalogue = (code: string): boolean =>
  code.startsWith("preflight/") && emitted.has(code.slice("preflight/".length));

/** Codes that no test names yet: tests of commands read what is printed, and these findings are asked by nobody by their code. */
const exceptions: readonly string[] = [
  "cli/git-failed",
  "cli/kind-not-read",
  "cli/no-cluster",
  "cli/no-policies",
  "cli/not-up-to-date",
  "cli/plan-is-a-program",
  "cli/plan-module-failed",
  "cli/plan-not-found",
  "cli/status-partial",
  "cli/two-engines",
  "cli/wrong-use",
];

describe.each(tables.map(({ file }) => relative(root, file)))("every code of %s", async (file) => {
  const codes = await codesOf(join(root, file));

  test("is found in the table", () => {
    expect(codes.length).toBeGreaterThan(0);
  });

  test("is made somewhere outside of it", () => {
    expect(codes.filter((code) => !emitted.has(code) && !isOfCatalogue(code))).toEqual([]);
  });

  test("is named by a test", () => {
    expect(codes.filter((code) => !named.has(code) && !exceptions.includes(code))).toEqual([]);
  });
});

test("no code stays an exception once a test names it", () => {
  expect(exceptions.filter((code) => named.has(code))).toEqual([]);
});
