import type { Checked } from "../core/finding.ts";
import { getString } from "../core/json.ts";
import { type Inventory, tryFindObject } from "../inventory/inventory.ts";
import type { Plan } from "../plan/plan.ts";
import type { Distribution } from "../source/distribution.ts";
import type { SourceDetection } from "../source/source.ts";
import { findingOf } from "./findings.ts";
import type { ServiceHost } from "./target-context.ts";

/** Local balancers in front of the API server that a distribution runs on every node. */
const localBalancers: Readonly<Partial<Record<Distribution, ServiceHost>>> = {
  talos: {
    host: "localhost",
    port: 7445,
    why: "KubePrism, Talos' balancer on every node, answers without any Service",
  },
  rke2: { host: "127.0.0.1", port: 6443, why: "RKE2's own balancer on every node answers without any Service" },
};

/**
 * The API server's address for agents and operator, where they need one.
 *
 * They need one when kube-proxy is to go, when the source answers for Services (its answers end with it), and on Talos
 * and RKE2, which have a balancer on every node. The plan's own address comes first; otherwise it is taken from the
 * distribution, from kubeadm's objects, or from the only control-plane node. The value is absent when none is needed or none was found.
 * Findings: `target/k8s-service-host-derived`, `target/k8s-service-host-needed`.
 */
export function chooseServiceHost(
  plan: Plan,
  inventory: Inventory,
  source: SourceDetection,
  distribution: Distribution,
): Checked<ServiceHost> {
  const { k8sServiceHost, k8sServicePort, kubeProxyReplacement } = plan.spec.target;
  if (k8sServiceHost !== undefined) {
    const why = "from the plan: agents reach the API server without any Service";
    return { value: { host: k8sServiceHost, port: k8sServicePort ?? 6443, why }, findings: [] };
  }
  const local = localBalancers[distribution];
  if (local !== undefined) return { value: local, findings: [derived(local)] };
  const serviceProxy = source.facts.serviceProxy.kind;
  if (!kubeProxyReplacement && serviceProxy !== "source") return { value: undefined, findings: [] };
  const because = kubeProxyReplacement
    ? "kube-proxy is to be replaced"
    : `${source.source} answers for Services and will be removed`;
  const found = ofKubeadm(inventory) ?? ofOnlyControlPlane(inventory);
  if (found !== undefined) {
    const host = { ...found, why: `${found.why}; ${because}` };
    return { value: host, findings: [derived(host)] };
  }
  return {
    value: undefined,
    findings: [
      findingOf("target/k8s-service-host-needed", {
        message: `the agents need the API server's address, because ${because}`,
        reason: "an agent that reaches the API server only through a Service cannot start when nobody serves Services",
        remedy:
          "set spec.target.k8sServiceHost and k8sServicePort to an address that every node can reach, also from itself",
      }),
    ],
  };
}

/** The one control-plane node of a small cluster; with several none of them is an address that stays. */
function ofOnlyControlPlane(inventory: Inventory): ServiceHost | undefined {
  const nodes = inventory.nodes.filter((node) => node.isControlPlane);
  const [node] = nodes;
  const host = node?.addresses.find(({ type }) => type === "InternalIP")?.address;
  if (node === undefined || nodes.length > 1 || host === undefined) return undefined;
  return { host, port: 6443, why: `Node/${node.name} is the only control-plane node` };
}

function derived(host: ServiceHost) {
  return findingOf("target/k8s-service-host-derived", {
    message: `the agents reach the API server at ${host.host}:${host.port}`,
    reason: host.why,
    remedy: "set spec.target.k8sServiceHost and k8sServicePort if this is not right",
    data: { host: host.host, port: host.port },
  });
}

/** The control plane's endpoint from kubeadm's ConfigMap, from cluster-info, or from kube-proxy's kubeconfig. */
function ofKubeadm(inventory: Inventory): ServiceHost | undefined {
  const places = [
    [
      "kubeadm-config",
      "kube-system",
      "ClusterConfiguration",
      /^controlPlaneEndpoint:\s*"?([^\s":]+|\[[^\]]+\]):(\d+)/mu,
    ],
    ["cluster-info", "kube-public", "kubeconfig", /server:\s*https:\/\/([^\s/:]+|\[[^\]]+\]):(\d+)/u],
    ["kube-proxy", "kube-system", "kubeconfig.conf", /server:\s*https:\/\/([^\s/:]+|\[[^\]]+\]):(\d+)/u],
  ] as const;
  for (const [name, namespace, key, pattern] of places) {
    const configMap = tryFindObject(inventory, "ConfigMap", name, namespace);
    const [, host, port] = pattern.exec(getString(configMap?.object, "data", key) ?? "") ?? [];
    if (host !== undefined && port !== undefined)
      return { host: host.replace(/^\[|\]$/gu, ""), port: Number(port), why: `from ConfigMap/${namespace}/${name}` };
  }
  return undefined;
}
