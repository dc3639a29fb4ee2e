import type { Finding } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import type { CalicoPolicy } from "../calico/model.ts";
import { type LabelTerms, matchesTerms, toTerms } from "../selector/label-term.ts";
import { matches } from "../selector/match-selector.ts";
import type { Cluster } from "./cluster.ts";
import type { Note } from "./note.ts";
import type { SourcePolicy } from "./order-plan.ts";
import { policyFinding, subjectFinding } from "./policy-findings.ts";
import { resolvePods } from "./resolve-selector.ts";

/** A policy ready to be planned, with all that its subject and its flags have to tell. */
export interface PreparedSource {
  readonly source: SourcePolicy;
  readonly findings: readonly Finding[];
  /** What the subject alone makes of the result. */
  readonly effect: "exact" | "carved" | "partial" | "refused";
}

type Place = Pick<SourcePolicy, "tier" | "tierRank" | "rank">;

/**
 * Resolves whom a policy applies to, and says whether it can be written at all.
 *
 * A policy whose pods cannot be told exactly is refused: with too few it would leave pods open, with too many it would close or
 * open others. Findings: POL007, POL020 to POL025, POL060 to POL063.
 */
export function prepareSource(policy: CalicoPolicy, place: Place, cluster: Cluster): PreparedSource {
  const notes: Note[] = [];
  const subject = resolvePods(policy.appliesTo, cluster, notes, "selector");
  const isFixed = policy.origin === "KubernetesNetworkPolicy";
  const findings = notes.map((note) => subjectFinding(policy, note));
  const host = hostProblem(policy, cluster, subject.over.length === 0);
  if (host !== undefined) findings.push(host.finding);
  const isRefused = !subject.isExact || host?.isAll === true || isUnseen(subject.under, notes);
  const source: SourcePolicy = {
    ...place,
    policy,
    isFixed,
    subject,
    isWritten: !isRefused && !isFixed && subject.under.length > 0,
  };
  if (!isRefused) findings.push(...emptySubject(source, cluster));
  const isCarved = notes.some((note) => note.effect === "carved");
  return {
    source,
    findings,
    effect: isRefused ? "refused" : host !== undefined ? "partial" : isCarved ? "carved" : "exact",
  };
}

/** Whether the subject is empty only because no pod has such a value today: what comes tomorrow could not be written. */
function isUnseen(subject: LabelTerms, notes: readonly Note[]): boolean {
  return subject.length === 0 && notes.some((note) => note.effect === "carved");
}

interface HostProblem {
  readonly finding: Finding;
  /** Whether nothing of the policy is about pods. */
  readonly isAll: boolean;
}

function hostProblem(policy: CalicoPolicy, cluster: Cluster, selectsNoPod: boolean): HostProblem | undefined {
  if (policy.origin !== "GlobalNetworkPolicy") return undefined;
  const name = printIdentity(policy.identity);
  if (policy.preDNAT)
    return {
      isAll: true,
      finding: policyFinding(
        policy,
        "POL061",
        `${name} has preDNAT: it decides what arrives at nodes before a Service is chosen, and is not translated`,
        {
          field: "spec.preDNAT",
          reason: "Cilium decides after the Service is chosen, at the pod",
          remedy:
            "restrict the Services with loadBalancerSourceRanges, keep the rules in the nodes' own nftables, or write a host policy (nodeSelector) with hostFirewall.enabled=true",
        },
      ),
    };
  if (policy.doNotTrack)
    return {
      isAll: true,
      finding: policyFinding(
        policy,
        "POL062",
        `${name} has doNotTrack: it decides without connection tracking, and is not translated`,
        {
          field: "spec.doNotTrack",
          reason: "Cilium's policy works on tracked connections; its own XDP filter stands in for early drops",
          remedy: "keep the rules in the nodes' own nftables, or use loadBalancerSourceRanges and XDP prefilter",
        },
      ),
    };
  const endpoints = cluster.hostEndpoints.filter(({ labels }) => matches(policy.appliesTo, labels));
  if (policy.applyOnForward) return forwardProblem(policy, cluster, selectsNoPod || !selectsKnownPods(policy, cluster));
  // With an inventory all host endpoints are known; without one, a selector that no pod can satisfy may mean some.
  if (endpoints.length === 0)
    return cluster.world.isInventoryKnown || !selectsNoPod || isContradiction(policy)
      ? undefined
      : hostOnly(policy, []);
  const nodes = [...new Set(endpoints.map(({ endpoint }) => endpoint.node))].sort();
  const isAll = selectsNoPod || (cluster.world.isInventoryKnown && !selectsKnownPods(policy, cluster));
  return isAll
    ? hostOnly(policy, nodes)
    : { isAll, finding: hostFinding(policy, nodes, "the pods are translated, the nodes are not") };
}

