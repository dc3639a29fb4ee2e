import { isImage } from "./images.ts";
import { readWorkloadFlag, type Workload } from "./workload.ts";

/** Which of its three jobs kube-router does. */
export interface KubeRouterRole {
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
 * The roles by the flags `--run-router`, `--run-firewall`, `--run-service-proxy`; all three are on by default.
 * Source: kube-router v2.5 pkg/options/options.go, docs/user-guide.md.
 */
export function kubeRouterRole(workload: Workload): KubeRouterRole {
  const isOn = (flag: string) => (readWorkloadFlag(workload, flag) ?? "true").toLowerCase() !== "false";
  return { routes: isOn("run-router"), filters: isOn("run-firewall"), proxies: isOn("run-service-proxy") };
}
