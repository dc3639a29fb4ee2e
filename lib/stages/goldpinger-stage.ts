import { gateObjects } from "../roll/gate-objects.ts";
import { goldpingerObjects } from "../roll/goldpinger-objects.ts";
import type { StageBuilder } from "./seal-stages.ts";
import { draftOf, type StageContext, stageRef } from "./stage-context.ts";

/** 005-goldpinger: the health check between all nodes that later gates ask; only where the plan installs it. */
export function goldpingerStage(context: StageContext): StageBuilder | undefined {
  const { migration, roll } = context;
  const { observability, roll: settings } = migration.plan.spec;
  if (!observability.goldpinger) return undefined;
  const [first] = migration.inventory.nodes;
  return (previous) => {
    const id = "005-goldpinger";
    const answers = settings.goldpinger?.healthyAnswers ?? 0;
    return draftOf(context, {
      id,
      kind: "prepare",
      title: "Goldpinger on every node: each asks each, before anything changes",
      purpose: `Installs Goldpinger in the namespace metachron. Each of its pods asks each other one by its address, so while both networks run it asks every pair of them. From here on every gate that asks the plan's own signals asks it too, and goes on only after ${answers} healthy answers in a row.`,
      gate: {
        before: ["the stage before is done at the digest that this stage names"],
        after: [
          "a pod of Goldpinger is ready on every node",
          `it says ${answers} times in a row that the cluster is healthy`,
        ],
      },
      wayBack: "Delete the objects of this directory; take observability.goldpinger out of the plan.",
      objects: gateObjects({
        context: roll,
        stage: stageRef(context, id, previous),
        checks: ["goldpinger", "signals"],
        objects: goldpingerObjects(roll, id),
        ...(first !== undefined && { probeNode: first.name }),
      }),
      estimateSeconds: 180,
    });
  };
}
