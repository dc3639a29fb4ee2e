import { expect, test } from "vitest";
import type { Finding } from "../../lib/core/finding.ts";
import { planWaves } from "../../lib/waves/plan-waves.ts";
import type { WavePlan } from "../../lib/waves/waves.ts";
import { barePod, budget, codes, control, inventory, node, plan, pod, printWaves, raw, rendered } from "./clusters.ts";

const anySize = { budget: { maxUnavailable: "100%" } } as const;

function workers(number: number, given: Parameters<typeof node>[1] = {}): ReturnType<typeof node>[] {
  return Array.from({ length: number }, (_, at) => node(`w-${at + 1}`, given));
}

function findings(waves: WavePlan, code: string): Finding[] {
  return waves.findings.filter((finding) => finding.code === code);
}

test("canary first, groups in the plan's order, the rest by pool, control plane last and one by one", () => {
  const nodes = [
    control("c-1"),
    control("c-2"),
    ...workers(5, { pool: "general" }),
    node("g-1", { pool: "gpu" }),
    node("x-1", { pool: "extra" }),
  ];

  const waves = planWaves(
    inventory(nodes),
    plan({
      groups: [
        { pool: "gpu", size: 1 },
        { pool: "general", size: 2 },
      ],
      ...anySize,
    }),
  );

  expect(printWaves(waves)).toEqual([
    "100-canary: w-1",
    "110-gpu-a: g-1",
    "200-general-a: w-2 w-3",
    "210-general-b: w-4 w-5",
    "300-extra-a: x-1",
    "700-control-plane-a: c-1",
    "710-control-plane-b: c-2",
  ]);
  expect(codes(waves)).toEqual(["waves/implicit-group"]);
});

test("a wave is as small as the smaller of size and budget", () => {
  const cluster = inventory(workers(20));

  expect(printWaves(planWaves(cluster, plan({ groups: [{ size: 9 }] })))[1]).toBe("110-workers-a: w-2 w-3");
  expect(printWaves(planWaves(cluster, plan({ groups: [{ size: 9 }], budget: { maxUnavailable: 3 } })))[1]).toBe(
    "110-workers-a: w-2 w-3 w-4",
  );
});

test("a wave holds one zone unless the plan says otherwise, and never all workers of one", () => {
  const nodes = [..."aabb"].map((zone, at) => node(`w-${at + 1}`, { zone }));
  const canary = { from: { names: ["w-1"] } };

  expect(printWaves(planWaves(inventory(nodes), plan({ canary, groups: [{ size: 4 }], ...anySize })))).toEqual([
    "100-canary: w-1",
    "110-workers-a: w-2",
    "120-workers-b: w-3",
    "140-workers-d: w-4",
  ]);
  const across = { budget: { maxUnavailable: "100%", acrossZones: true } };
  expect(printWaves(planWaves(inventory(nodes), plan({ canary, groups: [{ size: 4 }], ...across })))).toEqual([
    "100-canary: w-1",
    "110-workers-a: w-2 w-3",
    "120-workers-b: w-4",
  ]);
});

test("replicas of one workload are never all in one wave", () => {
  const pods = [pod("web-1", "w-2"), pod("web-2", "w-3"), pod("job-1", "w-4"), pod("job-2", "w-5")];
  const jobs = pods
    .slice(2)
    .map((entry) => ({ ...entry, workload: { apiVersion: "batch/v1", kind: "Job", name: "job" } }));

  const waves = planWaves(
    inventory(workers(5), [...pods.slice(0, 2), ...jobs]),
    plan({ canary: { from: { names: ["w-1"] } }, groups: [{ size: 2 }], ...anySize }),
  );

  expect(printWaves(waves)).toEqual([
    "100-canary: w-1",
    "110-workers-a: w-2",
    "120-workers-b: w-4 w-5",
    "130-workers-c: w-3",
  ]);
});

