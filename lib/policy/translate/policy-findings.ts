import { type Finding, whereOf } from "../../core/finding.ts";
import { type ObjectIdentity, printIdentity } from "../../core/identity.ts";
import type { JsonValue } from "../../core/json.ts";
import { positionOf } from "../../inventory/inventory.ts";
import { hazardReasons, printCauses, printRule, printRuleOf } from "./describe.ts";
import { type TranslationFindingCode, translationFindings } from "./findings.ts";
import type { Note } from "./note.ts";
import type { Cause, OrderTie, PlannedRule, RuleEntry, SourcePolicy } from "./order-plan.ts";

/** A finding about a policy as a whole. */
export function policyFinding(
  source: SourcePolicy["policy"],
  code: TranslationFindingCode,
  message: string,
  details: Pick<Finding, "reason" | "remedy" | "related"> & {
    readonly field?: string;
    readonly data?: Finding["data"];
  } = {},
): Finding {
  const { field, data, ...rest } = details;
  return {
    code,
    severity: translationFindings[code].severity,
    message,
    where: whereOf(source.identity, positionOf(source, field), field),
    ...rest,
    ...(data && { data }),
  };
}

/** A note about a policy's selector as a finding. */
export function subjectFinding(source: SourcePolicy["policy"], note: Note): Finding {
  return policyFinding(source, note.code, `${printIdentity(source.identity)}: ${note.message}`, {
    field: `spec.${note.field ?? "selector"}`,
    ...(note.reason !== undefined && { reason: note.reason }),
    ...(note.remedy !== undefined && { remedy: note.remedy }),
    ...(note.data && { data: note.data }),
  });
}

/** A finding about one rule. */
export function ruleFinding(
  entry: RuleEntry,
  code: TranslationFindingCode,
  message: string,
  details: Pick<Finding, "reason" | "remedy" | "related"> & {
    readonly field?: string;
    readonly data?: Finding["data"];
  } = {},
): Finding {
  const { field, data, ...rest } = details;
  const rule = `spec.${entry.direction}[${Math.max(0, entry.rule.index)}]`;
  return {
    code,
    severity: translationFindings[code].severity,
    message: `${printRuleOf(entry)}: ${message}`,
    where: whereOf(
      entry.owner.policy.identity,
      entry.rule.position,
      entry.rule.index < 0 ? "spec.tier" : field === undefined ? rule : `${rule}.${field}`,
    ),
    ...rest,
    ...(data && { data }),
  };
}

/** A note about one rule as a finding. */
export function noteFinding(entry: RuleEntry, note: Note): Finding {
  const { code, message, field, reason, remedy, data, severity } = note;
  const finding = ruleFinding(entry, code, message, {
    ...(field !== undefined && { field }),
    ...(reason !== undefined && { reason }),
    ...(remedy !== undefined && { remedy }),
    ...(data && { data }),
  });
  return severity === undefined ? finding : { ...finding, severity };
}

/** What a planned rule has to tell about order: POL014, POL015, POL041. */
export function orderFindings(planned: PlannedRule): readonly Finding[] {
  const { entry, causes, fate } = planned;
  const [first] = causes;
  if (first === undefined) return [];
  const others = printCauses(causes, entry);
  const related = causes.slice(0, 10).map(relatedRule);
  const data: Readonly<Record<string, JsonValue>> = {
    hazards: [...new Set(causes.map((cause) => cause.hazard))].sort(),
    rules: [...new Set(causes.map((cause) => printRuleOf(cause.entry)))].slice(0, 50),
  };
  if (fate === "dead")
    return [
      ruleFinding(
        entry,
        "POL014",
        `the rule never decides: ${others} ${causes.length === 1 ? "decides" : "decide"} all that it matches`,
        {
          reason: "Calico takes the first rule that matches",
          remedy:
            "nothing to do: the rule is left out; remove it at the source, or move it up if it was meant to count",
          related,
          data,
        },
      ),
    ];
  if (fate !== "carved" && fate !== "restricting") return [];
  const carved = ruleFinding(entry, "POL015", describeChange(planned, others), {
    reason: hazardReasons[first.hazard],
    remedy: "nothing to do but to review the rule: it decides every flow as before",
    related,
    data,
  });
  // Where the rule itself is known between bounds only, its own notes say so.
  return planned.isExact || !entry.boxes.isExact ? [carved] : [orderTooLarge(planned, others, related, data)];
}

