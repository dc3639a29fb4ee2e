import { assertNever } from "../../core/invariant.ts";
import { allTerms, type LabelTerms, toTerms } from "../selector/label-term.ts";
import { matches, matchesText } from "../selector/match-selector.ts";
import type { LabelKey, Selector } from "../selector/selector.ts";
import { conjunction, disjunction, negation, selectsAll, selectsNone } from "../selector/simplify-selector.ts";
import type { Cluster } from "./cluster.ts";
import { type Approximation, between, exactly, type Note } from "./note.ts";

type Bounds = Approximation<Selector>;
type Atom = Extract<Selector, { readonly key: LabelKey }>;

/**
 * The pods that a selector means, in terms that Cilium can say.
 *
 * Constants are folded (every pod has a namespace, an orchestrator and an account), text operators and account labels
 * are resolved against the inventory, and what Cilium cannot see or say leaves bounds. Each such thing is noted.
 *
 * Findings: POL020, POL022, POL023, POL024, POL025.
 */
export function resolvePods(
  selector: Selector,
  cluster: Cluster,
  notes: Note[],
  field: string,
): Approximation<LabelTerms> {
  const bounds = lower(selector, cluster, notes, field);
  const under = toTerms(bounds.under);
  if (bounds.isExact && under.isComplete) return exactly(under.terms);
  const over = bounds.isExact ? under : toTerms(bounds.over);
  if (!under.isComplete || !over.isComplete)
    notes.push({
      code: "POL022",
      effect: "inexact",
      field,
      message: `the selector has more than ${under.terms.length} alternatives when it is written without "or"`,
      reason: "a Cilium selector is a conjunction; each alternative becomes a rule of its own",
      remedy: "simplify the selector, or give the pods one common label and select that",
    });
  return between(under.terms, over.isComplete ? over.terms : allTerms);
}

function lower(selector: Selector, cluster: Cluster, notes: Note[], field: string): Bounds {
  switch (selector.kind) {
    case "all":
    case "none":
      return exactly(selector);
    case "not": {
      const inner = lower(selector.operand, cluster, notes, field);
      return inner.isExact ? exactly(negation(inner.under)) : between(negation(inner.over), negation(inner.under));
    }
    case "and":
    case "or": {
      const parts = selector.operands.map((operand) => lower(operand, cluster, notes, field));
      const join = selector.kind === "and" ? conjunction : disjunction;
      const under = join(parts.map((part) => part.under));
      return parts.every((part) => part.isExact)
        ? exactly(under)
        : between(under, join(parts.map((part) => part.over)));
    }
    case "has":
    case "in":
    case "contains":
    case "startsWith":
    case "endsWith":
      return lowerAtom(selector, cluster, notes, field);
    default:
      return assertNever(selector);
  }
}

function lowerAtom(atom: Atom, cluster: Cluster, notes: Note[], field: string): Bounds {
  const { key } = atom;
  if (key === "meta:orchestrator") return exactly(matches(atom, new Map([[key, "k8s"]])) ? selectsAll : selectsNone);
  if (key === "ns:kubernetes.io/metadata.name")
    return lowerAtom({ ...atom, key: "meta:namespace" }, cluster, notes, field);
  if (key === "meta:namespace" || key === "meta:serviceaccount")
    return atom.kind === "has" ? exactly(selectsAll) : lowerNamed(atom, cluster, notes, field);
  if (key.startsWith("ns:")) return lowerNamed(atom, cluster, notes, field);
  if (key.startsWith("sa:")) return lowerAccount(atom, cluster, notes, field);
  if (!key.startsWith("pod:")) return exactly(selectsNone);
  return lowerPodLabel(atom, cluster, notes, field);
}

function lowerPodLabel(atom: Atom, cluster: Cluster, notes: Note[], field: string): Bounds {
  const label = atom.key.slice("pod:".length);
  if (cluster.isVisible(label)) return lowerNamed(atom, cluster, notes, field);
  notes.push({
    code: "POL020",
    effect: "inexact",
    field,
    message: `the label ${label} is not part of Cilium's identities, so no selector can see it`,
    reason: "Cilium leaves labels with many values out, so that it needs fewer identities",
    remedy: `select another label of the same pods, or add ${label} to the Helm value labels`,
    data: { label },
  });
  // Bounds speak of what Cilium sees: written with the hidden label, "has" would match nothing there and "has not" everything.
  return between(selectsNone, selectsAll);
}

/** A term on a label that Cilium can see. */
function lowerNamed(atom: Atom, cluster: Cluster, notes: Note[], field: string): Bounds {
  const label = printKey(atom.key);
  if (!isLabelKey(label)) return impossible(`${label} is no valid label key`, notes, field);
  if (atom.kind === "has") return exactly(atom);
  if (atom.kind === "in") return lowerIn(atom, notes, field);
  return lowerText(atom, cluster, notes, field);
}

