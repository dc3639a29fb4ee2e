import { compareFindings, type Finding } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import type { JsonObject } from "../../core/json.ts";
import type { BuiltObject, EmittedRule } from "./build-object.ts";
import { describeLoss } from "./describe-loss.ts";
import { doL4Overlap, ip, isEveryHeader, wholeProtocol } from "./l4.ts";
import type { Direction, PlannedRule } from "./order-plan.ts";
import { isEverybody } from "./peer-set.ts";
import { noteFinding, orderFindings, policyFinding, ruleFinding } from "./policy-findings.ts";
import type { PreparedSource } from "./prepare-source.ts";
import type { PolicyTranslation } from "./translation.ts";

/** A policy's translation with the Helm values that it needs. */
export interface JudgedPolicy {
  readonly translation: PolicyTranslation;
  readonly requiredValues: JsonObject;
}

type Rank = 0 | 1 | 2 | 3;
const results = ["exact", "carved", "partial", "refused"] as const;

/** Puts together what became of a policy: its output, its result, and every finding that mattered. */
export function judgePolicy(
  prepared: PreparedSource,
  rules: Readonly<Record<Direction, readonly PlannedRule[]>>,
  built: BuiltObject,
  nameFindings: readonly Finding[],
): JudgedPolicy {
  const { policy } = prepared.source;
  const planned = [...rules.ingress, ...rules.egress];
  const findings: Finding[] = [...prepared.findings, ...nameFindings];
  let rank = results.indexOf(prepared.effect) as Rank;
  if (rank < 3) {
    for (const rule of planned) {
      const judged = judgeRule(rule, built.emitted);
      findings.push(...judged.findings);
      rank = Math.max(rank, judged.rank) as Rank;
    }
    findings.push(...logFinding(prepared, planned), ...tooLarge(prepared, built), ...tooHeavy(prepared, built));
  }
  return {
    translation: {
      source: { ...policy.identity, position: policy.position },
      result: results[rank],
      outputs: built.object === undefined ? [] : [built.object],
      findings: unique(findings).sort(compareFindings),
    },
    requiredValues: requiredValues(built.emitted),
  };
}

function unique(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, Finding>();
  for (const finding of findings) {
    const key = `${finding.code} ${finding.message} ${finding.where?.field}`;
    if (!seen.has(key)) seen.set(key, finding);
  }
  return [...seen.values()];
}

interface JudgedRule {
  readonly rank: Rank;
  readonly findings: readonly Finding[];
}

function judgeRule(planned: PlannedRule, emitted: readonly EmittedRule[]): JudgedRule {
  const { entry, fate } = planned;
  if (entry.rule.action === "Log") return { rank: 0, findings: [] };
  if (fate === "silent" && planned.isExact) return judgeSilent(planned);
  const isUnneeded = fate === "default-deny" || fate === "dead";
  const told = entry.notes.filter((note) => note.effect === "none" || !isUnneeded);
  const findings: Finding[] = [...orderFindings(planned), ...told.map((note) => noteFinding(entry, note))];
  if (isUnneeded) return { rank: 0, findings };
  const own = emitted.filter((rule) => rule.planned === planned);
  const losses = own.flatMap((rule) => describeLoss(rule));
  findings.push(...losses.map((note) => noteFinding(entry, note)), ...denyNotes(planned, own));
  const isExact = planned.isExact && !losses.some((note) => note.effect === "inexact");
  const isCarved =
    fate === "carved" || fate === "restricting" || [...told, ...losses].some((note) => note.effect === "carved");
  return { rank: isExact ? (isCarved ? 1 : 0) : 2, findings };
}

/** A rule that was resolved to nothing, or that a later tier decides instead. */
function judgeSilent({ entry }: PlannedRule): JudgedRule {
  const findings = entry.notes.map((note) => noteFinding(entry, note));
  const isCarved = entry.notes.some((note) => note.effect === "carved");
  if (entry.boxes.over.length === 0)
    findings.push(
      ruleFinding(entry, "POL014", "the rule matches nothing", {
        reason: "its terms exclude each other, or nothing in the cluster satisfies them",
        remedy: "nothing to do: the rule is left out; correct it at the source if it was meant to count",
      }),
    );
  return { rank: isCarved ? 1 : 0, findings };
}

