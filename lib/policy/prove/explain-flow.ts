import { addressFamily } from "../../core/cidr.ts";
import type { Checked, Finding } from "../../core/finding.ts";
import { pointOf, protocolNumber } from "../space/l4-set.ts";
import type { PacketEnd } from "../space/packet-end.ts";
import type { World } from "../space/world.ts";
import { labelledAddresses } from "./compile-side.ts";
import type { FlowPoint } from "./decide-flow.ts";
import type { Variant } from "./evaluate.ts";
import { explainHalf, type HalfDecision } from "./explain-half.ts";
import { packetEndOf } from "./find-end.ts";
import type { Half, PolicySide } from "./policy-side.ts";
import type { FlowEnd } from "./proof.ts";

/** A question about one flow, in the words of a command line. */
export interface FlowQuestion {
  /** `namespace/pod`, `namespace/workload`, a node's name (`node/name` where a pod has it too), or an address. */
  readonly from: string;
  readonly to: string;
  /** Name or number: `TCP`, `icmp`, `47`. */
  readonly protocol: string;
  readonly port?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly sourcePort?: number;
  readonly before: PolicySide;
  readonly after: PolicySide;
  readonly world: World;
}

/** One half of the flow, before and after. */
export interface HalfExplanation {
  readonly half: Half;
  /** The pod that the half is decided at. */
  readonly at: string;
  readonly before: HalfDecision;
  readonly after: HalfDecision;
}

/** Why a flow passes or not. */
export interface FlowExplanation {
  readonly from: FlowEnd;
  readonly to: FlowEnd;
  readonly protocol: string;
  readonly port?: number;
  readonly icmpType?: number;
  /** The halves that are decided at a pod: egress at the source, ingress at the destination. */
  readonly halves: readonly HalfExplanation[];
  /** Allowed where every half is. */
  readonly before: "allow" | "deny";
  readonly after: "allow" | "deny";
}

/** A question with its ends and its packet found in the world. */
export interface ResolvedFlow {
  readonly from: FlowEnd;
  readonly to: FlowEnd;
  readonly family: 4 | 6;
  /** The header of the packet, on the line of `l4-set.ts`. */
  readonly point: number;
  readonly variant: Variant;
}

/**
 * Finds the ends and the packet that a question speaks of. Without a value, the findings say what is unknown.
 *
 * Findings: `prove/unknown-end`, `prove/unknown-protocol`.
 */
export function resolveFlow(question: Omit<FlowQuestion, "before" | "after">): Checked<ResolvedFlow> {
  const findings: Finding[] = [];
  const protocol = protocolNumber(question.protocol);
  if (protocol === undefined)
    findings.push({
      code: "prove/unknown-protocol",
      severity: "error",
      message: `${JSON.stringify(question.protocol)} is no IP protocol`,
      remedy: "write TCP, UDP, SCTP, ICMP, ICMPv6 or a number from 0 to 255",
    });
  const family = familyOf(question);
  const { from, to } = resolveEnds(question, family);
  if (from === undefined) findings.push(unknownEnd(question.from));
  if (to === undefined) findings.push(unknownEnd(question.to));
  if (protocol === undefined || from === undefined || to === undefined) return { value: undefined, findings };
  const point = pointOf({
    protocol,
    ...(question.port !== undefined && { port: question.port }),
    ...(question.icmpType !== undefined && { icmpType: question.icmpType }),
    ...(question.icmpCode !== undefined && { icmpCode: question.icmpCode }),
  });
  const variant = question.sourcePort === undefined ? {} : { sourcePort: question.sourcePort };
  return { value: { from, to, family, point, variant }, findings };
}

/**
 * Which rule of which policy decides a flow before and after, in both halves, with file and line, and the rules that were
 * looked at. Without a value, the findings say which end is unknown.
 *
 * Findings: `prove/unknown-end`, `prove/unknown-protocol`, `prove/no-pod`.
 */
export function explainFlow(question: FlowQuestion): Checked<FlowExplanation> {
  const resolved = resolveFlow(question);
  if (resolved.value === undefined) return { value: undefined, findings: resolved.findings };
  const { from, to } = resolved.value;
  const halves = explainHalves(question, resolved.value);
  const findings: Finding[] =
    halves.length > 0
      ? []
      : [
          {
            code: "prove/no-pod",
            severity: "warning",
            message: `neither ${question.from} nor ${question.to} is a pod with its own network: no policy decides this flow`,
          },
        ];
  const all = (key: "before" | "after"): "allow" | "deny" =>
    halves.every((half) => half[key].verdict === "allow") ? "allow" : "deny";
  return {
    value: {
      from,
      to,
      protocol: question.protocol,
      ...(question.port !== undefined && { port: question.port }),
      ...(question.icmpType !== undefined && { icmpType: question.icmpType }),
      halves,
      before: all("before"),
      after: all("after"),
    },
    findings,
  };
}

