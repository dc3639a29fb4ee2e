import { getBoolean, getStringMap } from "../core/json.ts";
import { compareText, sortedUnique } from "../core/order.ts";
import { type Inventory, objectsOf } from "../inventory/inventory.ts";
import type { Plan } from "../plan/plan.ts";
import { agentObjects } from "../roll/agent-objects.ts";
import type { PlannedMigration } from "./planned-migration.ts";
import type { StageBuilder } from "./seal-stages.ts";
import { draftOf, type StageContext, stageRef } from "./stage-context.ts";

/** The key of cilium-config that agents and operator both read at their start, and at no other time. */
const selectorKey = "enable-node-selector-labels";

/** The stage with its place: right after the stage of that id, or before the policies. */
export interface PlacedStage {
  readonly after: string | undefined;
  readonly stage: StageBuilder;
}

/**
 * 025-node-selectors: restarts operator and agents on values that let policies select nodes, where Cilium was installed without.
 *
 * A dormant install that is still to come has the value from its start and needs no such stage. Where later stages were opened
 * already it comes right after the last of them; with 800-finalise the final values bring it. `undefined` where it is not needed.
 * Source: cilium/cilium v1.20.2 daemon/cmd/daemon_main.go and operator/cmd/flags.go register the flag, each for itself.
 */
export function nodeSelectorsStage(context: StageContext): PlacedStage | undefined {
  const { migration } = context;
  const id = stageIdOf(migration);
  if (id === undefined) return undefined;
  return { after: placeOf(id), stage: (previous) => buildStage(context, id, previous) };
}

const suffix = "-node-selectors";

function stageIdOf({ plan, inventory, source, translation }: StageContext["migration"]): string | undefined {
  const opened = openedStages(plan);
  const own = opened.find((id) => id.endsWith(suffix));
  if (own !== undefined) return own;
  const isNeeded = getBoolean(translation.requiredValues, "nodeSelectorLabels") === true;
  if (!isNeeded || source.hybrid === undefined || selectsNodes(inventory)) return undefined;
  const last = opened.filter((id) => compareText(id, "030") > 0).at(-1);
  if (last === undefined) return `025${suffix}`;
  if (compareText(last, "800") >= 0) return undefined;
  return `${/^\d+/u.exec(last)?.[0] ?? "790"}5${suffix}`;
}

function openedStages(plan: Plan): readonly string[] {
  return sortedUnique(Object.keys(plan.stages).filter((id) => plan.stages[id]?.state !== "held"));
}

/** `110` of `1105-node-selectors`; `undefined` before the policies. */
function placeOf(id: string): string | undefined {
  const digits = /^\d+/u.exec(id)?.[0] ?? "";
  return digits === "025" ? undefined : digits.slice(0, -1);
}

/** Whether the Cilium of the inventory runs with the value already. */
function selectsNodes(inventory: Inventory): boolean {
  return objectsOf(inventory, "ConfigMap", "")
    .filter((object) => object.name === "cilium-config")
    .some((object) => getStringMap(object.object, "data")[selectorKey] === "true");
}

function buildStage(
  context: StageContext,
  id: string,
  previous: Parameters<StageBuilder>[0],
): ReturnType<StageBuilder> {
  const { migration, roll } = context;
  const nodes = agentNodes(migration);
  const policies = policiesBefore(migration, id);
  return draftOf(context, {
    id,
    kind: "cilium",
    title: "operator and agents restarted, so that policies can select nodes",
    purpose:
      "A translated policy selects nodes, and the Cilium in this cluster was started without `nodeSelectorLabels`. The chart gets the value (values.yaml); the Job restarts the operator and then every agent, the first alone. With the agents alone such policies stay not Valid, with the operator alone they are called Valid and nobody enforces them. No pod moves.",
    nodes,
    gate: {
      before: [
        "the stage before is done at the digest that this stage names",
        `\`${selectorKey}: "true"\` is in the agents' ConfigMap`,
      ],
      after: [
        "the operator is another one than before and ready",
        "every agent runs on the new values and its endpoints are ready",
        ...(policies > 0 ? ["every Cilium policy is Valid"] : []),
      ],
    },
    wayBack:
      "Apply the values of 010-cilium again, and restart operator and agents: policies that select nodes are then refused.",
    objects: agentObjects({
      context: roll,
      stage: stageRef(context, id, previous),
      kind: "restart",
      nodes,
      expectedConfig: { [selectorKey]: "true" },
      nodeConfigs: [],
      policies,
    }),
    files: [{ file: "values.yaml", text: migration.target.migration.text }],
    estimateSeconds: 120 + 60 * nodes.length,
  });
}

/** Policies that are in the cluster when the stage runs: none of ours before 030-policies, all of ours after it. */
function policiesBefore({ translation }: StageContext["migration"], id: string): number {
  return placeOf(id) === undefined ? 0 : translation.policies.flatMap((policy) => policy.outputs).length;
}

function agentNodes({ inventory }: Pick<PlannedMigration, "inventory">): readonly string[] {
  const linux = inventory.nodes.filter((node) => (node.nodeInfo.operatingSystem ?? "linux") === "linux");
  return sortedUnique(linux.map((node) => node.name));
}
