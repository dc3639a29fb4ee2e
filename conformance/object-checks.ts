import { join } from "node:path";
import type { ManifestJudge } from "./manifest-judge.ts";
import { ciliumVersions, type ModuleFolders } from "./modules.ts";
import { type Ledger, type Outcome, openLedger } from "./step.ts";
import { definitionFiles, olderThanObjects, refusedObjects, withoutSchema, writtenObjects } from "./written-objects.ts";
import { titleOf } from "./yaml-documents.ts";

/** Every object that we write, against the schemas of its API: unknown fields, types, patterns, CEL rules, names, namespaces. */
export async function judgeObjects(judge: ManifestJudge, modules: ModuleFolders, tree: string): Promise<Outcome> {
  const ledger = openLedger();
  const kinds = await loadSchemas(judge, modules, ledger);
  const found = writtenObjects(tree);
  const unjudged = new Map<string, number>();
  let judged = 0;
  for (const { path, object } of found) {
    const kind = `${object["apiVersion"]} ${object["kind"]}`;
    if (kind in withoutSchema) {
      unjudged.set(kind, (unjudged.get(kind) ?? 0) + 1);
      continue;
    }
    for (const catalogue of cataloguesFor(kind)) {
      const answer = await judge.ask({ validate: { catalogues: [catalogue], object } });
      const said = answer.error === undefined ? (answer.problems ?? []) : [answer.error];
      const isOlder = (text: string): boolean => catalogue === "calico" && text in olderThanObjects;
      for (const text of said.filter(isOlder)) unjudged.set(text, (unjudged.get(text) ?? 0) + 1);
      const problems = said.filter((text) => !isOlder(text));
      ledger.check(problems.length === 0, `${path}: ${titleOf(object)} (${catalogue}): ${problems.join("; ")}`);
      judged += 1;
    }
  }
  await checkRefusals(judge, ledger);
  const missing = [...unjudged].map(
    ([kind, count]) => `${count} × ${kind}: ${withoutSchema[kind] ?? olderThanObjects[kind]}`,
  );
  return ledger.outcome([`${found.length} objects, ${judged} judgements, ${kinds} kinds known`], missing);
}

/** Which catalogues an object has to please: Cilium's objects those of every release, the rest the one that knows the kind. */
function cataloguesFor(kind: string): string[] {
  if (kind.startsWith("cilium.io/")) return ciliumVersions.map((version) => `cilium ${version}`);
  if (kind.startsWith("crd.projectcalico.org/")) return ["calico"];
  if (kind.startsWith("argoproj.io/")) return ["argo-cd"];
  return [kind.includes(".toolkit.fluxcd.io/") ? "flux" : "kubernetes"];
}

async function loadSchemas(judge: ManifestJudge, modules: ModuleFolders, ledger: Ledger): Promise<number> {
  const openAPI = join(modules.get("kubernetes") ?? "", "api/openapi-spec/swagger.json");
  const catalogues: readonly (readonly [string, readonly string[]])[] = [
    ...ciliumVersions.map((version) => [`cilium ${version}`, definitionFiles(modules, "cilium", version)] as const),
    ["argo-cd", definitionFiles(modules, "argo-cd")],
    ["flux", definitionFiles(modules, "flux")],
    ["calico", definitionFiles(modules, "calico")],
  ];
  let kinds = 0;
  // Kubernetes first: its ObjectMeta stands for the metadata of every custom object.
  for (const [name, crds] of [["kubernetes", []] as const, ...catalogues]) {
    const answer = await judge.ask({ schemas: { name, ...(name === "kubernetes" && { openAPI }), crds } });
    ledger.check(
      answer.error === undefined && (answer.kinds ?? 0) > 0,
      `schemas of ${name}: ${answer.error ?? "none"}`,
    );
    kinds += answer.kinds ?? 0;
  }
  return kinds;
}

async function checkRefusals(judge: ManifestJudge, ledger: Ledger): Promise<void> {
  for (const [what, object] of Object.entries(refusedObjects)) {
    for (const catalogue of cataloguesFor(`${object["apiVersion"]} ${object["kind"]}`)) {
      const answer = await judge.ask({ validate: { catalogues: [catalogue], object } });
      ledger.check((answer.problems ?? []).length > 0, `${catalogue} accepts ${what}`);
    }
  }
}