function relatedRule({ entry }: Cause): NonNullable<Finding["related"]>[number] {
  const what = entry.rule.index < 0 ? "ends there" : entry.rule.action === "Pass" ? "passes first" : "decides first";
  return {
    message: `${printRuleOf(entry)} ${what}`,
    where: whereOf(entry.owner.policy.identity, entry.rule.position),
  };
}

function describeChange({ entry, causes, fate }: PlannedRule, others: string): string {
  const isOne = causes.length === 1;
  if (fate === "restricting")
    return `the deny is written as later allows that leave its flows out, because of ${others}`;
  if (entry.rule.index < 0) return `what the tier drops at its end is denied, without what ${others} let through`;
  if (entry.rule.action === "Deny")
    return `the deny is written without what ${others} ${isOne ? "lets" : "let"} through first`;
  return `the ${entry.rule.action.toLowerCase()} is written without what ${others} ${isOne ? "takes" : "take"} first`;
}

function orderTooLarge(
  planned: PlannedRule,
  others: string,
  related: NonNullable<Finding["related"]>,
  data: Readonly<Record<string, JsonValue>>,
): Finding {
  const { entry } = planned;
  const vague = planned.causes.filter((cause) => !cause.entry.boxes.isExact);
  if (vague.length > 0)
    return ruleFinding(
      entry,
      "POL041",
      `the ${entry.rule.action.toLowerCase()} is written without all that ${others} may take first; less is allowed than before`,
      {
        reason: `what ${printCauses(vague, entry)} matches is not known exactly; the findings of ${vague.length === 1 ? "that rule" : "those rules"} say why`,
        remedy: `settle ${vague.length === 1 ? "that rule's findings" : "those rules' findings"} first; the cluster's objects do it in most cases: --inventory`,
        related,
        data,
      },
    );
  return ruleFinding(
    entry,
    "POL041",
    `the order of ${printRule(entry)} and ${others} cannot be written exactly; less is allowed than before`,
    {
      reason: hazardReasons[planned.causes[0]?.hazard ?? "H1"],
      remedy:
        "give the peers of the earlier rules one common label and let one rule speak of it, or move this rule before them where it may count for them too",
      related,
      data,
    },
  );
}

/** Policies of equal order that decide the same flows differently (POL012): one finding for the one that comes last. */
export function tieFinding(tie: OrderTie): Finding {
  const { first, second } = tie;
  const own = second.owner.policy;
  const others = [...tie.others].map((other) => other.policy);
  const isSettled = others.every((other) => isSameScope(other.identity, own.identity));
  const order = Number.isFinite(own.order) ? `order ${own.order}` : "no order";
  const names = others.map((other) => printIdentity(other.identity));
  const more = names.length > 1 ? ` and ${names.length - 1} more` : "";
  const base = ruleFinding(
    second,
    "POL012",
    `has ${order}, as ${printIdentity(first.owner.policy.identity)}${more} ${names.length > 1 ? "have" : "has"}, and they decide some flows differently: ${first.rule.action} in ${printRuleOf(first)}, ${second.rule.action} here`,
    {
      reason: isSettled
        ? "policies of equal order are evaluated by name"
        : "which of them comes first differs between Calico releases; 3.32 compares name, namespace and kind, 3.28 the stored name",
      remedy: `give ${printIdentity(own.identity)} an order of its own, lower or higher than that of the others`,
      related: [
        {
          message: `${printRuleOf(first)} comes first here`,
          where: whereOf(first.owner.policy.identity, first.rule.position),
        },
      ],
      data: { policies: names.slice(0, 50), count: names.length },
    },
  );
  return isSettled ? { ...base, severity: "warning" } : base;
}

function isSameScope(a: ObjectIdentity, b: ObjectIdentity): boolean {
  return a.kind === b.kind && a.namespace === b.namespace && a.apiVersion === b.apiVersion;
}
