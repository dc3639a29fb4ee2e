import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { guessKindOfEmptyList } from "../../lib/inventory/kind-names.ts";
import { parseQuantity } from "../../lib/inventory/parse-quantity.ts";
import { readManifestTexts } from "./read-texts.ts";

test.each([
  ["250m", 0.25],
  ["1", 1],
  [2, 2],
  ["0.1", 0.1],
  [".5", 0.5],
  ["5.", 5],
  ["1Ki", 1024],
  ["64Gi", 64 * 2 ** 30],
  ["1k", 1000],
  ["1e3", 1000],
  ["1E3", 1000],
  ["2E", 2e18],
  ["100n", 1e-7],
  ["100u", 1e-4],
  ["-1", -1],
  ["1gb", undefined],
  ["", undefined],
  ["one", undefined],
  ["1 Gi", undefined],
  [true, undefined],
  [null, undefined],
])("the quantity %j is %j in its base unit", (text, value) => {
  expect(parseQuantity(text)).toBe(value);
});

async function readPod(spec: JsonObject, more: JsonObject = {}): Promise<unknown> {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "a", ...(more["metadata"] as JsonObject) },
    spec,
    ...(more["status"] !== undefined && { status: more["status"] }),
  };
  const read = await readManifestTexts({ "a.json": JSON.stringify(pod) });
  return read.value?.pods[0];
}

test("a pod is kept with what planning and policy read, and no more", async () => {
  const pod = await readPod(
    {
      nodeName: "w1",
      hostNetwork: true,
      serviceAccountName: "sa",
      priorityClassName: "system-node-critical",
      terminationGracePeriodSeconds: 5,
      restartPolicy: "OnFailure",
      nodeSelector: { disk: "ssd" },
      affinity: { podAntiAffinity: {} },
      tolerations: [{ operator: "Exists" }],
      topologySpreadConstraints: [{ maxSkew: 1 }],
      initContainers: [{ name: "i", image: "init:1", ports: [{ containerPort: 9, protocol: "SCTP" }] }],
      containers: [
        {
          name: "c",
          image: "app:1",
          env: [{ name: "A", value: "dropped" }],
          ports: [
            { name: "http", containerPort: 80, hostPort: 8080, hostIP: "10.0.0.1" },
            { containerPort: 53, protocol: "UDP", hostPort: 0 },
          ],
        },
      ],
      volumes: [
        { name: "e", emptyDir: {} },
        { name: "h", hostPath: { path: "/var/lib" } },
        { name: "c", persistentVolumeClaim: { claimName: "data-0" } },
        { name: "g", ephemeral: { volumeClaimTemplate: {} } },
        { name: "m", configMap: { name: "dropped" } },
      ],
    },
    {
      metadata: {
        labels: { app: "x" },
        annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", "a/b": "kept" },
        deletionTimestamp: "2025-01-01T00:00:00Z",
        ownerReferences: [
          { apiVersion: "v1", kind: "Other", name: "o" },
          { apiVersion: "apps/v1", kind: "DaemonSet", name: "d", controller: true },
        ],
      },
      status: {
        phase: "Running",
        podIP: "10.0.0.9",
        podIPs: [{ ip: "10.0.0.9" }, { ip: "fd00::9" }],
        conditions: [{ type: "Ready", status: "True" }],
      },
    },
  );

  expect(pod).toEqual({
    apiVersion: "v1",
    kind: "Pod",
    namespace: "a",
    name: "p",
    labels: { app: "x" },
    annotations: { "a/b": "kept" },
    position: { file: "a.json", line: 1, column: 1 },
    nodeName: "w1",
    phase: "Running",
    isReady: true,
    podIPs: ["10.0.0.9", "fd00::9"],
    isHostNetwork: true,
    serviceAccountName: "sa",
    owner: { apiVersion: "apps/v1", kind: "DaemonSet", name: "d" },
    workload: { apiVersion: "apps/v1", kind: "DaemonSet", name: "d" },
    isMirror: false,
    isTerminating: true,
    restartPolicy: "OnFailure",
    terminationGracePeriodSeconds: 5,
    priorityClassName: "system-node-critical",
    ports: [
      { containerPort: 9, protocol: "SCTP" },
      { name: "http", containerPort: 80, hostPort: 8080, hostIP: "10.0.0.1", protocol: "TCP" },
      { containerPort: 53, protocol: "UDP" },
    ],
    images: ["init:1", "app:1"],
    requests: {},
    nodeSelector: { disk: "ssd" },
    affinity: { podAntiAffinity: {} },
    tolerations: [{ operator: "Exists" }],
    topologySpreadConstraints: [{ maxSkew: 1 }],
    volumes: [
      { kind: "emptyDir", name: "e" },
      { kind: "hostPath", name: "h", path: "/var/lib" },
      { kind: "persistentVolumeClaim", name: "c", claimName: "data-0" },
      { kind: "persistentVolumeClaim", name: "g", claimName: "p-g" },
    ],
  });
});

