import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { Inventory, Node, Pod, RawObject } from "../../../lib/inventory/inventory.ts";
import { ciliumSettingsOf } from "../../../lib/policy/space/cilium-settings.ts";
import { calicoLabelsOf, ciliumLabelsOf } from "../../../lib/policy/space/packet-end.ts";
import { emptyWorld, worldOf } from "../../../lib/policy/space/world-of.ts";
import { rawObject } from "../support/objects.ts";

function pod(name: string, more: Partial<Pod> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    namespace: "a",
    name,
    labels: { app: name },
    annotations: {},
    position: {},
    phase: "Running",
    isReady: true,
    podIPs: ["10.0.0.1"],
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
    ...more,
  };
}

function node(name: string, more: Partial<Node> = {}): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    name,
    labels: {},
    annotations: {},
    position: {},
    isControlPlane: false,
    addresses: [{ type: "InternalIP", address: "172.16.0.1" }],
    podCIDRs: [],
    taints: [],
    isUnschedulable: false,
    isReady: true,
    unhealthyConditions: [],
    allocatable: {},
    capacity: {},
    nodeInfo: {},
    ...more,
  };
}

function inventory(pods: readonly Pod[], nodes: readonly Node[], objects: readonly JsonObject[] = []): Inventory {
  const byKind = new Map<string, RawObject[]>();
  for (const raw of objects.map(rawObject)) byKind.set(raw.kind, [...(byKind.get(raw.kind) ?? []), raw]);
  return { nodes, pods, objects: byKind, kindsSeen: new Set(byKind.keys()) } as Inventory;
}

const settings = {
  sourcePodCIDRs: ["10.0.0.0/16"],
  targetPodCIDRs: ["10.245.0.0/16"],
  ciliumValues: {},
  version: "1.20.2",
};

test("pods on the host network and finished pods are no ends of their own", () => {
  const world = worldOf(
    inventory(
      [
        pod("web"),
        pod("agent", { isHostNetwork: true }),
        pod("done", { phase: "Succeeded" }),
        pod("dead", { phase: "Failed" }),
      ],
      [],
    ),
    settings,
  );

  expect(world.pods.map(({ name }) => name)).toEqual(["web"]);
});

test("a pod keeps what policies read: labels, account, node, addresses, named ports, workload", () => {
  const world = worldOf(
    inventory(
      [
        pod("web-1", {
          nodeName: "n1",
          podIPs: ["10.0.0.1", "fd00::1"],
          ports: [
            { name: "http", containerPort: 8080, protocol: "TCP" },
            { containerPort: 9090, protocol: "TCP" },
          ],
          workload: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
        }),
      ],
      [],
    ),
    settings,
  );

  expect(world.pods).toEqual([
    {
      namespace: "a",
      name: "web-1",
      labels: { app: "web-1" },
      serviceAccount: "default",
      node: "n1",
      addresses: ["10.0.0.1", "fd00::1"],
      namedPorts: [{ name: "http", protocol: "TCP", port: 8080 }],
      workload: "Deployment/web",
    },
  ]);
  expect(world.families).toEqual([4, 6]);
});

test("a node's addresses are its own and those of its tunnel devices, by annotation", () => {
  const annotations = {
    "projectcalico.org/IPv4Address": "172.16.0.1/24",
    "projectcalico.org/IPv4VXLANTunnelAddr": "10.0.7.0",
    "flannel.alpha.coreos.com/backend-type": "vxlan",
  };
  const world = worldOf(
    inventory(
      [],
      [
        node("n1", {
          annotations,
          podCIDRs: ["10.0.3.0/24"],
          addresses: [
            { type: "InternalIP", address: "172.16.0.1" },
            { type: "Hostname", address: "n1" },
          ],
        }),
      ],
    ),
    settings,
  );

  expect(world.nodes[0]?.addresses).toEqual(["10.0.3.0", "10.0.7.0", "172.16.0.1"]);
});

test("a namespace has its name label, also one that only a pod names", () => {
  const world = worldOf(
    inventory(
      [pod("web", { namespace: "b" })],
      [],
      [{ kind: "Namespace", metadata: { name: "a", labels: { team: "x" } } }],
    ),
    settings,
  );

  expect([...world.namespaces]).toEqual([
    ["a", { team: "x", "kubernetes.io/metadata.name": "a" }],
    ["b", { "kubernetes.io/metadata.name": "b" }],
  ]);
});

describe("what a Service resolves to", () => {
  const service: JsonObject = {
    kind: "Service",
    metadata: { name: "web", namespace: "a" },
    spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: "http" }] },
  };

  test("its EndpointSlices where there are any", () => {
    const slice: JsonObject = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "web-1", namespace: "a", labels: { "kubernetes.io/service-name": "web" } },
      endpoints: [{ addresses: ["10.0.0.9"] }],
      ports: [{ port: 8080, protocol: "TCP" }],
    };
    expect(worldOf(inventory([pod("web")], [], [service, slice]), settings).services[0]?.endpoints).toEqual([
      { address: "10.0.0.9", protocol: "TCP", port: 8080 },
    ]);
  });

  test("else the pods that it selects, with the target port looked up by name", () => {
    const web = pod("web", { ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }] });
    expect(worldOf(inventory([web, pod("cli")], [], [service]), settings).services[0]?.endpoints).toEqual([
      { address: "10.0.0.1", protocol: "TCP", port: 8080 },
    ]);
  });
});