function hostOnly(policy: CalicoPolicy, nodes: readonly string[]): HostProblem {
  return { isAll: true, finding: hostFinding(policy, nodes, "nothing is translated") };
}

function hostFinding(policy: CalicoPolicy, nodes: readonly string[], what: string): Finding {
  const whose = nodes.length === 0 ? "host endpoints" : `the host endpoints of ${nodes.join(", ")}`;
  return policyFinding(policy, "POL060", `${printIdentity(policy.identity)} applies to ${whose}: ${what}`, {
    field: "spec.selector",
    reason: "Cilium polices nodes only with its host firewall, which has no failsafe ports",
    remedy:
      "write a CiliumClusterwideNetworkPolicy with nodeSelector and hostFirewall.enabled=true, allowing what Calico's failsafe ports allow, or keep the rules in the nodes' own nftables",
    data: { nodes: [...nodes] },
  });
}

function forwardProblem(policy: CalicoPolicy, cluster: Cluster, isAll: boolean): HostProblem {
  const isWhole = isAll || !cluster.world.isInventoryKnown;
  return {
    isAll: isWhole,
    finding: policyFinding(
      policy,
      "POL063",
      `${printIdentity(policy.identity)} has applyOnForward: what nodes forward is not policed by Cilium; ${isWhole ? "nothing is translated" : "only its pods are translated"}`,
      {
        field: "spec.applyOnForward",
        reason: "Cilium's host policies see what the node itself sends and receives",
        remedy: "keep the rules in the nodes' own nftables, or police the pods behind the node",
      },
    ),
  };
}

/** Whether nothing at all can satisfy the selector: its terms exclude each other whatever the labels are. */
function isContradiction(policy: CalicoPolicy): boolean {
  const terms = toTerms(policy.appliesTo);
  return terms.isComplete && terms.terms.length === 0;
}

function selectsKnownPods(policy: CalicoPolicy, cluster: Cluster): boolean {
  for (const pods of cluster.podsByNamespace.values())
    if (pods.some((labels) => matches(policy.appliesTo, labels))) return true;
  return false;
}

function emptySubject(source: SourcePolicy, cluster: Cluster): readonly Finding[] {
  const { policy, subject } = source;
  const name = printIdentity(policy.identity);
  if (subject.under.length === 0)
    return [
      policyFinding(policy, "POL007", `${name} can select no pod at all, so nothing is written for it`, {
        field: "spec.selector",
        reason: "the terms of its selector exclude each other, or every pod",
        remedy: "correct the selector, or delete the policy",
      }),
    ];
  if (!cluster.world.isInventoryKnown || selectsAnyPod(source, cluster)) return [];
  return [
    policyFinding(policy, "POL007", `${name} selects no pod that exists today`, {
      field: "spec.selector",
      reason: "it is translated all the same: pods may come",
      remedy: "delete the policy if it is a leftover, or correct its selector",
    }),
  ];
}

function selectsAnyPod(source: SourcePolicy, cluster: Cluster): boolean {
  const { namespace } = source.policy.identity;
  const groups =
    namespace === undefined ? [...cluster.podsByNamespace.values()] : [cluster.podsByNamespace.get(namespace) ?? []];
  return groups.some((pods) => pods.some((labels) => matchesTerms(source.subject.under, labels)));
}