/** A deny for everybody leaves the pod's own node out (POL045). */
function denyNotes(planned: PlannedRule, own: readonly EmittedRule[]): readonly Finding[] {
  if (planned.action !== "deny" || planned.entry.direction !== "ingress") return [];
  if (!own.some(({ box }) => isEverybody(box.peers))) return [];
  return [
    ruleFinding(
      planned.entry,
      "POL045",
      "the deny is written for pods, other nodes and outside addresses, not for the pod's own node",
      {
        reason: "Calico does not police traffic from a node to its own pods; kubelet probes come that way",
        remedy: "nothing to do",
      },
    ),
  ];
}

/** One finding for all Log rules of a policy, with what to type instead (POL039). */
function logFinding(prepared: PreparedSource, planned: readonly PlannedRule[]): readonly Finding[] {
  const logs = planned.filter((rule) => rule.entry.rule.action === "Log");
  if (logs.length === 0) return [];
  const { policy } = prepared.source;
  const { namespace } = policy.identity;
  const rules = logs.map((rule) => `${rule.entry.direction}[${rule.entry.rule.index}]`);
  const scope = namespace === undefined ? "" : ` --namespace ${namespace}`;
  return [
    policyFinding(
      policy,
      "POL039",
      `${printIdentity(policy.identity)} logs in ${rules.join(", ")}: Cilium policies do not log, Hubble shows every verdict`,
      {
        field: `spec.${rules[0] ?? "ingress[0]"}`,
        reason: "Calico's Log writes to the node's kernel log and goes on to the next rule",
        remedy: `watch denied flows with: hubble observe --verdict DROPPED${scope}; count them with the Hubble metric drop`,
        data: {
          rules,
          hubble: [
            `hubble observe --verdict DROPPED${scope} --follow`,
            `hubble observe --verdict FORWARDED${scope} --follow`,
          ],
        },
      },
    ),
  ];
}

/** Entries of the policy map that one endpoint may hold by default. */
const policyMapSize = 16_384;

function tooLarge(prepared: PreparedSource, built: BuiltObject): readonly Finding[] {
  const entries = built.emitted.reduce((sum, { emitted, box }) => {
    const prefixes = [...box.peers.v4, ...box.peers.v6].reduce((count, term) => count + 1 + term.except.length, 0);
    return sum + Math.max(1, prefixes) * Math.max(1, emitted.rules.length);
  }, 0);
  if (entries <= policyMapSize * 0.7) return [];
  const { policy } = prepared.source;
  return [
    policyFinding(
      policy,
      "POL040",
      `${printIdentity(policy.identity)} takes about ${entries} of the ${policyMapSize} entries of each endpoint's policy map`,
      {
        reason: "every prefix is an identity, and every identity with every port is an entry",
        remedy: "raise bpf.policyMapMax, or use larger prefixes",
      },
    ),
  ];
}

/**
 * Bytes of an object that kubectl can still keep in its annotation last-applied-configuration.
 * Source: kubernetes apimachinery pkg/api/validation TotalAnnotationSizeLimitB.
 */
const annotationSize = 262_144;

/** An object that plain `kubectl apply` refuses for its size. */
function tooHeavy(prepared: PreparedSource, built: BuiltObject): readonly Finding[] {
  if (built.object === undefined) return [];
  const size = JSON.stringify(built.object.object).length;
  if (size <= annotationSize) return [];
  const { policy } = prepared.source;
  return [
    policyFinding(
      policy,
      "POL040",
      `${printIdentity(policy.identity)} becomes one object of ${Math.ceil(size / 1024)} KiB with ${built.emitted.length} rules`,
      {
        field: "spec",
        reason:
          "kubectl apply keeps a copy in an annotation of at most 256 KiB, and etcd takes no object above 1.5 MiB",
        remedy: "apply it with --server-side, or split the policy at the source",
      },
    ),
  ];
}

function requiredValues(emitted: readonly EmittedRule[]): JsonObject {
  const needsNodes = emitted.some((rule) => rule.emitted.needsNodeLabels);
  const sctp = { points: wholeProtocol(ip.sctp), names: [] };
  const needsSCTP = emitted.some(
    ({ planned, box }) =>
      planned.action === "allow" && !isEveryHeader(box.l4) && isOnlySCTP(box.l4.points) && doL4Overlap(box.l4, sctp),
  );
  return { ...(needsNodes && { nodeSelectorLabels: true }), ...(needsSCTP && { sctp: { enabled: true } }) };
}

/** Whether a rule is about SCTP and not about "everything but …". */
function isOnlySCTP(points: readonly number[]): boolean {
  return points.length <= 2 || !points.includes(0);
}
