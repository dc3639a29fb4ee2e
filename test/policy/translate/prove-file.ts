import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readBack } from "../../../lib/migration/emitted-policies.ts";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import { readCiliumPolicies } from "../../../lib/policy/cilium/read-cilium-policies.ts";
import type { Proof } from "../../../lib/policy/prove/proof.ts";
import { provePolicies } from "../../../lib/policy/prove/prove-policies.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import type { Translation } from "../../../lib/policy/translate/translation.ts";
import { rawObjects } from "./raw-objects.ts";

export const corpus = join(import.meta.dirname, "../../corpus");

export interface ProvenFile {
  readonly file: string;
  readonly translation: Translation;
  readonly proof: Proof;
}

/**
 * Translates a file of the corpus alone, without a cluster, and proves the emitted text against it for any labels that a pod
 * may ever carry. Kubernetes' own policies stay in force beside the emitted ones, as they do in a cluster.
 */
export function proveFile(file: string): ProvenFile {
  const objects = rawObjects(readFileSync(join(corpus, file), "utf8"), file);
  const { value: before } = readCalicoPolicies(objects);
  if (before === undefined) throw new Error(`${file} gave no policies`);
  const translation = translatePolicies(before, emptyWorld());
  const emitted = readBack(translation.policies.flatMap(({ outputs }) => outputs.map(({ object }) => object)));
  const kept = objects.filter(({ apiVersion }) => apiVersion.startsWith("networking.k8s.io/"));
  const world = worldWithRequiredValues();
  const { value: after } = readCiliumPolicies([...emitted, ...kept], world.cilium);
  if (after === undefined) throw new Error(`what ${file} became gave no policies`);
  const proof = provePolicies({
    before: { engine: "calico", policies: before },
    after: { engine: "cilium", policies: after },
    world,
    mode: "open",
  });
  return { file, translation, proof };
}

/** Cilium with the values that a translation may ask for. */
function worldWithRequiredValues(): World {
  const world = emptyWorld();
  return { ...world, cilium: { ...world.cilium, nodeSelectorLabels: true, sctp: true } };
}
