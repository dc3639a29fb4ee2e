import { type Finding, whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import type { CalicoRule } from "../calico/model.ts";
import { doOverlap } from "../selector/label-term.ts";
import { isEveryAddress } from "./cidr-terms.ts";
import type { Cluster } from "./cluster.ts";
import { printRuleOf } from "./describe.ts";
import { translationFindings } from "./findings.ts";
import { isEveryHeader } from "./l4.ts";
import { isNoName } from "./name-set.ts";
import type { Direction, RuleEntry, SourcePolicy } from "./order-plan.ts";
import type { PeerSet } from "./peer-set.ts";
import { ruleFinding } from "./policy-findings.ts";
import { resolvePeers } from "./resolve-peers.ts";
import { familyOf } from "./resolve-rule.ts";
import { addToIndex, createIndex, findInIndex, type SubjectIndex } from "./subject-index.ts";

const directions: readonly Direction[] = ["ingress", "egress"];

/**
 * What Kubernetes NetworkPolicies mean beside the translated policies.
 *
 * Findings: POL031 (an ipBlock that holds pods or nodes), POL047 (policies that restrict nothing, because a Calico policy
 * allows everything behind them), POL049 (they stay as they are). `entries` are the rules that decide something.
 */
export function kubernetesFindings(
  sources: readonly SourcePolicy[],
  entries: Readonly<Record<Direction, readonly RuleEntry[]>>,
  cluster: Cluster,
): readonly Finding[] {
  const fixed = sources.filter((source) => source.isFixed);
  const [first] = fixed;
  if (first === undefined) return [];
  return [
    stayAsTheyAre(fixed, first),
    ...fixed.flatMap((source) => blockFindings(source, cluster)),
    ...directions.flatMap((direction) => cancelledFindings(fixed, entries[direction], direction)),
  ];
}

function stayAsTheyAre(fixed: readonly SourcePolicy[], first: SourcePolicy): Finding {
  const count =
    fixed.length === 1 ? printIdentity(first.policy.identity) : `${fixed.length} Kubernetes NetworkPolicies`;
  return {
    code: "POL049",
    severity: translationFindings.POL049.severity,
    message: `${count} ${fixed.length === 1 ? "stays as it is" : "stay as they are"}: Cilium enforces ${fixed.length === 1 ? "it" : "them"} itself`,
    ...(fixed.length === 1 && { where: whereOf(first.policy.identity, first.policy.position) }),
    reason: "Cilium reads NetworkPolicy objects; in the translation they count as allows of order 1000",
    remedy: "nothing to do",
    data: { count: fixed.length },
  };
}

function blockFindings(source: SourcePolicy, cluster: Cluster): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const direction of directions) {
    if (!source.policy.governs[direction]) continue;
    for (const rule of source.policy[direction]) {
      const finding = blockFinding(source, rule, direction, cluster);
      if (finding !== undefined && !found.has(finding.message)) found.set(finding.message, finding);
    }
  }
  return [...found.values()];
}

function blockFinding(
  source: SourcePolicy,
  rule: CalicoRule,
  direction: Direction,
  cluster: Cluster,
): Finding | undefined {
  const side = direction === "ingress" ? "source" : "destination";
  const { nets, notNets } = rule[side];
  if (nets === undefined) return undefined;
  const family = familyOf(rule);
  const peers = resolvePeers(rule[side], cluster, [], {
    side,
    family: family === "none" ? undefined : family,
    isFamilyInProtocol: false,
  });
  const sure = insiders(peers.under);
  const possible = insiders(peers.over);
  if (possible.length === 0) return undefined;
  const block = `${nets.join(", ")}${notNets ? ` except ${notNets.join(", ")}` : ""}`;
  const isKnown = sure.length > 0 || cluster.world.isInventoryKnown;
  const entry: RuleEntry = {
    owner: source,
    rule,
    direction,
    at: 0,
    boxes: { under: [], over: [], isExact: true },
    notes: [],
  };
  const finding = ruleFinding(
    entry,
    "POL031",
    isKnown
      ? `the ipBlock ${block} holds ${(sure.length > 0 ? sure : possible).join(" and ")}; under Cilium they lose this access`
      : `the ipBlock ${block} may hold ${possible.join(" and ")}; under Cilium they would lose this access`,
    {
      field: direction === "ingress" ? "from" : "to",
      reason: "Calico matches whoever has the address; Cilium's ipBlock matches addresses outside the cluster only",
      remedy: `add a peer with labels beside the ipBlock (namespaceSelector: {} means every pod)${possible.includes("nodes") ? ", and for nodes policyCIDRMatchMode: nodes in the Helm values or a CiliumNetworkPolicy with entities" : ""}`,
      data: { nets: [...nets] },
    },
  );
  return isKnown ? finding : { ...finding, severity: "warning" };
}

function insiders(peers: PeerSet): readonly string[] {
  return [...(peers.pods.length > 0 ? ["pods"] : []), ...(isNoName(peers.nodes) ? [] : ["nodes"])];
}

/** A Calico policy behind the Kubernetes ones that allows what falls through them: they restrict nothing. */
function cancelledFindings(
  fixed: readonly SourcePolicy[],
  entries: readonly RuleEntry[],
  direction: Direction,
): readonly Finding[] {
  const index = createIndex<SourcePolicy>();
  for (const source of fixed) if (source.policy.governs[direction]) addToIndex(index, source.subject.under, source);
  const told = new Set<SourcePolicy>();
  return entries.flatMap((entry) => {
    if (told.has(entry.owner) || !allowsEverything(entry)) return [];
    const cancelled = cancelledBy(entry, index);
    if (cancelled.length === 0) return [];
    told.add(entry.owner);
    return [cancelledFinding(entry, cancelled)];
  });
}

function allowsEverything(entry: RuleEntry): boolean {
  if (entry.owner.isFixed || (entry.rule.action !== "Allow" && entry.rule.action !== "Pass")) return false;
  return entry.boxes.under.some(
    (box) => isEveryHeader(box.l4) && isEveryAddress(box.peers.v4) && box.peers.pods.some((term) => term.size === 0),
  );
}

function cancelledBy(entry: RuleEntry, index: SubjectIndex<SourcePolicy>): readonly SourcePolicy[] {
  const subjects = entry.boxes.under.flatMap((box) => box.subject);
  return findInIndex(index, subjects).filter(
    (source) =>
      source.tierRank === entry.owner.tierRank &&
      source.rank < entry.owner.rank &&
      doOverlap(source.subject.under, subjects),
  );
}

function cancelledFinding(entry: RuleEntry, cancelled: readonly SourcePolicy[]): Finding {
  const names = cancelled.map((source) => printIdentity(source.policy.identity));
  const shown = names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
  return ruleFinding(
    entry,
    "POL047",
    `it allows all ${entry.direction} behind the Kubernetes NetworkPolicies of its pods, so these restrict nothing: ${shown}`,
    {
      reason:
        "a Kubernetes NetworkPolicy only allows, at order 1000; what it does not allow reaches the Calico policies behind it",
      remedy: `the translation keeps it so. If the NetworkPolicies are meant to hold, remove ${printRuleOf(entry)}: denies alone are enough with enableDefaultDeny: false`,
      related: cancelled.slice(0, 5).map((source) => ({
        message: `${printIdentity(source.policy.identity)} restricts nothing`,
        where: whereOf(source.policy.identity, source.policy.position),
      })),
      data: { policies: names.slice(0, 50), count: names.length },
    },
  );
}
