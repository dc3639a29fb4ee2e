import { apiGroup } from "../../core/identity.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { renderYaml } from "../../core/yaml.ts";
import { type Inventory, objectsOf } from "../../inventory/inventory.ts";
import type { RemovalObject } from "../../source/source.ts";
import type { SourceEnd } from "../../stages/closing-stages.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import type { StageFile } from "../../stages/stage.ts";
import { agentLabel } from "../../target/waiting-values.ts";
import { removedInOutage } from "./removal-parts.ts";

/** What the API server wrote and would not take back. */
const serverFields = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "selfLink",
  "uid",
] as const;

/**
 * The way back from the outage, before the rest of the source is removed: the deleted objects as the inventory holds them, and
 * the page that says in which order.
 */
export function wayBackFiles(
  migration: Pick<PlannedMigration, "inventory" | "source" | "target">,
  end: SourceEnd,
): readonly StageFile[] {
  const removed = removedInOutage(end.removal);
  const found = removed.map((object) => dumped(migration.inventory, object)).filter((object) => object !== undefined);
  const missing = removed.filter(
    (object) => object.from === "inventory" && dumped(migration.inventory, object) === undefined,
  );
  const page = { file: "WAY-BACK.md", text: wayBackPage(migration, found.length, missing) };
  if (found.length === 0) return [page];
  const text = found.map((object) => renderYaml(restorable(object))).join("---\n");
  return [page, { file: "source-objects.yaml", text: `${heading}${text}` }];
}

const heading = `# What 100-switch deletes, as it stood in the inventory, without what the API server adds. For the way back only: WAY-BACK.md.
`;

function dumped(inventory: Inventory, { kind, apiVersion, namespace, name }: RemovalObject): JsonObject | undefined {
  const object: JsonValue | undefined = objectsOf(inventory, kind, apiGroup(apiVersion)).find(
    (candidate) => candidate.name === name && candidate.namespace === namespace,
  )?.object;
  return isJsonObject(object) ? object : undefined;
}

function restorable(object: JsonObject): JsonObject {
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  const kept = Object.entries(metadata).filter(([key]) => !serverFields.some((field) => field === key));
  const { status: _, ...rest } = object;
  return { ...rest, metadata: Object.fromEntries(kept) };
}

function wayBackPage(
  { source, target }: Pick<PlannedMigration, "source" | "target">,
  restored: number,
  missing: readonly RemovalObject[],
): string {
  const { cniConfDirectory, cniConfFile } = source.facts;
  const reinstall =
    restored === 0
      ? `Install ${source.source} again from where its manifests come from (${source.facts.installation}): the inventory holds none of its objects`
      : `Put what was deleted of ${source.source} back, as the inventory holds them${missing.length === 0 ? "" : `; ${missing.map((one) => `${one.kind} ${one.name}`).join(", ")} come from where its manifests are`}`;
  return `# The way back from 100-switch

Until 900-remove-${source.source} is opened, the policies, rights, settings and custom resources of ${source.source} are untouched, so it can
be put back. Every pod restarts once more: it is a second outage of the same length. All of this is a person's act.

1. Stop the Job, if it still runs, and the engine (STAGE.md of 100-switch, "Stop").
2. Take the agents away: nodes without the label run none.

       kubectl label nodes --all ${agentLabel}-
       kubectl -n ${target.namespace} wait pod -l k8s-app=cilium --for=delete --timeout=300s

3. On every node that was switched, take Cilium's CNI file away and give the others their names back:

       cd ${cniConfDirectory} && rm -f 05-cilium.conflist && for f in *.cilium_bak; do mv "$f" "\${f%.cilium_bak}"; done

   ${cniConfFile === undefined ? "The source's own file may have been cleaned away" : `\`${cniConfFile}\` was cleaned away`}; the source's agents write it anew when they start.
4. ${reinstall}${
    restored === 0
      ? "."
      : `:

       kubectl apply --server-side --force-conflicts -f source-objects.yaml`
  }
5. Start again what brings it back, where CHECKLIST.md stopped it. Wait until its DaemonSets are ready.
6. Restart every pod with an address of Cilium: \`${target.podCIDRs.join(", ")}\`.
7. Before another attempt: \`kubectl -n metachron delete configmap wave-100-switch\`, or it takes the nodes of the first for done.

On a node that was not switched yet nothing was cleaned: step 4 alone is enough there.
`;
}
