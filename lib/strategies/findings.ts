import type { Finding, FindingKind } from "../core/finding.ts";

const ours = "metachron, strategies";

/** Codes of this room. */
export const strategyFindings = {
  "migration/live-refused": {
    severity: "error",
    meaning: "The two networks cannot share a node, so the source cannot be left live",
    source: "metachron, detection contract; the reason stands in the finding",
  },
  "strategies/refused": {
    severity: "error",
    meaning: "The source, or the state of the cluster, does not allow the strategy that the plan asks for",
    source: ours,
  },
  "strategies/forced": {
    severity: "warning",
    meaning: "A person accepted that the strategy is refused, and stages are made nevertheless",
    source: ours,
  },
  "strategies/unsure-source": {
    severity: "error",
    meaning: "The inventory does not say clearly what is removed in the outage",
    source: ours,
  },
  "strategies/same-pool": {
    severity: "error",
    meaning: "The new pool is the old one, and the switch tells by the address which pods have moved",
    source: ours,
  },
  "strategies/second-address": {
    severity: "error",
    meaning: "The address of the first cluster's API server would be written into the values of the second",
    source: ours,
  },
  "strategies/never-pods": {
    severity: "warning",
    meaning: "Pods of restartPolicy Never stay without a network after the outage until they end",
    source: "kubernetes/kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions",
  },
  "strategies/flannel-refused": {
    severity: "error",
    meaning: "Only from Canal is there a way to flannel alone",
    source: "projectcalico/calico and flannel-io/flannel: Canal is flannel with Calico's policy beside it",
  },
  "strategies/protection-lost": {
    severity: "error",
    meaning: "A policy that is enforced today is enforced by nobody afterwards",
    source: "flannel-io/flannel Documentation/netpol.md: flannel itself enforces no policy",
  },
} as const satisfies Readonly<Record<string, FindingKind>>;

/** A code of this room. */
export type StrategyCode = keyof typeof strategyFindings;

/** A finding of this room; its severity comes from the table. */
export function strategyFinding(code: StrategyCode, parts: Omit<Finding, "code" | "severity">): Finding {
  return { code, severity: strategyFindings[code].severity, ...parts };
}
