import type { ExecutorName } from "../plan/plan.ts";
import { newNodesConfigName } from "../target/node-config.ts";
import {
  clusterAPIChecklist,
  kuredChecklist,
  manualChecklist,
  type RollFile,
  upgradePlanChecklist,
} from "./checklists.ts";
import { manualObjects } from "./external-wave.ts";
import { kuredObjects } from "./kured.ts";
import type { RollObject } from "./roll-object.ts";
import { undoObjects } from "./undo-objects.ts";
import { upgradePlanObjects } from "./upgrade-plan.ts";
import { type WaveInput, waveObjects } from "./wave-objects.ts";

/** How an engine tells that an executor's object is healthy, beside the kinds that it knows. */
export interface HealthRule {
  /** `upgrade.cattle.io/v1`. */
  readonly apiVersion: string;
  readonly kind: string;
  /** Lua for Argo CD's `resource.customizations.health.<group>_<kind>`. */
  readonly argocdLua: string;
  /** CEL for Flux' `healthCheckExprs`. */
  readonly fluxCurrent: string;
  readonly fluxFailed?: string;
}

/** Who carries out a wave. All share the gates, the marker and the digest; what differs is who moves the nodes. */
export interface Executor {
  readonly name: ExecutorName;
  /** The wave's objects. */
  readonly objects: (input: WaveInput) => readonly RollObject[];
  /** The wave's way back; empty where a node that is gone cannot be taken back. */
  readonly undo: (input: WaveInput) => readonly RollObject[];
  /** What a person does or knows beside the objects; empty for the executor `job`. */
  readonly files: (input: WaveInput) => readonly RollFile[];
  readonly health: readonly HealthRule[];
  /** What a reviewer has to know, one sentence each. */
  readonly caveats: readonly string[];
  /** What taking a wave back does, or what to do where nothing can be taken back. */
  readonly wayBack: string;
}

const undoneByJob =
  "undo/ returns the nodes to the source one by one: the agent lets go of the CNI files, the source's file is put back, the pods are moved again, and their addresses are checked.";

const planHealth: HealthRule = {
  apiVersion: "upgrade.cattle.io/v1",
  kind: "Plan",
  argocdLua: [
    'local hs = {status = "Progressing", message = "nodes are being upgraded"}',
    "if obj.status ~= nil and obj.status.conditions ~= nil then",
    "  for _, c in ipairs(obj.status.conditions) do",
    '    if c.type == "Complete" and c.status == "True" then hs = {status = "Healthy", message = "all nodes are done"} end',
    "  end",
    "end",
    "return hs",
    "",
  ].join("\n"),
  fluxCurrent: "status.conditions.exists(c, c.type == 'Complete' && c.status == 'True')",
};

/** Every executor by its name in the plan. */
export const executors: Readonly<Record<ExecutorName, Executor>> = {
  job: {
    name: "job",
    objects: waveObjects,
    undo: undoObjects,
    files: () => [],
    health: [],
    caveats: [],
    wayBack: undoneByJob,
  },
  manual: {
    name: "manual",
    objects: manualObjects,
    undo: undoObjects,
    files: (input) => [manualChecklist(input)],
    health: [],
    caveats: ["The gate Job waits for a person: it fails at its deadline, and a new attempt waits again"],
    wayBack: `${undoneByJob} A machine that was replaced is gone: replace it again while no CiliumNodeConfig takes the new one.`,
  },
  "system-upgrade-controller": {
    name: "system-upgrade-controller",
    objects: upgradePlanObjects,
    undo: undoObjects,
    files: (input) => [upgradePlanChecklist(input)],
    health: [planHealth],
    caveats: [
      "The controller uncordons a node at the end even if somebody had cordoned it before",
      "It makes its Job on the first node as soon as the Plan is applied; the Job's first container waits there until the gate Job says that the cluster is ready",
      "A Plan whose Job failed stays incomplete; the next attempt is a Plan with another version",
    ],
    wayBack: undoneByJob,
  },
  kured: {
    name: "kured",
    objects: kuredObjects,
    undo: undoObjects,
    files: (input) => [kuredChecklist(input)],
    health: [],
    caveats: [
      "kured takes nodes in its own order and only inside its time window; the Job waits for it",
      "It drains with its own settings: its drain timeout and blocking selectors hold, not those of the plan",
    ],
    wayBack: undoneByJob,
  },
  "cluster-api": {
    name: "cluster-api",
    objects: manualObjects,
    undo: () => [],
    files: (input) => [clusterAPIChecklist(input)],
    health: [],
    caveats: [
      "The rollout is started in the management cluster, by hand or by its own repository: nothing here can reach it",
      "New machines join with new names: the catch-all CiliumNodeConfig of the plan puts them on Cilium",
      "A machine that is gone cannot be taken back: the way back is another rollout, without the catch-all",
    ],
    wayBack: `Nothing can bring a machine back. Delete the CiliumNodeConfig ${newNodesConfigName}, then roll the MachineDeployment out again: the machines come up on the source.`,
  },
};
