import { sortedUnique } from "../core/order.ts";
import { antreaModeOf, isAntreaDaemon } from "./antrea-config.ts";
import { calicoPolicyKinds, isCalicoDaemon, isPolicyOnly, readCalicoConfig } from "./calico-config.ts";
import type { ClusterView } from "./cluster-view.ts";
import { isImage } from "./images.ts";
import { isKubeRouter, kubeRouterRole } from "./kube-router-config.ts";
import { readNodeFlag } from "./kubernetes-network.ts";
import { isRunning, type Workload } from "./workload.ts";

/** A product that only enforces policy, on pods that another network connects. */
export interface PolicyEngine {
  readonly name: "antrea" | "calico" | "kube-router" | "kube-network-policies" | "k3s";
  /** Empty for an engine inside the distribution's binary. */
  readonly agents: readonly Workload[];
  readonly policyKinds: readonly string[];
}

const kubernetesPolicy = "NetworkPolicy.networking.k8s.io";

/**
 * The policy engines that run beside the network: Calico with its networking off, kube-router as firewall only,
 * kube-network-policies (flannel's chart), the controller that k3s embeds.
 */
export function findPolicyEngines(view: ClusterView): readonly PolicyEngine[] {
  const engines: PolicyEngine[] = [];
  const calico = view.daemonSets.filter((one) => isCalicoDaemon(one) && isRunning(one));
  if (calico.length > 0) {
    const config = readCalicoConfig(view, calico);
    if (isPolicyOnly(view, config))
      engines.push({ name: "calico", agents: calico, policyKinds: calicoPolicyKinds(view, config) });
  }
  const antrea = view.daemonSets.filter((one) => isAntreaDaemon(one) && isRunning(one));
  if (antrea.length > 0 && antreaModeOf(view) === "networkPolicyOnly")
    engines.push({
      name: "antrea",
      agents: antrea,
      policyKinds: [kubernetesPolicy, "ClusterNetworkPolicy.crd.antrea.io", "NetworkPolicy.crd.antrea.io"],
    });
  const router = view.daemonSets.filter((one) => isKubeRouter(one) && isRunning(one));
  const [first] = router;
  if (first !== undefined && !kubeRouterRole(first).connects && kubeRouterRole(first).filters)
    engines.push({ name: "kube-router", agents: router, policyKinds: [kubernetesPolicy] });
  const separate = view.daemonSets.filter((one) => isRunning(one) && hasPolicyContainer(one));
  if (separate.length > 0)
    engines.push({ name: "kube-network-policies", agents: separate, policyKinds: [kubernetesPolicy] });
  if (embedsPolicyController(view)) engines.push({ name: "k3s", agents: [], policyKinds: [kubernetesPolicy] });
  return engines;
}

/** Names and kinds of the engines, sorted; for facts. */
export function enginesOf(view: ClusterView): { readonly names: readonly string[]; readonly kinds: readonly string[] } {
  const engines = findPolicyEngines(view);
  return {
    names: sortedUnique(engines.map((engine) => engine.name)),
    kinds: sortedUnique(engines.flatMap((engine) => engine.policyKinds)),
  };
}

function hasPolicyContainer(workload: Workload): boolean {
  return workload.containers.some((container) => isImage(container.image, /(?:^|\/)kube-network-policies$/u));
}

/** Whether k3s enforces NetworkPolicies itself: it does unless a server says `--disable-network-policy`. */
function embedsPolicyController(view: ClusterView): boolean {
  if (view.distribution !== "k3s" && view.distribution !== "rancher-desktop") return false;
  return (readNodeFlag(view.kubernetes, "disable-network-policy") ?? "false") === "false";
}
