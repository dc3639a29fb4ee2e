import { printIdentity } from "../../core/identity.ts";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import { isSubsetOfTerms, type LabelTerms } from "../selector/label-term.ts";
import type { Box } from "./box.ts";
import type { Cluster } from "./cluster.ts";
import { printCauses, printRule } from "./describe.ts";
import { type EmissionPlace, type EmittedBox, emitBox } from "./emit-box.ts";
import { emitSelectors } from "./emit-selector.ts";
import type { Direction, PlannedRule, SourcePolicy } from "./order-plan.ts";
import type { TranslatedObject } from "./translation.ts";

/** What one object is built from. */
export interface ObjectPlan {
  readonly owner: SourcePolicy;
  readonly name: string;
  readonly rules: Readonly<Record<Direction, readonly PlannedRule[]>>;
  readonly cluster: Cluster;
  readonly bridgedCIDRs: readonly string[];
}

/** One written rule: where it came from, and what of it could not be said. */
export interface EmittedRule {
  readonly planned: PlannedRule;
  readonly box: Box;
  readonly emitted: EmittedBox;
}

/** An object, and what was written for each rule. `object` is absent when the policy has nothing to say in Cilium. */
export interface BuiltObject {
  readonly object: TranslatedObject | undefined;
  readonly emitted: readonly EmittedRule[];
}

type Section = "ingress" | "ingressDeny" | "egress" | "egressDeny";
interface SpecPlan {
  readonly subject: LabelTerms;
  readonly sections: Map<Section, JsonObject[]>;
  /** Lines of the description: what the spec holds beside the whole policy. */
  readonly sources: string[];
}

const directions: readonly Direction[] = ["ingress", "egress"];
const sectionOrder: readonly Section[] = ["ingress", "ingressDeny", "egress", "egressDeny"];

/**
 * Builds the Cilium object of one source policy: one spec for the policy's pods, one more for each group of pods that a rule
 * had to be cut down to, rules in the order of the source.
 */
export function buildObject(plan: ObjectPlan): BuiltObject {
  const { owner } = plan;
  const specs: SpecPlan[] = [{ subject: owner.subject.under, sections: new Map(), sources: [] }];
  const emitted: EmittedRule[] = [];
  const lines: string[] = [];
  for (const direction of directions) {
    if (!owner.policy.governs[direction]) continue;
    for (const planned of plan.rules[direction]) {
      const places = placeRule(plan, planned, specs, emitted);
      lines.push(describeRule(planned, places));
    }
  }
  lines.push(...closeDirections(owner, specs).map(describeClosed));
  const written = specs.filter((spec) => spec.sections.size > 0);
  if (written.length === 0) return { object: undefined, emitted };
  const spec = written.flatMap((one) => emitSpec(one, plan));
  const { identity } = owner.policy;
  const object: JsonObject = {
    apiVersion: "cilium.io/v2",
    kind: identity.namespace === undefined ? "CiliumClusterwideNetworkPolicy" : "CiliumNetworkPolicy",
    metadata: {
      name: plan.name,
      ...(identity.namespace !== undefined && { namespace: identity.namespace }),
      annotations: { "metachron.dev/source": printIdentity(identity) },
    },
    ...(spec.length === 1 && spec[0] !== undefined ? { spec: spec[0] } : { specs: spec }),
  };
  return { object: { object, comment: comment(owner, lines) }, emitted };
}

function placeRule(
  plan: ObjectPlan,
  planned: PlannedRule,
  specs: SpecPlan[],
  emitted: EmittedRule[],
): readonly string[] {
  const { direction } = planned.entry;
  const places: string[] = [];
  const { namespace } = plan.owner.policy.identity;
  for (const box of planned.boxes) {
    const place: EmissionPlace = {
      direction,
      action: planned.action,
      ...(namespace !== undefined && { namespace }),
      cluster: plan.cluster,
      bridgedCIDRs: plan.bridgedCIDRs,
    };
    const result = emitBox(box, place);
    emitted.push({ planned, box, emitted: result });
    if (result.rules.length === 0) continue;
    const index = specFor(box.subject, specs);
    const section: Section = planned.action === "allow" ? direction : `${direction}Deny`;
    const spec = specs[index];
    if (spec === undefined) continue;
    const list = spec.sections.get(section) ?? [];
    const first = list.length;
    list.push(...result.rules);
    spec.sections.set(section, list);
    if (index > 0) spec.sources.push(`${printRule(planned.entry)} ${planned.entry.rule.action}`);
    places.push(
      `${index === 0 ? "" : `specs[${index}] `}${section}[${first}${result.rules.length > 1 ? `-${first + result.rules.length - 1}` : ""}]`,
    );
  }
  return places;
}

