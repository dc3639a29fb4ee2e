import { compareText } from "../core/order.ts";
import { printPacket } from "../policy/probe/print-probe.ts";
import type { ProbePack } from "../policy/probe/probe-pack.ts";
import { gateObjects } from "../roll/gate-objects.ts";
import type { Pack } from "../roll/probe-objects.ts";
import type { StageBuilder } from "./seal-stages.ts";
import { draftOf, type StageContext, stageRef } from "./stage-context.ts";

/** The pack as it runs on one side; `undefined` where there is nothing to run. */
export function packOn(context: StageContext, side: "before" | "after"): Pack | undefined {
  const pack: ProbePack | undefined = context.migration.probes;
  if (pack === undefined || pack.probes.length === 0) return undefined;
  return {
    pods: pack.pods,
    probes: pack.probes.map(({ id, from, to, protocol, port, family, ...probe }) => ({
      id,
      from,
      to,
      protocol,
      port,
      family,
      expected: probe[side].verdict,
      packet: printPacket(pack, { from, to, protocol, port }),
      // Without its line: a stage's bytes must not change because a list in the inventory grew.
      decidedBy: probe[side].decidedBy,
    })),
  };
}

/** What a reviewer has to know of pods of ours in namespaces of the users. */
export function packCaveat(pack: Pack): string {
  const namespaces = [...new Set(pack.pods.map(({ namespace }) => namespace))].sort();
  return `Small pods run for a few minutes in ${namespaces.join(", ")}, with the labels that policies ask for. They are never ready, so that no Service sends them traffic. A PodDisruptionBudget that selects those labels allows no eviction meanwhile, and something that lists pods by those labels through the API may see them.`;
}

const id = "040-probes";

/**
 * Whether the pack runs on the source: what it expects is what the source decides, so not where the source's policy is
 * switched off by then, and not once pods have moved. A stage that was opened stays a stage, whatever the inventory says later.
 */
function runsOnSource({ plan, source, newNodes }: StageContext["migration"], pack: Pack | undefined): boolean {
  const isOpened = ([, entry]: readonly [string, { readonly state: string }]): boolean => entry.state !== "held";
  const opened = Object.entries(plan.stages).filter(isOpened);
  if (opened.some(([stage]) => stage === id)) return true;
  const isLate = opened.some(([stage]) => compareText(stage, id) > 0);
  const hasMoved = (source.hybrid?.podsOnCilium ?? 0) > 0 || newNodes.joined.length > 0;
  return pack !== undefined && !isLate && !hasMoved && source.switchedOffFilters === undefined;
}

/** 040-probes: the pack on the source, before the first pod moves. */
export function probeStage(context: StageContext): StageBuilder | undefined {
  const planned = packOn(context, "before");
  const { source } = context.migration;
  if (!runsOnSource(context.migration, planned)) return undefined;
  const pack = planned ?? { pods: [], probes: [] };
  return (previous) => {
    return draftOf(context, {
      id,
      kind: "probes",
      title: `${pack.probes.length} connections tried on ${source.source}, before any pod moves`,
      purpose: `Nothing of yours is changed. Pods of ours that policy takes for your own speak to each other, ${pack.probes.length} connections, and each has to be let through or refused as the proof says ${source.source} does today: see policies.md. The same pack runs on Cilium before ${source.source} is removed.`,
      gate: {
        before: ["the stage before is done at the digest that this stage names"],
        after: ["every connection is decided as expected", "no pod of the pack is left"],
      },
      caveats: [packCaveat(pack)],
      wayBack: "Nothing to take back: the Job deletes its pods, and they end by themselves after a quarter of an hour.",
      objects: gateObjects({
        context: context.roll,
        stage: stageRef(context, id, previous),
        checks: ["echo", "probes"],
        kind: "validate",
        pack,
      }),
      estimateSeconds: 180,
    });
  };
}
