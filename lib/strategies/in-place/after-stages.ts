import { agentObjects } from "../../roll/agent-objects.ts";
import { imagesName, metachronNamespace } from "../../roll/names.ts";
import { noWayBackFromRemoval, removalObjects } from "../../roll/removal-objects.ts";
import type { SourceEnd } from "../../stages/closing-stages.ts";
import { probePolicyOf } from "../../stages/install-stages.ts";
import type { StageBuilder } from "../../stages/seal-stages.ts";
import { draftOf, type StageContext, stageRef } from "../../stages/stage-context.ts";
import { removedAfterwards } from "./removal-parts.ts";

/** 800-finalise: agents wait for no label any more, and the operator takes care of new nodes. */
export function finaliseInPlaceStage(context: StageContext, nodes: readonly string[]): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const id = "800-finalise";
    return draftOf(context, {
      id,
      kind: "finalise",
      title: "values without waiting: nodes that join start their agent by themselves",
      purpose:
        "The chart gets its final values (values.yaml): agents wait for no label, new nodes are kept free of pods until their agent is ready. The agents restart, the first alone; pods keep their connections. It refuses while a node is there that was not switched, or a pod has an address of the old pool.",
      nodes,
      gate: {
        before: [
          "the stage before is done at the digest that this stage names",
          "every node was switched, and no pod has an address of the old pool",
        ],
        after: [
          "every agent runs on the final values and its endpoints are ready",
          "the plan's own signals are healthy",
        ],
      },
      wayBack: "Apply the values of 010-cilium again: the nodes carry their label, so the agents stay.",
      objects: agentObjects({
        context: roll,
        stage: stageRef(context, id, previous),
        kind: "finalise",
        nodes,
        expectedConfig: { "set-cilium-node-taints": "true" },
        nodeConfigs: [],
      }),
      files: [{ file: "values.yaml", text: migration.target.final.text }],
      estimateSeconds: 60 * nodes.length,
    });
  };
}

/** 900-remove-<source>: what was left for the way back. */
export function removeRestStage(context: StageContext, end: SourceEnd, nodes: readonly string[]): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const { source } = migration.source;
    const id = `900-remove-${source}`;
    const removal = removedAfterwards(end.removal);
    const probes = probePolicyOf(context)?.object;
    const images = { apiVersion: "apps/v1", kind: "DaemonSet", namespace: metachronNamespace, name: imagesName };
    return draftOf(context, {
      id,
      kind: "remove",
      title: `what is left of ${source} goes`,
      purpose: `The agents went in the outage. Now the Job proves that no pod has an address of ${source} and deletes the ${removal.length} objects that the way back would have needed: policies, rights, settings, custom resources. Each by name, in an order that cannot hang.`,
      gate: {
        before: [
          "the stage before is done at the digest that this stage names",
          "no pod has an address of the old pool, pending and terminating ones included",
        ],
        after: ["every object of the list is gone", "probe pods on new addresses reach each other"],
      },
      wayBack: noWayBackFromRemoval,
      objects: removalObjects({
        context: roll,
        stage: stageRef(context, id, previous),
        nodes,
        bridgePolicies: [images],
        mirrors:
          probes === undefined
            ? []
            : [
                {
                  apiVersion: String(probes["apiVersion"]),
                  kind: String(probes["kind"]),
                  name: String((probes["metadata"] as { readonly name: string }).name),
                },
              ],
        removal,
      }),
      estimateSeconds: 300,
    });
  };
}
