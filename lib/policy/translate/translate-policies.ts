import { compareFindings, type Finding } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import type { JsonObject } from "../../core/json.ts";
import { byText } from "../../core/order.ts";
import type { CalicoPolicy, CalicoPolicySet, CalicoRule } from "../calico/model.ts";
import type { World } from "../space/world.ts";
import { type BuiltObject, buildObject } from "./build-object.ts";
import { type Cluster, clusterOf } from "./cluster.ts";
import { judgePolicy } from "./judge-policy.ts";
import { kubernetesFindings } from "./kubernetes-interplay.ts";
import { nameOutputs } from "./name-outputs.ts";
import type { Note } from "./note.ts";
import type { Direction, PlannedRule, RuleEntry, SourcePolicy } from "./order-plan.ts";
import { planDirection } from "./plan-direction.ts";
import { policyFinding, tieFinding } from "./policy-findings.ts";
import { type PreparedSource, prepareSource } from "./prepare-source.ts";
import { resolveRule } from "./resolve-rule.ts";
import type { PolicyTranslation, Translation } from "./translation.ts";
import { unknownHosts } from "./unknown-hosts.ts";

/** What the translation is told beside the policies and the cluster. */
export interface TranslationOptions {
  /**
   * Set while unmigrated pods are let in by a bridge policy: denies then leave out the addresses of these pods, which the other end
   * polices (reference exact-bridge, section 4).
   */
  readonly bridge?: { readonly sourcePodCIDRs: readonly string[] };
}

const directions: readonly Direction[] = ["ingress", "egress"];

/**
 * Translates Calico's ordered policies to Cilium's unordered ones, one object for one source policy.
 *
 * Never wider than the source: what cannot be written exactly is written smaller (`partial`) or not at all (`refused`),
 * each with a finding that says what is missing and what to do. Kubernetes NetworkPolicies are not translated, since
 * Cilium enforces them; they take part in the order.
 *
 * Findings: the table of `findings.ts`. Cost: 10,000 policies with 20,000 rules in about two seconds.
 * Source: reference policy, section 3.
 *
 * @example
 * translatePolicies(readCalicoPolicies(objects).value, emptyWorld())
 */
export function translatePolicies(set: CalicoPolicySet, world: World, options: TranslationOptions = {}): Translation {
  const cluster = clusterOf(set, world);
  const prepared = prepareSources(set, cluster);
  const names = nameOutputs(prepared.map(({ source }) => source));
  const bridgedCIDRs = options.bridge?.sourcePodCIDRs ?? [];
  const findings: Finding[] = [];
  const rulesByOwner = new Map<SourcePolicy, Record<Direction, PlannedRule[]>>();
  const sources = prepared.map(({ source }) => source);
  const living: Record<Direction, readonly RuleEntry[]> = { ingress: [], egress: [] };
  for (const direction of directions) {
    const entries = resolveEntries(sources, direction, cluster);
    const plan = planDirection(sources, entries, { direction, cluster, bridgedCIDRs });
    living[direction] = plan.rules.filter(({ fate }) => fate !== "dead").map(({ entry }) => entry);
    for (const rule of plan.rules) {
      const known = rulesByOwner.get(rule.entry.owner) ?? { ingress: [], egress: [] };
      known[direction].push(rule);
      rulesByOwner.set(rule.entry.owner, known);
    }
    findings.push(...plan.ties.map(tieFinding));
  }
  const translated = prepared.flatMap((one) => {
    if (one.source.isFixed) return [];
    const rules = sortRules(rulesByOwner.get(one.source) ?? { ingress: [], egress: [] });
    const name = names.get(one.source) ?? { name: one.source.policy.identity.name, findings: [] };
    const built: BuiltObject = one.source.isWritten
      ? buildObject({ owner: one.source, name: name.name, rules, cluster, bridgedCIDRs })
      : { object: undefined, emitted: [] };
    return [judgePolicy(one, rules, built, name.findings)];
  });
  const policies = [...translated.map(({ translation }) => translation), ...untranslated(set)];
  return {
    policies: policies.sort(byText((policy) => printIdentity(policy.source))),
    findings: [...findings, ...unknownHosts(set, world), ...kubernetesFindings(sources, living, cluster)].sort(
      compareFindings,
    ),
    requiredValues: mergeValues(translated.map(({ requiredValues }) => requiredValues)),
  };
}

