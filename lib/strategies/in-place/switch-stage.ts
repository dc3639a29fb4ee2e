import { switchObjects } from "../../roll/switch-objects.ts";
import type { SourceEnd } from "../../stages/closing-stages.ts";
import type { StageBuilder } from "../../stages/seal-stages.ts";
import { draftOf, type StageContext, stageRef } from "../../stages/stage-context.ts";
import { removedInOutage } from "./removal-parts.ts";
import { wayBackFiles } from "./way-back.ts";

/** 100-switch: the outage. */
export function switchStage(context: StageContext, end: SourceEnd, nodes: readonly string[]): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const { source } = migration.source;
    const id = "100-switch";
    const removal = removedInOutage(end.removal);
    const policies = migration.translation.policies.flatMap((policy) => policy.outputs).length;
    const minutes = Math.ceil((migration.outage?.seconds ?? 0) / 60);
    const isBinary = migration.source.facts.daemonSets.length === 0;
    return draftOf(context, {
      id,
      kind: "switch",
      title: `the outage: ${source} stops, Cilium starts, every pod restarts`,
      purpose: `About ${minutes} minutes without a pod network. One Job deletes ${removal.length === 1 ? "one object" : `${removal.length} objects`} of ${source}, then takes the nodes, the first alone: it cleans what ${source} left there, lets Cilium's agent start, and gives every pod a new sandbox. ${policies > 0 ? "The policies are there already, so each pod is enforced from its first packet." : "There is no policy to enforce."}`,
      nodes,
      gate: {
        before: [
          "the stage before is done at the digest that this stage names",
          "the nodes are exactly those of the list, Cilium's image is on each, and its agents wait for their label",
          ...(policies > 0 ? [`all ${policies} Cilium policies are there and Valid`] : []),
          "a person did what CHECKLIST.md of 050-freeze says",
        ],
        after: [
          "on each node: the agent is ready and wrote its CNI file, endpoints are in force, every pod has an address of the new pool",
          "every agent and every probe pod is ready",
          "the plan's own signals are healthy",
        ],
      },
      caveats: [
        "Argo CD and Flux are pods: while the Job runs they reach neither git nor the API server, and show nothing new. The Job needs neither; watch it with kubectl",
        "PodDisruptionBudgets are not asked: there is no network that a budget could keep",
        "Pods of restartPolicy Never stay without a network until they end",
        "While the first node is tried alone, the other nodes' pods still reach each other by what the source left in the kernel; if the first fails, putting the objects back is enough (WAY-BACK.md)",
        ...(isBinary
          ? [
              `${source} has no DaemonSet here: a person restarts the distribution without it right before this stage is opened, and the outage begins then`,
            ]
          : []),
      ],
      wayBack:
        "WAY-BACK.md says what a person does; source-objects.yaml holds what was deleted. It is a second outage. A Job that failed goes on where it stopped at the next attempt.",
      objects: switchObjects({
        context: roll,
        stage: stageRef(context, id, previous),
        nodes,
        removal,
        leftovers: end.leftovers,
        policies,
      }),
      files: [...wayBackFiles(migration, end)],
      estimateSeconds: migration.outage?.seconds ?? 0,
    });
  };
}