test("the API server is what the Service default/kubernetes points to, else the control plane", () => {
  const slice: JsonObject = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "kubernetes", namespace: "default", labels: { "kubernetes.io/service-name": "kubernetes" } },
    endpoints: [{ addresses: ["198.51.100.9"] }],
    ports: [{ port: 6443, protocol: "TCP" }],
  };
  const service: JsonObject = {
    kind: "Service",
    metadata: { name: "kubernetes", namespace: "default" },
    spec: { ports: [{ port: 443 }] },
  };
  const nodes = [node("n1", { isControlPlane: true })];

  expect(worldOf(inventory([], nodes, [service, slice]), settings).apiServerAddresses).toEqual(["198.51.100.9"]);
  expect(worldOf(inventory([], nodes), settings).apiServerAddresses).toEqual(["172.16.0.1"]);
});

test.each<[string, JsonObject[], "accept" | "drop" | undefined]>([
  ["nothing said", [], undefined],
  [
    "FelixConfiguration says",
    [
      {
        apiVersion: "crd.projectcalico.org/v1",
        kind: "FelixConfiguration",
        metadata: { name: "default" },
        spec: { defaultEndpointToHostAction: "Drop" },
      },
    ],
    "drop",
  ],
  [
    "the DaemonSet says",
    [
      {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { name: "canal", namespace: "kube-system" },
        spec: {
          template: {
            spec: { containers: [{ env: [{ name: "FELIX_DEFAULTENDPOINTTOHOSTACTION", value: "ACCEPT" }] }] },
          },
        },
      },
    ],
    "accept",
  ],
])("what Calico does with traffic to the own node: %s", (_rule, objects, expected) => {
  expect(worldOf(inventory([], [], objects), settings).endpointToHostAction).toBe(expected);
});

test("each engine sees other labels of one pod", () => {
  const world = worldOf(
    inventory(
      [
        pod("web", {
          labels: { app: "web", "pod-template-hash": "h", "pcns.team": "forged" },
          serviceAccountName: "robot",
        }),
      ],
      [],
      [
        { kind: "Namespace", metadata: { name: "a", labels: { team: "x" } } },
        { kind: "ServiceAccount", metadata: { name: "robot", namespace: "a", labels: { kind: "bot" } } },
      ],
    ),
    settings,
  );
  const [web] = world.pods;
  if (web === undefined) throw new Error("no pod");

  expect(Object.fromEntries(calicoLabelsOf(web, world))).toEqual({
    "meta:namespace": "a",
    "meta:orchestrator": "k8s",
    "meta:serviceaccount": "robot",
    "pod:app": "web",
    "pod:pod-template-hash": "h",
    "ns:team": "x",
    "ns:kubernetes.io/metadata.name": "a",
    "sa:kind": "bot",
  });
  expect(Object.fromEntries(ciliumLabelsOf(web, world, (key) => key !== "pod-template-hash"))).toEqual({
    "meta:namespace": "a",
    "meta:serviceaccount": "robot",
    "meta:cluster": "default",
    "pod:app": "web",
    "pod:pcns.team": "forged",
    "ns:team": "x",
    "ns:kubernetes.io/metadata.name": "a",
  });
});

describe("settings come from Helm values, with the chart's defaults of the release", () => {
  test("nothing given", () => {
    expect(ciliumSettingsOf({}, "v1.20.2")).toEqual({
      minorVersion: "1.20",
      labelFilter: [],
      nodeSelectorLabels: false,
      policyCIDRMatchMode: [],
      policyDefaultLocalCluster: true,
      hostFirewall: false,
      l7Proxy: true,
      sctp: false,
      enableExtendedIPProtocols: false,
      families: [4],
      enforcementMode: "default",
      clusterName: "default",
    });
  });

  test("everything given, extraConfig before the value of the same setting", () => {
    const values = {
      labels: "k8s:app !job-name",
      nodeSelectorLabels: true,
      policyCIDRMatchMode: ["nodes"],
      clustermesh: { policyDefaultLocalCluster: false },
      hostFirewall: { enabled: true },
      l7Proxy: false,
      sctp: { enabled: true },
      ipv6: { enabled: true },
      policyEnforcementMode: "default",
      cluster: { name: "prod" },
      extraConfig: { "enable-policy": "always", "enable-extended-ip-protocols": "true" },
    };
    expect(ciliumSettingsOf(values, "1.19.6")).toEqual({
      minorVersion: "1.19",
      labelFilter: ["k8s:app", "!job-name"],
      nodeSelectorLabels: true,
      policyCIDRMatchMode: ["nodes"],
      policyDefaultLocalCluster: false,
      hostFirewall: true,
      l7Proxy: false,
      sctp: true,
      enableExtendedIPProtocols: true,
      families: [4, 6],
      enforcementMode: "always",
      clusterName: "prod",
    });
  });

  test("the local cluster became the default with 1.19", () => {
    expect(["1.18.11", "1.19.6"].map((version) => ciliumSettingsOf({}, version).policyDefaultLocalCluster)).toEqual([
      false,
      true,
    ]);
  });
});

test("an empty world knows nothing and says so", () => {
  expect(emptyWorld()).toMatchObject({ pods: [], nodes: [], services: [], isInventoryKnown: false, families: [4] });
});
