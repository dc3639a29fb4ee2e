import { executorModes } from "./executor-modes.ts";
import type { InitFacts } from "./init-facts.ts";

/** What `init` writes above each field of a plan: why it chose this value, and what else could stand there. */
export function explainFields(facts: InitFacts): readonly (readonly [string, string])[] {
  return [
    ...explainSource(facts),
    ...explainTarget(facts),
    ...explainWaves(facts),
    ...explainRoll(facts),
    ...explainPolicies(facts),
    ...explainDelivery(facts),
    [
      "stages",
      "State of each stage by the name of its folder: held (rendered, not applied), open, done, rollback. A stage that is not named is held. metachron next and metachron rollback write here, one word per pull request.",
    ],
  ];
}

type Explained = readonly (readonly [string, string])[];

function explainSource(facts: InitFacts): Explained {
  const { source, strategy } = facts;
  const evidence = source.evidence.map((line) => `\n  ${line}`).join("");
  return [
    ["metadata", "Names the folder below dist and the objects of the engines; keep it once a stage was opened."],
    [
      "spec.inventory",
      "Output of kubectl get, read-only, relative to this file. Take it again with metachron snapshot.",
    ],
    [
      "spec.source",
      `The network that the cluster leaves; ${source.confidence === "unsure" ? "detection was unsure, so it is asked again at each run" : `detected as ${source.name}, ${source.confidence}`}.${source.podCIDRs.length === 0 ? "" : ` Its pods have addresses of ${source.podCIDRs.join(", ")}.`} auto detects it anew; a name overrides detection.${evidence}`,
    ],
    [
      "spec.strategy",
      `${strategy === undefined ? "Both networks run side by side and nodes move one after the other, without an outage." : `${strategy.why}.`} Others: live (both side by side), in-place (remove, then install: an outage), blue-green (a second cluster).`,
    ],
    [
      "spec.reservedCIDRs",
      "Prefixes outside the cluster that the new pod pool must not touch: VPC, on-premises, peered clusters. No inventory shows them, so write down those you know.",
    ],
  ];
}

function explainTarget(facts: InitFacts): Explained {
  const mask = "Block of the pool that each node gets. Cannot be changed later. Left out: worked out from the nodes.";
  return [
    ["spec.target", "What the cluster migrates to."],
    [
      "spec.target.cni",
      "The network that the cluster arrives at. flannel is for clusters that give up network policy.",
    ],
    [
      "spec.target.version",
      `Exact version of chart and images. Supported: 1.18, 1.19, 1.20.${facts.versionWhy === undefined ? "" : ` ${facts.versionWhy}`}`,
    ],
    [
      "spec.target.podCIDRs",
      `New pool of pod addresses, one prefix per address family.${facts.podCIDRWhy === undefined ? "" : ` ${facts.podCIDRWhy}`} Both pools exist side by side during the migration, so it must overlap nothing. Empty: proposed at each run.`,
    ],
    ["spec.target.podCIDRMaskSize", mask],
    ["spec.target.podCIDRMaskSizeIPv6", mask],
    [
      "spec.target.devices",
      "Uplink devices for Cilium, such as eth0 or bond+. Empty: everything but the devices of the source, which detection would otherwise take for uplinks.",
    ],
    [
      "spec.target.kubeProxyReplacement",
      `Whether Cilium takes over Services from kube-proxy in the final values. Never during the migration: the two do not know each other's connections.${facts.kubeProxyReplacementWhy === undefined ? "" : ` Here: ${facts.kubeProxyReplacementWhy}.`}\nWhere the API server must be reached without a Service, add k8sServiceHost and k8sServicePort.`,
    ],
    ["spec.target.k8sServiceHost", "Address of the API server that works without a Service, with its port below."],
    ["spec.target.k8sServicePort", "Port of k8sServiceHost."],
    [
      "spec.target.values",
      "Helm values of your own, merged last, such as { hubble: { relay: { enabled: true } } }. One that breaks an invariant of the migration is refused with the reason.",
    ],
    [
      "spec.target.chart",
      "Where the chart comes from: https with a Helm repository, or oci with a registry path such as oci://quay.io/cilium/charts.",
    ],
  ];
}

function explainWaves(facts: InitFacts): Explained {
  const ordinary = facts.pools.find((pool) => pool.isOrdinary);
  return [
    [
      "spec.waves",
      "How nodes are cut into waves. Which node is in which wave is computed and rendered, and stays where it is when the cluster grows. To leave nodes out, add exclude: { pool: … } (or zone, labels, names).",
    ],
    ["spec.waves.canary", "The first wave: the most ordinary nodes, to learn cheaply."],
    ["spec.waves.canary.nodes", "Nodes in it. One is enough to learn from."],
    [
      "spec.waves.canary.from",
      `${ordinary === undefined ? "Any worker." : `The most ordinary pool is ${ordinary.name}.`} Terms: pool, zone, labels, names; all must hold. Empty: any worker.`,
    ],
    [
      "spec.waves.groups",
      "Groups in the order in which they migrate; the first that selects a node takes it. size: most nodes in one wave. roll: { mode: … } for one group. Nodes of no group follow pool by pool; the control plane is always last, one by one.",
    ],
    ["spec.waves.budget", "What one wave may take away at most, whatever the sizes above say."],
    [
      "spec.waves.budget.maxUnavailable",
      `A count, or a percentage of all nodes rounded down, at least 1. This cluster has ${facts.nodes}.`,
    ],
    [
      "spec.waves.budget.acrossZones",
      "Whether one wave may hold nodes of several zones. It never holds all workers of one.",
    ],
    [
      "spec.waves.soakSeconds",
      "Seconds between the last node of a wave and its marker, in which nothing may go wrong: two refreshes of a health check and the window of your alerts. 900 is a quarter of an hour.",
    ],
  ];
}

