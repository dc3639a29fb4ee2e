import { sha256Hex } from "../lib/core/digest.ts";
import type { JsonObject } from "../lib/core/json.ts";

/** What the pods of one workload have in common. */
export interface PodShape {
  readonly namespace: string;
  readonly app: string;
  readonly tier: string;
  readonly port: number;
}

/** A UUID that is the same for the same name. */
export function uidOf(name: string): string {
  const digits = sha256Hex(name);
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `8${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join("-");
}

const zones = ["zone-a", "zone-b", "zone-c"];
const pools = ["general", "general", "general", "memory", "ingress"];
const time = "2025-05-01T04:52:20Z";

function nodeAddress(index: number): string {
  const host = index + 2;
  return `172.${16 + Math.floor(host / 65536)}.${Math.floor(host / 256) % 256}.${host % 256}`;
}

/** The address of a pod: its node's /24 out of 10.128.0.0/9. */
function podAddress(node: number, slot: number): string {
  return `10.${128 + Math.floor(node / 256)}.${node % 256}.${slot}`;
}

/** A node of a Canal cluster; the first `controlPlane` ones are control plane. Zones and pools in turn. */
export function makeNode(index: number, controlPlane: number): JsonObject {
  const isControlPlane = index < controlPlane;
  const pool = pools[index % pools.length] ?? "general";
  const name = isControlPlane ? `control-plane-${index}` : `${pool}-${String(index).padStart(5, "0")}`;
  const podCIDR = `10.${128 + Math.floor(index / 256)}.${index % 256}.0/24`;
  const resources = { cpu: "16", "ephemeral-storage": "101430960Ki", memory: "65536Mi", pods: "110" };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      annotations: {
        "flannel.alpha.coreos.com/backend-data": `{"VNI":1,"VtepMAC":"${macOf(name)}"}`,
        "flannel.alpha.coreos.com/backend-type": "vxlan",
        "flannel.alpha.coreos.com/kube-subnet-manager": "true",
        "flannel.alpha.coreos.com/public-ip": nodeAddress(index),
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
      },
      creationTimestamp: time,
      labels: {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m5.4xlarge",
        ...(isControlPlane ? { "node-role.kubernetes.io/control-plane": "" } : { pool }),
        "topology.kubernetes.io/region": "region-1",
        "topology.kubernetes.io/zone": zones[index % zones.length] ?? "zone-a",
      },
      name,
      resourceVersion: String(1_000_000 + index),
      uid: uidOf(`Node/${name}`),
    },
    spec: {
      podCIDR,
      podCIDRs: [podCIDR],
      ...(isControlPlane && { taints: [{ effect: "NoSchedule", key: "node-role.kubernetes.io/control-plane" }] }),
    },
    status: {
      addresses: [
        { address: nodeAddress(index), type: "InternalIP" },
        { address: name, type: "Hostname" },
      ],
      allocatable: resources,
      capacity: resources,
      conditions: [
        condition("NetworkUnavailable", "False", "FlannelIsUp", "Flannel is running on this node"),
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
      ],
      nodeInfo: {
        architecture: "amd64",
        containerRuntimeVersion: "containerd://2.0.3",
        kernelVersion: "6.8.0-57-generic",
        kubeProxyVersion: "v1.32.2",
        kubeletVersion: "v1.32.2",
        operatingSystem: "linux",
        osImage: "Ubuntu 24.04.2 LTS",
      },
    },
  };
}

function macOf(name: string): string {
  return (sha256Hex(name).slice(0, 12).match(/../gu) ?? []).join(":");
}

function condition(type: string, status: string, reason: string, message: string): JsonObject {
  return { lastHeartbeatTime: time, lastTransitionTime: time, message, reason, status, type };
}

/** What makes one pod. `slot` is the last part of its address. */
export interface PodParts {
  readonly node: number;
  readonly slot: number;
  readonly nodeName: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: JsonObject;
  readonly annotations?: JsonObject;
  readonly owner: JsonObject;
  readonly spec: JsonObject;
}

/** A running pod with what kubelet, scheduler and the API server add: about 4 KB of YAML, as in real clusters. */
export function makePod(parts: PodParts): JsonObject {
  const { name, namespace, node, slot, spec } = parts;
  const isHostNetwork = spec["hostNetwork"] === true;
  const podIP = isHostNetwork ? nodeAddress(node) : podAddress(node, slot);
  const uid = uidOf(`Pod/${namespace}/${name}`);
  const containers = (spec["containers"] as readonly JsonObject[]).map((container) => ({
    ...container,
    imagePullPolicy: "IfNotPresent",
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
  }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      annotations: {
        ...(!isHostNetwork && {
          "cni.projectcalico.org/containerID": sha256Hex(uid),
          "cni.projectcalico.org/podIP": `${podIP}/32`,
          "cni.projectcalico.org/podIPs": `${podIP}/32`,
        }),
        ...parts.annotations,
      },
      creationTimestamp: time,
      generateName: `${name.slice(0, -5)}`,
      labels: parts.labels,
      name,
      namespace,
      ownerReferences: [parts.owner],
      resourceVersion: String(2_000_000 + node * 256 + slot),
      uid,
    },
    spec: {
      ...spec,
      containers,
      dnsPolicy: "ClusterFirst",
      enableServiceLinks: true,
      nodeName: parts.nodeName,
      preemptionPolicy: "PreemptLowerPriority",
      priority: 0,
      restartPolicy: "Always",
      schedulerName: "default-scheduler",
      securityContext: {},
      serviceAccountName: spec["serviceAccountName"] ?? "default",
      terminationGracePeriodSeconds: 30,
      tolerations: spec["tolerations"] ?? [
        { effect: "NoExecute", key: "node.kubernetes.io/not-ready", operator: "Exists", tolerationSeconds: 300 },
        { effect: "NoExecute", key: "node.kubernetes.io/unreachable", operator: "Exists", tolerationSeconds: 300 },
      ],
    },
    status: {
      conditions: ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"].map(
        (type) => ({
          lastProbeTime: null,
          lastTransitionTime: time,
          status: "True",
          type,
        }),
      ),
      containerStatuses: containers.map((container) => containerStatus(container, uid)),
      hostIP: nodeAddress(node),
      hostIPs: [{ ip: nodeAddress(node) }],
      phase: "Running",
      podIP,
      podIPs: [{ ip: podIP }],
      qosClass: "Burstable",
      startTime: time,
    },
  };
}

function containerStatus(container: JsonObject, uid: string): JsonObject {
  const image = String(container["image"]);
  const name = String(container["name"]);
  return {
    containerID: `containerd://${sha256Hex(`${uid}/${name}`)}`,
    image,
    imageID: `${image.split(":")[0] ?? ""}@sha256:${sha256Hex(image)}`,
    lastState: {},
    name,
    ready: true,
    restartCount: 0,
    started: true,
    state: { running: { startedAt: time } },
  };
}

