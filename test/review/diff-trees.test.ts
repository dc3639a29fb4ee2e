import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FileTree } from "../../lib/core/file-tree.ts";
import { renderDiffText } from "../../lib/review/diff-text.ts";
import { diffTrees, isEmptyDiff } from "../../lib/review/diff-trees.ts";
import { valuesText } from "../../lib/target/values-text.ts";
import type { Wave } from "../../lib/waves/waves.ts";
import { type FixtureOptions, fixture, states } from "../delivery/fixture.ts";

const done3 = ["done", "done", "done"] as const;

function diff(before: FixtureOptions, after: FixtureOptions): ReturnType<typeof diffTrees> {
  return diffTrees(fixture(before).tree, fixture(after).tree);
}

test("a tree does not differ from itself", () => {
  const tree = fixture({ stages: states(...done3, "open") }).tree;
  const result = diffTrees(tree, new Map(tree));

  expect(isEmptyDiff(result)).toBe(true);
  expect(result).toEqual({
    apiVersion: "metachron.dev/v1alpha1",
    kind: "PlanDiff",
    summary: { stages: 0, nodes: 0, workloads: 0, values: 0, policies: 0, files: 0, unexpected: 0 },
    stages: [],
    nodes: [],
    applied: [],
    workloads: [],
    values: [],
    objects: [],
    files: [],
  });
  expect(renderDiffText(result)).toBe("Nothing changes.\n");
});

test("any tree of texts does not differ from itself, and differs in exactly the files that were changed", () => {
  const paths = fc.constantFrom(
    "p/stages/100-a/10-x.yaml",
    "p/stages/100-a/STAGE.md",
    "p/stages/100-a/undo/1.yaml",
    "p/argocd/apps/100-a.yaml",
    "p/flux/kustomizations/cilium-helmrelease.yaml",
    "p/PLAN.md",
    "p/argocd/bootstrap/1.yaml",
  );
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("kind: Job\nmetadata: {name: a}\n", "a: [", "spec: {values: {a: 1}}\n"),
  );
  const trees = fc.dictionary(paths, texts).map((files): FileTree => new Map(Object.entries(files)));
  fc.assert(
    fc.property(trees, trees, (before, after) => {
      const all = new Set([...before.keys(), ...after.keys()]);
      const changed = [...all].filter((path) => before.get(path) !== after.get(path)).sort();

      expect(isEmptyDiff(diffTrees(before, new Map(before)))).toBe(true);
      expect(diffTrees(before, after).files.map((file) => file.path)).toEqual(changed);
    }),
    { numRuns: 60 },
  );
});

test.each<[string, FixtureOptions, FixtureOptions]>([
  ["opening-a-wave", { stages: states(...done3) }, { stages: states(...done3, "open") }],
  ["closing-a-wave", { stages: states(...done3, "open") }, { stages: states(...done3, "done") }],
  ["taking-a-wave-back", { stages: states(...done3, "done") }, { stages: states(...done3, "rollback") }],
  [
    "another-attempt",
    { stages: states(...done3, "open") },
    { stages: states(...done3, { state: "open", attempt: 2 }), drainSeconds: 900 },
  ],
  ["opening-finalise", { stages: states(...done3, "done") }, { stages: states(...done3, "done", "open") }],
  ["a-node-joins-a-held-wave", { stages: states(...done3) }, { stages: states(...done3), nodes: ["node-a", "node-b"] }],
  [
    "a-node-joins-a-done-wave",
    { stages: states(...done3, "done") },
    { stages: states(...done3, "done"), nodes: ["node-a", "node-b"] },
  ],
  ["two-changes-at-once", { stages: states() }, { stages: states("open"), nodes: ["node-b"] }],
])("text of %s", async (name, before, after) => {
  await expect(renderDiffText(diff(before, after))).toMatchFileSnapshot(`golden/${name}.txt`);
});

