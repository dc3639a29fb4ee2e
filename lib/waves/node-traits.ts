import type { Node, Pod } from "../inventory/inventory.ts";

/** What makes a node, or the pods on it, out of the ordinary. */
export type NodeTrait = "dns" | "ingress" | "storage" | "gpu" | "tainted" | "spot" | "cordoned";

/** Traits that put a pool into waves of one node unless the plan says otherwise. */
export const specialTraits: readonly NodeTrait[] = ["ingress", "storage", "gpu", "tainted"];

const dnsApps = new Set(["kube-dns", "coredns"]);
const ingressApps = new Set([
  "ingress-nginx",
  "nginx-ingress",
  "traefik",
  "haproxy-ingress",
  "kubernetes-ingress",
  "kong",
  "contour",
  "emissary-ingress",
  "ambassador",
  "istio-ingressgateway",
  "gloo",
  "skipper-ingress",
]);
const ingressImage =
  /(^|\/)(ingress-nginx\/controller|nginx-ingress|traefik|haproxy-ingress|kubernetes-ingress-controller|kong-gateway|contour|emissary|skipper)(:|@|$)/;
const storageApps = new Set([
  "rook-ceph-osd",
  "rook-ceph-mon",
  "io-engine",
  "linstor-satellite",
  "portworx",
  "glusterfs",
  "storageos",
]);
const storageImage = /(^|\/)(longhorn-instance-manager|mayastor-io-engine|piraeus-server|oci-monitor|ceph-osd)(:|@|$)/;

function appOf(pod: Pod): string {
  return pod.labels["app.kubernetes.io/name"] ?? pod.labels["app"] ?? pod.labels["k8s-app"] ?? pod.labels["name"] ?? "";
}

/** What a pod does for the whole cluster. */
export type PodService = "dns" | "ingress" | "storage";

/** The service that a pod gives the cluster; `undefined` for an ordinary pod. */
export function serviceOf(pod: Pod): PodService | undefined {
  if (isDNSPod(pod)) return "dns";
  if (isIngressPod(pod)) return "ingress";
  return isStoragePod(pod) ? "storage" : undefined;
}

/** Whether a pod answers cluster DNS (kube-dns, CoreDNS, OpenShift's DNS); the per-node cache is not counted. */
function isDNSPod(pod: Pod): boolean {
  return (
    dnsApps.has(pod.labels["k8s-app"] ?? "") ||
    dnsApps.has(pod.labels["app.kubernetes.io/name"] ?? "") ||
    pod.labels["dns.operator.openshift.io/daemonset-dns"] !== undefined
  );
}

/** Whether a pod is an ingress controller or gateway, by its labels or the name of its image. */
function isIngressPod(pod: Pod): boolean {
  return (
    ingressApps.has(appOf(pod)) ||
    pod.labels["ingresscontroller.operator.openshift.io/deployment-ingresscontroller"] !== undefined ||
    pod.images.some((image) => ingressImage.test(image))
  );
}

/** Whether a pod serves storage to others from its node (Ceph OSD or monitor, Longhorn, Mayastor, LINSTOR, Portworx, Gluster). */
function isStoragePod(pod: Pod): boolean {
  return (
    storageApps.has(appOf(pod)) ||
    pod.labels["longhorn.io/component"] === "instance-manager" ||
    pod.images.some((image) => storageImage.test(image))
  );
}

/** Taints that every cluster has and that say nothing about a pool. */
const passingTaint =
  /^(node\.kubernetes\.io\/|node\.cloudprovider\.kubernetes\.io\/|node-role\.kubernetes\.io\/(control-plane|master|etcd)$|node\.cilium\.io\/)/;
const spotLabels: Readonly<Record<string, string>> = {
  "karpenter.sh/capacity-type": "spot",
  "eks.amazonaws.com/capacityType": "SPOT",
  "cloud.google.com/gke-spot": "true",
  "cloud.google.com/gke-preemptible": "true",
  "kubernetes.azure.com/scalesetpriority": "spot",
};
const acceleratorResource =
  /^(nvidia\.com\/(gpu|mig-)|amd\.com\/gpu|gpu\.intel\.com\/|habana\.ai\/gaudi|aws\.amazon\.com\/neuron|google\.com\/tpu)/;

/** The traits of a node from its own object and the services of the pods on it, in the order of the type. */
export function traitsOf(node: Node, services: ReadonlySet<PodService | undefined>): readonly NodeTrait[] {
  const holds: Readonly<Record<NodeTrait, boolean>> = {
    dns: services.has("dns"),
    ingress: services.has("ingress"),
    storage: services.has("storage"),
    gpu: Object.entries(node.allocatable).some(([name, amount]) => amount > 0 && acceleratorResource.test(name)),
    tainted: node.taints.some((taint) => taint.effect !== "PreferNoSchedule" && !passingTaint.test(taint.key)),
    spot: Object.entries(spotLabels).some(([key, value]) => node.labels[key] === value),
    cordoned: node.isUnschedulable,
  };
  return (Object.keys(holds) as NodeTrait[]).filter((trait) => holds[trait]);
}