function unknownEnd(text: string): Finding {
  return {
    code: "prove/unknown-end",
    severity: "error",
    message: `${text} is no pod, workload, node or address that the inventory knows`,
    reason: "Pods on the host network have no policy of their own: ask about their node",
    remedy: "name a pod as namespace/name, a node by its name, or an address",
  };
}

function familyOf({ from, to, world }: Pick<FlowQuestion, "from" | "to" | "world">): 4 | 6 {
  return addressFamily(from) ?? addressFamily(to) ?? world.families[0] ?? 4;
}

function resolveEnds(
  { from, to, world }: Pick<FlowQuestion, "from" | "to" | "world">,
  family: 4 | 6,
): { readonly from: FlowEnd | undefined; readonly to: FlowEnd | undefined } {
  const source = resolveEnd(from, world, family);
  const destination = resolveEnd(to, world, family);
  return { from: besidePod(source, destination, world), to: besidePod(destination, source, world) };
}

/** A node is the pod's own when the pod runs on it. */
function besidePod(end: FlowEnd | undefined, other: FlowEnd | undefined, world: World): FlowEnd | undefined {
  if (end?.kind !== "node" || other?.kind !== "pod") return end;
  const pod = world.pods.find(({ namespace, name }) => `${namespace}/${name}` === other.name);
  return pod?.node === end.name ? { ...end, isOwnNode: true } : end;
}

function resolveEnd(text: string, world: World, family: 4 | 6): FlowEnd | undefined {
  if (addressFamily(text) !== undefined) return ownerOf(text, world);
  const nodeName = text.startsWith("node/") ? text.slice("node/".length) : text;
  const pod = world.pods.find(({ namespace, name }) => `${namespace}/${name}` === text);
  const workload = pod ?? world.pods.find((one) => isOfWorkload(one, text));
  if (workload !== undefined) return podEnd(workload, family);
  const node = world.nodes.find(({ name }) => name === nodeName);
  const address = node?.addresses.find((candidate) => addressFamily(candidate) === family);
  return node === undefined ? undefined : { kind: "node", name: node.name, ...(address !== undefined && { address }) };
}

function podEnd(pod: World["pods"][number], family: 4 | 6): FlowEnd {
  const address = pod.addresses.find((candidate) => addressFamily(candidate) === family);
  return { kind: "pod", name: `${pod.namespace}/${pod.name}`, ...(address !== undefined && { address }) };
}

function isOfWorkload(pod: World["pods"][number], text: string): boolean {
  const kindless = pod.workload.slice(pod.workload.indexOf("/") + 1);
  return text === `${pod.namespace}/${kindless}` || text === `${pod.namespace}/${pod.workload}`;
}

function ownerOf(address: string, world: World): FlowEnd {
  const pod = world.pods.find(({ addresses }) => addresses.includes(address));
  if (pod !== undefined) return { kind: "pod", name: `${pod.namespace}/${pod.name}`, address };
  const node = world.nodes.find(({ addresses }) => addresses.includes(address));
  return node === undefined ? { kind: "address", name: address, address } : { kind: "node", name: node.name, address };
}

function explainHalves(question: FlowQuestion, flow: ResolvedFlow): HalfExplanation[] {
  const { family, point, variant } = flow;
  const context = { world: question.world, family, labelled: labelledAddresses([question.before, question.after]) };
  const from = packetEndOf(flow.from, context);
  const to = packetEndOf(flow.to, context);
  const sides: readonly { half: Half; subject: PacketEnd | undefined; peer: PacketEnd | undefined }[] = [
    { half: "egress", subject: from, peer: to },
    { half: "ingress", subject: to, peer: from },
  ];
  return sides.flatMap(({ half, subject, peer }) => {
    if (subject?.kind !== "pod" || peer === undefined) return [];
    const at: FlowPoint = { half, subject, peer, family, point, variant };
    return [
      {
        half,
        at: subject.names[0] ?? "",
        before: explainHalf(question.before, question.world, at),
        after: explainHalf(question.after, question.world, at),
      },
    ];
  });
}
