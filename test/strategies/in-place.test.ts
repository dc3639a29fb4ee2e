import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasError } from "../../lib/core/finding.ts";
import type { JsonObject } from "../../lib/core/json.ts";
import { planMigration } from "../../lib/migration/plan-migration.ts";
import { nothingRendered } from "../../lib/stages/rendered-stages.ts";
import { estimateOutage } from "../../lib/waves/outage.ts";
import { inventoryOf, node } from "../source/inventories.ts";
import { plan } from "../target/cluster.ts";
import { page, planRoute, planRouteWith, told } from "./route.ts";

const golden = join(import.meta.dirname, "golden/kube-router-in-place");

describe("in place, from Kube-Router", async () => {
  const { migration, tree, findings } = await planRoute("kube-router-in-place");
  const root = "kube-router-in-place";

  test("makes every stage, with nothing that blocks", () => {
    expect(hasError(findings)).toBe(false);
    expect(migration.stages.map((stage) => stage.id)).toEqual([
      "000-prepare",
      "010-cilium",
      "050-freeze",
      "100-switch",
      "800-finalise",
      "820-validate",
      "900-remove-kube-router",
    ]);
  });

  test.each([
    "PLAN.md",
    "stages/010-cilium/values.yaml",
    "stages/050-freeze/CHECKLIST.md",
    "stages/100-switch/STAGE.md",
    "stages/100-switch/WAY-BACK.md",
    "stages/100-switch/source-objects.yaml",
  ])("writes %s", async (path) => {
    await expect(page(tree, `${root}/${path}`)).toMatchFileSnapshot(join(golden, path.replaceAll("/", "-")));
  });

  test("prints the outage before anything else", () => {
    expect(page(tree, `${root}/PLAN.md`).split("\n")[2]).toMatch(/^## The outage: about \d+ min$/u);
  });

  test("deletes in the outage what must not run beside Cilium, and everything else at the end", () => {
    const removal = (stage: string, job: string): readonly string[] =>
      (
        /^ {2}removal: \|\n((?: {4}.*\n)+)/mu.exec(
          tree.get(`${root}/stages/${stage}/08-configmap-pods-${job}-${stage}.yaml`) ?? "",
        )?.[1] ?? ""
      )
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "");

    expect(removal("100-switch", "switch")).toEqual(["agents|daemonsets.apps|kube-system|kube-router|no"]);
    expect(removal("900-remove-kube-router", "remove")).not.toContain(
      "agents|daemonsets.apps|kube-system|kube-router|no",
    );
    expect(removal("900-remove-kube-router", "remove")[0]).toBe(
      "bridge-policy|daemonsets.apps|metachron|metachron-images|no",
    );
  });

  test("every engine installs the chart twice: agents that wait, then the final values", async () => {
    const opened = await planRoute("kube-router-in-place", [
      "stages: {}",
      "stages: { 000-prepare: { state: done }, 010-cilium: { state: open } }",
    ]);

    expect(opened.tree.get(`${root}/argocd/apps/cilium.yaml`)).toContain(`metachron.dev/cilium: "yes"`);
    expect(opened.tree.get(`${root}/flux/kustomizations/cilium-helmrelease.yaml`)).toMatch(
      /metachron\.dev\/cilium: "?yes"?/u,
    );
    expect(page(tree, `${root}/stages/800-finalise/values.yaml`)).not.toContain("metachron.dev/cilium");
  });

  test("policies are Valid before the outage, where the source enforces some", async () => {
    const calico = await planRoute("calico-in-place");
    const ids = calico.migration.stages.map((stage) => stage.id);

    expect(ids.indexOf("030-policies")).toBeLessThan(ids.indexOf("100-switch"));
    expect(calico.tree.get("calico-in-place/stages/100-switch/20-job-switch-100-switch-a1.yaml")).toMatch(
      /name: POLICIES\n\s+value: "\d+"/u,
    );
  });
});

