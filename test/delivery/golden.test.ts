import { expect, test } from "vitest";
import type { HelmRelease } from "../../lib/stages/stage.ts";
import { type FixtureOptions, fixture, states, textOf } from "./fixture.ts";

const commit = "6d1c2b7f0e7d0c7a4f8b0f1e2d3c4b5a69788796";
const digest = `sha256:${"a".repeat(64)}`;
const oci: HelmRelease["chart"] = {
  source: "oci",
  repository: "oci://quay.io/cilium/charts/",
  name: "cilium",
  version: "1.20.2",
};

function render(options: FixtureOptions, only?: RegExp): string {
  const files = fixture(options).files.filter((file) => only === undefined || only.test(file.path));
  return files.map((file) => `=== ${file.path}\n${textOf(file)}`).join("\n");
}

test("while every stage is held, the engines get what a person applies once and nothing that applies a stage", async () => {
  await expect(render({})).toMatchFileSnapshot("golden/all-held.txt");
});

test("an open stage is pinned, waits for the stage before, and the stages before that are suspended", async () => {
  const options = { stages: states("done", "done", "done", { state: "open", commit }) };

  await expect(render(options, /apps\/(?!README)|kustomizations\/(?!plan)/u)).toMatchFileSnapshot("golden/open.txt");
});

test("the last stage that is done stays at work in Flux for the one after it", async () => {
  const options = { stages: states("done", "done", "done", { state: "done", commit }) };

  await expect(render(options, /(?:apps|kustomizations)\/(?:030|100)/u)).toMatchFileSnapshot("golden/done.txt");
});

test("a rollback applies undo/ and waits for nothing", async () => {
  const options = { stages: states("done", "done", "done", { state: "rollback", commit }) };

  await expect(render(options, /(?:apps|kustomizations)\/(?:030|100)/u)).toMatchFileSnapshot("golden/rollback.txt");
});

test("a stage that was taken back keeps its objects, switched off", async () => {
  const options = { stages: states("done", "done", "done", { state: "held", digest, commit }) };

  await expect(render(options, /(?:apps|kustomizations)\/(?:030|100)/u)).toMatchFileSnapshot("golden/held-again.txt");
});

test("finalise changes the release's values; an OCI registry is written as each engine wants it", async () => {
  const options = { stages: states("done", "done", "done", "done", "open"), chart: oci };

  await expect(render(options, /(?:apps|kustomizations)\/cilium|10-appproject-metachron\.yaml/u)).toMatchFileSnapshot(
    "golden/finalise-oci.txt",
  );
});

test("while the installing stage rolls back, both engines let go of the release", async () => {
  const options = { stages: states("done", "rollback") };

  await expect(render(options, /(?:apps|kustomizations)\/cilium-?(?:helmrelease)?\.yaml/u)).toMatchFileSnapshot(
    "golden/release-rollback.txt",
  );
});