test("all pods of DNS and all ingress pods are never in one wave, whatever they belong to", () => {
  const dns = (name: string, on: string) => pod(name, on, { labels: { "k8s-app": "kube-dns" } });
  const ingress = (name: string, on: string) =>
    pod(name, on, { images: ["registry.k8s.io/ingress-nginx/controller:v1.11.1"] });
  const pods = [dns("dns-a-1", "w-2"), dns("dns-b-1", "w-3"), ingress("in-a-1", "w-4"), ingress("in-b-1", "w-5")];

  const waves = planWaves(
    inventory(workers(5), pods),
    plan({ canary: { from: { names: ["w-1"] } }, groups: [{ size: 2 }], ...anySize }),
  );

  expect(printWaves(waves)).toEqual(["100-canary: w-1", "110-workers-a: w-2 w-5", "120-workers-b: w-3 w-4"]);
});

test("a wave holds no more pods of a budget than it lets go at once", () => {
  const pods = [pod("web-1", "w-2"), pod("web-2", "w-3"), pod("web-3", "w-4"), pod("web-4", "w-5")];
  const settings = plan({ canary: { from: { names: ["w-1"] } }, groups: [{ size: 3 }], ...anySize });

  expect(
    printWaves(planWaves(inventory(workers(5), pods, [budget("web", { maxUnavailable: 1 })]), settings)),
  ).toHaveLength(5);
  expect(printWaves(planWaves(inventory(workers(5), pods, [budget("web", { maxUnavailable: 2 })]), settings))).toEqual([
    "100-canary: w-1",
    "110-workers-a: w-2 w-3",
    "120-workers-b: w-4 w-5",
  ]);
});

test("a node that alone holds more pods of a budget than may go is in a wave by itself, and loosens no other", () => {
  const pods = ["w-2", "w-2", "w-2", "w-3", "w-4"].map((on, at) => pod(`web-${at}`, on));

  const waves = planWaves(
    inventory(workers(4), pods, [budget("web", { maxUnavailable: 1 })]),
    plan({ canary: { from: { names: ["w-1"] } }, groups: [{ size: 3 }], ...anySize }),
  );

  expect(printWaves(waves)).toEqual([
    "100-canary: w-1",
    "110-workers-a: w-2",
    "120-workers-b: w-3",
    "130-workers-c: w-4",
  ]);
});

test("where strict budgets would more than double the waves, pods go in rounds, and that is said", () => {
  const nodes = workers(41);
  const pods = nodes.slice(1).map((entry, at) => pod(`web-${at}`, entry.name));

  const waves = planWaves(
    inventory(nodes, pods, [budget("web", { maxUnavailable: 1 })]),
    plan({ canary: { from: { names: ["w-1"] } }, groups: [{ size: 10 }], ...anySize }),
  );

  expect(waves.waves.map((wave) => wave.nodes.length)).toEqual(
    [1, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4].slice(0, waves.waves.length),
  );
  expect(findings(waves, "waves/budget-rounds")).toHaveLength(10);
  expect(findings(waves, "waves/budget-rounds")[0]?.data).toEqual({
    wave: "110-workers-a",
    budgets: [{ budget: "default/web", pods: 4, allowed: 1 }],
  });
});

