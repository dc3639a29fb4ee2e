import {
  everyL4,
  icmpL4,
  intersectL4,
  type L4Set,
  portsL4,
  protocolL4,
  protocols,
  subtractL4,
  uniteL4,
} from "../space/l4-set.ts";
import type { DifferenceCell } from "./compare.ts";
import { isEnforced } from "./compile-calico.ts";
import type { Half, PolicySide } from "./policy-side.ts";

/** One declared divergence: why it is not held against a translation. Numbers as in reference policy 4.6. */
export interface Divergence {
  readonly id: string;
  readonly why: string;
}

/** Divergences that hold always, and those that hold once somebody has accepted them. */
export const divergences = {
  D1: {
    id: "D1",
    why: "nodes other than the pod's own may reach the pod, or be reached, where a deny of everything was written without nodes",
  },
  D5: { id: "D5", why: "connections that are open when a node changes over end with the restart of their pod" },
  D6: { id: "D6", why: "echo replies and IPv6 neighbour discovery pass by connection tracking and are not compared" },
  D7: { id: "D7", why: "Calico drops VXLAN and IP-in-IP packets that pods make themselves; Cilium has no such rule" },
  D8: {
    id: "D8",
    why: "IP protocols and ICMP types that are hardly ever used lose access where a rule named what it excludes and Cilium has to name what it allows",
  },
  D9: {
    id: "D9",
    why: "policies of host endpoints, doNotTrack, preDNAT and node policies decide nothing for pods and are not compared",
  },
  D10: { id: "D10", why: "staged policies and Log rules decide nothing" },
  D12: {
    id: "D12",
    why: "NodePort and LoadBalancer clients may be seen as a node or as themselves, by load-balancer mode",
  },
  D13: {
    id: "D13",
    why: "addresses of the source's tunnel devices are no destinations: they go with the source, and nobody connects to them",
  },
} as const satisfies Readonly<Record<string, Divergence>>;

/** The headers that are compared for a half and family: everything but port 0, which no socket has, and what D6 and D7 set aside. */
export function comparedHeaders(half: Half, family: 4 | 6, sides: readonly PolicySide[]): L4Set {
  const isCalico = sides.some(({ engine }) => engine === "calico");
  let headers = subtractL4(everyL4, protocolL4(family === 4 ? protocols.ICMPv6 : protocols.ICMP));
  headers = subtractL4(subtractL4(headers, portZero), trackedHeaders(half, family));
  if (half === "egress" && isCalico) headers = subtractL4(headers, tunnelHeaders);
  return headers;
}

function trackedHeaders(half: Half, family: 4 | 6): L4Set {
  if (family === 4) return icmpL4(protocols.ICMP, 0);
  const discovery = [130, 131, 132, 133, 135, 136].map((type) => icmpL4(protocols.ICMPv6, type));
  return [icmpL4(protocols.ICMPv6, 129), ...(half === "egress" ? discovery : [])].reduce(uniteL4);
}

const portZero: L4Set = [protocols.TCP, protocols.UDP, protocols.SCTP, protocols.UDPLite]
  .map((protocol) => portsL4(protocol, 0, 0))
  .reduce(uniteL4);

const tunnelHeaders: L4Set = uniteL4(portsL4(protocols.UDP, 4789, 4789), protocolL4(4));

/** ICMP types in use, as the mapping lists them where a rule means all of them. Source: IANA registries; reference policy 3.2. */
const typesInUse: Readonly<Record<number, readonly (readonly [number, number])[]>> = {
  [protocols.ICMP]: [
    [3, 5],
    [8, 14],
    [40, 40],
    [42, 43],
  ],
  [protocols.ICMPv6]: [
    [1, 4],
    [128, 137],
    [141, 143],
    [151, 153],
    [160, 161],
  ],
};

const commonHeaders: L4Set = [
  ...[protocols.TCP, protocols.UDP, protocols.SCTP].map(protocolL4),
  ...[protocols.ICMP, protocols.ICMPv6].flatMap((protocol) =>
    (typesInUse[protocol] ?? []).map(
      ([first, last]): L4Set => [icmpL4(protocol, first)[0] ?? 0, icmpL4(protocol, last)[1] ?? 0],
    ),
  ),
].reduce(uniteL4);

/** Whether an interval holds headers in common use; it lies on one side of each of `commonBoundaries`. */
function isCommon(from: number, to: number): boolean {
  return intersectL4([from, to], commonHeaders).length > 0;
}

/** Where the protocols in common use begin and end, so that no difference mixes them with others. */
export const commonBoundaries: readonly number[] = commonHeaders;

/** The divergence that a difference would be, were it accepted; `undefined` for none. */
export function divergenceOf(cell: DifferenceCell): keyof typeof divergences | undefined {
  const isOpened = cell.after.isAllowed;
  const peer = cell.peer.sample.kind;
  if (isOpened && peer === "node") return "D1";
  return !isOpened && !isCommon(cell.from, cell.to) ? "D8" : undefined;
}

/** Policies and rules of the sides that are set aside, by divergence. */
export function setAside(sides: readonly PolicySide[]): { readonly D9: number; readonly D10: number } {
  let hosts = 0;
  let silent = 0;
  for (const side of sides) {
    if (side.engine === "cilium") hosts += side.policies.rules.filter(({ subject }) => subject.kind === "nodes").length;
    if (side.engine !== "calico") continue;
    hosts += side.policies.hostEndpoints.length;
    for (const policy of side.policies.policies) {
      if (policy.isStaged) silent += 1;
      else if (!isEnforced(policy)) hosts += 1;
      silent += [...policy.ingress, ...policy.egress].filter(({ action }) => action === "Log").length;
    }
  }
  return { D9: hosts, D10: silent };
}
