import { sortedUnique } from "../../core/order.ts";
import { vocabularyOf } from "../prove/compile-side.ts";
import type { PolicySide } from "../prove/policy-side.ts";
import { decisionOf } from "../prove/printing.ts";
import type { Decision } from "../prove/proof.ts";
import { describePoint, protocols } from "../space/l4-set.ts";
import type { World } from "../space/world.ts";
import { type ChosenFlow, chooseFlows } from "./choose-flows.ts";
import { type FlowTable, flowTable, type Halves } from "./flow-kinds.ts";
import { goalsOf } from "./goals.ts";
import { emptyPack, type NotShown, type Probe, type ProbePack, type ProbePod } from "./probe-pack.ts";
import { sampleStandIns } from "./sample-stand-ins.ts";
import { type EagerService, type StandIn, standInsOf } from "./stand-ins.ts";

/** What probes are chosen for. */
export interface ProbeInput {
  readonly before: PolicySide;
  readonly after: PolicySide;
  readonly world: World;
  /** Services that send traffic to pods which are not ready: no probe pod may have their labels. */
  readonly eagerServices?: readonly EagerService[];
}

/**
 * Picks connections between pods of ours that stand for pods of the inventory, so that each rule of the source, each end
 * of a tier and each open default decides one probe, and beside each rule one packet is sent that it does not match and
 * that is decided the other way. Verdicts are those of both halves, before and after. Empty for a source without policy.
 *
 * What no probe shows is listed with the reason. The pack is small (`mostStandIns`, `mostPods`, `mostProbes`): with thousands of
 * policies it takes a rule of each policy before the second of any. The result depends on nothing but the input.
 */
export function planProbes(input: ProbeInput): ProbePack {
  const { before, after, world } = input;
  if (before.engine === "none") return emptyPack;
  const vocabulary = vocabularyOf([before, after], world);
  const { standIns, refused } = standInsOf(world, vocabulary, input.eagerServices ?? []);
  const { sample, isWhole } = sampleStandIns(standIns, before, world);
  const table = flowTable({ before, after, world, vocabulary, standIns: sample });
  const goals = goalsOf(before, table, isWhole);
  const { flows, missed } = chooseFlows(table, goals);
  return packOf(input, { table, standIns: sample, flows, missed, refused });
}

interface PackParts {
  readonly table: FlowTable;
  readonly standIns: readonly StandIn[];
  readonly flows: readonly ChosenFlow[];
  readonly missed: readonly NotShown[];
  readonly refused: ReadonlyMap<string, string>;
}

function packOf(input: ProbeInput, { table, standIns, flows, missed, refused }: PackParts): ProbePack {
  const used = [...new Set(flows.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  const idOf = numbered(used.length);
  const ids = new Map(used.map((standIn, at) => [standIn, idOf(at)]));
  const pods = used.flatMap((standIn): ProbePod[] => {
    const pod = standIns[standIn];
    return pod === undefined ? [] : [{ id: ids.get(standIn) ?? "", ...pod }];
  });
  const probeId = numbered(flows.length);
  const probes = [...flows]
    .sort((a, b) => a.from - b.from || a.to - b.to || a.kind.point - b.kind.point)
    .map(({ from, to, kind, shows }, at): Probe => {
      const { protocol, port = 0 } = describePoint(kind.point);
      return {
        id: `p${probeId(at)}`,
        from: ids.get(from) ?? "",
        to: ids.get(to) ?? "",
        protocol: protocol === protocols.UDP ? "UDP" : "TCP",
        port,
        family: table.family,
        before: wholeDecision(kind.before, input.before, table, from, to),
        after: wholeDecision(kind.after, input.after, table, from, to),
        shows: sortedUnique(shows),
      };
    });
  const unsafe = [...refused].map(([standsFor, why]): NotShown => ({ rule: `pods of ${standsFor}`, why }));
  return { pods, probes, notShown: [...missed, ...unsafe] };
}

function numbered(count: number): (at: number) => string {
  const width = Math.max(2, String(count).length);
  return (at) => String(at + 1).padStart(width, "0");
}

/** The end that denies; else the one where a rule admits, the destination's first. */
function wholeDecision(
  { egress, ingress }: Halves,
  side: PolicySide,
  table: FlowTable,
  from: number,
  to: number,
): Decision {
  const isEgress =
    !egress.isAllowed || (ingress.isAllowed && ingress.cause.kind !== "rule" && egress.cause.kind === "rule");
  const subject = table.endOf(isEgress ? from : to);
  if (subject === undefined) return { verdict: "deny", decidedBy: "" };
  return decisionOf(isEgress ? egress : ingress, side, subject);
}
