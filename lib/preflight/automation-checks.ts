import { type Finding, whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import { objectsOf, type RawObject } from "../inventory/inventory.ts";
import { newNodeTaint } from "../target/node-config.ts";
import { type CatalogueEntry, type Check, type PreflightContext, report } from "./catalogue-entry.ts";
import { argumentsOf, hasDefinition, workloadsLike } from "./read-cluster.ts";

const taint = `${newNodeTaint.key}=${newNodeTaint.value}:${newNodeTaint.effect}`;
const taints = "cilium/cilium v1.20.2 Documentation/installation/taints.rst";

function told(own: Check, objects: readonly RawObject[], what: string, reason: string, remedy?: string): Finding[] {
  return objects.map((object) =>
    report(own, {
      message: `${printIdentity(object)} ${what}`,
      where: whereOf(object, object.position),
      reason,
      ...(remedy !== undefined && { remedy }),
    }),
  );
}

function clusterAutoscalerFindings(context: PreflightContext, own: Check): Finding[] {
  const found = workloadsLike(context.inventory, /(?:^|\/)cluster-autoscaler(?::|@|$|-)/u);
  return found.flatMap((autoscaler) => {
    const words = argumentsOf(autoscaler);
    const knowsTaint = words.some((word) =>
      /^--(?:startup-taint|ignore-taint)=node\.cilium\.io\/agent-not-ready/u.test(word),
    );
    const scalesDown = !words.includes("--scale-down-enabled=false");
    if (knowsTaint && !scalesDown) return [];
    const missing = [
      ...(scalesDown ? ["--scale-down-enabled=false until the last wave"] : []),
      ...(knowsTaint ? [] : [`--startup-taint=${newNodeTaint.key}`]),
    ];
    return told(
      own,
      [autoscaler],
      "adds and removes nodes while waves run",
      "it takes a node away in the middle of its roll, and a new node with a start-up taint that it does not know makes it add more and more",
      `set ${missing.join(" and ")}`,
    );
  });
}

function karpenterFindings(context: PreflightContext, own: Check): Finding[] {
  const pools = objectsOf(context.inventory, "NodePool", "karpenter.sh");
  if (pools.length === 0 && !hasDefinition(context.inventory, "nodepools.karpenter.sh")) return [];
  const reason = "consolidation, drift and expiry replace nodes of any wave, and their successors are in none";
  if (pools.length > 0) return told(own, pools, "replaces nodes on its own", reason);
  return [report(own, { message: "Karpenter is installed, and its NodePools are not in the inventory", reason })];
}

/** Programs that act on nodes and pods at the same time as a wave. */
export const automationChecks: readonly CatalogueEntry[] = [
  {
    kind: "check",
    id: "autoscaler-ca",
    severity: "warning",
    reads: "Deployment cluster-autoscaler and its arguments",
    condition: "the Cluster Autoscaler runs and is not held",
    remedy: `set --scale-down-enabled=false and --startup-taint=${newNodeTaint.key}`,
    source: `kubernetes/autoscaler FAQ: startup taints; ${taints}`,
    check: clusterAutoscalerFindings,
  },
  {
    kind: "check",
    id: "autoscaler-karpenter",
    severity: "warning",
    reads: "NodePools of karpenter.sh",
    condition: "Karpenter runs",
    remedy: `set disruption.budgets: [{nodes: "0"}] first, then startupTaints: [{key: ${newNodeTaint.key}, value: "${newNodeTaint.value}", effect: ${newNodeTaint.effect}}] in each NodePool (a change of the template counts as drift)`,
    source: "kubernetes-sigs/karpenter v1.14.0: disruption, startupTaints",
    check: karpenterFindings,
  },
  {
    kind: "check",
    id: "autorepair",
    severity: "warning",
    reads: "MachineHealthChecks of Cluster API and OpenShift, node-problem-detector's remediation",
    condition: "somebody repairs nodes that look unwell",
    remedy: "pause it for the waves: kubectl annotate machinehealthcheck <name> cluster.x-k8s.io/paused=",
    source: "kubernetes-sigs/cluster-api: MachineHealthCheck",
    check: ({ inventory }, own) =>
      told(
        own,
        objectsOf(inventory, "MachineHealthCheck"),
        "repairs nodes that are not ready",
        "a rolled node is not ready for minutes; it would be deleted in the middle of its roll",
      ),
  },
  {
    kind: "check",
    id: "kured-active",
    severity: "warning",
    reads: "DaemonSet kured and its arguments, spec.roll.executor",
    condition: "kured reboots nodes and is not the plan's executor",
    remedy: "hold it while waves run: set --reboot-days to none of them, or take its lock",
    source: "kubereboot/kured 1.23.0 README: locking, schedules",
    check: ({ inventory, plan }, own) =>
      plan.spec.roll.executor === "kured"
        ? []
        : told(
            own,
            workloadsLike(inventory, /(?:^|\/)kured(?::|@|$)/u),
            "reboots nodes at times of its own",
            "a reboot in the middle of a roll, or of two nodes of one budget at once, takes more away than the wave planned for",
          ),
  },
  {
    kind: "check",
    id: "descheduler",
    severity: "info",
    reads: "workloads descheduler and vertical-pod-autoscaler",
    condition: "pods are evicted for reasons of their own",
    remedy: "suspend it while waves run",
    source: "kubernetes-sigs/descheduler; kubernetes/autoscaler vertical-pod-autoscaler",
    check: ({ inventory }, own) =>
      told(
        own,
        workloadsLike(inventory, /(?:^|\/)(?:descheduler|vpa-updater)(?::|@|$|-)/u),
        "evicts pods",
        "its evictions use up the budgets that a wave waits for",
      ),
  },
  {
    kind: "not-checked",
    id: "new-node-taint",
    reads: "–",
    condition: "nodes that join take no pods before their agent is ready",
    source: taints,
    applies: ({ plan }) => plan.spec.newNodes === "cilium" && plan.spec.strategy === "live",
    why: "templates of node pools (launch templates, machine deployments, kubelet flags) are outside the cluster; without the taint pods start on the source's CNI first",
    command: () =>
      `give every pool's template the taint ${taint} (kubelet: --register-with-taints=${taint}); on a node that just joined: kubectl get node <node> -o jsonpath='{.spec.taints}'`,
  },
  {
    kind: "not-checked",
    id: "drift-provider",
    reads: "–",
    condition: "nothing outside the cluster reboots or replaces nodes while waves run",
    source: "field reports",
    applies: () => true,
    why: "unattended upgrades, auto-repair of cloud providers and maintenance windows are not in the cluster",
    command: () =>
      "on each node: systemctl is-enabled unattended-upgrades dnf-automatic.timer; at the provider: auto-repair and maintenance windows of each pool",
  },
];
