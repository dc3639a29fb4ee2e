import { compareFindings, type Finding, whereOf } from "../core/finding.ts";
import type { SourceName } from "../core/source-name.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { sourceAdapters } from "./adapters/adapters.ts";
import { unknown } from "./adapters/unknown.ts";
import { type Candidate, type Choice, chooseSource } from "./choose-source.ts";
import { type ClusterView, viewCluster } from "./cluster-view.ts";
import { compareEvidence, type Observation, observe } from "./evidence.ts";
import { sourceFinding } from "./findings.ts";
import { readCilium, readHybrid } from "./hybrid.ts";
import { withEngineLeftovers, withEngines } from "./policy-engine-removal.ts";
import {
  filterFindings,
  filterPreparation,
  findPolicyFilters,
  titleOf,
  withFilterConditions,
} from "./policy-filters.ts";
import { findSharedHazards } from "./shared-findings.ts";
import { planSharedPreparation } from "./shared-preparation.ts";
import type {
  Evidence,
  HybridState,
  LiveSupport,
  NodeLeftovers,
  RemovalObject,
  SourceDetection,
  SourcePreparation,
} from "./source.ts";
import type { SourceAdapter } from "./source-adapter.ts";

/**
 * Finds which network the cluster runs, how sure that is, its facts, whether it can be left live, and its hazards.
 *
 * `wanted` is the plan's `source`: a name decides, whatever the evidence says, and a contradiction is a finding.
 * Evidence is scored, never matched once: what runs, what wrote to nodes, whose addresses are in use, what is
 * configured, what was installed. Cached images count for nothing.
 *
 * Findings: every code of `findings.ts`. Cost: O(pods × networks with a claim); 0.9 s for 5,000 nodes and 50,000 pods on a busy two-core machine.
 */
export function detectSource(inventory: Inventory, wanted: "auto" | SourceName): SourceDetection {
  const view = viewCluster(inventory);
  const candidates = sourceAdapters.map((adapter) => ({ adapter, observations: observe(adapter, view) }));
  const choice = chooseSource(view, candidates, wanted);
  const { adapter } = choice;
  const { facts, findings } = adapter.facts(view);
  const hybrid = runsVendorCilium(view, adapter.name) ? undefined : readHybrid(view, facts.podCIDRs);
  const filters = findPolicyFilters(view, facts);
  const switchedOff = [...filters.map(titleOf), ...[adapter.switchedOffFilter?.(facts) ?? []].flat()];
  const all = [
    ...choice.findings,
    ...filterFindings(view, filters),
    ...findings,
    ...adapter.findings(view, facts),
    ...findSharedHazards(adapter, view, facts),
    ...hybridFindings(view, adapter, hybrid),
  ];
  return {
    source: adapter.name,
    confidence: choice.confidence,
    evidence: collectEvidence(choice, candidates),
    facts,
    live: withBlockers(withFilterConditions(adapter.live(view, facts), filters), all),
    ...(hybrid !== undefined && { hybrid }),
    ...(switchedOff.length > 0 && { switchedOffFilters: switchedOff }),
    findings: [...all].sort(compareFindings),
  };
}

/** What has to change at the source before Cilium comes and before the source goes; empty when nothing has to. */
export function planSourcePreparation(inventory: Inventory, detection: SourceDetection): readonly SourcePreparation[] {
  const view = viewCluster(inventory);
  const own = adapterOf(detection.source).preparation(view, detection.facts);
  const filters = filterPreparation(findPolicyFilters(view, detection.facts));
  return [...planSharedPreparation(view, detection.facts), ...filters, ...own];
}

/** Every object of the source, in the order in which it has to go. Kubernetes NetworkPolicies stay: Cilium enforces them. */
export function planSourceRemoval(inventory: Inventory, detection: SourceDetection): readonly RemovalObject[] {
  const view = viewCluster(inventory);
  return withEngines(view, detection.facts, adapterOf(detection.source).removal(view, detection.facts));
}

/** What the source leaves on each node when its objects are gone. */
export function findNodeLeftovers(inventory: Inventory, detection: SourceDetection): NodeLeftovers {
  const own = adapterOf(detection.source).leftovers(viewCluster(inventory), detection.facts);
  return withEngineLeftovers(detection.facts, own);
}

