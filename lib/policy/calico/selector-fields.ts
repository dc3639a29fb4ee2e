import { assertNever } from "../../core/invariant.ts";
import type { JsonObject } from "../../core/json.ts";
import { type CalicoExpression, parseCalicoSelector, type SelectorParse } from "../selector/parse-calico-selector.ts";
import type { LabelKey, Selector } from "../selector/selector.ts";
import { conjunction, disjunction, negation, selectsAll } from "../selector/simplify-selector.ts";
import { type Reading, readText, report } from "./reading.ts";

/** On every pod and namespaced network set, and on nothing else. */
export const hasNamespace: Selector = { kind: "has", key: "meta:namespace" };
const hasServiceAccount: Selector = { kind: "has", key: "meta:serviceaccount" };

/** Whose labels a selector text speaks of: of the endpoint itself, of its namespace, of its service account. */
export type SelectorSubject = "endpoint" | "namespace" | "serviceAccount";

/** In which vocabulary the keys of a text are, and what its `all()` stands for. */
export interface SelectorReading {
  readonly subject: SelectorSubject;
  readonly all: Selector;
}

/**
 * A selector field, parsed; `undefined` when it is missing, and after a finding (POL001, POL002) when it cannot be read.
 * An empty text counts as missing, as it does for Calico.
 */
export function readExpression(
  reading: Reading,
  parent: JsonObject,
  key: string,
  field: string,
): CalicoExpression | undefined {
  const text = readText(reading, parent, key, field);
  if (text === undefined || text.trim() === "") return undefined;
  const parse = parseOnce(reading, text);
  if (parse.kind === "parsed") return parse.expression;
  const { column, message } = parse.problem;
  report(
    reading,
    "POL002",
    `${field} is no selector: ${message} (column ${column} of ${JSON.stringify(text)})`,
    field,
    {
      column,
      reason: "Calico refuses the object, or ignores it when it is stored already",
      remedy: `correct the selector at column ${column}`,
    },
  );
  return undefined;
}

function parseOnce(reading: Reading, text: string): SelectorParse {
  const known = reading.session.selectors.get(text);
  if (known !== undefined) return known;
  const parse = parseCalicoSelector(text);
  reading.session.selectors.set(text, parse);
  return parse;
}

/** Whether `global()` stands anywhere in the expression. */
export function usesGlobal(expression: CalicoExpression): boolean {
  if (expression.kind === "global") return true;
  if (expression.kind === "not") return usesGlobal(expression.operand);
  return (expression.kind === "and" || expression.kind === "or") && expression.operands.some(usesGlobal);
}

/** A selector field of a policy or of an entity's own labels, where `global()` is never allowed; POL002 otherwise. */
export function readPlainExpression(
  reading: Reading,
  parent: JsonObject,
  key: string,
  field: string,
): CalicoExpression | undefined {
  const expression = readExpression(reading, parent, key, field);
  if (expression !== undefined && usesGlobal(expression))
    report(reading, "POL002", `${field} uses global(), which only the namespaceSelector of a rule may`, field, {
      reason: "Calico refuses global() everywhere else",
      remedy: "remove global() from the selector",
    });
  return expression;
}

/** What an expression means, in the one vocabulary of label keys. */
export function toSelector(expression: CalicoExpression, how: SelectorReading): Selector {
  switch (expression.kind) {
    case "all":
      return how.all;
    case "global":
      return selectsAll;
    case "has":
      return { kind: "has", key: toLabelKey(expression.label, how.subject) };
    case "in":
      return { kind: "in", key: toLabelKey(expression.label, how.subject), values: expression.values };
    case "contains":
    case "startsWith":
    case "endsWith":
      return { kind: expression.kind, key: toLabelKey(expression.label, how.subject), text: expression.text };
    case "not":
      return negation(toSelector(expression.operand, how));
    case "and":
      return conjunction(expression.operands.map((operand) => toSelector(operand, how)));
    case "or":
      return disjunction(expression.operands.map((operand) => toSelector(operand, how)));
    default:
      return assertNever(expression);
  }
}

/** A namespaceSelector over namespace labels: `all()` is any namespace, that is anything with one. */
export function namespaceSelector(expression: CalicoExpression): Selector {
  return toSelector(expression, { subject: "namespace", all: hasNamespace });
}

/** A selector over service account labels: `all()` is any account. */
export function serviceAccountSelector(expression: CalicoExpression): Selector {
  return toSelector(expression, { subject: "serviceAccount", all: hasServiceAccount });
}

/**
 * A key as Calico's own vocabulary has it after rewriting.
 * Source: projectcalico/calico v3.32.1 libcalico-go/lib/backend/k8s/conversion/constants.go and
 * syncersv1/updateprocessors/{rules,networkpolicyprocessor}.go.
 */
export function toLabelKey(label: string, subject: SelectorSubject): LabelKey {
  if (subject === "namespace") return namespaceKey(label);
  if (subject === "serviceAccount") return serviceAccountKey(label);
  if (label === "projectcalico.org/namespace") return "meta:namespace";
  if (label === "projectcalico.org/serviceaccount") return "meta:serviceaccount";
  if (label === "projectcalico.org/orchestrator") return "meta:orchestrator";
  if (label.startsWith("pcns.")) return namespaceKey(label.slice("pcns.".length));
  if (label.startsWith("pcsa.")) return serviceAccountKey(label.slice("pcsa.".length));
  return `pod:${label}`;
}

function namespaceKey(label: string): LabelKey {
  return label === "projectcalico.org/name" ? "meta:namespace" : `ns:${label}`;
}

function serviceAccountKey(label: string): LabelKey {
  return label === "projectcalico.org/name" ? "meta:serviceaccount" : `sa:${label}`;
}

/** What a policy's three selector fields say together (reference: Calico's v1 rewriting of v3 policies). */
export interface SubjectFields {
  /** Absent for a global policy. */
  readonly namespace?: string;
  readonly selector?: CalicoExpression;
  readonly namespaceSelector?: CalicoExpression;
  readonly serviceAccountSelector?: CalicoExpression;
}

/**
 * The endpoints that a policy applies to. Once a namespaceSelector is given, `all()` in the policy's own selector means
 * "has a namespace", too, and with a serviceAccountSelector "has a service account".
 *
 * Source: projectcalico/calico v3.32.1 libcalico-go/lib/backend/syncersv1/updateprocessors/
 * {globalnetworkpolicyprocessor,networkpolicyprocessor,rules}.go.
 */
export function subjectOf(fields: SubjectFields): Selector {
  const all = fields.namespaceSelector ? hasNamespace : fields.serviceAccountSelector ? hasServiceAccount : selectsAll;
  const parts: Selector[] = [];
  if (fields.selector) parts.push(toSelector(fields.selector, { subject: "endpoint", all }));
  if (fields.namespace !== undefined) parts.push({ kind: "in", key: "meta:namespace", values: [fields.namespace] });
  if (fields.namespaceSelector) parts.push(namespaceSelector(fields.namespaceSelector));
  if (fields.serviceAccountSelector) parts.push(serviceAccountSelector(fields.serviceAccountSelector));
  return conjunction(parts);
}
