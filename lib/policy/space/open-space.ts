import { compareText, sortedUnique } from "../../core/order.ts";
import type { LabelKey, Selector } from "../selector/selector.ts";
import type { AddressCells } from "./address-cells.ts";
import type { Ends } from "./closed-ends.ts";
import { createClosedSpace } from "./closed-space.ts";
import { always, createDiagrams, type DiagramId, type Diagrams, never } from "./decision-diagram.ts";
import { type Domain, labelDomains, otherPlace, placeOfValue, valueAt } from "./label-domains.ts";
import { createLabelFilter } from "./label-filter.ts";
import { type Assignment, type LeafOptions, splitLeaves } from "./leaves.ts";
import type { PacketEnd } from "./packet-end.ts";
import {
  type EndsHandle,
  meetsSelector,
  type PacketSpace,
  type PeerBlock,
  type PortTarget,
  type SubjectLeaf,
  type View,
} from "./packet-space.ts";
import { canonicalKey, type Vocabulary } from "./vocabulary.ts";
import type { World } from "./world.ts";

/** What an open space is made of. */
export interface OpenSpaceInput {
  /** Ends that are no pods, and the cut of the address space. */
  readonly others: Ends;
  readonly world: World;
  readonly vocabulary: Vocabulary;
  /** Prefixes that a pod's address may lie in. */
  readonly podPrefixes: readonly string[];
  /** Called when a split was given up: the result covers less than it says. */
  readonly onLimit: () => void;
}

/** Give up on a split beyond so many leaves: sixteen selectors over labels of their own are more. */
const leafLimit = 60_000;

/**
 * Every pod that may ever be made, beside the nodes and outside addresses of the world: any labels, any namespace, any
 * service account, any address of the pod prefixes, any port behind a name. What hangs together is kept together: one
 * value to a key, the labels of a known namespace with its name, those of a known service account with it. Sets are
 * decision diagrams over these choices; the two ends of a flow are chosen each by itself; a leaf stands for all pods that the policies treat alike and counts as one.
 */
