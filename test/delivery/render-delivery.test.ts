import { expect, test } from "vitest";
import { rendersSecrets } from "../../lib/delivery/argocd/projects.ts";
import { gitRepository } from "../../lib/delivery/flux/git-source.ts";
import { placeOf, repositoryPath } from "../../lib/delivery/layout.ts";
import { renderDelivery } from "../../lib/delivery/render-delivery.ts";
import { fixture, fixturePlan, states } from "./fixture.ts";

const done3 = ["done", "done", "done"] as const;

test("only the engines of the plan get files, and plain kubectl needs none", () => {
  const paths = (engines: readonly string[]): readonly string[] =>
    fixture({ delivery: { engines }, stages: states("open") }).files.map((file) => file.path);

  expect(paths(["argocd"]).every((path) => path.startsWith("prod-eu/argocd/"))).toBe(true);
  expect(paths(["flux"]).every((path) => path.startsWith("prod-eu/flux/"))).toBe(true);
  expect(paths(["kubectl"])).toEqual([]);
});

test("opening a stage adds one object for each engine and changes none", () => {
  const texts = (options: Parameters<typeof fixture>[0]): ReadonlyMap<string, string> =>
    new Map([...fixture(options).tree].filter(([path]) => /\/(?:argocd|flux)\//u.test(path)));
  const before = texts({ stages: states(...done3) });
  const after = texts({ stages: states(...done3, "open") });

  expect([...after].filter(([path, text]) => before.get(path) !== text).map(([path]) => path)).toEqual([
    "prod-eu/argocd/apps/100-canary.yaml",
    "prod-eu/flux/kustomizations/100-canary.yaml",
  ]);
  expect([...before.keys()].filter((path) => !after.has(path))).toEqual([]);
});

test("a node more changes no right, no project and no engine object of another stage", () => {
  const engineFiles = (nodes: readonly string[]): readonly (readonly [string, string])[] =>
    [...fixture({ stages: states(...done3, "open"), nodes }).tree].filter(([path]) =>
      /\/(?:argocd|flux)\//u.test(path),
    );
  const before = new Map(engineFiles(["node-a"]));

  expect(
    engineFiles(["node-a", "node-b"])
      .filter(([path, text]) => before.get(path) !== text)
      .map(([path]) => path),
  ).toEqual(["prod-eu/argocd/apps/100-canary.yaml", "prod-eu/flux/kustomizations/100-canary.yaml"]);
});

test("an Application without a commit is told, unless the plan wants the branch", () => {
  const codes = (delivery: Readonly<Record<string, unknown>>): readonly string[] =>
    fixture({ stages: states("open"), delivery }).findings.map((finding) => finding.code);

  expect(codes({})).toEqual(["delivery/not-pinned"]);
  expect(codes({ argocd: { pinning: "branch" } })).toEqual([]);
  expect(codes({ engines: ["flux"] })).toEqual([]);
});

test.each([
  ["git@github.com:org/repo.git", "write ssh://git@github.com/org/repo.git"],
  ["github.com:org/repo.git", "write ssh://git@github.com/org/repo.git"],
  ["file:///srv/git/repo", "write an address that starts with https:// or ssh://"],
])("Flux takes no address like %s", (repoURL, remedy) => {
  const { findings } = fixture({ delivery: { repoURL, engines: ["flux"] } });

  expect(findings).toMatchObject([{ code: "delivery/repo-url", severity: "error", remedy }]);
});

test("Argo CD takes git's short form", () => {
  expect(fixture({ delivery: { repoURL: "git@github.com:org/repo.git", engines: ["argocd"] } }).findings).toEqual([]);
});

test("certificates that helm makes are told once for each stage with a release, and Secrets are let through", () => {
  const { findings, files } = fixture({ values: {} });
  const project = files.find((file) => file.path.endsWith("10-appproject-metachron.yaml"));

  expect(findings.map((finding) => [finding.code, finding.data?.["stage"]])).toEqual([
    ["delivery/helm-made-certificates", "010-cilium"],
    ["delivery/helm-made-certificates", "800-finalise"],
  ]);
  expect(JSON.stringify(project)).not.toContain("namespaceResourceBlacklist");
});

test.each([
  ["defaults", {}, true],
  ["a CronJob", { hubble: { tls: { auto: { method: "cronJob" } } } }, false],
  ["cert-manager", { hubble: { tls: { auto: { method: "certmanager" } } } }, false],
  ["certificates of one's own", { hubble: { tls: { auto: { enabled: false, method: "cronJob" } } } }, true],
  ["no Hubble", { hubble: { enabled: false } }, false],
  ["no TLS", { hubble: { tls: { enabled: false } } }, false],
  ["a cluster mesh", { hubble: { enabled: false }, clustermesh: { useAPIServer: true } }, true],
])("whether the chart renders Secrets: %s", (_what, values, expected) => {
  expect(rendersSecrets(values)).toBe(expected);
});

test("a stage without objects is told, because an engine would fail on it for ever", () => {
  const { plan, stages, releases } = fixture({});
  const empty = stages.map((stage) => (stage.id === "010-cilium" ? { ...stage, objects: [] } : stage));

  expect(renderDelivery({ plan, stages: empty, releases }).findings).toMatchObject([
    { code: "delivery/stage-empty", message: "stage 010-cilium has no object that an engine could apply" },
  ]);
});

test.each([
  ["dist", "dist/prod-eu/stages"],
  ["./dist/", "dist/prod-eu/stages"],
  [".", "prod-eu/stages"],
  ["clusters/eu/dist", "clusters/eu/dist/prod-eu/stages"],
])("delivery.path %s gives %s", (path, expected) => {
  expect(repositoryPath(fixturePlan({ delivery: { path } }), "prod-eu/stages")).toBe(expected);
});

test("Flux sees the stages and its own objects, wherever they lie in the repository", () => {
  const spec = gitRepository(fixturePlan({ delivery: { path: "clusters/eu #1/dist" } }))["spec"];

  expect(spec).toMatchObject({
    ignore: `${[
      "/*",
      "!/clusters",
      "/clusters/*",
      "!/clusters/eu\\ \\#1",
      "/clusters/eu\\ \\#1/*",
      "!/clusters/eu\\ \\#1/dist",
      "/clusters/eu\\ \\#1/dist/*",
      "!/clusters/eu\\ \\#1/dist/prod-eu",
      "/clusters/eu\\ \\#1/dist/prod-eu/*",
      "!/clusters/eu\\ \\#1/dist/prod-eu/stages",
      "!/clusters/eu\\ \\#1/dist/prod-eu/flux",
    ].join("\n")}\n`,
  });
});

test.each([
  ["prod-eu/stages/100-canary/undo/10-x.yaml", { area: "stage", stageId: "100-canary", file: "undo/10-x.yaml" }],
  ["stages/1305-x/kustomization.yaml", { area: "stage", stageId: "1305-x", file: "kustomization.yaml" }],
  ["prod-eu/argocd/apps/100-canary.yaml", { area: "engine", engine: "argocd", stageId: "100-canary" }],
  ["flux/kustomizations/100-canary.yaml", { area: "engine", engine: "flux", stageId: "100-canary" }],
  ["prod-eu/argocd/apps/cilium.yaml", { area: "release", engine: "argocd" }],
  ["prod-eu/flux/kustomizations/cilium-helmrelease.yaml", { area: "release", engine: "flux" }],
  ["prod-eu/flux/kustomizations/plan.yaml", { area: "bootstrap", engine: "flux" }],
  ["prod-eu/argocd/apps/README.md", { area: "bootstrap", engine: "argocd" }],
  ["prod-eu/argocd/bootstrap/kustomization.yaml", { area: "bootstrap", engine: "argocd" }],
  ["prod-eu/argocd/argocd-cm.fragment.yaml", { area: "bootstrap", engine: "argocd" }],
  ["prod-eu/PLAN.md", { area: "page" }],
  ["policies.md", { area: "page" }],
])("%s has its place", (path, expected) => {
  expect(placeOf(path)).toEqual(expected);
});