function lowerIn(atom: Extract<Atom, { readonly kind: "in" }>, notes: Note[], field: string): Bounds {
  const values = atom.values.filter(isLabelValue);
  for (const value of atom.values)
    if (!isLabelValue(value))
      impossible(`${JSON.stringify(value)} is no valid value of a label (${printKey(atom.key)})`, notes, field);
  return exactly(values.length === 0 ? selectsNone : { ...atom, values });
}

function impossible(what: string, notes: Note[], field: string): Bounds {
  notes.push({
    code: "POL024",
    effect: "none",
    field,
    message: `${what}, so no pod can have it; the term is left out`,
    reason: "label keys and values of Kubernetes have at most 63 characters of letters, digits, -, _ and .",
    remedy: "remove the term",
  });
  return exactly(selectsNone);
}

const operatorWords = { contains: "contains", startsWith: "starts with", endsWith: "ends with" } as const;

function lowerText(
  atom: Extract<Atom, { readonly kind: "contains" | "startsWith" | "endsWith" }>,
  cluster: Cluster,
  notes: Note[],
  field: string,
): Bounds {
  const has: Selector = { kind: "has", key: atom.key };
  if (atom.text === "") return lowerAtom(has as Atom, cluster, notes, field);
  const label = printKey(atom.key);
  const term = `${label} ${operatorWords[atom.kind]} '${atom.text}'`;
  if (!cluster.world.isInventoryKnown) {
    notes.push({
      code: "POL023",
      effect: "inexact",
      field,
      message: `${term} cannot be written without knowing which values exist`,
      reason: "Cilium selectors compare whole values",
      remedy: "give the cluster's objects with --inventory, or select a label with one fixed value",
      data: { term },
    });
    return between(selectsNone, has);
  }
  const values = cluster.valuesOf(atom.key).filter((value) => matchesText(atom.kind, value, atom.text));
  const whose = atom.key.startsWith("pod:") ? "pods" : "namespaces";
  notes.push({
    code: "POL023",
    effect: "carved",
    field,
    message:
      values.length === 0
        ? `${term} matches no value that ${whose} have today, so the term selects nothing`
        : `${term} is written as ${values.length === 1 ? "the value" : "the values"} that ${whose} have today: ${values.join(", ")}`,
    reason: "Cilium selectors compare whole values",
    remedy: `translate again when ${whose} get a new value of ${label} that ${operatorWords[atom.kind]} '${atom.text}', or give them a label with one fixed value`,
    data: { term, values },
  });
  return exactly(values.length === 0 ? selectsNone : { kind: "in", key: atom.key, values });
}

/** A term on labels of service accounts: the accounts that satisfy it today, by namespace and name. */
function lowerAccount(atom: Atom, cluster: Cluster, notes: Note[], field: string): Bounds {
  const label = atom.key.slice("sa:".length);
  if (!cluster.world.isInventoryKnown) {
    notes.push({
      code: "POL025",
      effect: "inexact",
      field,
      message: `the service account label ${label} cannot be resolved without the cluster's accounts`,
      reason: "Cilium identities carry the name of the account, not its labels",
      remedy: "give the cluster's objects with --inventory, or name the accounts",
      data: { label },
    });
    return between(selectsNone, selectsAll);
  }
  const byNamespace = new Map<string, string[]>();
  for (const [name, labels] of cluster.world.serviceAccounts) {
    const value = labels[label];
    if (value === undefined || !matches(atom, new Map([[atom.key, value]]))) continue;
    const slash = name.indexOf("/");
    const namespace = name.slice(0, slash);
    byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), name.slice(slash + 1)]);
  }
  const accounts = [...byNamespace].flatMap(([namespace, names]) => names.map((name) => `${namespace}/${name}`));
  notes.push({
    code: "POL025",
    effect: "carved",
    field,
    message: `the service account label ${label} is written as the accounts that have it today: ${accounts.join(", ") || "none"}`,
    reason: "Cilium identities carry the name of the account, not its labels",
    remedy: "translate again when service accounts or their labels change",
    data: { label, accounts },
  });
  return exactly(
    disjunction(
      [...byNamespace].map(([namespace, names]) =>
        conjunction([
          { kind: "in", key: "meta:namespace", values: [namespace] },
          { kind: "in", key: "meta:serviceaccount", values: names },
        ]),
      ),
    ),
  );
}

/** A key as a person knows it: without the prefix that says whose label it is. */
function printKey(key: LabelKey): string {
  return key.slice(key.indexOf(":") + 1);
}

const labelName = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/u;
const dnsName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/u;

/** Whether Kubernetes accepts a text as a label key. Source: k8s.io/apimachinery pkg/util/validation IsQualifiedName. */
function isLabelKey(text: string): boolean {
  const slash = text.indexOf("/");
  if (slash < 0) return labelName.test(text);
  const prefix = text.slice(0, slash);
  return prefix.length <= 253 && dnsName.test(prefix) && labelName.test(text.slice(slash + 1));
}

/** Whether Kubernetes accepts a text as a label value; the empty text is one. Source: as `isLabelKey`, IsValidLabelValue. */
function isLabelValue(text: string): boolean {
  return text === "" || labelName.test(text);
}
