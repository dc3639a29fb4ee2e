import { getStringMap, type JsonObject } from "../../lib/core/json.ts";
import type { ContainerPort, Inventory, Node, Pod, RawObject } from "../../lib/inventory/inventory.ts";
import { checkPlanSpec } from "../../lib/plan/define-plan.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import type { SourceDetection, SourceFacts } from "../../lib/source/source.ts";

const position = { file: "cluster.yaml", line: 1, column: 1 };

/** A worker node; `parts` replaces what a test is about. */
export function node(name: string, address: string, parts: Partial<Node> = {}): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    name,
    labels: { "kubernetes.io/hostname": name },
    annotations: {},
    position,
    hostname: name,
    isControlPlane: false,
    addresses: [{ type: "InternalIP", address }],
    podCIDRs: [],
    taints: [],
    isUnschedulable: false,
    isReady: true,
    unhealthyConditions: [],
    allocatable: {},
    capacity: { pods: 110 },
    nodeInfo: { kubeletVersion: "v1.34.1", operatingSystem: "linux", architecture: "amd64", kernelVersion: "6.8.0" },
    ...parts,
  };
}

/** A running pod with one address. */
export function pod(name: string, address: string, parts: Partial<Pod> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    namespace: "default",
    name,
    labels: {},
    annotations: {},
    position,
    nodeName: "a",
    phase: "Running",
    isReady: true,
    podIPs: [address],
    isHostNetwork: false,
    serviceAccountName: "default",
    isMirror: false,
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    ports: [],
    images: [],
    requests: {},
    nodeSelector: {},
    volumes: [],
    ...parts,
  };
}

/** A container port; `onHost` is its hostPort. */
export function port(
  containerPort: number,
  onHost?: number,
  protocol: ContainerPort["protocol"] = "TCP",
): ContainerPort {
  return { containerPort, protocol, ...(onHost !== undefined && { hostPort: onHost }) };
}

/** Any other object; the identity is read from it. */
function raw(object: JsonObject): RawObject {
  const metadata = object["metadata"] as JsonObject;
  const namespace = metadata["namespace"];
  return {
    apiVersion: String(object["apiVersion"]),
    kind: String(object["kind"]),
    ...(typeof namespace === "string" && { namespace }),
    name: String(metadata["name"]),
    labels: getStringMap(object, "metadata", "labels"),
    annotations: getStringMap(object, "metadata", "annotations"),
    position,
    object,
  };
}

/** A cluster of these nodes, pods and other objects. */
export function inventory(
  nodes: readonly Node[],
  pods: readonly Pod[] = [],
  others: readonly JsonObject[] = [],
): Inventory {
  const objects = new Map<string, RawObject[]>();
  for (const object of others.map(raw)) objects.set(object.kind, [...(objects.get(object.kind) ?? []), object]);
  return { nodes, pods, objects, kindsSeen: new Set(["Node", "Pod", ...objects.keys()]) };
}

/** Facts of a Canal cluster; `parts` replaces what a test is about. */
export function facts(parts: Partial<SourceFacts> = {}): SourceFacts {
  return {
    podCIDRs: ["10.244.0.0/16"],
    serviceCIDRs: ["10.96.0.0/16"],
    families: [4],
    encapsulation: "vxlan",
    tunnelPort: 8472,
    vni: 1,
    installation: "manifest",
    datastore: "kubernetes",
    dataplane: "iptables",
    serviceProxy: { kind: "kube-proxy", mode: "iptables", clusterCIDR: "10.244.0.0/16" },
    enforcedPolicyKinds: ["NetworkPolicy.networking.k8s.io", "GlobalNetworkPolicy.crd.projectcalico.org"],
    devices: ["cali+", "flannel.1"],
    cniConfDirectory: "/etc/cni/net.d",
    cniBinDirectory: "/opt/cni/bin",
    cniConfFile: "10-canal.conflist",
    daemonSets: ["kube-system/canal"],
    companions: [],
    policyEngines: [],
    details: {},
    ...parts,
  };
}

/** A detection, certain and without findings. */
export function detection(source: SourceDetection["source"], own: SourceFacts): SourceDetection {
  return { source, confidence: "certain", evidence: [], facts: own, live: { kind: "supported" }, findings: [] };
}

/** A checked plan with every default; `spec` is the part of the file below `spec`. */
export function plan(spec: JsonObject = {}): Plan {
  const { value, findings } = checkPlanSpec(
    {
      apiVersion: "metachron.dev/v1alpha1",
      kind: "MigrationPlan",
      metadata: { name: "test" },
      spec: { inventory: "inventory", ...spec },
    },
    "plans/test.yaml",
  );
  if (value === undefined) throw new Error(JSON.stringify(findings));
  return value;
}

/** Three nodes, the usual cluster of these tests. */
export const threeNodes = [node("a", "172.18.0.2"), node("b", "172.18.0.3"), node("c", "172.18.0.4")];
