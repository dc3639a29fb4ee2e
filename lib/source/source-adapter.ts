import type { Finding } from "../core/finding.ts";
import type { SourceName } from "../core/source-name.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Claim } from "./kubernetes-network.ts";
import type { LiveSupport, NodeLeftovers, RemovalObject, SourceFacts, SourcePreparation } from "./source.ts";
import type { Workload } from "./workload.ts";

/** A kind of custom resource. */
interface ResourceKind {
  readonly kind: string;
  readonly group: string;
}

/** How a network shows in an inventory. */
export interface Signals {
  /** Whether the DaemonSet is the network's agent, by its containers' images and its name. */
  readonly isAgent: (workload: Workload, view: ClusterView) => boolean;
  /** Set where the agent is no workload but part of the distribution's binary (k3s): the evidence that it runs. */
  readonly embedded?: (view: ClusterView) => EmbeddedAgent | undefined;
  /** Keys of node annotations, or their beginnings, that the agent writes. */
  readonly nodeAnnotations: (view: ClusterView) => readonly string[];
  /** Keys of annotations that the network's CNI plugin writes on pods. */
  readonly podAnnotations: readonly string[];
  /** Names of ConfigMaps that configure it. */
  readonly configMaps: readonly string[];
  /** Custom resources that configure it. */
  readonly resources: readonly ResourceKind[];
  /** API groups of its definitions; they outlive an uninstall. */
  readonly definitionGroups: readonly string[];
  /** Prefixes that its own configuration claims for pods; empty when it takes what Kubernetes gives to nodes. */
  readonly claims: (view: ClusterView) => readonly Claim[];
}

/** An agent inside another binary. */
export interface EmbeddedAgent {
  readonly object: string;
  readonly field: string;
  readonly value: string;
}

/** Facts and what reading them brought to light. */
interface ReadFacts {
  readonly facts: SourceFacts;
  readonly findings: readonly Finding[];
}

/** A network that clusters come from. One file each in `adapters/`; the table of them is `adapters/adapters.ts`. */
export interface SourceAdapter {
  readonly name: SourceName;
  readonly signals: Signals;
  readonly facts: (view: ClusterView) => ReadFacts;
  readonly live: (view: ClusterView, facts: SourceFacts) => LiveSupport;
  /** Hazards of this network in this cluster; those that every network shares are found in `shared-findings.ts`. */
  readonly findings: (view: ClusterView, facts: SourceFacts) => readonly Finding[];
  /** Its own policy controller, in words, where its preparation switches that off before Cilium comes. */
  readonly switchedOffFilter?: (facts: SourceFacts) => string | undefined;
  readonly preparation: (view: ClusterView, facts: SourceFacts) => readonly SourcePreparation[];
  readonly removal: (view: ClusterView, facts: SourceFacts) => readonly RemovalObject[];
  readonly leftovers: (view: ClusterView, facts: SourceFacts) => NodeLeftovers;
}

/** The agents of a network that run, and those that are declared without a status. */
export function findAgents(signals: Pick<Signals, "isAgent">, view: ClusterView): readonly Workload[] {
  return view.daemonSets.filter((workload) => signals.isAgent(workload, view));
}
