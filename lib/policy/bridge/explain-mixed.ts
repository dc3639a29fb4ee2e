import { addressFamily } from "../../core/cidr.ts";
import { labelledAddresses } from "../prove/compile-side.ts";
import type { ResolvedFlow } from "../prove/explain-flow.ts";
import { explainHalf, type HalfDecision } from "../prove/explain-half.ts";
import { packetEndOf } from "../prove/find-end.ts";
import type { Half, PolicySide } from "../prove/policy-side.ts";
import type { FlowEnd } from "../prove/proof.ts";
import { worldLabels } from "../space/closed-ends.ts";
import type { PacketEnd } from "../space/packet-end.ts";
import type { World } from "../space/world.ts";
import type { MixedSides } from "./mixed-legs.ts";
import { oldAddress, oldLook, remoteLook, translatedOldLook, translatedYoungLook, youngLook } from "./mixed-looks.ts";

/** The network that an end is on. Nodes and outside addresses are on neither. */
export type EndSide = "source" | "cilium";

/** One half of a flow while two networks run. */
export interface MixedHalf {
  readonly half: Half;
  /** The pod that it is decided at, and by whose engine. */
  readonly at: string;
  readonly by: EndSide;
  readonly decision: HalfDecision;
}

/** A flow with each of its pods on one of the two networks. */
export interface MixedState {
  /** Absent for an end that is no pod. */
  readonly from?: EndSide;
  readonly to?: EndSide;
  /** Given where a neighbour and a distant pod are decided by other rules. */
  readonly place?: "same node" | "other node";
  readonly verdict: "allow" | "deny";
  readonly halves: readonly MixedHalf[];
}

/** What is asked about the mixed phase. */
export interface MixedQuestion {
  readonly flow: ResolvedFlow;
  readonly sides: Pick<MixedSides, "sourceDuring" | "targetDuring">;
  readonly world: World;
  /** Whether pods keep their addresses across the two networks: the node rules are in place. */
  readonly keepsAddresses: boolean;
}

/**
 * How a flow is decided for each way in which its pods may be on the two networks: both on the source, one moved, both moved.
 * Empty when neither end is a pod. Uses the looks of the mixed proof, and decides each packet from the policies alone.
 */
export function explainMixed(question: MixedQuestion): readonly MixedState[] {
  const { flow, world, sides } = question;
  const context = { world, family: flow.family, labelled: labelledAddresses(Object.values(sides)) };
  const from = endOf(flow.from, packetEndOf(flow.from, context), question);
  const to = endOf(flow.to, packetEndOf(flow.to, context), question);
  if (from === undefined || to === undefined || (!from.isPod && !to.isPod)) return [];
  const sidesOf = (end: MixedEnd): readonly (EndSide | undefined)[] => (end.isPod ? ["source", "cilium"] : [undefined]);
  const states = sidesOf(from).flatMap((fromSide) => sidesOf(to).map((toSide) => ({ fromSide, toSide })));
  return states
    .sort((a, b) => moved(a) - moved(b))
    .flatMap(({ fromSide, toSide }) => statesOf(question, from, to, fromSide, toSide));
}

function moved({ fromSide, toSide }: { fromSide: EndSide | undefined; toSide: EndSide | undefined }): number {
  return [fromSide, toSide].filter((side) => side === "cilium").length;
}

/** One end with everything that the other engine may take it for. */
interface MixedEnd {
  readonly isPod: boolean;
  readonly name: string;
  readonly old: PacketEnd;
  readonly remote: PacketEnd;
  readonly young: PacketEnd;
  readonly translatedOld: PacketEnd;
  readonly translatedYoung: PacketEnd;
}