describe("a pod's requests are what the scheduler counts", () => {
  const one = (requests: JsonObject, more: JsonObject = {}): JsonObject => ({ resources: { requests }, ...more });

  test.each<[string, JsonObject, JsonObject]>([
    [
      "containers add up",
      { containers: [one({ cpu: "100m" }), one({ cpu: "200m", memory: "1Ki" })] },
      { cpu: 0.3, memory: 1024 },
    ],
    [
      "a larger init container counts alone",
      { containers: [one({ cpu: "1" })], initContainers: [one({ cpu: "3" }), one({ cpu: "2" })] },
      { cpu: 3 },
    ],
    [
      "a smaller one does not",
      { containers: [one({ cpu: "1" }), one({ cpu: "1" })], initContainers: [one({ cpu: "1500m" })] },
      { cpu: 2 },
    ],
    [
      "sidecars add to the containers",
      { containers: [one({ cpu: "1" })], initContainers: [one({ cpu: "500m" }, { restartPolicy: "Always" })] },
      { cpu: 1.5 },
    ],
    [
      "an init container runs beside the sidecars started before it",
      {
        containers: [one({ cpu: "1" })],
        initContainers: [one({ cpu: "2" }, { restartPolicy: "Always" }), one({ cpu: "4" })],
      },
      { cpu: 6 },
    ],
    [
      "and not beside those after it",
      {
        containers: [one({ cpu: "1" })],
        initContainers: [one({ cpu: "4" }), one({ cpu: "2" }, { restartPolicy: "Always" })],
      },
      { cpu: 4 },
    ],
    [
      "a limit stands in for a missing request",
      { containers: [{ resources: { limits: { cpu: "2", memory: "1Ki" }, requests: { cpu: "1" } } }] },
      { cpu: 1, memory: 1024 },
    ],
    ["overhead comes on top", { containers: [one({ cpu: "1" })], overhead: { cpu: "250m" } }, { cpu: 1.25 }],
    [
      "requests of the pod itself win",
      { containers: [one({ cpu: "1", memory: "1Ki" })], resources: { requests: { cpu: "5" } } },
      { cpu: 5, memory: 1024 },
    ],
  ])("%s", async (_rule, spec, requests) => {
    expect(await readPod(spec)).toMatchObject({ requests });
    expect(((await readPod(spec)) as { requests: JsonObject }).requests).toEqual(requests);
  });
});

describe("the workload behind a pod", () => {
  const owner = (kind: string, name: string, apiVersion = "apps/v1"): JsonObject => ({
    apiVersion,
    kind,
    name,
    controller: true,
  });
  const pod = (ownerReference: JsonObject, metadata: JsonObject = {}): JsonObject => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "a", ownerReferences: [ownerReference], ...metadata },
  });
  const held = (kind: string, name: string, by: JsonObject | undefined, apiVersion = "apps/v1"): JsonObject => ({
    apiVersion,
    kind,
    metadata: { name, namespace: "a", ...(by !== undefined && { ownerReferences: [by] }) },
  });

  test.each<[string, readonly JsonObject[], unknown, boolean | undefined]>([
    [
      "is the Deployment that owns its ReplicaSet",
      [pod(owner("ReplicaSet", "web-x")), held("ReplicaSet", "web-x", owner("Deployment", "shop"))],
      owner("Deployment", "shop"),
      undefined,
    ],
    [
      "is a ReplicaSet that nobody owns",
      [
        pod(owner("ReplicaSet", "web-x"), { labels: { "pod-template-hash": "x" } }),
        held("ReplicaSet", "web-x", undefined),
      ],
      owner("ReplicaSet", "web-x"),
      undefined,
    ],
    [
      "is a Deployment by the names, where the ReplicaSet is not there",
      [pod(owner("ReplicaSet", "web-5d9"), { labels: { "pod-template-hash": "5d9" } })],
      owner("Deployment", "web"),
      true,
    ],
    [
      "is the ReplicaSet where its name is not of that form",
      [pod(owner("ReplicaSet", "web-5d9"), { labels: { "pod-template-hash": "other" } })],
      owner("ReplicaSet", "web-5d9"),
      undefined,
    ],
    [
      "is an Argo Rollout by its label",
      [pod(owner("ReplicaSet", "web-5d9"), { labels: { "rollouts-pod-template-hash": "5d9" } })],
      owner("Rollout", "web", "argoproj.io/v1alpha1"),
      true,
    ],
    [
      "is the CronJob that owns its Job",
      [pod(owner("Job", "j", "batch/v1")), held("Job", "j", owner("CronJob", "c", "batch/v1"), "batch/v1")],
      owner("CronJob", "c", "batch/v1"),
      undefined,
    ],
    [
      "is a CronJob by the Job's name",
      [pod(owner("Job", "backup-29012345", "batch/v1"))],
      owner("CronJob", "backup", "batch/v1"),
      true,
    ],
    [
      "is a Job with another name",
      [pod(owner("Job", "migrate-1", "batch/v1"))],
      owner("Job", "migrate-1", "batch/v1"),
      undefined,
    ],
    [
      "is a DeploymentConfig by its annotation",
      [
        pod(owner("ReplicationController", "w-1", "v1"), {
          annotations: { "openshift.io/deployment-config.name": "w" },
        }),
      ],
      owner("DeploymentConfig", "w", "apps.openshift.io/v1"),
      true,
    ],
    ["is a StatefulSet itself", [pod(owner("StatefulSet", "db"))], owner("StatefulSet", "db"), undefined],
    ["is nothing for a static pod", [pod(owner("Node", "w1", "v1"))], undefined, undefined],
  ])("%s", async (_rule, objects, workload, isGuessed) => {
    const read = await readManifestTexts({ "a.ndjson": objects.map((object) => JSON.stringify(object)).join("\n") });
    const found = read.value?.pods[0];

    const { controller: _c, ...expected } = (workload ?? {}) as JsonObject;
    expect(found?.workload).toEqual(workload === undefined ? undefined : expected);
    expect(found?.isWorkloadGuessed).toBe(isGuessed);
  });
});