/** The Deployment or StatefulSet of a workload. */
export function makeDeployment(workload: PodShape & { readonly kind: string; readonly replicas: number }): JsonObject {
  const { namespace, app, tier, port, kind, replicas } = workload;
  const labels = { app, "app.kubernetes.io/part-of": namespace, tier };
  return {
    apiVersion: "apps/v1",
    kind,
    metadata: { generation: 1, labels, name: app, namespace, uid: uidOf(`${kind}/${namespace}/${app}`) },
    spec: {
      replicas,
      selector: { matchLabels: { app } },
      ...(kind === "StatefulSet" && { serviceName: app }),
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              image: `registry.example/${namespace}/${app}:1.0.0`,
              name: app,
              ports: [{ containerPort: port, name: "main" }],
            },
          ],
        },
      },
    },
    status: {
      availableReplicas: replicas,
      observedGeneration: 1,
      readyReplicas: replicas,
      replicas,
      updatedReplicas: replicas,
    },
  };
}

/** The Service of a workload. */
export function makeService({ namespace, app, port }: PodShape): JsonObject {
  const number = Number.parseInt(sha256Hex(`svc/${namespace}/${app}`).slice(0, 4), 16);
  const clusterIP = `10.96.${Math.floor(number / 256)}.${number % 256}`;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: app, namespace, uid: uidOf(`svc/${namespace}/${app}`) },
    spec: {
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ["IPv4"],
      ports: [{ name: "main", port, protocol: "TCP", targetPort: port }],
      selector: { app },
      type: "ClusterIP",
    },
    status: { loadBalancer: {} },
  };
}
