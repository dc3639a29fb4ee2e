import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { getArray, type JsonObject } from "../lib/core/json.ts";
import type { ManifestJudge } from "./manifest-judge.ts";
import { type Outcome, openLedger } from "./step.ts";
import { filesBelow, root, textOf } from "./trees.ts";
import { objectsIn, titleOf } from "./yaml-documents.ts";

/** kustomize builds every folder that has a kustomization, and gives exactly the objects of the files listed, in their order. */
export async function judgeKustomize(judge: ManifestJudge, tree: string): Promise<Outcome> {
  const ledger = openLedger();
  const files = filesBelow(tree, "/kustomization.yaml");
  let objects = 0;
  for (const file of files) {
    const folder = dirname(file);
    const written = listed(file, folder);
    const answer = await judge.ask({ kustomize: { folder: join(root, folder) } });
    if (answer.error !== undefined) {
      ledger.check(false, `${folder}: kustomize refuses it: ${answer.error}`);
      continue;
    }
    const built = objectsIn(answer.output ?? "");
    objects += built.length;
    ledger.check(isDeepStrictEqual(built, written), `${folder}: ${difference(built, written)}`);
    const beside = filesBelow(folder, ".yaml").filter((one) => dirname(one) === folder && !isSupport(one));
    const names = new Set(resourcesOf(file).map((one) => join(folder, one)));
    ledger.check(
      beside.every((one) => names.has(one)),
      `${folder}: files that no kustomization lists: ${beside.filter((one) => !names.has(one)).join(", ")}`,
    );
  }
  ledger.check(files.length > 0, `${tree} has no kustomization: run npm run synth first`);
  return ledger.outcome([`${files.length} folders, ${objects} objects, kustomize api 0.21.1`]);
}

/** Files beside the objects that are none: Helm's values, and the kustomization itself. */
function isSupport(file: string): boolean {
  return /\/(?:values|kustomization)\.yaml$/u.test(file);
}

function resourcesOf(file: string): string[] {
  return getArray(parse(textOf(file)) as JsonObject, "resources").map(String);
}

function listed(file: string, folder: string): JsonObject[] {
  return resourcesOf(file).flatMap((name) => objectsIn(textOf(join(folder, name))));
}

function difference(built: readonly JsonObject[], written: readonly JsonObject[]): string {
  const index = written.findIndex((object, at) => !isDeepStrictEqual(object, built[at]));
  const [ours, theirs] = [written[index], built[index === -1 ? written.length : index]];
  return `object ${index} is ${ours ? titleOf(ours) : "missing"} in the files and ${theirs ? titleOf(theirs) : "missing"} in what kustomize builds, or they differ`;
}