const blockers = ["source/agent-missing", "source/ambiguous", "source/cilium-chained", "source/migration-under-way"];

/** Refused where the cluster is in a state that no live migration starts from, whatever the network could do. */
function withBlockers(live: LiveSupport, findings: readonly Finding[]): LiveSupport {
  const blocker = findings.find((finding) => blockers.includes(finding.code) && finding.severity === "error");
  if (blocker === undefined || live.kind === "refused") return live;
  return {
    kind: "refused",
    reason: blocker.message,
    alternatives: blocker.remedy === undefined ? [] : [blocker.remedy],
  };
}

// Where Cilium is the network itself, or the provider runs it as its own, nothing is half way.
function runsVendorCilium(view: ClusterView, name: SourceName): boolean {
  if (name === "cilium" || name === "gke") return true;
  const label = "kubernetes.azure.com/ebpf-dataplane";
  return name === "azure-cni" && view.inventory.nodes.some((node) => node.labels[label] === "cilium");
}

function adapterOf(name: SourceName): SourceAdapter {
  return sourceAdapters.find((adapter) => adapter.name === name) ?? unknown;
}

/** The chosen network's evidence, and what speaks for others beyond what the two share. */
function collectEvidence(choice: Choice, candidates: readonly Candidate[]): readonly Evidence[] {
  const own = candidates.find((candidate) => candidate.adapter.name === choice.adapter.name)?.observations ?? [];
  const said = new Set(own.map((one) => `${one.object} ${one.field}`));
  const others = candidates
    .filter((candidate) => candidate.adapter.name !== choice.adapter.name)
    .flatMap((candidate) => candidate.observations)
    .filter((one) => !said.has(`${one.object} ${one.field}`));
  return [...own, ...others.map(demoted)].map(withoutProof).sort(compareEvidence);
}

// Annotations of a network that does not run are what it wrote once.
function demoted(observation: Observation): Observation {
  return observation.proof === "annotated" ? { ...observation, weight: "weak" } : observation;
}

function withoutProof({ source, object, field, value, weight }: Observation): Evidence {
  return { source, object, field, value, weight };
}

function hybridFindings(
  view: ClusterView,
  adapter: SourceAdapter,
  hybrid: HybridState | undefined,
): readonly Finding[] {
  if (hybrid === undefined) return [];
  const cilium = readCilium(view);
  const [agent] = cilium.agents;
  const where = agent === undefined ? {} : { where: whereOf(agent, agent.position) };
  const isChained = cilium.chainingMode !== "none" && cilium.chainingMode !== "portmap";
  const version = hybrid.ciliumVersion ?? "of an unknown version";
  if (isChained)
    return [
      sourceFinding("source/cilium-chained", {
        message: `Cilium ${version} is chained on ${adapter.name} (cni-chaining-mode ${cilium.chainingMode})`,
        ...where,
        reason: "pods keep the source's devices and addresses; nobody tests a move from chained mode to Cilium alone",
        remedy: "remove the chained Cilium first, or go node pool by node pool with replacement",
      }),
    ];
  const total = hybrid.podsOnSource + hybrid.podsOnCilium + hybrid.podsElsewhere;
  const isDormant = hybrid.podsOnCilium === 0;
  return [
    sourceFinding("source/half-migrated", {
      message: isDormant
        ? `Cilium ${version} is installed beside ${adapter.name} and has no pods yet`
        : `${hybrid.podsOnCilium} of ${total} pods are on Cilium ${version}, ${hybrid.podsOnSource} still on ${adapter.name}`,
      ...where,
      reason: isDormant
        ? "its values must be those of the plan's dormant install, or the first restart of an agent takes a node over"
        : "the migration has begun: nodes that are done must not be planned again as if they were not",
      remedy: isDormant
        ? "compare its values with stage 010-cilium, and set that stage to open"
        : `set the stages of the migrated nodes to done (${hybrid.migratedNodes.join(", ") || "no node is complete"}) and go on with the next`,
      data: {
        podsOnSource: hybrid.podsOnSource,
        podsOnCilium: hybrid.podsOnCilium,
        migratedNodes: [...hybrid.migratedNodes],
        mixedNodes: [...hybrid.mixedNodes],
      },
    }),
  ];
}
