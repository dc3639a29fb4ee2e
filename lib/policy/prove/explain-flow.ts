import { addressFamily } from "../../core/cidr.ts";
import type { Checked, Finding, Where } from "../../core/finding.ts";
import { whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import { pointOf, protocolNumber } from "../space/l4-set.ts";
import type { PacketEnd } from "../space/packet-end.ts";
import type { World } from "../space/world.ts";
import { labelledAddresses } from "./compile-side.ts";
import { decideFlow, type FlowDecision, type FlowPoint } from "./decide-flow.ts";
import { packetEndOf } from "./find-end.ts";
import type { Half, PolicySide } from "./policy-side.ts";
import { decisionOf } from "./printing.ts";
import type { Decision, FlowEnd } from "./proof.ts";

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

/** One rule that had a chance to decide. */
export interface RuleLookedAt {
  /** `NetworkPolicy/a/p ingress[1]`. */
  readonly rule: string;
  readonly where: Where;
  readonly action: "allow" | "deny" | "pass" | "log";
  readonly isMatch: boolean;
}

/** What one side says of one half, and what it looked at: every rule of every policy that selects the pod, in order. */
export interface HalfDecision extends Decision {
  readonly lookedAt: readonly RuleLookedAt[];
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
  /** The halves that are decided at a pod: egress at the source, ingress at the destination. */
  readonly halves: readonly HalfExplanation[];
  /** Allowed where every half is. */
  readonly before: "allow" | "deny";
  readonly after: "allow" | "deny";
}

/**
 * Which rule of which policy decides a flow before and after, in both halves, with file and line, and the rules that were
 * looked at. Without a value, the findings say which end is unknown.
 *
 * Findings: `prove/unknown-end`, `prove/unknown-protocol`, `prove/no-pod`.
 */
export function explainFlow(question: FlowQuestion): Checked<FlowExplanation> {
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
  const ends = resolveEnds(question, family);
  for (const [text, end] of [
    [question.from, ends?.from],
    [question.to, ends?.to],
  ] as const)
    if (end === undefined) findings.push(unknownEnd(text));
  if (protocol === undefined || ends?.from === undefined || ends.to === undefined)
    return { value: undefined, findings };
  const point = pointOf({
    protocol,
    ...(question.port !== undefined && { port: question.port }),
    ...(question.icmpType !== undefined && { icmpType: question.icmpType }),
    ...(question.icmpCode !== undefined && { icmpCode: question.icmpCode }),
  });
  const halves = explainHalves(question, { from: ends.from, to: ends.to }, family, point);
  if (halves.length === 0)
    findings.push({
      code: "prove/no-pod",
      severity: "warning",
      message: `neither ${question.from} nor ${question.to} is a pod with its own network: no policy decides this flow`,
    });
  const all = (key: "before" | "after"): "allow" | "deny" =>
    halves.every((half) => half[key].verdict === "allow") ? "allow" : "deny";
  return {
    value: {
      from: ends.from,
      to: ends.to,
      protocol: question.protocol,
      ...(question.port !== undefined && { port: question.port }),
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

function familyOf({ from, to, world }: FlowQuestion): 4 | 6 {
  return addressFamily(from) ?? addressFamily(to) ?? world.families[0] ?? 4;
}

function resolveEnds(
  { from, to, world }: FlowQuestion,
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

function explainHalves(
  question: FlowQuestion,
  ends: { readonly from: FlowEnd; readonly to: FlowEnd },
  family: 4 | 6,
  point: number,
): HalfExplanation[] {
  const context = { world: question.world, family, labelled: labelledAddresses([question.before, question.after]) };
  const from = packetEndOf(ends.from, context);
  const to = packetEndOf(ends.to, context);
  const sides: readonly { half: Half; subject: PacketEnd | undefined; peer: PacketEnd | undefined }[] = [
    { half: "egress", subject: from, peer: to },
    { half: "ingress", subject: to, peer: from },
  ];
  const variant = question.sourcePort === undefined ? {} : { sourcePort: question.sourcePort };
  return sides.flatMap(({ half, subject, peer }) => {
    if (subject?.kind !== "pod" || peer === undefined) return [];
    const flow: FlowPoint = { half, subject, peer, family, point, variant };
    return [
      {
        half,
        at: subject.names[0] ?? "",
        before: explainSide(question.before, question.world, flow),
        after: explainSide(question.after, question.world, flow),
      },
    ];
  });
}

function explainSide(side: PolicySide, world: World, flow: FlowPoint): HalfDecision {
  const decision = decideFlow(side, world, flow);
  return { ...decisionOf(decision.verdict, side, flow.subject), lookedAt: rulesLookedAt(side, decision, flow.half) };
}

function rulesLookedAt(side: PolicySide, decision: FlowDecision, half: Half): RuleLookedAt[] {
  const isMatch = (policy: number, field: string): boolean =>
    decision.matching.some((ref) => ref.policy === policy && ref.field === field);
  if (side.engine === "none") return [];
  return decision.selected.flatMap((place) =>
    side.engine === "calico" ? calicoRules(side, place, half, isMatch) : ciliumRules(side, place, half, isMatch),
  );
}

type Match = (policy: number, field: string) => boolean;

function calicoRules(
  side: Extract<PolicySide, { readonly engine: "calico" }>,
  place: number,
  half: Half,
  isMatch: Match,
): RuleLookedAt[] {
  const policy = side.policies.policies[place];
  return (policy?.[half] ?? []).flatMap((rule) => {
    if (policy === undefined) return [];
    const field = `${half}[${rule.index}]`;
    return [
      {
        rule: `${printIdentity(policy.identity)} ${field}`,
        where: whereOf(policy.identity, { ...policy.position, ...rule.position }, `spec.${field}`),
        action:
          rule.action === "Allow" ? "allow" : rule.action === "Deny" ? "deny" : rule.action === "Pass" ? "pass" : "log",
        isMatch: isMatch(place, field),
      },
    ];
  });
}

function ciliumRules(
  side: Extract<PolicySide, { readonly engine: "cilium" }>,
  place: number,
  half: Half,
  isMatch: Match,
): RuleLookedAt[] {
  const rule = side.policies.rules[place];
  if (rule === undefined) return [];
  const path = rule.path ?? "spec";
  const prefix = path === "spec" ? "" : `${path}.`;
  const denySection = half === "ingress" ? "ingressDeny" : "egressDeny";
  return ([denySection, half] as const).flatMap((section) =>
    rule[section].map((element) => {
      const field = `${section}[${element.index}]`;
      const inside = `${path}.${field}`;
      return {
        rule: `${printIdentity(rule.identity)} ${prefix}${field}`,
        where: whereOf(rule.identity, rule.locate?.(inside) ?? rule.position, inside),
        action: section === half ? ("allow" as const) : ("deny" as const),
        isMatch: isMatch(place, field),
      };
    }),
  );
}