test("a node is kept with what planning reads", async () => {
  const node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: "w1",
      labels: {
        "kubernetes.io/hostname": "host-1",
        "topology.kubernetes.io/zone": "a",
        "node-role.kubernetes.io/control-plane": "",
      },
      annotations: { x: "y" },
    },
    spec: {
      podCIDR: "10.0.0.0/24",
      unschedulable: true,
      taints: [
        { key: "k", effect: "NoSchedule", value: "" },
        { key: "l", value: "v", effect: "NoExecute" },
      ],
    },
    status: {
      addresses: [
        { type: "InternalIP", address: "192.168.0.1" },
        { type: "Hostname", address: "host-1" },
        { type: "ExternalIP", address: "1.2.3.4" },
      ],
      allocatable: { cpu: "3920m", memory: "1Gi", pods: "110" },
      capacity: { cpu: "4" },
      conditions: [
        { type: "Ready", status: "Unknown" },
        { type: "DiskPressure", status: "True" },
        { type: "MemoryPressure", status: "False" },
      ],
      nodeInfo: { kernelVersion: "6.8.0", operatingSystem: "linux", bootID: "dropped" },
      images: [{ names: ["dropped"] }],
    },
  };
  const read = await readManifestTexts({ "n.json": `\n  ${JSON.stringify(node)}` });

  expect(read.value?.nodes).toEqual([
    {
      apiVersion: "v1",
      kind: "Node",
      name: "w1",
      labels: node.metadata.labels,
      annotations: { x: "y" },
      position: { file: "n.json", line: 2, column: 3 },
      hostname: "host-1",
      isControlPlane: true,
      zone: "a",
      addresses: [
        { type: "InternalIP", address: "192.168.0.1" },
        { type: "ExternalIP", address: "1.2.3.4" },
      ],
      podCIDRs: ["10.0.0.0/24"],
      taints: [
        { key: "k", effect: "NoSchedule" },
        { key: "l", value: "v", effect: "NoExecute" },
      ],
      isUnschedulable: true,
      isReady: false,
      unhealthyConditions: ["Ready", "DiskPressure"],
      allocatable: { cpu: 3.92, memory: 2 ** 30, pods: 110 },
      capacity: { cpu: 4 },
      nodeInfo: { operatingSystem: "linux", kernelVersion: "6.8.0" },
    },
  ]);
});

test.each([
  ["inventory/poddisruptionbudgets.yaml", "", "poddisruptionbudgets"],
  ["prod-eu_pdb.json.gz", "", "poddisruptionbudgets"],
  ["globalnetworkpolicies.crd.projectcalico.org.yaml", "", "globalnetworkpolicies"],
  ["networkpolicies.crd.projectcalico.org.yaml", "", "networkpolicies"],
  ["NetworkPolicy.yaml", "", "networkpolicies"],
  ["dump.yaml", "# SYNTHETIC dump: kubectl get statefulsets -A -o yaml", "statefulsets"],
  ["dump.yaml", "# kubectl --context prod get ippools.crd.projectcalico.org -o yaml", "ippools"],
  ["<stdin>", "", undefined],
  ["everything.yaml", "", undefined],
])("an empty list in %s %s is one of %s", (file, header, plural) => {
  expect(guessKindOfEmptyList(file, header)?.plural).toBe(plural);
});

test("the same plural in two groups is told apart by the group in the file's name", () => {
  expect(guessKindOfEmptyList("networkpolicies.crd.projectcalico.org.yaml", "")?.group).toBe("crd.projectcalico.org");
  expect(guessKindOfEmptyList("prod-networkpolicies.crd.projectcalico.org.yaml", "")?.group).toBe(
    "crd.projectcalico.org",
  );
  expect(guessKindOfEmptyList("networkpolicies.yaml", "")?.group).toBe("networking.k8s.io");
});