function explainRoll(facts: InitFacts): Explained {
  const executors = Object.entries(executorModes)
    .map(([name, { modes }]) => `${name} (${modes.join(", ")})`)
    .join("; ");
  return [
    ["spec.roll", "What is done on each node of a wave: record, check, cordon, clear pods, switch, verify, uncordon."],
    [
      "spec.roll.executor",
      `Who carries out a wave, with the modes each can do: ${executors}. All share the gates and the marker. Settings of their own go under systemUpgradeController, kured or clusterAPI.`,
    ],
    [
      "spec.roll.mode",
      "evict: pods leave through the eviction API, budgets respected, no reboot. recycle: sandboxes restart in place, pods, volumes and bare pods stay on their node; budgets are not asked. reboot: drain and reboot. replace: new machines.",
    ],
    [
      "spec.roll.image",
      "Image with sh, coreutils or BusyBox, and kubectl that runs the waves, within one minor version of the API server. registry.k8s.io/kubectl and rancher/kubectl have no shell. Pin it by digest (name:tag@sha256:…) before the first wave: a tag can change between review and run.",
    ],
    ["spec.roll.probeImage", "Image of the pods that probe connectivity. Pin it by digest too."],
    [
      "spec.roll.drainTimeoutSeconds",
      "Longest time to empty one node. After it the roll stops and leaves the node cordoned.",
    ],
    [
      "spec.roll.deleteEmptyDirData",
      "Whether pods with emptyDir volumes may move. Their content is lost, as at every rollout; false blocks the waves that hold such pods.",
    ],
    [
      "spec.roll.deleteBarePods",
      "Whether pods without a controller may be deleted for good. false blocks the waves that hold such pods, unless their group is recycled.",
    ],
    [
      "spec.roll.serviceLevelGates",
      `Your own signals that must be good before and after each node: { name, query } with PromQL that gives a non-empty, non-zero result while all is well.${facts.prometheusURL === undefined ? " They need prometheus: { url: http://… }. goldpinger: { url: http://… } makes Goldpinger a gate." : ""}`,
    ],
    ["spec.roll.goldpinger", "Goldpinger is a gate before and after each node: so many healthy answers in a row."],
    ["spec.roll.prometheus", "Prometheus inside the cluster, which answers the gates."],
  ];
}

function explainPolicies(facts: InitFacts): Explained {
  const { exactBlockers } = facts;
  const why =
    exactBlockers.length === 0
      ? "exact can hold here: every flow is decided as before, in every wave."
      : `exact cannot hold here:${exactBlockers.map((line) => `\n  ${line}`).join("")}\nbridge is the next best, and what it exposes is printed for each wave.`;
  return [
    ["spec.policies", "How network policy holds during and after the migration."],
    [
      "spec.policies.continuity",
      `Policy while both networks run. ${why}\nexact: as before, by the exact bridge. bridge: the same without rules on the nodes. audit: seen, not enforced. off: none.`,
    ],
    [
      "spec.policies.accept",
      "Policy findings that a person accepts: { code, object, reason, by, until }. They are printed in PLAN.md.",
    ],
    [
      "spec.policies.probes",
      "Whether small pods of ours check in the cluster what the proof says: on the source before the first wave, on Cilium before the source goes. They run for minutes in your namespaces with the labels that policies ask for, never ready, so that no Service sends them traffic; policies.md lists every connection.",
    ],
    [
      "spec.newNodes",
      "Where nodes come up that join during the migration: cilium (by a node config that takes every node not in a wave) or source (until a later wave).",
    ],
    [
      "spec.observability",
      "What is installed to see how it goes: Goldpinger as a stage of its own, and Hubble, the successor of logged drops.",
    ],
    ["spec.observability.goldpinger", "false where Goldpinger runs already or is not wanted."],
    ["spec.observability.hubble", "Flows and metrics of what is dropped and why."],
    ["spec.preflight", "Exceptions from the preflight."],
    [
      "spec.preflight.accept",
      "Findings of the preflight and the waves that a person accepts: { code, object, reason, by, until }; object is Kind/namespace/name as printed, or *.",
    ],
  ];
}

function explainDelivery(facts: InitFacts): Explained {
  return [
    ["spec.delivery", "Who applies the stages, and from where. Stages are the same for all engines."],
    [
      "spec.delivery.engines",
      `${facts.engines.length === 0 ? "No engine was seen in the inventory, so both are written." : `Seen in the inventory: ${facts.engines.join(", ")}.`} argocd, flux, kubectl; remove what you do not use.`,
    ],
    [
      "spec.delivery.repoURL",
      facts.repoURL === undefined
        ? "The repository that will hold the stages, as the engine reaches it. No inventory tells it: CHANGE THIS before the first stage is opened."
        : "The repository that holds the stages, as the engine reaches it.",
    ],
    ["spec.delivery.revision", "Branch that the engines follow."],
    ["spec.delivery.path", "Folder in the repository that holds the output of synth."],
    [
      "spec.delivery.argocd",
      "Namespace of Argo CD. pinning: commit pins an open stage to its reviewed commit; branch follows the branch.",
    ],
    ["spec.delivery.flux", "Namespace of the Flux objects. secretRef names the Secret for the repository."],
  ];
}