describe("what in-place refuses, and what next", () => {
  test.each([
    ["an operator that owns the network", "ovn-in-place", [], "vendor's way"],
    [
      "the pool of the source",
      "kube-router-in-place",
      [["  target:\n", "  target:\n    podCIDRs: [10.32.0.0/16]\n"]],
      "pool of its own",
    ],
    [
      "a plan that contradicts the inventory",
      "kube-router-in-place",
      [["  strategy: in-place", "  source: weave\n  strategy: in-place"]],
      "source",
    ],
  ] as const)("%s", async (_name, plan, changes, next) => {
    const { findings } = await planRoute(plan, ...changes);
    const errors = told(findings, /^strategies\/|contradicts/u).filter((line) => line.startsWith("error"));

    expect(errors.join("\n")).toContain(next);
    expect(errors).toMatchSnapshot();
  });

  test("a refused strategy makes no stage; a person who forces it gets stages and is told what that means", async () => {
    const refused = await planRoute("ovn-live");
    const forced = await planRoute(
      "ovn-live",
      ["stages: {}", "stages: {}"],
      [
        "  delivery:",
        "  preflight:\n    accept:\n      - { code: migration/live-refused, object: '*', reason: a test cluster that may be lost, by: platform team }\n  delivery:",
      ],
    );

    expect(refused.migration.stages).toEqual([]);
    expect(forced.migration.stages.map((stage) => stage.id)).toContain("100-canary");
    expect(told(forced.findings, /^strategies\/forced$/u)).toMatchSnapshot();
    expect(page(forced.tree, "ovn-live/PLAN.md")).toContain("a test cluster that may be lost");
  });

  test("what only matters while two networks share a node is told and does not block", async () => {
    const { findings } = await planRoute("calico-in-place");

    expect(told(findings, /^source\/autodetection$/u)[0]).toMatch(/^info /u);
  });
});

describe("the estimate of an outage", () => {
  test.each([
    [1, 10, 10, 350],
    [51, 1000, 30, 570],
    [751, 15_000, 110, 5650],
  ])("%d nodes with %d pods, %d on the fullest: %d s", (nodes, pods, busiest, seconds) => {
    expect(estimateOutage(nodes, pods, busiest).seconds).toBe(seconds);
  });
});

describe("what a person has to know before the outage", () => {
  const pods = (restartPolicy: string, ...names: readonly string[]) =>
    names
      .map(
        (name) => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: batch }
spec: { restartPolicy: ${restartPolicy}, nodeName: kr-worker1, containers: [{ name: main, image: example.com/job:1 }] }
status: { phase: Running, podIP: 10.32.1.77 }
`,
      )
      .join("---\n");

  test("pods that nothing starts again are named, five of them and the number of all", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const { findings } = await planRouteWith("kube-router-in-place", pods("Never", ...names));

    expect(findings.filter(({ code }) => code === "strategies/never-pods")).toEqual([
      {
        code: "strategies/never-pods",
        severity: "warning",
        message:
          "6 running pods of restartPolicy Never lose their network for good: batch/a, batch/b, batch/c, batch/d, batch/e and more",
        where: { object: "Pod/batch/a" },
        reason: "the kubelet starts such a pod no second time, so its sandbox is left as it is",
        remedy: "let Jobs end and suspend CronJobs before the outage, or delete these pods in it",
        data: { pods: names.map((name) => `batch/${name}`) },
      },
    ]);
  });

  test("pods that the kubelet starts again are not", async () => {
    const { findings } = await planRouteWith("kube-router-in-place", pods("OnFailure", "a"));

    expect(told(findings, /never-pods/u)).toEqual([]);
  });
});

describe("a source that the inventory only hints at", () => {
  const hint = { annotations: { "flannel.alpha.coreos.com/backend-type": "vxlan" } };
  const planned = async (nodes: readonly JsonObject[], source: "auto" | "flannel") =>
    planMigration({
      plan: plan({ strategy: "in-place", source }),
      inventory: await inventoryOf(nodes, ["Node"]),
      findings: [],
      rendered: nothingRendered,
    }).findings;

  test("is an error until the plan names it", async () => {
    const findings = await planned([node("a", hint)], "auto");

    expect(findings.filter(({ code }) => code === "strategies/unsure-source")).toEqual([
      {
        code: "strategies/unsure-source",
        severity: "error",
        message: "the source looks like flannel, and the inventory is not sure",
        where: { file: "plans/test.yaml", field: "spec.source" },
        reason: "what is not recognised is not removed, and brings its network back in the middle of the outage",
        remedy: "take a complete inventory; if it is flannel, write source: flannel",
      },
    ]);
    expect(told(await planned([node("a", hint)], "flannel"), /unsure-source/u)).toEqual([]);
  });

  test("is told once where nothing is recognised: nobody is asked to write source: unknown", async () => {
    expect(told(await planned([node("a")], "auto"), /^strategies\/|source\/unknown/u)).toEqual([
      expect.stringContaining("error source/unknown: "),
      expect.stringContaining("error strategies/refused: "),
    ]);
  });
});
