import { gateObjects } from "../../roll/gate-objects.ts";
import { imagesObject } from "../../roll/switch-objects.ts";
import type { SourceEnd } from "../../stages/closing-stages.ts";
import type { StageBuilder } from "../../stages/seal-stages.ts";
import { draftOf, type StageContext, stageRef } from "../../stages/stage-context.ts";
import { agentLabel } from "../../target/waiting-values.ts";
import { freezeChecklist } from "./freeze-checklist.ts";
import { wayBackFiles } from "./way-back.ts";

/** 010-cilium: the chart with its final values, whose agents wait for a label that no node has. */
export function waitingStage(context: StageContext): StageBuilder {
  return (previous) => {
    const { migration, roll } = context;
    const id = "010-cilium";
    const { target, plan } = migration;
    return draftOf(context, {
      id,
      kind: "cilium",
      title: `Cilium ${plan.spec.target.version} without agents: the operator and the kinds of its policies`,
      purpose: `Installs the Cilium chart ${plan.spec.target.version} with its final values, except that the agents run only on nodes with the label \`${agentLabel}\`, and no node has it. The operator makes Cilium's kinds and judges policies. Nothing runs on a node's network, and no pod is touched.`,
      gate: {
        before: ["the stage before is done at the digest that this stage names"],
        after: [
          "Cilium's operator is ready and the kinds of its policies are served",
          "probe pods still reach each other",
        ],
      },
      wayBack: `Uninstall the release: helm uninstall cilium -n ${target.namespace}.`,
      objects: gateObjects({ context: roll, stage: stageRef(context, id, previous), checks: ["operator", "echo"] }),
      files: [{ file: "values.yaml", text: target.migration.text }],
      estimateSeconds: 180,
    });
  };
}

/** 050-freeze: what a person stops before the outage, and Cilium's image on every node. */
export function freezeStage(context: StageContext, end: SourceEnd, nodes: readonly string[]): StageBuilder {
  return (previous) => {
    const { roll } = context;
    const id = "050-freeze";
    const [first] = nodes;
    return draftOf(context, {
      id,
      kind: "prepare",
      title: "the freeze: images on every node, and what a person stops first",
      purpose:
        "Brings Cilium's image to every node, so that none has to pull it while it has no network. CHECKLIST.md is what a person does before the window: stop everything that makes pods or nodes or brings the source back, take backups, have access to the nodes. No Job can tell whether that was done: opening the next stage says that it was.",
      gate: {
        before: ["the stage before is done at the digest that this stage names"],
        after: [
          "Cilium's image is on every node",
          "probe pods still reach each other",
          "the plan's own signals are healthy",
          "a person went through CHECKLIST.md; no Job asks for it",
        ],
      },
      wayBack: "Start again what was stopped. The DaemonSet metachron-images may stay: its pods sleep.",
      objects: gateObjects({
        context: roll,
        stage: stageRef(context, id, previous),
        checks: ["images", "echo", "signals"],
        objects: [imagesObject(roll, id)],
        ...(first !== undefined && { probeNode: first }),
      }),
      files: [freezeChecklist(context.migration, end), ...wayBackFiles(context.migration, end)],
      estimateSeconds: 600,
    });
  };
}
