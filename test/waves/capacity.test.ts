import { expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import type { Node, Pod } from "../../lib/inventory/inventory.ts";
import { buildCapacityTest } from "../../lib/waves/capacity.ts";
import { viewCluster } from "../../lib/waves/cluster-view.ts";
import { control, inventory, node, pod, raw } from "./clusters.ts";

type Objects = Parameters<typeof inventory>[2];

/** What the pods of node `a` find when it is taken away: `name why resource`. */
function displaced(
  nodes: readonly Node[],
  pods: readonly Pod[],
  objects: Objects = [],
  away: readonly string[] = ["a"],
): string[] {
  const cluster = inventory(nodes, pods, objects);
  const view = viewCluster(cluster);
  const test = buildCapacityTest(cluster, view);
  const taken = view.nodes.filter((entry) => away.includes(entry.node.name));
  const found = test.findDisplaced(taken, "evict");
  // Questions leave no trace: the same answer again, worked out anew.
  expect(test.findDisplaced(taken, "evict")).toEqual(found);
  expect(test.fits(taken, "evict")).toBe(found.every((entry) => entry.why === "bound"));
  expect(test.findDisplaced(taken, "evict")).toEqual(found);
  return found.map(({ view: entry, why, resource }) => [entry.pod.name, why, resource].filter(Boolean).join(" "));
}

const affinity = (kind: string, term: JsonObject): Partial<Pod> => ({
  affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
});
const sameApp = (app: string, topologyKey: string): JsonObject => ({
  labelSelector: { matchLabels: { app } },
  topologyKey,
});
const hostname = "kubernetes.io/hostname";
const zone = "topology.kubernetes.io/zone";
const small = { allocatable: { cpu: 2, memory: 1024 ** 3, pods: 3 } };

const claim = raw({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { namespace: "default", name: "data" },
  spec: { volumeName: "disk" },
});

function localVolume(name: string): Objects {
  const term = { matchExpressions: [{ key: hostname, operator: "In", values: [name] }] };
  const spec = { local: { path: "/data" }, nodeAffinity: { required: { nodeSelectorTerms: [term] } } };
  return [claim, raw({ apiVersion: "v1", kind: "PersistentVolume", metadata: { name: "disk" }, spec })];
}

test.each<[string, readonly Node[], readonly Pod[], Objects, readonly string[]]>([
  ["a pod without requests goes anywhere", [node("a"), node("b")], [pod("x-1", "a")], [], []],
  [
    "cpu that is short is named",
    [node("a"), node("b", small)],
    [pod("x-1", "a", { requests: { cpu: 3 } })],
    [],
    ["x-1 short cpu"],
  ],
  [
    "what runs there counts",
    [node("a"), node("b", small)],
    [pod("x-1", "a", { requests: { cpu: 1.5 } }), pod("y-1", "b", { requests: { cpu: 1 } })],
    [],
    ["x-1 short cpu"],
  ],
  [
    "memory and cpu on different nodes are short together",
    [
      node("a"),
      node("b", { allocatable: { cpu: 8, memory: 1 } }),
      node("c", { allocatable: { cpu: 1, memory: 1024 ** 3 } }),
    ],
    [pod("x-1", "a", { requests: { cpu: 2, memory: 1024 ** 2 } })],
    [],
    ["x-1 short several"],
  ],
  [
    "the number of pods is limited",
    [node("a"), node("b", small)],
    [pod("x-1", "a"), pod("y-1", "b"), pod("y-2", "b"), pod("y-3", "b")],
    [],
    ["x-1 short pods"],
  ],
  [
    "a device is not there unless reported",
    [node("a"), node("b")],
    [pod("x-1", "a", { requests: { "nvidia.com/gpu": 1 } })],
    [],
    ["x-1 short nvidia.com/gpu"],
  ],
  [
    "a resource that no node reports is not short",
    [node("a", { allocatable: {} }), node("b", { allocatable: {} })],
    [pod("x-1", "a", { requests: { cpu: 99 } })],
    [],
    [],
  ],
  [
    "large pods are placed before small ones",
    [node("a"), node("b", { allocatable: { cpu: 3 } }), node("c", { allocatable: { cpu: 2 } })],
    [
      pod("x-1", "a", { requests: { cpu: 1 } }),
      pod("x-2", "a", { requests: { cpu: 1 } }),
      pod("z-1", "a", { requests: { cpu: 3 } }),
    ],
    [],
    [],
  ],
  [
    "a cordoned node takes nothing",
    [node("a"), node("b", { isUnschedulable: true })],
    [pod("x-1", "a")],
    [],
    ["x-1 bound"],
  ],
  ["an unready node takes nothing", [node("a"), node("b", { isReady: false })], [pod("x-1", "a")], [], ["x-1 bound"]],
  [
    "a Windows node takes nothing",
    [node("a"), node("b", { nodeInfo: { operatingSystem: "windows" } })],
    [pod("x-1", "a")],
    [],
    ["x-1 bound"],
  ],
  ["a taint keeps pods away", [node("a"), control("b")], [pod("x-1", "a")], [], ["x-1 bound"]],
  [
    "a toleration lets them in",
    [node("a"), control("b")],
    [
      pod("x-1", "a", {
        tolerations: [{ key: "node-role.kubernetes.io/control-plane", operator: "Exists", effect: "NoSchedule" }],
      }),
    ],
    [],
    [],
  ],
  [
    "a toleration of another value does not",
    [node("a"), node("b", { taints: [{ key: "dedicated", value: "db", effect: "NoSchedule" }] })],
    [pod("x-1", "a", { tolerations: [{ key: "dedicated", value: "web" }] })],
    [],
    ["x-1 bound"],
  ],
  [
    "a preference among taints keeps nobody away",
    [node("a"), node("b", { taints: [{ key: "x", effect: "PreferNoSchedule" }] })],
    [pod("x-1", "a")],
    [],
    [],
  ],
  [
    "a node selector binds",
    [node("a", { labels: { disk: "ssd" } }), node("b")],
    [pod("x-1", "a", { nodeSelector: { disk: "ssd" } })],
    [],
    ["x-1 bound"],
  ],
  [
    "required node affinity binds, one of its terms is enough",
    [node("a"), node("b", { labels: { tier: "3" } })],
    [
      pod("x-1", "a", {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchFields: [{ key: "metadata.name", operator: "In", values: ["a"] }] },
                { matchExpressions: [{ key: "tier", operator: "Gt", values: ["2"] }] },
              ],
            },
          },
        },
      }),
    ],
    [],
    [],
  ],
  [
    "a host port in use elsewhere binds",
    [node("a"), node("b")],
    [
      pod("x-1", "a", { ports: [{ containerPort: 80, hostPort: 80, protocol: "TCP" }] }),
      pod("y-1", "b", { ports: [{ containerPort: 80, hostPort: 80, protocol: "TCP", hostIP: "10.0.0.1" }] }),
    ],
    [],
    ["x-1 bound"],
  ],
  [
    "the same port of another protocol or address does not",
    [node("a"), node("b")],
    [
      pod("x-1", "a", { ports: [{ containerPort: 80, hostPort: 80, protocol: "TCP", hostIP: "10.0.0.2" }] }),
      pod("y-1", "b", { ports: [{ containerPort: 80, hostPort: 80, protocol: "TCP", hostIP: "10.0.0.1" }] }),
      pod("y-2", "b", { ports: [{ containerPort: 80, hostPort: 80, protocol: "UDP" }] }),
    ],
    [],
    [],
  ],
  [
    "anti-affinity keeps replicas apart",
    [node("a"), node("b")],
    [
      pod("db-1", "a", affinity("podAntiAffinity", sameApp("db", hostname))),
      pod("db-2", "b", affinity("podAntiAffinity", sameApp("db", hostname))),
    ],
    [],
    ["db-1 bound"],
  ],
  [
    "anti-affinity of the pods already there keeps others away",
    [node("a"), node("b")],
    [pod("web-1", "a"), pod("db-1", "b", affinity("podAntiAffinity", sameApp("web", hostname)))],
    [],
    ["web-1 bound"],
  ],
  [
    "anti-affinity in another namespace does not count",
    [node("a"), node("b")],
    [pod("web-1", "a"), pod("other/db-1", "b", affinity("podAntiAffinity", sameApp("web", hostname)))],
    [],
    [],
  ],
  [
    "anti-affinity that names the namespace does",
    [node("a"), node("b")],
    [
      pod("web-1", "a"),
      pod("other/db-1", "b", affinity("podAntiAffinity", { ...sameApp("web", hostname), namespaces: ["default"] })),
    ],
    [],
    ["web-1 bound"],
  ],
  [
    "anti-affinity over namespaces by their labels does",
    [node("a"), node("b")],
    [
      pod("web-1", "a"),
      pod(
        "other/db-1",
        "b",
        affinity("podAntiAffinity", { ...sameApp("web", hostname), namespaceSelector: { matchLabels: { team: "x" } } }),
      ),
    ],
    [raw({ apiVersion: "v1", kind: "Namespace", metadata: { name: "default", labels: { team: "x" } } })],
    ["web-1 bound"],
  ],
  [
    "affinity follows the pods it names",
    [node("a", { zone: "z1" }), node("b", { zone: "z2" }), node("c", { zone: "z1" })],
    [pod("web-1", "a", affinity("podAffinity", sameApp("db", zone))), pod("db-1", "b")],
    [],
    [],
  ],
  [
    "affinity binds where they are nowhere else",
    [node("a", { zone: "z1" }), node("b", { zone: "z2" })],
    [
      pod("web-1", "a", affinity("podAffinity", sameApp("db", zone))),
      pod("db-1", "a", { nodeSelector: { [zone]: "z1" } }),
    ],
    [],
    ["db-1 bound", "web-1 bound"],
  ],
  [
    "the first of a group that wants its own company may go anywhere",
    [node("a"), node("b")],
    [pod("web-1", "a", affinity("podAffinity", sameApp("web", hostname)))],
    [],
    [],
  ],
  [
    "spread over hosts counts a cordoned host as an empty one, so the pod cannot leave",
    [node("a"), node("b")],
    [spread("web-1", "a", hostname), spread("web-2", "b", hostname)],
    [],
    ["web-1 bound"],
  ],
  [
    "spread that honours taints does not",
    [node("a"), node("b")],
    [
      spread("web-1", "a", hostname, { nodeTaintsPolicy: "Honor" }),
      spread("web-2", "b", hostname, { nodeTaintsPolicy: "Honor" }),
    ],
    [],
    [],
  ],
  [
    "spread over zones stays within its skew",
    [node("a", { zone: "z1" }), node("b", { zone: "z1" }), node("c", { zone: "z2" })],
    [spread("web-1", "a", zone), spread("web-2", "c", zone)],
    [],
    [],
  ],
  [
    "spread that may be broken binds nobody",
    [node("a"), node("b")],
    [spread("web-1", "a", hostname, { whenUnsatisfiable: "ScheduleAnyway" }), spread("web-2", "b", hostname)],
    [],
    [],
  ],
  [
    "a local volume binds its pod to the node",
    [node("a"), node("b")],
    [withClaim("db-1", "a")],
    localVolume("a"),
    ["db-1 bound"],
  ],
  [
    "a volume of one zone keeps its pod in the zone",
    [node("a", { zone: "z1" }), node("b", { zone: "z2" }), node("c", { zone: "z1" })],
    [withClaim("db-1", "a")],
    [
      claim,
      raw({ apiVersion: "v1", kind: "PersistentVolume", metadata: { name: "disk", labels: { [zone]: "z2__z3" } } }),
    ],
    [],
  ],
])("%s", (_rule, nodes, pods, objects, expected) => {
  expect(displaced(nodes, pods, objects)).toEqual(expected);
});

