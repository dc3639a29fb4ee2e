import type { FindingKind } from "../core/finding.ts";

const drain = "Kubernetes, Safely Drain a Node; Specifying a Disruption Budget (policy/v1)";
const ownRules = "metachron, rules of wave planning";
const nodeConfig = "Cilium 1.20.2 Documentation/configuration/per-node-config.rst: nodes are selected by label";

/** Every finding of this room, by code. */
export const waveFindings = {
  "waves/no-nodes": { severity: "error", meaning: "The inventory holds no node that could migrate", source: ownRules },
  "waves/single-node": {
    severity: "error",
    meaning: "A cluster of one node has nowhere to drain to and no other node that could run the roll",
    source: drain,
  },
  "waves/no-record": {
    severity: "warning",
    meaning: "The plan says that a wave was opened, and no rendered wave of that id tells which nodes it holds",
    source: "metachron: the body of an opened stage never changes",
  },
  "waves/no-workers": {
    severity: "info",
    meaning: "Every node is a control plane node, so there is no canary and they go one by one",
    source: ownRules,
  },
  "waves/unknown-node": { severity: "error", meaning: "The plan names a node that does not exist", source: ownRules },
  "waves/empty-group": { severity: "warning", meaning: "A group or the canary selects no node", source: ownRules },
  "waves/implicit-group": {
    severity: "info",
    meaning: "Nodes that no group of the plan takes form waves of their own, pool by pool",
    source: ownRules,
  },
  "waves/control-plane-last": {
    severity: "info",
    meaning: "A group selects control plane nodes; they migrate last and one by one all the same",
    source:
      "Cilium 1.20.2 Documentation/installation/k8s-install-migration.rst: do not start with a control plane node",
  },
  "waves/size-limited": {
    severity: "info",
    meaning: "Waves are smaller than the group's size because the budget of the plan is smaller",
    source: ownRules,
  },
  "waves/canary-short": {
    severity: "warning",
    meaning: "Fewer nodes than the plan asks for can be the canary",
    source: ownRules,
  },
  "waves/canary-not-ordinary": {
    severity: "warning",
    meaning: "The best canary there is carries DNS, ingress, storage, devices or a taint",
    source: ownRules,
  },
  "waves/no-hostname-label": {
    severity: "error",
    meaning: "A node without the label kubernetes.io/hostname, so no CiliumNodeConfig can select it",
    source: nodeConfig,
  },
  "waves/duplicate-hostname": {
    severity: "error",
    meaning: "Several nodes share one value of kubernetes.io/hostname, so they cannot be selected apart",
    source: nodeConfig,
  },
  "waves/windows-node": {
    severity: "warning",
    meaning: "A Windows node, where Cilium does not run",
    source: "Cilium 1.20.2 Documentation/operations/system_requirements.rst: Linux only",
  },
  "waves/not-ready": {
    severity: "warning",
    meaning: "A node that is not Ready; it takes part when a later inventory finds it Ready",
    source: ownRules,
  },
  "waves/unhealthy-node": {
    severity: "warning",
    meaning: "A node reports pressure or another bad condition",
    source: "Kubernetes, Node Status: conditions",
  },
  "waves/excluded-node": {
    severity: "warning",
    meaning: "A node that the plan excludes; it keeps the source, which therefore cannot be removed",
    source: ownRules,
  },
  "waves/already-migrated": {
    severity: "info",
    meaning: "A node that runs on the target already and is in no wave",
    source: ownRules,
  },
  "waves/cordoned-node": {
    severity: "info",
    meaning: "A node that was cordoned before; it migrates and stays cordoned",
    source: ownRules,
  },
  "waves/node-gone": {
    severity: "info",
    meaning: "A node of an opened wave is no longer in the inventory; the wave stays as it was reviewed",
    source: "metachron: the body of an opened stage never changes",
  },
  "waves/node-moved": {
    severity: "info",
    meaning: "A node left its rendered wave because that wave would have broken a rule",
    source: ownRules,
  },
  "waves/budget-blocks-drain": {
    severity: "error",
    meaning: "A PodDisruptionBudget allows no disruption, so the eviction of its pods would never succeed",
    source: drain,
  },
  "waves/budget-overlap": {
    severity: "error",
    meaning: "A pod under several PodDisruptionBudgets, whose eviction the API refuses with an internal error",
    source: "Kubernetes pkg/registry/core/pod/storage/eviction.go: more than one budget is not supported",
  },
  "waves/budget-rounds": {
    severity: "info",
    meaning: "A wave holds more pods of a budget than it lets go at once, so they go in rounds",
    source: drain,
  },
  "waves/budget-invalid": {
    severity: "warning",
    meaning: "A PodDisruptionBudget whose numbers cannot be read; it is taken as allowing one disruption",
    source: drain,
  },
  "waves/budgets-unknown": {
    severity: "info",
    meaning: "The inventory holds no PodDisruptionBudgets at all, so budgets cannot be checked",
    source: ownRules,
  },
  "waves/bare-pod": {
    severity: "error",
    meaning: "A pod without a controller: once moved it is gone, nothing creates it again",
    source: "kubectl drain --force; Kubernetes, Pods: pods without a controller are not rescheduled",
  },
  "waves/bare-pod-lost": {
    severity: "warning",
    meaning: "A pod without a controller that the plan lets the roll delete for good",
    source: "kubectl drain --force",
  },
  "waves/local-storage": {
    severity: "warning",
    meaning: "Pods whose data lies on their node: they are down until the node is back, or start empty elsewhere",
    source: "Kubernetes, Volumes: hostPath and local",
  },
  "waves/local-storage-lost": {
    severity: "error",
    meaning: "Pods whose data lies on a node that would be replaced",
    source: "Kubernetes, Volumes: hostPath and local",
  },
  "waves/empty-dir": {
    severity: "error",
    meaning: "Pods with emptyDir volumes that the plan does not allow to move",
    source: "kubectl drain --delete-emptydir-data",
  },
  "waves/empty-dir-lost": {
    severity: "info",
    meaning: "Pods whose emptyDir volumes are lost when they move, as at every rollout",
    source: "Kubernetes, Volumes: emptyDir",
  },
  "waves/restart-never": {
    severity: "warning",
    meaning: "Pods with restartPolicy Never: a restarted sandbox ends them for good",
    source: "Kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions",
  },
  "waves/long-grace": {
    severity: "warning",
    meaning: "Pods that may take longer to end than the plan gives a drain",
    source: "Kubernetes, Pod termination: terminationGracePeriodSeconds",
  },
  "waves/no-capacity": {
    severity: "error",
    meaning: "The rest of the cluster cannot take the pods of a wave",
    source: "Kubernetes kube-scheduler filters: NodeResourcesFit",
  },
  "waves/returns-to-its-node": {
    severity: "warning",
    meaning: "Pods that may run on no other node; they are down until theirs is back",
    source: "Kubernetes kube-scheduler filters: node affinity, taints, ports, pod affinity, topology spread, volumes",
  },
  "waves/all-replicas": {
    severity: "warning",
    meaning: "One wave holds every replica of a workload",
    source: ownRules,
  },
  "waves/singleton": {
    severity: "info",
    meaning: "Workloads of one replica, which are away while it moves",
    source: ownRules,
  },
  "waves/whole-zone": { severity: "warning", meaning: "One wave holds every worker of a zone", source: ownRules },
  "waves/single-control-plane": {
    severity: "warning",
    meaning: "The only control plane node is rebooted or replaced, and with it the API",
    source: "Cilium migration guide; Kubernetes, etcd: a quorum needs three members",
  },
} as const satisfies Readonly<Record<string, FindingKind>>;

/** A code of this room. */
export type WaveFindingCode = keyof typeof waveFindings;
