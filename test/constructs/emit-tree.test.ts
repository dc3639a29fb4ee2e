import { ApiObject, Chart } from "cdk8s";
import { describe, expect, test } from "vitest";
import { FileAsset } from "../../lib/constructs/file-asset.ts";
import { Manifest } from "../../lib/constructs/manifest.ts";
import { MigrationApp } from "../../lib/constructs/migration-app.ts";
import { StageChart } from "../../lib/constructs/stage-chart.ts";
import { digestPlaceholder, previousDigestPlaceholder } from "../../lib/core/digest-placeholder.ts";
import { sealStages } from "../../lib/stages/seal-stages.ts";

const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "metachron" },
  data,
});

const draft = (id: string, data: Record<string, string>) => ({
  id,
  kind: "prepare" as const,
  title: id,
  purpose: "",
  state: "held" as const,
  attempt: 1,
  nodes: [],
  objects: [{ file: "10-configmap-a.yaml", object: configMap("a", data) }],
  undo: [],
  files: [],
  gate: { before: [], after: [] },
  estimateSeconds: 0,
  findings: [],
  health: [],
  caveats: [],
});

const twoStages = () =>
  sealStages([
    () => draft("000-a", { digest: digestPlaceholder }),
    () => draft("010-b", { digest: digestPlaceholder, previous: previousDigestPlaceholder }),
  ]);

function appOf(change: (chart: StageChart, manifest: Manifest, stageId: string) => void): MigrationApp {
  const app = new MigrationApp();
  for (const stage of twoStages()) {
    const chart = new StageChart(app, {
      stageId: stage.id,
      folder: `p/stages/${stage.id}`,
      digest: stage.digest,
      ...(stage.previous && { previousDigest: stage.previous.digest }),
    });
    for (const entry of stage.objects) {
      const manifest = new Manifest(chart, { path: `p/stages/${stage.id}/${entry.file}`, object: entry.object });
      change(chart, manifest, stage.id);
    }
  }
  new FileAsset(app, "page", {
    path: "p/PLAN.md",
    text: `${twoStages()
      .map((stage) => stage.digest)
      .join("\n")}\n`,
  });
  return app;
}

describe("emitTree", () => {
  test("an untouched tree has the bytes that the stages were sealed with", () => {
    const expected = new Map(
      twoStages().flatMap((stage) => [...stage.texts].map(([file, text]) => [`p/stages/${stage.id}/${file}`, text])),
    );

    const tree = appOf(() => {}).tree();

    expect(new Map([...tree].filter(([path]) => path !== "p/PLAN.md"))).toEqual(expected);
  });

  test("a label that a user adds changes the stage's digest in its own files, in the next gate and on the pages", () => {
    const [first, second] = twoStages();
    const tree = appOf((_chart, manifest, id) => {
      if (id === "000-a") manifest.apiObject?.metadata.addLabel("team", "platform");
    }).tree();
    const all = [...tree.values()].join("");

    expect(all).toContain("team: platform");
    expect(all).not.toContain(first?.digest);
    expect(tree.get("p/stages/010-b/10-configmap-a.yaml")).toContain(`digest: ${second?.digest}`);
    expect(new Set(all.match(/sha256:[0-9a-f]{64}/gu)).size).toBe(2);
  });

  test("two constructs that claim one file are a bug", () => {
    const app = appOf((chart, manifest) => {
      new FileAsset(chart, "again", { path: manifest.path, text: "" });
    });

    expect(() => app.tree()).toThrow("two constructs claim one file");
  });

  test.each(["constructor", "toString", "010", "a/b"])("an object may be called %s", (name) => {
    const app = new MigrationApp();
    new Manifest(new Chart(app, "c"), { path: `p/${name}.yaml`, object: configMap(name, {}) });

    expect([...app.tree().values()].join("")).toContain("kind: ConfigMap");
  });

  test("an object with a label key that cdk8s cannot carry is written as it is", () => {
    const app = new MigrationApp();
    const object = { ...configMap("x", {}), metadata: { name: "x", namespace: "n", labels: { constructor: "yes" } } };
    new Manifest(new Chart(app, "c"), { path: "p/x.yaml", object });

    expect(app.tree().get("p/x.yaml")).toContain('    constructor: "yes"\n');
  });

  test("environment variables of cdk8s have no say", () => {
    const variables = ["CDK8S_OUTDIR", "CDK8S_DISABLE_SORT", "CDK8S_RECORD_CONSTRUCT_METADATA", "CDK8S_LEGACY_HASH"];
    const before = appOf(() => {}).tree();
    for (const name of variables) process.env[name] = "true";
    try {
      expect(appOf(() => {}).tree()).toEqual(before);
    } finally {
      for (const name of variables) delete process.env[name];
    }
  });

  test("an object that a user adds to a stage is applied with it", () => {
    const tree = appOf((chart, _manifest, id) => {
      if (id === "010-b") new Manifest(chart, { path: "p/stages/010-b/20-own.yaml", object: configMap("own", {}) });
    }).tree();

    expect(tree.get("p/stages/010-b/kustomization.yaml")).toContain("  - 10-configmap-a.yaml\n  - 20-own.yaml\n");
  });

  test("an ApiObject without a file is a bug, not a lost object", () => {
    const app = appOf((chart, _manifest, id) => {
      if (id === "010-b")
        new ApiObject(chart, "own", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "own" } });
    });

    expect(() => app.tree()).toThrow("s010-b/own is an ApiObject without a file: make it a Manifest");
  });
});
