import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { type Finding, hasError } from "../../../lib/core/finding.ts";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { RawObject } from "../../../lib/inventory/inventory.ts";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import { readCiliumPolicies } from "../../../lib/policy/cilium/read-cilium-policies.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import type { PolicyTranslation, Translation } from "../../../lib/policy/translate/translation.ts";
import { rawObject, rawObjects } from "./raw-objects.ts";

const corpus = join(import.meta.dirname, "../../corpus");

function filesOf(folder: string): string[] {
  return readdirSync(join(corpus, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(?:ya?ml|json)$/u.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

interface TranslatedFile {
  readonly file: string;
  readonly objects: readonly RawObject[];
  readonly translation: Translation;
}

function translateFile(path: string): TranslatedFile {
  const file = relative(corpus, path);
  const objects = rawObjects(readFileSync(path, "utf8"), file);
  const read = readCalicoPolicies(objects);
  if (read.value === undefined) throw new Error(`${file} gave no policies`);
  return { file, objects, translation: translatePolicies(read.value, emptyWorld()) };
}

/** The codes that keep a policy from being exact, as one text. */
function reasonOf(policy: PolicyTranslation): string {
  const codes = policy.findings.filter(isReason).map((finding) => finding.code);
  return `${policy.result}: ${[...new Set(codes)].sort().join(" ")}`;
}

function isReason(finding: Finding): boolean {
  return finding.severity !== "info" && !["POL003", "POL006", "POL010", "POL011"].includes(finding.code);
}

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Each file alone, as somebody would try it: no plan, no cluster. Files without a policy that takes part are passed over. */
const files = ["policies", "docs", "pairs"]
  .flatMap(filesOf)
  .filter((path) => /projectcalico\.org|networking\.k8s\.io/u.test(readFileSync(path, "utf8")))
  .map(translateFile);
const policies = files.flatMap(({ file, translation }) => translation.policies.map((policy) => ({ file, policy })));

describe("every Calico policy that we could find", () => {
  test("has one result, and a reason that a person can act on where it is not exact", () => {
    const mute = policies
      .filter(({ policy }) => policy.result === "partial" || policy.result === "refused")
      .filter(
        ({ policy }) =>
          !policy.findings.some((one) => isReason(one) && one.reason !== undefined && one.remedy !== undefined),
      )
      .map(
        ({ file, policy }) =>
          `${file} ${policy.source.name}: ${reasonOf(policy)} ${policy.findings.map((one) => one.message).join("; ")}`,
      );

    expect(mute).toEqual([]);
  });

  test("emits nothing where it is refused, and names its source where it emits", () => {
    for (const { policy } of policies) {
      if (policy.result === "refused") expect(policy.outputs).toEqual([]);
      for (const { object, comment } of policy.outputs) {
        expect(object["metadata"]).toHaveProperty(["annotations", "metachron.dev/source"]);
        expect(comment).toContain(policy.source.name);
      }
    }
  });

  test("emits only objects that Cilium takes", () => {
    const settings = { ...emptyWorld().cilium, nodeSelectorLabels: true, sctp: true };
    const refused = policies.flatMap(({ file, policy }) => {
      const objects = policy.outputs.map((output) => rawObject(output.object as JsonObject, file));
      const { findings } = readCiliumPolicies(objects, settings);
      return hasError(findings) ? findings.map((finding) => `${file}: ${finding.message}`) : [];
    });

    expect(refused).toEqual([]);
  });

  test("is covered like this", () => {
    const counts = countBy(policies.map(({ policy }) => policy.result));
    const reasons = countBy(
      policies
        .map(({ policy }) => policy)
        .filter(({ result }) => result === "partial" || result === "refused")
        .map(reasonOf),
    );
    console.log(`coverage of ${policies.length} policies of ${files.length} files, each file alone`, counts, reasons);

    expect(counts).toEqual({ carved: 6, exact: 361, partial: 97, refused: 76 });
    expect(reasons).toEqual({
      "partial: POL025": 2,
      "partial: POL029": 8,
      "partial: POL029 POL034": 2,
      "partial: POL030": 1,
      "partial: POL033": 1,
      "partial: POL034": 3,
      "partial: POL036": 5,
      "partial: POL037": 3,
      "partial: POL042": 70,
      "partial: POL060": 2,
      "refused: POL001": 39,
      "refused: POL002": 7,
      "refused: POL004": 1,
      "refused: POL023": 1,
      "refused: POL025": 1,
      "refused: POL060": 1,
      "refused: POL061": 19,
      "refused: POL062": 4,
      "refused: POL063": 3,
    });
  });
});
