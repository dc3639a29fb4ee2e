import { isImage } from "./images.ts";
import { readWorkloadFlag, type Workload } from "./workload.ts";

/** Which of its jobs kube-router does. */
export interface KubeRouterRole {
  /** It connects pods: the router is on and writes the CNI configuration. */
  readonly connects: boolean;
  /** It speaks BGP, with or without connecting pods. */
  readonly routes: boolean;
  readonly filters: boolean;
  readonly proxies: boolean;
}

/** Whether a DaemonSet is kube-router, in any of its roles. */
export function isKubeRouter(workload: Workload): boolean {
  return (
    workload.isHostNetwork &&
    workload.containers.some(
      (container) => container.name === "kube-router" || isImage(container.image, /(?:^|\/)kube-router$/u),
    )
  );
}

/**
 * The roles by the flags `--run-router`, `--enable-cni`, `--run-firewall`, `--run-service-proxy`; all are on by default.
 * Source: kube-router v2.5 pkg/options/options.go, docs/user-guide.md.
 */
export function kubeRouterRole(workload: Workload): KubeRouterRole {
  const isOn = (flag: string) => (readWorkloadFlag(workload, flag) ?? "true").toLowerCase() !== "false";
  const routes = isOn("run-router");
  return {
    connects: routes && isOn("enable-cni"),
    routes,
    filters: isOn("run-firewall"),
    proxies: isOn("run-service-proxy"),
  };
}

/** Beginnings of the chains of kube-router's firewall, which k3s embeds too. */
export const kubeRouterChains: readonly string[] = ["KUBE-ROUTER-", "KUBE-POD-FW-", "KUBE-NWPLCY-"];

/**
 * Beginnings of its ipsets. Not `KUBE-` alone: kube-proxy in IPVS mode has sets of that name.
 * Source: kube-router v2.5 pkg/controllers/netpol (KUBE-SRC-, KUBE-DST-), pkg/utils/ipset.go (inet6:).
 */
export const kubeRouterSets: readonly string[] = [
  "KUBE-SRC-",
  "KUBE-DST-",
  "kube-router-",
  "inet6:KUBE-SRC-",
  "inet6:KUBE-DST-",
  "inet6:kube-router-",
];
