import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

interface Room {
  readonly rooms: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
}

const root = resolve(import.meta.dirname, "..");
const lib = join(root, "lib");

function readRooms(): ReadonlyMap<string, Room> {
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  const block = /```rooms\n([\s\S]*?)```/u.exec(text)?.[1] ?? "";
  const rooms = new Map<string, Room>();
  for (const line of block.split("\n").filter((row) => row.trim() !== "")) {
    const [name = "", rest = ""] = line.split("->");
    const [imports = "", packages = ""] = rest.split("|");
    const words = (list: string): string[] => list.split(/\s+/u).filter((word) => word !== "");
    rooms.set(name.trim(), { rooms: new Set(words(imports)), packages: new Set(words(packages)) });
  }
  return rooms;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/u.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function roomOf(file: string, rooms: ReadonlyMap<string, Room>): string | undefined {
  const parts = relative(lib, dirname(file)).split(sep);
  for (let length = parts.length; length > 0; length -= 1) {
    const name = parts.slice(0, length).join("/");
    if (rooms.has(name)) return name;
  }
  return undefined;
}

/** What a file imports, re-exports or loads late; read by the compiler, so that text in strings does not count. */
function importsOf(file: string): string[] {
  return ts.preProcessFile(readFileSync(file, "utf8")).importedFiles.map((imported) => imported.fileName);
}

function packageName(specifier: string): string {
  if (specifier.startsWith("node:") || builtinModules.includes(specifier)) return "node:";
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? specifier);
}

function problemOf(
  file: string,
  room: string,
  specifier: string,
  rooms: ReadonlyMap<string, Room>,
): string | undefined {
  const name = relative(root, file);
  const allowed = rooms.get(room);
  if (!specifier.startsWith(".")) {
    const wanted = packageName(specifier);
    return allowed?.packages.has(wanted) || allowed?.packages.has(specifier)
      ? undefined
      : `${name}: ${room} may not import the package ${wanted}`;
  }
  const target = roomOf(resolve(dirname(file), specifier), rooms);
  const isAllowed = target === room || (target !== undefined && allowed?.rooms.has(target) === true);
  return isAllowed ? undefined : `${name}: ${room} may not import ${target ?? specifier}`;
}

function violations(): string[] {
  const rooms = readRooms();
  // index.ts and main.ts stand above the rooms: the one names the public face, the other starts the program.
  const files = sourceFiles(lib).filter((file) => dirname(file) !== lib);
  return files.flatMap((file) => {
    const room = roomOf(file, rooms);
    if (room === undefined) return [`${relative(root, file)}: the folder is no room of ARCHITECTURE.md`];
    return importsOf(file).flatMap((specifier) => problemOf(file, room, specifier, rooms) ?? []);
  });
}

const impureNames = new Set(["Date", "process", "performance", "crypto", "globalThis", "setTimeout", "setInterval"]);

/** The impure names that a file's own code uses; words in strings, templates and comments are not code. */
function impureNamesOf(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && isReference(node) && impureNames.has(node.text)) found.push(node.text);
    if (ts.isPropertyAccessExpression(node) && node.getText(source) === "Math.random") found.push("Math.random");
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  const isMember = ts.isPropertyAccessExpression(parent) && parent.name === node;
  const isKey = (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)) && parent.name === node;
  return !isMember && !isKey;
}

test("rooms import only what the picture in ARCHITECTURE.md allows", () => {
  expect(violations()).toEqual([]);
});

test("the picture itself has no way back: no two rooms reach each other", () => {
  const rooms = readRooms();
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean => {
    for (const next of rooms.get(from)?.rooms ?? []) {
      if (next === to) return true;
      if (!seen.has(next)) {
        seen.add(next);
        if (reaches(next, to, seen)) return true;
      }
    }
    return false;
  };

  expect([...rooms.keys()].filter((room) => reaches(room, room))).toEqual([]);
});

test("every room between the edges is free of clock, randomness and environment", () => {
  const edges = ["io", "cli"];
  const found = sourceFiles(lib)
    .filter((file) => !edges.some((edge) => file.startsWith(join(lib, edge) + sep)) && dirname(file) !== lib)
    .flatMap((file) => impureNamesOf(file).map((name) => `${relative(root, file)}: ${name}`));

  expect(found).toEqual([]);
});