export function createOpenSpace(input: OpenSpaceInput): PacketSpace {
  const { others, world, vocabulary } = input;
  const finite = createClosedSpace(others, vocabulary);
  const diagrams = createDiagrams();
  const model = createPodModel(input, diagrams);
  const pairs: { readonly diagram: DiagramId; readonly ends: EndsHandle }[] = [];
  const known = new Map<string, EndsHandle>();
  const pair = (diagram: DiagramId, ends: EndsHandle): EndsHandle => {
    const key = `${diagram}/${ends}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const handle = pairs.push({ diagram, ends }) - 1;
    known.set(key, handle);
    return handle;
  };
  const at = (handle: EndsHandle): { readonly diagram: DiagramId; readonly ends: EndsHandle } =>
    pairs[handle] ?? { diagram: never, ends: finite.none };
  const all = pair(always, finite.all);
  const none = pair(never, finite.none);
  const or = (a: EndsHandle, b: EndsHandle): EndsHandle =>
    pair(diagrams.or(at(a).diagram, at(b).diagram), finite.or(at(a).ends, at(b).ends));
  const split = (handles: readonly EndsHandle[]): readonly SubjectLeaf[] => {
    const functions = handles.map((handle) => at(handle).diagram);
    const { leaves, isComplete } = splitLeaves(functions, diagrams, model.options);
    // Half of the leaves prove nothing: what is given up is given up at once.
    if (!isComplete) {
      input.onLimit();
      return [];
    }
    return leaves.map(({ selected, sample }) => ({ selected, weight: 1, classes: 1, sample: model.endOf(sample) }));
  };

  return {
    kind: "open",
    family: others.family,
    all,
    none,
    and: (a, b) => pair(diagrams.and(at(a).diagram, at(b).diagram), finite.and(at(a).ends, at(b).ends)),
    or,
    not: (a) => pair(diagrams.not(at(a).diagram), finite.not(at(a).ends)),
    anyOf: (handles) => uniteHalves(handles, or, none),
    labels: (view, selector) => pair(model.labels(view, selector), finite.labels(view, selector)),
    inPrefix: (view, prefix) => pair(model.inPrefix(view, prefix), finite.inPrefix(view, prefix)),
    ofKind: (kind) => pair(kind === "pod" ? always : never, finite.ofKind(kind)),
    ofTunnels: pair(never, finite.ofTunnels),
    hasPort: (name, target) => pair(model.hasPort(name, target), finite.hasPort(name, target)),
    portTargets: (name) => model.portTargets(name),
    hasFQDN: (name) => pair(never, finite.hasFQDN(name)),
    subjects: split,
    blocks: (handles) => [
      ...split(handles).map((leaf) => blockOf(leaf, handles.length)),
      ...finite.blocks(handles.map((handle) => at(handle).ends)),
    ],
    nodeClasses: [],
    size: { pods: world.pods.length, classes: 0, cells: others.cells.count },
  };
}

function blockOf({ selected, weight, sample }: SubjectLeaf, count: number): PeerBlock {
  const isIn = new Uint8Array(count);
  for (const place of selected) isIn[place] = 1;
  return { isIn, weight, sample };
}

/** Pairs first, then pairs of pairs: intermediate diagrams stay small. */
function uniteHalves(
  handles: readonly EndsHandle[],
  or: (a: EndsHandle, b: EndsHandle) => EndsHandle,
  none: EndsHandle,
): EndsHandle {
  let level = [...handles];
  while (level.length > 1)
    level = level.flatMap((handle, index) => {
      if (index % 2 === 1) return [];
      const next = level[index + 1];
      return [next === undefined ? handle : or(handle, next)];
    });
  return level[0] ?? none;
}

interface PodModel {
  readonly labels: (view: View, selector: Selector) => DiagramId;
  readonly inPrefix: (view: View, prefix: string) => DiagramId;
  readonly hasPort: (name: string, target: PortTarget) => DiagramId;
  readonly portTargets: (name: string) => readonly PortTarget[];
  readonly options: LeafOptions;
  readonly endOf: (assignment: Assignment) => PacketEnd;
}

/** Variables in order: one for each label key, then the address cell, then one for each port name. */
function createPodModel(input: OpenSpaceInput, diagrams: Diagrams): PodModel {
  const { world, vocabulary, others } = input;
  const domains = labelDomains(vocabulary, world);
  const variableOf = new Map(domains.map(({ key }, index) => [key, index]));
  const cellVariable = domains.length;
  const portNames = [...vocabulary.portNames].sort(compareText);
  const portVariable = new Map(portNames.map((name, index) => [name, cellVariable + 1 + index]));
  const cells = podCells(others.cells, input.podPrefixes);
  const targets = new Map(portNames.map((name) => [name, targetsOf(name, world)]));
  const evaluate = {
    calico: createEvaluator("calico", { domains, variableOf, diagrams, world }),
    cilium: createEvaluator("cilium", { domains, variableOf, diagrams, world }),
  };
  const matchesPods = world.cilium.policyCIDRMatchMode.includes("pods");

  return {
    labels: (view, selector) => evaluate[view](selector),
    inPrefix: (view, prefix) => {
      const range = view === "cilium" && !matchesPods ? undefined : others.cells.cellsOf(prefix);
      if (range === undefined) return never;
      const inside = cells.flatMap(({ cell }, place) => (cell >= range.first && cell <= range.last ? [place] : []));
      return atomOf(diagrams, cellVariable, inside, cells.length);
    },
    hasPort: (name, target) => {
      const variable = portVariable.get(name);
      const place = (targets.get(name) ?? []).findIndex(
        (one) => one.protocol === target.protocol && one.port === target.port,
      );
      return variable === undefined || place < 0 ? never : diagrams.atom(variable, [place + 1], true);
    },
    portTargets: (name) => targets.get(name) ?? [],
    options: leafOptions(domains, variableOf, world),
    endOf: (assignment) =>
      hypotheticalEnd(assignment, { domains, cells, cellVariable, portNames, portVariable, targets, world }),
  };
}

/** True at the given places of a variable whose place 0 is the one that diagrams do not list. */
function atomOf(diagrams: Diagrams, variable: number, places: readonly number[], count: number): DiagramId {
  if (!places.includes(0)) return diagrams.atom(variable, places, true);
  const inside = new Set(places);
  return diagrams.atom(
    variable,
    Array.from({ length: count }, (_, place) => place).filter((place) => !inside.has(place)),
    false,
  );
}

interface PodCell {
  readonly cell: number;
  readonly address: string;
}

function podCells(cells: AddressCells, prefixes: readonly string[]): PodCell[] {
  const ranges = prefixes.flatMap((prefix) => cells.cellsOf(prefix) ?? []);
  const result: PodCell[] = [];
  for (let cell = 0; cell < cells.count; cell += 1) {
    if (!ranges.some(({ first, last }) => first <= cell && cell <= last)) continue;
    const address = cells.freeAddressOf(cell, new Set(), []);
    if (address !== undefined) result.push({ cell, address });
  }
  return result;
}

/** A number that no policy names, for a port name that no pod of the inventory has. */
const unusedPort = 61_001;

function targetsOf(name: string, world: World): PortTarget[] {
  const seen = new Map<string, PortTarget>();
  const add = (target: PortTarget): void => {
    seen.set(`${target.protocol}/${target.port}`, { protocol: target.protocol, port: target.port });
  };
  for (const { namedPorts } of world.pods) for (const port of namedPorts) if (port.name === name) add(port);
  for (const protocol of ["TCP", "UDP", "SCTP"] as const) add({ protocol, port: unusedPort });
  return [...seen.values()].sort((a, b) => compareText(a.protocol, b.protocol) || a.port - b.port);
}

interface EvaluatorContext {
  readonly domains: readonly Domain[];
  readonly variableOf: ReadonlyMap<LabelKey, number>;
  readonly diagrams: Diagrams;
  readonly world: World;
}

function createEvaluator(view: View, context: EvaluatorContext): (selector: Selector) => DiagramId {
  const { domains, variableOf, diagrams, world } = context;
  const keeps = createLabelFilter(world.cilium.labelFilter);
  const memo = new WeakMap<Selector, DiagramId>();
  const atoms = new Map<string, DiagramId>();
  const atom = (selector: Extract<Selector, { readonly key: LabelKey }>): DiagramId => {
    const key = canonicalKey(selector.key);
    const fixed = fixedValue(view, key, world, keeps);
    if (fixed !== undefined) return meetsSelector(selector, () => fixed.value) ? always : never;
    const variable = variableOf.get(key);
    const domain = variable === undefined ? undefined : domains[variable];
    if (variable === undefined || domain === undefined) return never;
    const text = JSON.stringify({ ...selector, key });
    const known = atoms.get(text);
    if (known !== undefined) return known;
    const result = domainAtom(diagrams, variable, domain, selector);
    atoms.set(text, result);
    return result;
  };
  const evaluate = (selector: Selector): DiagramId => {
    const known = memo.get(selector);
    if (known !== undefined) return known;
    const result = evaluateFresh(selector);
    memo.set(selector, result);
    return result;
  };
  const evaluateFresh = (selector: Selector): DiagramId => {
    switch (selector.kind) {
      case "all":
        return always;
      case "none":
        return never;
      case "not":
        return diagrams.not(evaluate(selector.operand));
      case "and":
        return selector.operands.map(evaluate).reduce(diagrams.and, always);
      case "or":
        return selector.operands.map(evaluate).reduce(diagrams.or, never);
      default:
        return atom(selector);
    }
  };
  return evaluate;
}

/** Labels that every pod has alike for an engine, and labels that no pod has for it. */
function fixedValue(
  view: View,
  key: LabelKey,
  world: World,
  keeps: (key: string) => boolean,
): { readonly value: string | undefined } | undefined {
  if (view === "calico") {
    if (key === "meta:orchestrator") return { value: "k8s" };
    if (key === "meta:cluster" || key.startsWith("pod:pcns.") || key.startsWith("pod:pcsa."))
      return { value: undefined };
  } else {
    if (key === "meta:cluster") return { value: world.cilium.clusterName ?? "default" };
    if (key === "meta:orchestrator" || key.startsWith("sa:")) return { value: undefined };
    if (key.startsWith("pod:") && !keeps(key.slice("pod:".length))) return { value: undefined };
  }
  return /^(?:pod|ns|sa|meta):/u.test(key) ? undefined : { value: undefined };
}

function domainAtom(diagrams: Diagrams, variable: number, domain: Domain, selector: Selector): DiagramId {
  if (selector.kind === "has") return domain.canBeAbsent ? diagrams.atom(variable, [1], false) : always;
  if (selector.kind === "in")
    return diagrams.atom(
      variable,
      selector.values.map((value) => placeOfValue(domain, value)),
      true,
    );
  const isMet = (value: string): boolean => meetsSelector(selector, () => value);
  const isFreshMet = isMet(domain.fresh);
  const places = domain.values.flatMap((value, index) => (isMet(value) === isFreshMet ? [] : [index + 2]));
  // Place 0 is never listed: list what answers otherwise than a fresh value does, a missing label among it.
  return isFreshMet
    ? diagrams.atom(variable, domain.canBeAbsent ? [1, ...places] : places, false)
    : diagrams.atom(variable, places, true);
}

function leafOptions(domains: readonly Domain[], variableOf: ReadonlyMap<LabelKey, number>, world: World): LeafOptions {
  const namespaceVariable = variableOf.get("meta:namespace") ?? 0;
  const accountVariable = variableOf.get("meta:serviceaccount");
  const namespaces = placesOf(domains[namespaceVariable], world.namespaces.keys());
  const accountNames = [...world.serviceAccounts.keys()].map((account) => account.slice(account.indexOf("/") + 1));
  const accounts = accountVariable === undefined ? [] : placesOf(domains[accountVariable], accountNames);
  const inherited = (prefix: string): number[] =>
    domains.flatMap(({ key }, variable) => (key.startsWith(prefix) ? [variable] : []));
  const lastNamespaceLabel = Math.max(-1, ...inherited("ns:"));
  const lastAccountLabel = Math.max(-1, ...inherited("sa:"));
  return {
    restriction: (variable, before) => {
      const domain = domains[variable];
      const namespace = nameOf(domains, namespaceVariable, before);
      if (domain?.key.startsWith("ns:") === true) {
        const labels = namespace === undefined ? undefined : world.namespaces.get(namespace);
        return labels === undefined ? undefined : [placeOfValue(domain, labels[domain.key.slice(3)])];
      }
      if (domain?.key.startsWith("sa:") !== true || accountVariable === undefined) return undefined;
      const account = nameOf(domains, accountVariable, before);
      const labels = namespace === undefined ? undefined : world.serviceAccounts.get(`${namespace}/${account ?? ""}`);
      return labels === undefined ? undefined : [placeOfValue(domain, labels[domain.key.slice(3)])];
    },
    remembered: (variable) =>
      [
        ...(variable <= Math.max(lastNamespaceLabel, lastAccountLabel) ? [namespaceVariable] : []),
        ...(variable <= lastAccountLabel && accountVariable !== undefined ? [accountVariable] : []),
      ].filter((before) => before < variable),
    preferred: (variable) => {
      if (variable === namespaceVariable) return namespaces;
      return variable === accountVariable && lastAccountLabel >= 0 ? accounts : [];
    },
    plain: (variable) => (domains[variable]?.canBeAbsent === true ? 1 : otherPlace),
    limit: leafLimit,
  };
}

function nameOf(domains: readonly Domain[], variable: number, before: Assignment): string | undefined {
  const place = before.get(variable);
  const domain = domains[variable];
  return place === undefined || domain === undefined ? undefined : valueAt(domain, place);
}

/** Places of names that the world has, so that what holds today is found before what may come. */
function placesOf(domain: Domain | undefined, names: Iterable<string>): number[] {
  return domain === undefined ? [] : sortedUnique(names).map((name) => placeOfValue(domain, name));
}

interface NamingContext {
  readonly domains: readonly Domain[];
  readonly cells: readonly PodCell[];
  readonly cellVariable: number;
  readonly portNames: readonly string[];
  readonly portVariable: ReadonlyMap<string, number>;
  readonly targets: ReadonlyMap<string, readonly PortTarget[]>;
  readonly world: World;
}

/** A pod that answers as the assignment says; what it leaves open is left out. */
function hypotheticalEnd(assignment: Assignment, context: NamingContext): PacketEnd {
  const labels: Record<string, string> = {};
  context.domains.forEach((domain, variable) => {
    const value = valueAt(domain, assignment.get(variable) ?? (domain.canBeAbsent ? 1 : otherPlace));
    if (value !== undefined) labels[domain.key] = value;
  });
  if (!assignment.has(0)) labels["meta:namespace"] = someNamespace(assignment, context);
  addKnownLabels(labels, context.world);
  const namedPorts = Object.fromEntries(
    context.portNames.flatMap((name) => {
      const place = assignment.get(context.portVariable.get(name) ?? -1) ?? 0;
      const target = context.targets.get(name)?.[place - 1];
      return target === undefined ? [] : [[name, `${target.protocol}/${target.port}`]];
    }),
  );
  const address = context.cells[assignment.get(context.cellVariable) ?? 0]?.address;
  return {
    kind: "pod",
    weight: 1,
    names: [printLabels(labels)],
    calico: { labels: new Map(Object.entries(labels)), ...(address !== undefined && { address }) },
    cilium: { labels: new Map(Object.entries(labels)) },
    namedPorts: [],
    hypothetical: { labels, ...(Object.keys(namedPorts).length > 0 && { namedPorts }) },
  };
}

/** Where any namespace will do, one that exists reads best. */
function someNamespace(assignment: Assignment, { domains, world }: NamingContext): string {
  const isLabelled = domains.some(({ key }, variable) => key.startsWith("ns:") && assignment.has(variable));
  const [known] = [...world.namespaces.keys()].sort(compareText);
  return (isLabelled ? undefined : known) ?? domains[0]?.fresh ?? "other";
}

/** A namespace that exists brings its labels, also those that no policy names. */
function addKnownLabels(labels: Record<string, string>, world: World): void {
  const namespace = labels["meta:namespace"] ?? "";
  labels["meta:serviceaccount"] ??= "default";
  for (const [key, value] of Object.entries(world.namespaces.get(namespace) ?? {})) labels[`ns:${key}`] = value;
  labels["ns:kubernetes.io/metadata.name"] = namespace;
}

/** `namespace a, app=web`: the labels that tell the pod from others. */
function printLabels(labels: Readonly<Record<string, string>>): string {
  const own = Object.keys(labels)
    .filter((key) => key.startsWith("pod:"))
    .sort(compareText)
    .map((key) => `${key.slice(4)}=${labels[key]}`);
  const account = labels["meta:serviceaccount"];
  return [
    `a pod of namespace ${labels["meta:namespace"]}`,
    ...(account === undefined || account === "default" ? [] : [`service account ${account}`]),
    own.length === 0 ? "without labels that matter" : own.join(" "),
  ].join(", ");
}
