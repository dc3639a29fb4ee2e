import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { corpus, type ProvenFile, proveFile } from "./prove-file.ts";

function filesOf(folder: string): string[] {
  return readdirSync(join(corpus, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(?:ya?ml|json)$/u.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path, "utf8").includes("projectcalico.org"))
    .map((path) => relative(corpus, path))
    .sort();
}

function hasRefused({ translation }: ProvenFile): boolean {
  return translation.policies.some(({ result }) => result === "refused");
}

function isWithoutLoss({ translation }: ProvenFile): boolean {
  return translation.policies.every(({ result }) => result === "exact" || result === "carved");
}

/** Unassigned ICMP types (POL030) and the pods' and nodes' networks taken for granted (POL046) may close what was open. */
function isAnnounced({ translation }: ProvenFile): boolean {
  const codes = new Set(translation.policies.flatMap(({ findings }) => findings.map(({ code }) => code as string)));
  return ["POL030", "POL046"].some((code) => codes.has(code));
}

function isOpened({ proof }: ProvenFile): boolean {
  return proof.differences.some(({ direction }) => direction === "opened");
}

/** The first difference of a proof, as a person would look for it. */
function printDifference({ file, proof }: ProvenFile): string {
  const [first] = proof.differences;
  if (first === undefined) return `${file}: given up`;
  const { witness, before, after, direction } = first;
  const flow = `${witness.from.name} -> ${witness.to.name} ${witness.protocol} ${witness.port ?? ""}`;
  return `${file}: ${direction} ${flow}: ${before.decidedBy} | ${after.decidedBy}`;
}

const files = ["policies", "docs", "pairs"]
  .flatMap(filesOf)
  .map(proveFile)
  .filter(({ translation }) => translation.policies.length > 0);
const emitted = files.filter((one) => !hasRefused(one));

test("a file without a refused policy opens no flow, whatever labels a pod carries", () => {
  expect(emitted.filter(isOpened).map(printDifference)).toEqual([]);
});

test("a file of exact and carved policies decides every packet as before, but for what it announces", () => {
  const different = emitted.filter((one) => isWithoutLoss(one) && !one.proof.equal && !isAnnounced(one));

  expect(different.map(printDifference)).toEqual([]);
});

test("no proof of a single file has to be given up", () => {
  expect(files.filter(({ proof }) => proof.world.isTruncated).map(({ file }) => file)).toEqual([]);
});

test("the files are proven like this", () => {
  const counts = {
    equal: emitted.filter(({ proof }) => proof.equal).length,
    narrower: emitted.filter((one) => !one.proof.equal && !isOpened(one)).length,
    opened: emitted.filter(isOpened).length,
    withRefused: files.length - emitted.length,
  };
  console.log(`proofs of ${files.length} files with Calico policies, each file alone, in the open world`, counts);

  expect(counts.opened).toBe(0);
  expect(counts.equal).toBeGreaterThan(0);
});