function prepareSources(set: CalicoPolicySet, cluster: Cluster): readonly PreparedSource[] {
  const tiers = new Map(set.tiers.map((tier, rank) => [tier.name, { tier, rank }]));
  return set.policies
    .filter((policy) => !policy.isStaged)
    .map((policy, rank) => {
      const known = tiers.get(policy.tier);
      const tier = known?.tier ?? {
        name: policy.tier,
        order: Number.POSITIVE_INFINITY,
        defaultAction: "Deny",
        exists: false,
      };
      return prepareSource(policy, { tier, tierRank: known?.rank ?? set.tiers.length, rank }, cluster);
    });
}

function resolveEntries(
  sources: readonly SourcePolicy[],
  direction: Direction,
  cluster: Cluster,
): readonly RuleEntry[] {
  const entries: RuleEntry[] = [];
  for (const owner of sources) {
    if (!owner.policy.governs[direction]) continue;
    for (const rule of owner.policy[direction])
      entries.push(resolveEntry(owner, rule, direction, entries.length, cluster));
  }
  return entries;
}

function resolveEntry(
  owner: SourcePolicy,
  rule: CalicoRule,
  direction: Direction,
  at: number,
  cluster: Cluster,
): RuleEntry {
  const notes: Note[] = [];
  const place = {
    direction,
    subject: owner.isWritten || owner.isFixed ? owner.subject.under : owner.subject.over,
    isFixed: owner.isFixed,
  };
  return { owner, rule, direction, at, boxes: resolveRule(rule, place, cluster, notes), notes };
}

function sortRules(rules: Record<Direction, PlannedRule[]>): Record<Direction, readonly PlannedRule[]> {
  const sorted = (list: readonly PlannedRule[]): readonly PlannedRule[] =>
    list.toSorted((a, b) => orderOf(a.entry.rule) - orderOf(b.entry.rule));
  return { ingress: sorted(rules.ingress), egress: sorted(rules.egress) };
}

/** The end of a tier comes behind the rules. */
function orderOf(rule: CalicoRule): number {
  return rule.index < 0 ? Number.MAX_SAFE_INTEGER : rule.index;
}

/** Staged policies, which nobody enforces, and objects without effect. */
function untranslated(set: CalicoPolicySet): readonly PolicyTranslation[] {
  const staged = set.policies.filter((policy) => policy.isStaged).map(stagedTranslation);
  const absent = (set.absent ?? [])
    .filter((policy) => policy.identity.apiVersion.includes("projectcalico.org"))
    .map(
      (policy): PolicyTranslation => ({
        source: { ...policy.identity, position: policy.position },
        result: "refused",
        outputs: [],
        findings: policy.findings,
      }),
    );
  return [...staged, ...absent];
}

function stagedTranslation(policy: CalicoPolicy): PolicyTranslation {
  return {
    source: { ...policy.identity, position: policy.position },
    result: "exact",
    outputs: [],
    findings: [
      policyFinding(
        policy,
        "POL050",
        `${printIdentity(policy.identity)} is staged: it is not enforced, and nothing is written for it`,
        {
          reason: "Calico only reports what a staged policy would do",
          remedy:
            "enforce it at the source before the migration, or write a Cilium policy and run it with policyAuditMode",
        },
      ),
    ],
  };
}

function mergeValues(values: readonly JsonObject[]): JsonObject {
  return Object.assign({}, ...values) as JsonObject;
}
