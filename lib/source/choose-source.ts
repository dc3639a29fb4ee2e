import { type Finding, whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import type { SourceName } from "../core/source-name.ts";
import { tryFindObject } from "../inventory/inventory.ts";
import { unknown } from "./adapters/unknown.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Observation, Proof } from "./evidence.ts";
import { sourceFinding } from "./findings.ts";
import { isKubeRouter } from "./kube-router-config.ts";
import { findPolicyEngines } from "./policy-engines.ts";
import type { SourceDetection } from "./source.ts";
import { findAgents, type SourceAdapter } from "./source-adapter.ts";
import { isRunning } from "./workload.ts";

/** A network with all that speaks for it. */
export interface Candidate {
  readonly adapter: SourceAdapter;
  readonly observations: readonly Observation[];
}

/** The network that detection settles on. */
export interface Choice {
  readonly adapter: SourceAdapter;
  readonly confidence: SourceDetection["confidence"];
  readonly findings: readonly Finding[];
}

/**
 * Chooses among the candidates: the one that runs; of several that run, the one whose addresses are in use, with a
 * finding; of none that runs, the one whose addresses or traces are found, as far as the inventory can tell.
 * Cilium is never the source while another network runs or has pods.
 */
export function chooseSource(view: ClusterView, candidates: readonly Candidate[], wanted: "auto" | SourceName): Choice {
  const found = chooseByEvidence(view, candidates);
  const choice = wanted === "auto" ? found : followPlan(view, candidates, found, wanted);
  return { ...choice, findings: [...choice.findings, ...findLeftovers(view, candidates, choice)] };
}

function has(candidate: Candidate, proof: Proof): boolean {
  return candidate.observations.some((observation) => observation.proof === proof);
}

function chooseByEvidence(view: ClusterView, candidates: readonly Candidate[]): Choice {
  const sources = candidates.filter((candidate) => candidate.adapter.name !== "cilium");
  const active = sources.filter((candidate) => has(candidate, "runs"));
  const [only, second] = active;
  if (only !== undefined && second === undefined)
    return { adapter: only.adapter, confidence: howSure(only), findings: [] };
  if (only !== undefined) return chooseOfSeveral(view, active);
  return chooseWithoutAgent(view, candidates, sources);
}

function howSure(candidate: Candidate): Choice["confidence"] {
  const strong = candidate.observations.filter((observation) => observation.weight === "strong").length;
  if (has(candidate, "runs")) return strong > 1 || has(candidate, "configured") ? "certain" : "likely";
  return strong > 1 ? "likely" : "unsure";
}

function chooseOfSeveral(view: ClusterView, active: readonly Candidate[]): Choice {
  const [first] = active;
  const chosen = active.find((candidate) => has(candidate, "addresses")) ?? first;
  const names = active.map((candidate) => candidate.adapter.name);
  const migration = findCalicoMigration(view);
  if (migration !== undefined)
    return { adapter: chosen?.adapter ?? unknown, confidence: "unsure", findings: [migration] };
  return {
    adapter: chosen?.adapter ?? unknown,
    confidence: "unsure",
    findings: [ambiguity(view, active, names, chosen?.adapter.name ?? "unknown", "error")],
  };
}

function ambiguity(
  view: ClusterView,
  active: readonly Candidate[],
  names: readonly string[],
  chosen: string,
  severity: Finding["severity"],
): Finding {
  const places = active.flatMap((candidate) =>
    findAgents(candidate.adapter.signals, view).map((agent) => ({
      message: `${candidate.adapter.name} runs`,
      where: whereOf(agent, agent.position),
    })),
  );
  const [place] = places;
  return sourceFinding("source/ambiguous", {
    severity,
    message: `${names.join(" and ")} look active at once; the facts below are those of ${chosen}`,
    ...(place !== undefined && { where: place.where, related: places.slice(1) }),
    reason:
      "none of them is known to stand in front of or beside the other, so it is not clear which one connects the pods",
    remedy: `name the one that connects the pods in the plan (source: ${names.join(" or ")}), and remove the other first if it is left over`,
    data: { sources: [...names] },
  });
}

/**
 * Calico's own migration from flannel, which runs as a Job and labels the nodes.
 * Source: Calico v3.31 manifests/flannel-migration/migration-job.yaml.
 */
function findCalicoMigration(view: ClusterView): Finding | undefined {
  const job = tryFindObject(view.inventory, "Job", "flannel-migration", "kube-system");
  const label = "projectcalico.org/node-network-during-migration";
  const node = view.inventory.nodes.find((one) => one.labels[label] !== undefined);
  const place = job ?? node;
  if (place === undefined) return undefined;
  return sourceFinding("source/migration-under-way", {
    message: `Calico's migration from flannel is under way (${printIdentity(place)})`,
    where: whereOf(place, place.position),
    reason: "nodes are on two networks already; a third one beside them is not plannable",
    remedy:
      "let it end (kubectl get jobs -n kube-system flannel-migration), remove flannel, and take the inventory again",
  });
}

function chooseWithoutAgent(
  view: ClusterView,
  candidates: readonly Candidate[],
  sources: readonly Candidate[],
): Choice {
  const cilium = candidates.find((candidate) => candidate.adapter.name === "cilium");
  const isCiliumRunning = cilium !== undefined && has(cilium, "runs");
  const inUse = sources.filter((candidate) => has(candidate, "addresses")).sort(byStrength)[0];
  const couldTell = view.inventory.kindsSeen.has("DaemonSet") && view.inventory.kindsSeen.has("Pod");
  if (inUse !== undefined) {
    const findings = couldTell ? [agentMissing(view, inUse)] : [unsure(inUse)];
    return { adapter: inUse.adapter, confidence: couldTell ? "likely" : howSure(inUse), findings };
  }
  if (isCiliumRunning) return { adapter: cilium.adapter, confidence: howSure(cilium), findings: [] };
  const traced = sources
    .filter((candidate) => ["annotated", "declared", "configured"].some((proof) => has(candidate, proof as Proof)))
    .sort(byStrength)[0];
  // With every DaemonSet and pod in the inventory and none of a network, annotations are what an earlier one left.
  const isExplained = traced !== undefined && (!couldTell || has(traced, "declared"));
  if (!isExplained) return { adapter: unknown, confidence: "unsure", findings: [] };
  const strong = howSure(traced);
  return { adapter: traced.adapter, confidence: strong === "certain" ? "likely" : strong, findings: [unsure(traced)] };
}

const strength: Readonly<Record<Proof, number>> = {
  runs: 100,
  addresses: 50,
  annotated: 10,
  declared: 8,
  configured: 4,
  "scaled-away": 0,
  installed: 0,
};

function byStrength(a: Candidate, b: Candidate): number {
  const sum = (candidate: Candidate) =>
    candidate.observations.reduce((total, observation) => total + strength[observation.proof], 0);
  return sum(b) - sum(a);
}

function agentMissing(view: ClusterView, candidate: Candidate): Finding {
  const addresses = candidate.observations.find((observation) => observation.proof === "addresses");
  return sourceFinding("source/agent-missing", {
    message: `${addresses?.value ?? "pods"} of ${candidate.adapter.name}, but no DaemonSet or pod of it runs`,
    where: { object: addresses?.object ?? "", field: addresses?.field ?? "" },
    reason:
      "the source was removed by hand half way: routes and policies stand as they were left, new nodes and new pods get neither",
    remedy: `install ${candidate.adapter.name} again as it was, wait until it is healthy on all ${view.inventory.nodes.length} nodes, then plan; or go in-place and accept the outage`,
  });
}

function unsure(candidate: Candidate): Finding {
  const [best] = candidate.observations;
  return sourceFinding("source/unsure", {
    message: `${candidate.adapter.name} is named by what is configured or written, and nothing in the inventory shows that it runs`,
    ...(best !== undefined && { where: { object: best.object, field: best.field } }),
    reason: "configuration, annotations and definitions outlive an uninstall",
    remedy: "add the output of: kubectl get daemonsets,pods -A -o yaml",
  });
}

function followPlan(view: ClusterView, candidates: readonly Candidate[], found: Choice, wanted: SourceName): Choice {
  const isAmbiguous = found.findings.some((finding) => finding.code === "source/ambiguous");
  if (wanted === found.adapter.name && !isAmbiguous) return found;
  const candidate = candidates.find((one) => one.adapter.name === wanted);
  if (candidate === undefined) return { ...found, findings: [...found.findings, contradiction(view, found, wanted)] };
  if (has(candidate, "runs") && candidate.adapter.name !== "cilium") {
    const active = candidates.filter((one) => has(one, "runs") && one.adapter.name !== "cilium");
    const names = active.map((one) => one.adapter.name);
    return {
      adapter: candidate.adapter,
      confidence: "likely",
      findings: [ambiguity(view, active, names, wanted, "warning")],
    };
  }
  if (found.adapter.name === "unknown")
    return { adapter: candidate.adapter, confidence: "unsure", findings: [unsure(candidate)] };
  return {
    adapter: candidate.adapter,
    confidence: "unsure",
    findings: [...found.findings, contradiction(view, found, wanted)],
  };
}

function contradiction(view: ClusterView, found: Choice, wanted: SourceName): Finding {
  const [agent] = findAgents(found.adapter.signals, view);
  return sourceFinding("source/plan-contradicts-inventory", {
    message: `the plan says source: ${wanted}, the inventory shows ${found.adapter.name}`,
    ...(agent !== undefined && { where: whereOf(agent, agent.position) }),
    reason: "ports, prefixes, devices and the removal would be those of a network that is not there",
    remedy: `set source: ${found.adapter.name} (or auto) in the plan, or take the inventory of the right cluster`,
    data: { plan: wanted, inventory: found.adapter.name },
  });
}

/** Which networks' traces are part of another one, and no leftovers of an earlier one. */
const partsOf: Readonly<Partial<Record<SourceName, readonly SourceName[]>>> = {
  canal: ["calico", "flannel"],
};

function findLeftovers(view: ClusterView, candidates: readonly Candidate[], choice: Choice): readonly Finding[] {
  const alive = namesAlive(view, choice);
  const own = candidates.find((candidate) => candidate.adapter.name === choice.adapter.name);
  const said = new Set(own?.observations.map(placeOf));
  // Canal's definitions are Calico's: an object is told once, as Calico's.
  const ordered = [...candidates].sort(
    (a, b) => Number(a.adapter.name === "canal") - Number(b.adapter.name === "canal"),
  );
  return ordered.flatMap((candidate) => {
    const { name } = candidate.adapter;
    if (alive.has(name) || has(candidate, "runs")) return [];
    const traces = candidate.observations.filter((one) => !said.has(placeOf(one)));
    for (const trace of traces) said.add(placeOf(trace));
    const [first] = traces;
    return first === undefined ? [] : [leftoverFinding(name, traces, first)];
  });
}

const placeOf = (observation: Observation): string => `${observation.object} ${observation.field}`;

/** Networks whose traces are no leftovers: the chosen one, its parts, engines beside it, kube-router in any role. */
function namesAlive(view: ClusterView, choice: Choice): ReadonlySet<string> {
  const engines = findPolicyEngines(view).map((engine) => engine.name);
  const routers = view.daemonSets.some((one) => isKubeRouter(one) && isRunning(one)) ? ["kube-router"] : [];
  const parts = partsOf[choice.adapter.name] ?? [];
  const ofCalico = engines.includes("calico") ? ["canal"] : [];
  return new Set<string>([choice.adapter.name, "cilium", ...parts, ...engines, ...routers, ...ofCalico]);
}

function leftoverFinding(name: SourceName, traces: readonly Observation[], first: Observation): Finding {
  // Only what wrote to nodes can have left rules there.
  const mayHaveRules = traces.some((one) => one.proof === "annotated" || one.proof === "scaled-away");
  return sourceFinding("source/earlier-leftovers", {
    severity: mayHaveRules ? "warning" : "info",
    message: `traces of ${name} are left, which does not run any more: ${[...new Set(traces.map((one) => one.object))].slice(0, 5).join(", ")}`,
    where: { object: first.object, field: first.field },
    reason: mayHaveRules
      ? "its chains may still be on the nodes and keep masquerading or dropping by the old prefix: FLANNEL-POSTRTG does so after flannel is replaced, and pod selectors then stop matching"
      : "definitions and configuration outlive an uninstall; they change nothing by themselves",
    remedy: mayHaveRules
      ? `look on one node: iptables-save | grep -E 'FLANNEL|cali-|KUBE-ROUTER|WEAVE|ANTREA|AWS-SNAT'; clean or reboot the nodes before the first wave, then remove the ${name} annotations`
      : `remove them when nothing uses them: ${first.object}`,
  });
}