test("a wave is cut smaller until the rest of the cluster has room for its pods", () => {
  const nodes = [...workers(4), node("spare", { allocatable: { cpu: 8 } }), node("tiny", { allocatable: { cpu: 1 } })];
  const pods = [2, 3, 4].map((at) => pod(`web-${at}`, `w-${at}`, { requests: { cpu: 6 } }));

  const waves = planWaves(
    inventory(nodes, [...pods, pod("x-1", "w-1", { requests: { cpu: 6 } })]),
    plan({
      canary: { from: { names: ["tiny"] } },
      groups: [{ names: ["w-1", "w-2", "w-3", "w-4"], size: 4 }],
      ...anySize,
    }),
  );

  expect(waves.waves.map((wave) => wave.nodes.length)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(codes(waves)).not.toContain("waves/no-capacity");
});

test.each([
  [
    "most ordinary means no DNS, ingress, storage, device, taint or cordon",
    "w-5",
    [
      node("w-1", { isUnschedulable: true }),
      node("w-2", { taints: [{ key: "dedicated", effect: "NoSchedule" }] }),
      node("w-3", { allocatable: { "nvidia.com/gpu": 1 } }),
      node("w-4"),
      node("w-5"),
    ],
    [pod("dns-1", "w-4", { labels: { "k8s-app": "kube-dns" } })],
  ],
  [
    "a rare kernel is not ordinary",
    "w-2",
    [
      node("w-1", { nodeInfo: { kernelVersion: "5.4" } }),
      ...[2, 3, 4].map((at) => node(`w-${at}`, { nodeInfo: { kernelVersion: "6.8" } })),
    ],
    [],
  ],
  ["an idle node teaches nothing", "w-2", workers(3), [pod("web-1", "w-2"), pod("web-2", "w-3")]],
  ["few pods would be missed", "w-2", workers(2), [pod("single-1", "w-1"), pod("web-1", "w-2"), pod("web-2", "w-1")]],
])("the canary: %s", (_rule, expected, nodes, pods) => {
  expect(printWaves(planWaves(inventory(nodes, pods), plan()))[0]).toBe(`100-canary: ${expected}`);
});

test("a canary that is not ordinary is said to be so", () => {
  const waves = planWaves(
    inventory(workers(2), [pod("dns-1", "w-2", { labels: { "k8s-app": "kube-dns" } })]),
    plan({ canary: { from: { names: ["w-2"] }, nodes: 2 } }),
  );

  expect(codes(waves)).toEqual([
    "waves/all-replicas",
    "waves/canary-not-ordinary",
    "waves/canary-short",
    "waves/implicit-group",
    "waves/singleton",
  ]);
});

test.each([
  ["waves/no-hostname-label", "it has no label kubernetes.io/hostname", [withoutHostname("x")]],
  ["waves/no-hostname-label", "its hostname label is no label value", [node("x", { hostname: "a b" })]],
  ["waves/duplicate-hostname", "it shares the hostname label x with y", [node("x"), node("y", { hostname: "x" })]],
  [
    "waves/windows-node",
    "it runs windows, where Cilium does not run",
    [node("x", { nodeInfo: { operatingSystem: "windows" } })],
  ],
  ["waves/not-ready", "it is not Ready", [node("x", { isReady: false })]],
  ["waves/excluded-node", "the plan excludes pool spare", [node("x", { pool: "spare" })]],
  ["waves/already-migrated", "it runs on the target already", [node("done")]],
])("%s: a node is left out because %s", (code, why, nodes) => {
  const waves = planWaves(inventory([...workers(2), ...nodes]), plan({ exclude: { pool: "spare" } }), {
    alreadyMigrated: ["done"],
  });

  expect(waves.excluded[0]).toEqual({ node: nodes[0]?.name, why });
  expect(findings(waves, code)).toHaveLength(nodes.length);
  expect(waves.waves.flatMap((wave) => wave.nodes.map((entry) => entry.name))).toEqual(["w-1", "w-2"]);
});

function withoutHostname(name: string): ReturnType<typeof node> {
  const { hostname: _hostname, ...rest } = node(name);
  return rest;
}

test("a cordoned node migrates and is remembered as cordoned", () => {
  const waves = planWaves(inventory([...workers(1), node("w-2", { isUnschedulable: true })]), plan());

  expect(waves.waves[1]?.nodes[0]).toMatchObject({ name: "w-2", wasUnschedulable: true });
  expect(codes(waves)).toContain("waves/cordoned-node");
});

test("names that no node has are errors with the nearest one, misspelt pools too", () => {
  const waves = planWaves(
    inventory(workers(3, { pool: "general" })),
    plan({
      canary: { from: { names: ["w1"] } },
      groups: [
        { pool: "genral", size: 1 },
        { names: ["w-2", "nope"], size: 1 },
      ],
    }),
  );

  expect(findings(waves, "waves/unknown-node").map((finding) => [finding.where?.field, finding.remedy])).toEqual([
    ["spec.waves.canary.from.names[0]", "Did you mean w-1? Names are those of kubectl get nodes"],
    ["spec.waves.groups[1].names[1]", "Did you mean w-1? Names are those of kubectl get nodes"],
  ]);
  expect(findings(waves, "waves/empty-group").map((finding) => finding.remedy)).toEqual([
    "Remove it, or put it before the groups that take its nodes",
    "Did you mean general? The pools of the workers are general",
  ]);
});

test("an empty cluster and one without any fit node say so and give no waves", () => {
  expect(codes(planWaves(inventory([]), plan()))).toEqual(["waves/no-nodes"]);
  const waves = planWaves(inventory([node("x", { isReady: false })]), plan());
  expect(waves.waves).toEqual([]);
  expect(codes(waves)).toEqual(["waves/no-nodes", "waves/not-ready"]);
});

test.each([
  ["error", {}],
  ["error", { mode: "recycle" }],
  ["warning", { mode: "recycle", executor: "manual" }],
] as const)("a cluster of one node is an %s with %j", (severity, roll) => {
  const waves = planWaves(inventory([control("only")]), plan({}, { roll }));

  expect(printWaves(waves)).toEqual(["700-control-plane-a: only"]);
  expect(findings(waves, "waves/single-node").map((finding) => finding.severity)).toEqual([severity]);
});

test("a cluster of control plane nodes has no canary wave", () => {
  const waves = planWaves(inventory([control("c-1"), control("c-2"), control("c-3")]), plan());

  expect(printWaves(waves)).toEqual([
    "700-control-plane-a: c-1",
    "710-control-plane-b: c-2",
    "720-control-plane-c: c-3",
  ]);
  expect(codes(waves)).toEqual(["waves/no-workers"]);
});

test("a group that selects control plane nodes gives them its roll mode, not its place", () => {
  const waves = planWaves(
    inventory([control("c-1"), ...workers(2)]),
    plan({ groups: [{ names: ["c-1"], size: 1, roll: { mode: "recycle" } }] }),
  );

  expect(waves.waves.map((wave) => `${wave.id} ${wave.mode}`)).toEqual([
    "100-canary evict",
    "110-general-a evict",
    "700-control-plane-a recycle",
  ]);
  expect(codes(waves)).toContain("waves/control-plane-last");
});

test("a budget that allows nothing blocks a drain by name, and is told of when recycling", () => {
  const cluster = inventory(workers(2), [pod("db-1", "w-1"), pod("db-2", "w-2")], [budget("db", { minAvailable: 2 })]);

  const [blocked] = findings(planWaves(cluster, plan()), "waves/budget-blocks-drain");
  const [told] = findings(planWaves(cluster, plan({}, { roll: { mode: "recycle" } })), "waves/budget-blocks-drain");

  expect(blocked).toEqual({
    code: "waves/budget-blocks-drain",
    severity: "error",
    message:
      "The PodDisruptionBudget default/db allows no disruption of Deployment/default/db, so w-1, w-2 cannot be drained",
    where: {
      file: "objects.yaml",
      line: 1,
      column: 1,
      object: "PodDisruptionBudget/default/db",
      field: "spec",
    },
    reason:
      "2 of 2 are healthy and 2 must stay; the eviction API refuses until that changes, and the roll stops when its drain times out",
    remedy:
      "Give Deployment/default/db one replica more than the budget keeps (3), or let the budget say maxUnavailable: 1; or set roll: { mode: recycle } for the group of these nodes, which restarts pods in place",
    data: {
      budget: "default/db",
      workloads: ["Deployment/default/db"],
      nodes: ["w-1", "w-2"],
      waves: ["100-canary", "110-general-a"],
      expectedPods: 2,
      currentHealthy: 2,
      desiredHealthy: 2,
    },
  });
  expect(told?.severity).toBe("warning");
});

test("a budget that waits for unready pods asks for those first", () => {
  const pods = [pod("db-1", "w-1"), pod("db-2", "w-2", { isReady: false }), pod("db-3", "w-1")];
  const waves = planWaves(inventory(workers(2), pods, [budget("db", { minAvailable: 2 })]), plan());

  expect(findings(waves, "waves/budget-blocks-drain")[0]?.remedy).toBe(
    "Bring the pods back that are not ready (default/db-2), then take the inventory again; unhealthyPodEvictionPolicy: AlwaysAllow lets unready pods go; or set roll: { mode: recycle } for the group of these nodes, which restarts pods in place",
  );
});

test("a pod under two budgets cannot be evicted", () => {
  const second = raw({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { namespace: "default", name: "all" },
    spec: { selector: {}, maxUnavailable: 1 },
  });
  const waves = planWaves(
    inventory(workers(2), [pod("db-1", "w-1"), pod("db-2", "w-2")], [budget("db", { maxUnavailable: 1 }), second]),
    plan(),
  );

  expect(findings(waves, "waves/budget-overlap").map((finding) => [finding.severity, finding.data])).toEqual([
    ["error", { budgets: ["default/db", "default/all"], workloads: ["Deployment/default/db"] }],
  ]);
});

test("without budgets in the inventory that is said once", () => {
  const cluster = { ...inventory(workers(2)), kindsSeen: new Set(["Node", "Pod"]) };

  expect(codes(planWaves(cluster, plan()))).toEqual(["waves/budgets-unknown", "waves/implicit-group"]);
});

const hostPath = { kind: "hostPath", name: "data", path: "/data" } as const;
const emptyDir = { kind: "emptyDir", name: "tmp" } as const;
const twoDb = (given: Parameters<typeof pod>[2]) => [pod("db-1", "w-1", given), pod("db-2", "w-2", given)];

test.each([
  ["a bare pod cannot be moved", {}, [barePod("lonely", "w-1")], "waves/bare-pod", "error"],
  [
    "a bare pod may be lost if the plan says so",
    { deleteBarePods: true },
    [barePod("lonely", "w-1")],
    "waves/bare-pod-lost",
    "warning",
  ],
  ["data on the node waits for it", {}, twoDb({ volumes: [hostPath] }), "waves/local-storage", "warning"],
  [
    "data on the node goes with the machine",
    { mode: "replace", executor: "manual" },
    twoDb({ volumes: [hostPath] }),
    "waves/local-storage-lost",
    "error",
  ],
  ["emptyDir content is lost", {}, twoDb({ volumes: [emptyDir] }), "waves/empty-dir-lost", "info"],
  [
    "emptyDir content may not be lost",
    { deleteEmptyDirData: false },
    twoDb({ volumes: [emptyDir] }),
    "waves/empty-dir",
    "error",
  ],
  [
    "a recycled Never pod ends for good",
    { mode: "recycle" },
    twoDb({ restartPolicy: "Never" }),
    "waves/restart-never",
    "warning",
  ],
  ["an evicted Never pod starts anew", {}, twoDb({ restartPolicy: "Never" }), "waves/restart-never", "info"],
  ["a grace longer than a drain", {}, twoDb({ terminationGracePeriodSeconds: 3600 }), "waves/long-grace", "warning"],
  [
    "no room",
    {},
    [pod("db-1", "w-1", { requests: { cpu: 6 } }), pod("db-2", "w-2", { requests: { cpu: 6 } })],
    "waves/no-capacity",
    "error",
  ],
  [
    "nowhere else to run",
    {},
    twoDb({ nodeSelector: { "kubernetes.io/hostname": "w-1" } }).slice(0, 1),
    "waves/returns-to-its-node",
    "warning",
  ],
  ["all replicas on one node", {}, [pod("db-1", "w-1"), pod("db-2", "w-1")], "waves/all-replicas", "warning"],
  ["one replica only", {}, [pod("db-1", "w-1")], "waves/singleton", "info"],
] as const)("%s", (_rule, roll, pods, code, severity) => {
  const waves = planWaves(inventory(workers(2), pods), plan({}, { roll }));

  expect([...new Set(findings(waves, code).map((finding) => finding.severity))]).toEqual([severity]);
});

test("recycling keeps bare pods, local data and crowded nodes where they are", () => {
  const pods = [barePod("lonely", "w-1"), ...twoDb({ volumes: [hostPath, emptyDir], requests: { cpu: 6 } })];

  expect(codes(planWaves(inventory(workers(2), pods), plan({}, { roll: { mode: "recycle" } })))).toEqual([
    "waves/implicit-group",
  ]);
});

test("the only control plane node is not rebooted unseen", () => {
  const waves = planWaves(
    inventory([control("c-1"), ...workers(2)]),
    plan({}, { roll: { mode: "reboot", executor: "kured" } }),
  );

  expect(codes(waves)).toContain("waves/single-control-plane");
});

test("a wave shows its nodes, workloads and how long it takes", () => {
  const pods = [
    pod("web-1", "w-2", { terminationGracePeriodSeconds: 60 }),
    pod("web-2", "w-1"),
    barePod("lonely", "w-2"),
    pod("agent-1", "w-2", {
      owner: { apiVersion: "apps/v1", kind: "DaemonSet", name: "agent" },
      workload: { apiVersion: "apps/v1", kind: "DaemonSet", name: "agent" },
      ports: [{ containerPort: 9, hostPort: 9, protocol: "TCP" }],
    }),
    pod("proxy-1", "w-2", { isHostNetwork: true }),
    pod("done-1", "w-2", { phase: "Succeeded" }),
    pod("static-1", "w-2", { isMirror: true }),
  ];

  const waves = planWaves(
    inventory([node("w-1"), node("w-2", { hostname: "w-2.internal", zone: "z1" })], pods, [
      budget("web", { maxUnavailable: 1 }),
    ]),
    plan({ soakSeconds: 100, groups: [{ size: 1 }] }, { roll: { deleteBarePods: true } }),
  );

  expect(waves.waves[1]).toEqual({
    id: "110-workers-a",
    title: "workers, wave a",
    group: "workers",
    nodes: [
      {
        name: "w-2",
        hostname: "w-2.internal",
        pool: "general",
        zone: "z1",
        isControlPlane: false,
        wasUnschedulable: false,
        podsToMove: 2,
        daemonSetPods: 1,
        barePods: ["default/lonely"],
        localStoragePods: [],
        hostPorts: [9],
      },
    ],
    mode: "evict",
    workloads: [{ workload: "Deployment/default/web", replicas: 2, replicasInWave: 1, budgets: ["default/web"] }],
    // soak 100 + agent 60 + gate 30 + grace 60 + 2 evictions of 3 s + 1 DaemonSet pod of 5 s
    estimateSeconds: 261,
    zones: ["z1"],
    rule: "every node; at most 1 in a wave and 10% away; one zone in a wave",
    isLocked: false,
  });
});

test("a new wave among rendered ones gets a number between, and no other is renamed", () => {
  const groups = [
    { pool: "a", size: 1 },
    { pool: "b", size: 1 },
  ];
  const settings = plan({ groups });
  const nodes = [node("a-1", { pool: "a" }), node("a-2", { pool: "a" }), node("b-1", { pool: "b" })];
  const before = planWaves(inventory(nodes), settings);
  const locked = plan({ groups }, { stages: { "100-canary": { state: "done" } } });

  const after = planWaves(inventory([...nodes, node("a-3", { pool: "a" }), control("c-1")]), locked, {
    renderedWaves: rendered(before),
  });

  expect(printWaves(before)).toEqual(["100-canary: a-1", "110-a-a: a-2", "200-b-a: b-1"]);
  expect(printWaves(after)).toEqual([
    "100-canary: a-1",
    "110-a-a: a-2",
    "120-a-b: a-3",
    "200-b-a: b-1",
    "700-control-plane-a: c-1",
  ]);
});

test("a rule that changed frees the waves that are still held, and no other", () => {
  const cluster = inventory(workers(5));
  const before = planWaves(cluster, plan({ groups: [{ size: 1 }], ...anySize }));
  const changed = plan(
    { groups: [{ size: 3 }], ...anySize },
    { stages: { "100-canary": { state: "done" }, "110-workers-a": { state: "open" } } },
  );

  const after = planWaves(cluster, changed, { renderedWaves: rendered(before) });

  expect(printWaves(after)).toEqual(["100-canary: w-1", "110-workers-a: w-2", "120-workers-b: w-3 w-4 w-5"]);
});

test("a node that left the cluster stays in its opened wave and leaves a held one", () => {
  const cluster = inventory(workers(3));
  const settings = plan({ groups: [{ size: 1 }] });
  const before = planWaves(cluster, settings);
  const opened = plan({ groups: [{ size: 1 }] }, { stages: { "110-workers-a": { state: "done" } } });

  const after = planWaves(inventory([node("w-1")]), opened, { renderedWaves: rendered(before) });

  expect(printWaves(after)).toEqual(["100-canary: w-1", "110-workers-a: w-2"]);
  expect(after.waves[1]?.nodes[0]).toMatchObject({ name: "w-2", isGone: true });
  expect(codes(after)).toEqual(["waves/node-gone", "waves/single-node"]);
});

test("an opened wave whose rendered form is missing is a guess, and said to be one", () => {
  const waves = planWaves(inventory(workers(2)), plan({}, { stages: { "100-canary": { state: "open" } } }));

  expect(findings(waves, "waves/no-record")).toHaveLength(1);
});

test("a wave that goes before all rendered ones leaves the number after the canary to the stage for new nodes", () => {
  const nodes = [...workers(3, { pool: "b" }), node("a-1", { pool: "a" })];
  const before = planWaves(inventory(nodes.slice(0, 3)), plan({ groups: [{ pool: "b", size: 1 }] }));

  const after = planWaves(
    inventory(nodes),
    plan({
      groups: [
        { pool: "a", size: 1 },
        { pool: "b", size: 1 },
      ],
    }),
    { renderedWaves: rendered(before) },
  );

  expect(printWaves(after)).toEqual(["100-canary: w-1", "107-a-a: a-1", "110-b-a: w-2", "120-b-b: w-3"]);
});

test.each([
  ["a count that is no number", { minAvailable: "many" }, 1],
  ["a count below nothing", { maxUnavailable: -1 }, 1],
  ["a count in quotes, which Kubernetes reads", { minAvailable: "3" }, 0],
  ["a percentage", { maxUnavailable: "50%" }, 0],
])("a budget with %s is told when nobody can read it", (_name, spec, told) => {
  const unreadable = {
    code: "waves/budget-invalid",
    severity: "warning",
    message:
      "The PodDisruptionBudget default/web has a minAvailable or maxUnavailable that is neither a count nor a percentage",
    where: { file: "objects.yaml", object: "PodDisruptionBudget/default/web", field: "spec" },
    remedy: "Write a whole number or a percentage such as 50%",
  };
  const waves = planWaves(inventory(workers(2), [pod("web-1", "w-1")], [budget("web", spec)]), plan());

  expect(findings(waves, "waves/budget-invalid")).toMatchObject(Array(told).fill(unreadable));
});

test("waves that the plan's budget makes smaller than the group's size are told, and fitting ones not", () => {
  const cluster = inventory(workers(20));
  const sized = (size: number) => planWaves(cluster, plan({ groups: [{ size }] }));

  expect(findings(sized(9), "waves/size-limited")).toEqual([
    {
      code: "waves/size-limited",
      severity: "info",
      message: "Waves of workers hold at most 2 nodes, not 9",
      where: { file: "plan.yaml", field: "spec.waves.budget.maxUnavailable" },
      reason: "maxUnavailable is 10% of 20 nodes",
      remedy: "Raise spec.waves.budget.maxUnavailable, or leave it: smaller waves are safer",
      data: { group: "workers", size: 9, maxUnavailable: 2 },
    },
  ]);
  expect(findings(sized(2), "waves/size-limited")).toEqual([]);
});

test("a node under pressure is in its wave with a warning, a node that is not Ready is told by that alone", () => {
  const nodes = [
    node("w-1", { unhealthyConditions: ["DiskPressure", "PIDPressure"] }),
    node("w-2"),
    node("w-3", { isReady: false, unhealthyConditions: ["NotReady", "MemoryPressure"] }),
  ];
  const waves = planWaves(inventory(nodes), plan());

  expect(findings(waves, "waves/unhealthy-node")).toMatchObject([
    {
      severity: "warning",
      message: "The node w-1 reports DiskPressure, PIDPressure",
      where: { object: "Node/w-1", field: "status.conditions" },
      remedy: "Look at it before its wave is opened: a node under pressure refuses pods",
    },
  ]);
  expect(waves.waves.flatMap((wave) => wave.nodes.map(({ name }) => name))).toEqual(["w-1", "w-2"]);
  expect(findings(waves, "waves/not-ready")).toHaveLength(1);
});