test("opening a stage explains exactly its engine objects and the pages", () => {
  const result = diff({ stages: states(...done3) }, { stages: states(...done3, "open") });

  expect(result.files.map((file) => [file.path, file.isExpected])).toEqual([
    ["prod-eu/argocd/apps/100-canary.yaml", true],
    ["prod-eu/flux/kustomizations/100-canary.yaml", true],
    ["prod-eu/stages/100-canary/STAGE.md", true],
  ]);
});

describe("what a change of state does not explain", () => {
  const before = fixture({ stages: states(...done3) });
  const after = fixture({ stages: states(...done3, "open") });

  test.each([
    ["prod-eu/stages/800-finalise/values.yaml", "stage 800-finalise is rendered anew together with a change of state"],
    [
      "prod-eu/stages/000-prepare/00-namespace-metachron.yaml",
      "stage 000-prepare is done: its body was reviewed and is frozen",
    ],
    ["prod-eu/argocd/apps/000-prepare.yaml", "stage 000-prepare does not change its state"],
    ["prod-eu/argocd/apps/cilium.yaml", "no stage that changes the release changes its state"],
    ["prod-eu/flux/bootstrap/20-clusterrole.yaml", "what a person applies once changes together with a state"],
  ])("%s", (path, why) => {
    const tree = new Map(after.tree).set(path, `${after.tree.get(path) ?? ""}# edited\n`);
    const unexpected = diffTrees(before.tree, tree).files.filter((file) => !file.isExpected);

    expect(unexpected).toEqual([{ path, change: "changed", isExpected: false, why }]);
  });
});

test("states come from the plans where they are given, as plain kubectl has no engine objects", () => {
  const delivery = { engines: ["kubectl"] };
  const before = fixture({ delivery, stages: states("open") });
  const after = fixture({ delivery, stages: states("done") });
  const plans = { before: before.plan, after: after.plan };

  expect(diffTrees(before.tree, after.tree).stages).toEqual([]);
  expect(diffTrees(before.tree, after.tree, { plans }).stages).toEqual([
    { stage: "000-prepare", before: { state: "open", attempt: 1 }, after: { state: "done", attempt: 1 }, nodes: 0 },
  ]);
});

test("workloads of an opened wave are told where the waves are known", () => {
  const workload = { workload: "Deployment/shop/web", replicas: 3, replicasInWave: 1, budgets: ["shop/web"] };
  const wave: Wave = {
    id: "100-canary",
    title: "Canary",
    group: "canary",
    nodes: [],
    mode: "evict",
    workloads: [workload],
    estimateSeconds: 60,
    zones: [],
    rule: "canary",
    isLocked: false,
  };
  const [before, after] = [fixture({ stages: states(...done3) }), fixture({ stages: states(...done3, "open") })];

  expect(diffTrees(before.tree, after.tree, { waves: [wave] }).workloads).toEqual([
    { stage: "100-canary", ...workload },
  ]);
});

test("values are told key by key with the reason that stands beside them in the file", () => {
  const text = (devices: string, port: number | undefined): string =>
    valuesText(
      [
        { path: ["devices"], value: devices, why: "Detection would pick flannel.1." },
        { path: ["operator", "replicas"], value: 2, why: "Two, on different nodes." },
        ...(port === undefined ? [] : [{ path: ["tunnelPort"], value: port, why: "8472 is the source's." }]),
        { path: ["affinity"], value: { a: { b: [devices] } }, why: "Where agents run." },
        { path: ["odd key: x"], value: devices, why: "A key that needs quotes." },
      ],
      ["Values of the dormant install."],
    );
  const path = "prod-eu/stages/010-cilium/values.yaml";
  const result = diffTrees(new Map([[path, text("eth0", undefined)]]), new Map([[path, text("eth1", 8473)]]));

  expect(result.values).toEqual([
    { scope: "010-cilium", path: "affinity.a.b", before: ["eth0"], after: ["eth1"], reason: "Where agents run." },
    { scope: "010-cilium", path: "devices", before: "eth0", after: "eth1", reason: "Detection would pick flannel.1." },
    { scope: "010-cilium", path: "odd key: x", before: "eth0", after: "eth1", reason: "A key that needs quotes." },
    { scope: "010-cilium", path: "tunnelPort", after: 8473, reason: "8472 is the source's." },
  ]);
});

