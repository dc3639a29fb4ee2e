import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exampleProject, type Project } from "./project.ts";
import { runCommand } from "./run-command.ts";

interface BadInput {
  readonly what: string;
  readonly spoil: (project: Project) => void;
  /** Findings that must be told; each names its remedy. */
  readonly codes: readonly string[];
  /** Findings that would say the same once more. */
  readonly notTold?: readonly string[];
  readonly exitCode: 0 | 1 | 2;
  readonly writes: boolean;
}

const plan = "plans/kind-canal.yaml";
const nodes = "inventory/kind-canal/nodes.yaml";

const daemonSet = (name: string, container: string, image: string): string => `apiVersion: apps/v1
kind: DaemonSet
metadata: { name: ${name}, namespace: kube-system }
spec:
  selector: { matchLabels: { k8s-app: ${name} } }
  template:
    metadata: { labels: { k8s-app: ${name} } }
    spec:
      hostNetwork: true
      containers: [{ name: ${container}, image: "${image}" }]
status: { currentNumberScheduled: 5, desiredNumberScheduled: 5, numberMisscheduled: 0, numberReady: 5 }
`;

const ciliumOnOneNode = `${daemonSet("cilium", "cilium-agent", "quay.io/cilium/cilium:v1.20.2")}---
apiVersion: v1
kind: ConfigMap
metadata: { name: cilium-config, namespace: kube-system }
data: { ipam: cluster-pool, cluster-pool-ipv4-cidr: 10.245.0.0/16 }
---
apiVersion: cilium.io/v2
kind: CiliumNode
metadata: { name: kind-worker2 }
spec: { ipam: { podCIDRs: [10.245.0.0/24] } }
`;

const inputs: readonly BadInput[] = [
  {
    what: "an empty directory",
    spoil: (project) => {
      project.remove("inventory/kind-canal");
      mkdirSync(project.inventory);
    },
    codes: ["inventory/empty"],
    exitCode: 2,
    writes: false,
  },
  {
    what: "no directory at all",
    spoil: (project) => project.remove("inventory/kind-canal"),
    codes: ["io/no-such-file"],
    notTold: ["inventory/empty"],
    exitCode: 2,
    writes: false,
  },
  {
    what: "no nodes",
    spoil: (project) => project.remove(nodes),
    codes: ["inventory/no-nodes", "waves/no-nodes"],
    exitCode: 1,
    writes: false,
  },
  {
    what: "two networks at once",
    spoil: (project) => {
      project.replace(plan, "source: canal", "source: auto");
      project.append("inventory/kind-canal/weave.yaml", daemonSet("weave-net", "weave", "weaveworks/weave-kube:2.8.1"));
    },
    codes: ["source/ambiguous"],
    exitCode: 1,
    writes: false,
  },
  {
    what: "a cluster that somebody began to migrate by hand",
    spoil: (project) => project.append("inventory/kind-canal/cilium.yaml", ciliumOnOneNode),
    codes: ["source/half-migrated"],
    exitCode: 0,
    writes: true,
  },
  {
    what: "a source that somebody removed by hand half way",
    spoil: (project) => {
      project.keep("inventory/kind-canal/daemonsets.yaml", (name) => name !== "canal");
      project.keep("inventory/kind-canal/pods.yaml", (name) => !name.startsWith("canal-"));
    },
    codes: ["source/agent-missing", "migration/live-refused"],
    exitCode: 1,
    writes: false,
  },
  {
    what: "a source in the plan that is not the inventory's",
    spoil: (project) => project.replace(plan, "source: canal", "source: weave"),
    codes: ["source/plan-contradicts-inventory"],
    exitCode: 1,
    writes: true,
  },
  {
    what: "an inventory of two clusters",
    spoil: (project) =>
      project.append(
        "inventory/kind-canal/version-of-another.yaml",
        "clientVersion: {gitVersion: v1.33.0}\nserverVersion: {gitVersion: v1.29.4, major: '1', minor: '29'}\n",
      ),
    codes: ["inventory/two-clusters"],
    exitCode: 1,
    writes: true,
  },
  {
    what: "a new pool inside the old one",
    spoil: (project) => project.replace(plan, "podCIDRs: [ 10.245.0.0/16 ]", "podCIDRs: [ 10.244.128.0/17 ]"),
    codes: ["target/pod-cidr-overlaps"],
    exitCode: 1,
    writes: true,
  },
  {
    what: "an IPv6 pool for a cluster without IPv6",
    spoil: (project) => project.replace(plan, "podCIDRs: [ 10.245.0.0/16 ]", 'podCIDRs: [ "fd00:10::/104" ]'),
    codes: ["target/pod-cidr-family"],
    exitCode: 1,
    writes: true,
  },
  {
    what: "a Windows node",
    spoil: (project) => {
      project.replace(nodes, "kubernetes.io/os: linux\n      node-role", "kubernetes.io/os: windows\n      node-role");
      project.replace(nodes, "operatingSystem: linux", "operatingSystem: windows");
    },
    codes: ["waves/windows-node"],
    exitCode: 0,
    writes: true,
  },
  {
    what: "a node that does not exist",
    spoil: (project) => project.replace(plan, "- { pool: general, size: 1 }", "- { names: [ kind-wroker ], size: 1 }"),
    codes: ["waves/unknown-node"],
    exitCode: 1,
    writes: true,
  },
  {
    what: "a plan that is not YAML",
    spoil: (project) => project.replace(plan, "  target:", "  target: ["),
    codes: ["plan/invalid-yaml"],
    exitCode: 2,
    writes: false,
  },
  {
    what: "a key with a typing error",
    spoil: (project) => project.replace(plan, "strategy: live", "stratgy: live"),
    codes: ["plan/unknown-key"],
    exitCode: 2,
    writes: false,
  },
];