function endOf(end: FlowEnd, packet: PacketEnd | undefined, { world, flow }: MixedQuestion): MixedEnd | undefined {
  if (packet === undefined) return undefined;
  if (end.kind !== "pod")
    return {
      isPod: false,
      name: end.name,
      old: packet,
      remote: packet,
      young: packet,
      translatedOld: packet,
      translatedYoung: packet,
    };
  const { family } = flow;
  const outside = worldLabels(world, family);
  const pod = world.pods.find(({ namespace, name }) => `${namespace}/${name}` === end.name);
  const address = oldAddress(pod?.addresses ?? [], world, family);
  const own = { ...packet, calico: { ...packet.calico, ...(address !== undefined && { address }) } };
  const pool = world.podCIDRs.target.find((text) => addressFamily(text) === family);
  const node = world.nodes.find(({ name }) => name === pod?.node) ?? world.nodes[0];
  const nodeAddress = node?.addresses.find((text) => addressFamily(text) === family) ?? "";
  return {
    isPod: true,
    name: end.name,
    old: oldLook(own),
    remote: remoteLook(own, outside),
    young: youngLook(own, pool === undefined ? undefined : pool.slice(0, pool.indexOf("/"))),
    translatedOld: translatedOldLook(outside),
    translatedYoung: translatedYoungLook(nodeAddress, outside),
  };
}

function statesOf(
  question: MixedQuestion,
  from: MixedEnd,
  to: MixedEnd,
  fromSide: EndSide | undefined,
  toSide: EndSide | undefined,
): readonly MixedState[] {
  const stateAt = (place: "same node" | "other node"): MixedState => {
    const halves = [
      ...(fromSide === undefined
        ? []
        : [halfAt(question, "egress", { own: from, other: to, fromSide, toSide, place })]),
      ...(toSide === undefined ? [] : [halfAt(question, "ingress", { own: to, other: from, fromSide, toSide, place })]),
    ];
    const isAllowed = halves.every(({ decision }) => decision.verdict === "allow");
    return {
      ...(fromSide !== undefined && { from: fromSide }),
      ...(toSide !== undefined && { to: toSide }),
      verdict: isAllowed ? "allow" : "deny",
      halves,
    };
  };
  const distant = stateAt("other node");
  if (fromSide !== "cilium" || toSide !== "source") return [distant];
  const near = stateAt("same node");
  const decided = ({ halves }: MixedState): string => halves.map(({ decision }) => decision.decidedBy).join("|");
  if (decided(near) === decided(distant)) return [distant];
  return [
    { ...near, place: "same node" },
    { ...distant, place: "other node" },
  ];
}

interface HalfPlace {
  readonly own: MixedEnd;
  readonly other: MixedEnd;
  readonly fromSide: EndSide | undefined;
  readonly toSide: EndSide | undefined;
  readonly place: "same node" | "other node";
}

function halfAt({ flow, sides, world, keepsAddresses }: MixedQuestion, half: Half, at: HalfPlace): MixedHalf {
  const { own, other, fromSide, toSide, place } = at;
  const by = (half === "egress" ? fromSide : toSide) ?? "source";
  const otherSide = half === "egress" ? toSide : fromSide;
  const side: PolicySide = by === "source" ? sides.sourceDuring : sides.targetDuring;
  const { family, point, variant } = flow;
  const subject = by === "source" ? own.old : own.young;
  const isCrossing = otherSide !== undefined && otherSide !== by;
  const crossing = half === "egress" ? calledAcross(other, by, place) : callerAcross(other, by, keepsAddresses);
  const peer = isCrossing ? crossing : by === "source" ? other.old : other.young;
  return {
    half,
    at: own.name,
    by,
    decision: explainHalf(side, world, { half, subject, peer, family, point, variant }),
  };
}

/** What a caller's engine takes a pod of the other network for. */
function calledAcross(other: MixedEnd, by: EndSide, place: HalfPlace["place"]): PacketEnd {
  if (by === "source") return other.young;
  return place === "same node" ? other.old : other.remote;
}

/** What a listener's engine takes a caller from the other network for: its address may have been translated on the way. */
function callerAcross(other: MixedEnd, by: EndSide, keepsAddresses: boolean): PacketEnd {
  if (by === "source") return keepsAddresses ? other.young : other.translatedYoung;
  return keepsAddresses ? other.old : other.translatedOld;
}