test("an object in undo/ is told apart from one of the same name in the stage", () => {
  const config = (value: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: pods\n  namespace: metachron\ndata:\n  a: ${value}\n`;
  const tree = (own: string, undo: string): FileTree =>
    new Map([
      ["p/stages/100-a/10-pods.yaml", config(own)],
      ["p/stages/100-a/undo/10-pods.yaml", config(undo)],
    ]);

  expect(
    diffTrees(tree("one", "two"), tree("three", "four")).objects.map((object) => [object.file, object.fields]),
  ).toEqual([
    ["p/stages/100-a/10-pods.yaml", [{ path: "data.a", before: "one", after: "three" }]],
    ["p/stages/100-a/undo/10-pods.yaml", [{ path: "data.a", before: "two", after: "four" }]],
  ]);
});

test("a new chart version is told once, whichever engine carries it", () => {
  const chart = { source: "https", repository: "https://helm.cilium.io", name: "cilium", version: "1.20.3" } as const;
  for (const engine of ["argocd", "flux"]) {
    const delivery = { engines: [engine] };
    const stages = states("done", "open");

    expect(diff({ stages, delivery }, { stages, delivery, chart }).chart).toEqual({
      before: "cilium 1.20.2",
      after: "cilium 1.20.3",
    });
  }
});

test("where several plans change, stages are named with their plan's folder", () => {
  const [before, after] = [fixture({}), fixture({ stages: states("open") })];
  const other = (tree: FileTree): [string, string][] =>
    [...tree].map(([path, text]) => [path.replace(/^prod-eu/u, "test-eu"), text]);
  const result = diffTrees(
    new Map([...before.tree, ...other(before.tree)]),
    new Map([...after.tree, ...other(after.tree)]),
  );

  expect(result.stages.map((stage) => stage.stage)).toEqual(["prod-eu/000-prepare", "test-eu/000-prepare"]);
  expect(result.summary).toMatchObject({ stages: 2, files: 6, unexpected: 0 });
  expect(
    diffTrees(new Map([...before.tree, ...other(before.tree)]), new Map([...after.tree, ...other(before.tree)])).stages,
  ).toMatchObject([{ stage: "000-prepare" }]);
});

test("colour changes no text", () => {
  const result = diff({ stages: states() }, { stages: states("open"), nodes: ["node-b"] });
  const coloured = renderDiffText(result, { useColor: true });
  const esc = String.fromCharCode(27);

  expect(coloured).toContain(`${esc}[31mFILES THAT THE CHANGE OF STATE DOES NOT EXPLAIN (5)${esc}[0m`);
  expect(
    coloured
      .split(esc)
      .map((part, at) => (at === 0 ? part : part.replace(/^\[\d+m/u, "")))
      .join(""),
  ).toBe(renderDiffText(result));
});

test("policies are told by object", () => {
  const base = fixture({ stages: states() });
  const path = "prod-eu/stages/030-policies/15-ciliumnetworkpolicy-allow-web.yaml";
  const tree = new Map(base.tree).set(path, (base.tree.get(path) ?? "").replace("- cluster", "- world"));
  const policies = diffTrees(base.tree, tree).objects.filter((object) => object.isPolicy);

  expect(policies).toEqual([
    {
      object: "CiliumNetworkPolicy/shop/allow-web",
      file: path,
      stage: "030-policies",
      change: "changed",
      isPolicy: true,
      fields: [{ path: "spec.ingress[0].fromEntities", before: ["cluster"], after: ["world"] }],
    },
  ]);
});