test.each(inputs)("$what is told, and nothing is half-written", async ({ spoil, codes, notTold, exitCode, writes }) => {
  const project = exampleProject();
  spoil(project);
  const run = await runCommand("synth", "--plan", project.plan, "--out", project.out);

  for (const code of codes) expect(run.error).toContain(code);
  for (const code of notTold ?? []) expect(run.error).not.toContain(code);
  expect(run.error).not.toMatch(/\n\s+at .*:\d+:\d+|This is a bug/u);
  expect(run.exitCode).toBe(exitCode);
  const written = project.written();
  expect(written.includes("kind-canal/PLAN.md")).toBe(writes);
  expect(written.filter((path) => /\.tmp|partial/u.test(path))).toEqual([]);
});

test("a file that somebody edited by hand is kept, until one asks for it to be overwritten", async () => {
  const project = exampleProject();
  const synth = ["synth", "--plan", project.plan, "--out", project.out] as const;
  expect((await runCommand(...synth)).exitCode).toBe(0);
  project.append("dist/kind-canal/PLAN.md", "a note of mine\n");

  const refused = await runCommand(...synth);
  const kept = readFileSync(join(project.out, "kind-canal/PLAN.md"), "utf8");
  const overwritten = await runCommand(...synth, "--overwrite-edited");

  expect(refused.exitCode).toBe(1);
  expect(refused.error).toContain("kind-canal/PLAN.md");
  expect(refused.error).toContain("--overwrite-edited");
  expect(kept).toMatch(/a note of mine\n$/u);
  expect(overwritten.exitCode).toBe(0);
  expect(readFileSync(join(project.out, "kind-canal/PLAN.md"), "utf8")).not.toContain("a note of mine");
});

test("one node alone cannot be migrated without an outage, and the plan says so", async () => {
  const project = exampleProject();
  const text = readFileSync(join(project.folder, nodes), "utf8");
  const end = text.indexOf("- apiVersion: v1", text.indexOf("- apiVersion: v1") + 1);
  project.remove(nodes);
  project.append(nodes, text.slice(0, end).concat("kind: List\n"));
  const run = await runCommand("synth", "--plan", project.plan, "--out", project.out);

  expect(run.exitCode).toBe(1);
  expect(run.error).toContain("error    waves/");
});

test("an inventory that is named by its absolute path is found", async () => {
  const project = exampleProject();
  project.replace(plan, "inventory: ../inventory/kind-canal", `inventory: ${project.inventory}`);
  const run = await runCommand("synth", "--plan", project.plan, "--out", project.out);

  expect(run.exitCode).toBe(0);
  expect(project.written()).toContain("kind-canal/PLAN.md");
});

test("a tree that is there stays as it is when the next inventory stops the plan", async () => {
  const project = exampleProject();
  const synth = ["synth", "--plan", project.plan, "--out", project.out] as const;
  await runCommand(...synth);
  const texts = (): readonly string[] =>
    project
      .written()
      .filter((path) => /\.(?:md|yaml|json)$/u.test(path))
      .map((path) => `${path}\n${readFileSync(join(project.out, path), "utf8")}`);
  const before = texts();

  for (const spoil of [() => project.remove(nodes), () => project.remove("inventory/kind-canal")]) {
    spoil();
    const run = await runCommand(...synth);

    expect(run.exitCode).toBeGreaterThan(0);
    expect(texts()).toEqual(before);
  }
});