function spread(name: string, nodeName: string, topologyKey: string, more: JsonObject = {}): Pod {
  return pod(name, nodeName, {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: { app: "web" } },
        topologyKey,
        ...more,
      },
    ],
  });
}

function withClaim(name: string, nodeName: string): Pod {
  return pod(name, nodeName, { volumes: [{ kind: "persistentVolumeClaim", name: "data", claimName: "data" }] });
}

test("nodes that leave together take no pods of each other", () => {
  const nodes = [node("a"), node("b"), node("c", small)];
  const pods = [pod("x-1", "a", { requests: { cpu: 2 } }), pod("y-1", "b", { requests: { cpu: 2 } })];

  expect(displaced(nodes, pods, [], ["a"])).toEqual([]);
  expect(displaced(nodes, pods, [], ["a", "b"])).toEqual(["y-1 short cpu"]);
  expect(displaced([node("a"), node("idle"), node("c", small)], pods.slice(0, 1), [], ["a"])).toEqual([]);
  expect(displaced([node("a"), node("idle")], pods.slice(0, 1), [], ["a", "idle"])).toEqual(["x-1 short nodes"]);
});

test("recycling moves nothing, so everything fits", () => {
  const cluster = inventory([node("a")], [pod("x-1", "a")]);
  const view = viewCluster(cluster);

  expect(buildCapacityTest(cluster, view).findDisplaced(view.nodes, "recycle")).toEqual([]);
});
