import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binaryOf } from "./build.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { type Outcome, openLedger } from "./step.ts";
import { root } from "./trees.ts";

/** Somebody who may catch a mutant: a command in the copy that ends with another code than 0 where something is wrong. */
interface Catcher {
  readonly name: string;
  readonly command: readonly string[];
}

/** A mutant may go round in circles: being stopped counts as being caught. Milliseconds. */
const longest = 180_000;

const judged = ["tsx", "conformance/mutation-trial.ts"] as const;

const vectors: Catcher = { name: "engines, vectors", command: [...judged, "vectors"] };
const rounds: Catcher = { name: "engines, rounds", command: [...judged, "rounds"] };
const proof: Catcher = { name: "proof", command: ["vitest", "run", "test/policy/prove"] };
const worlds: Catcher = {
  name: "proof, random worlds",
  command: ["vitest", "run", "test/policy/translate/translate-properties.test.ts"],
};
const tables: Catcher = { name: "tables", command: ["vitest", "run", "test/policy/translate", "test/policy/calico"] };
const mixed: Catcher = { name: "mixed-phase proof", command: ["vitest", "run", "test/policy/bridge"] };
const catchers = [vectors, rounds, proof, worlds, tables, mixed];

/** Who is asked, in which order: those first who are likely to notice what is wrong in a file. */
function catchersOf({ file }: Mutant): readonly Catcher[] {
  if (file.startsWith("lib/policy/bridge/")) return [mixed];
  if (file.startsWith("lib/policy/prove/")) return [proof, vectors, rounds];
  return [vectors, worlds, rounds, tables];
}

/** What a trial needs of the tree; everything else is left where it is. */
const copied = ["lib", "conformance", "test", "inventory", "package.json", "tsconfig.json"];

/**
 * Breaks the code on purpose, one small change at a time, in a copy of the tree, and asks who notices. A mutant that nobody
 * notices is a failure, and so is one whose text is not in its file exactly once. `share` takes every so manieth mutant, from the
 * one that `seed` says.
 */
export function judgeMutants(share: number, seed: number): Outcome {
  const ledger = openLedger();
  const chosen = mutants.filter((_mutant, index) => index % share === seed % share);
  const copy = mkdtempSync(join(tmpdir(), "metachron-mutants-"));
  const said: string[] = [];
  try {
    makeCopy(copy);
    for (const catcher of catchers)
      ledger.check(ask(copy, catcher).status === 0, `${catcher.name}: fails without any mutant`);
    for (const mutant of chosen) {
      const who = tryMutant(copy, mutant);
      ledger.check(typeof who === "object" && who.name !== undefined, `${mutant.id}: ${who.problem ?? ""}`);
      if (who.name !== undefined) said.push(`${mutant.id.padEnd(28)} ${who.name.padEnd(20)} ${mutant.harm}`);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  return ledger.outcome([`${chosen.length} of ${mutants.length} wrong changes, and who caught each:`, ...said]);
}

function makeCopy(copy: string): void {
  // The built judges are big, and are named by their own paths.
  const filter = (path: string): boolean => !path.startsWith(join(root, "conformance/bin"));
  for (const path of copied) cpSync(join(root, path), join(copy, path), { recursive: true, filter });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
}

interface Caught {
  readonly name?: string;
  readonly problem?: string;
}

function tryMutant(copy: string, mutant: Mutant): Caught {
  const path = join(copy, mutant.file);
  const good = readFileSync(path, "utf8");
  const places = good.split(mutant.text).length - 1;
  if (places !== 1) return { problem: `its text stands ${places} times in ${mutant.file}: write the mutant anew` };
  writeFileSync(
    path,
    good.replace(mutant.text, () => mutant.instead),
  );
  try {
    const name = catchersOf(mutant).find((catcher) => ask(copy, catcher).status !== 0)?.name;
    return name === undefined ? { problem: `nobody noticed that ${mutant.harm}` } : { name };
  } finally {
    writeFileSync(path, good);
  }
}

function ask(copy: string, catcher: Catcher): SpawnSyncReturns<string> {
  const [program = "", ...rest] = catcher.command;
  const env = { ...process.env, METACHRON_POLICY_JUDGE: binaryOf("policy"), CI: "true" };
  return spawnSync(join(copy, "node_modules/.bin", program), rest, {
    cwd: copy,
    env,
    encoding: "utf8",
    timeout: longest,
  });
}