/** The spec for a group of pods: the policy's own where it is the same group. */
function specFor(subject: LabelTerms, specs: SpecPlan[]): number {
  const known = specs.findIndex(
    (spec) =>
      spec.subject === subject || (isSubsetOfTerms(subject, spec.subject) && isSubsetOfTerms(spec.subject, subject)),
  );
  if (known >= 0) return known;
  specs.push({ subject, sections: new Map(), sources: [] });
  return specs.length - 1;
}

/** A direction that the policy governs is closed, whether or not something is allowed in it; in a tier that passes by default it is not. */
function closeDirections(owner: SourcePolicy, specs: readonly SpecPlan[]): readonly Direction[] {
  const [whole] = specs;
  if (whole === undefined || owner.tier.defaultAction === "Pass") return [];
  const closed = directions.filter(
    (direction) => owner.policy.governs[direction] && whole.sections.get(direction) === undefined,
  );
  for (const direction of closed) whole.sections.set(direction, [{}]);
  return closed;
}

/** An empty rule means everybody to Kubernetes and nobody to Cilium. Source: cilium/cilium v1.20.2 Documentation/security/policy/language.rst, "Ingress Default Deny". */
function describeClosed(direction: Direction): string {
  const whom = direction === "ingress" ? "lets nobody in" : "lets nothing out";
  return `${direction}: the rule {} ${whom}, it closes the direction as the source does`;
}

function emitSpec(spec: SpecPlan, plan: ObjectPlan): readonly JsonObject[] {
  const { owner } = plan;
  const { namespace } = owner.policy.identity;
  const scope = { position: "subject", ...(namespace !== undefined && { namespace }) } as const;
  const open = directions.filter((direction) => owner.tier.defaultAction === "Pass" && hasSection(spec, direction));
  const sections = Object.fromEntries(
    sectionOrder.flatMap((name): [string, JsonValue][] => {
      const rules = spec.sections.get(name);
      return rules === undefined ? [] : [[name, rules]];
    }),
  );
  return emitSelectors(spec.subject, scope).map((endpointSelector) => ({
    ...(spec.sources.length > 0 && {
      description: `Only ${[...new Set(spec.sources)].join(", ")} of ${printIdentity(owner.policy.identity)}`,
    }),
    endpointSelector,
    ...(open.length > 0 && { enableDefaultDeny: Object.fromEntries(open.map((direction) => [direction, false])) }),
    ...sections,
  }));
}

function hasSection(spec: SpecPlan, direction: Direction): boolean {
  return spec.sections.has(direction) || spec.sections.has(`${direction}Deny`);
}

function comment(owner: SourcePolicy, lines: readonly string[]): string {
  const { policy } = owner;
  const order = Number.isFinite(policy.order) ? `order ${policy.order}` : "no order";
  const file =
    policy.position.file === undefined
      ? ""
      : `, ${policy.position.file}${policy.position.line === undefined ? "" : `:${policy.position.line}`}`;
  return [`From ${printIdentity(policy.identity)} (tier ${policy.tier}, ${order}${file})`, ...lines].join("\n");
}

const fates: Readonly<Record<PlannedRule["fate"], string>> = {
  written: "",
  carved: "",
  "default-deny": "is what default deny does",
  dead: "is left out, it never decides",
  restricting: "is written as later allows that leave its flows out",
  silent: "decides nothing",
};

function describeRule(planned: PlannedRule, places: readonly string[]): string {
  const { entry, causes, fate } = planned;
  const line =
    entry.rule.position.line === undefined || entry.rule.index < 0 ? "" : ` (line ${entry.rule.position.line})`;
  const what = `${printRule(entry)} ${entry.rule.action}${line}`;
  const why = causes.length === 0 || fate === "default-deny" ? "" : `, because of ${printCauses(causes, entry)}`;
  if (places.length === 0) {
    const fallback = fates[fate] === "" ? "is not written" : fates[fate];
    return `${what} ${entry.rule.action === "Log" ? "is left to Hubble" : fallback}${fate === "dead" || fate === "restricting" ? why : ""}`;
  }
  const note = entry.rule.description === undefined ? "" : ` (${entry.rule.description})`;
  return `${what} -> ${places.join(", ")}${fate === "carved" ? describeCarving(planned) : ""}${note}`;
}

function describeCarving({ entry, causes }: PlannedRule): string {
  if (causes.length === 0) return "";
  const verb = entry.rule.action === "Deny" ? "allow" : "take";
  return `, without what ${printCauses(causes, entry)} ${causes.length === 1 ? `${verb}s` : verb} first`;
}
