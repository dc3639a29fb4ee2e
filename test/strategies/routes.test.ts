import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { planRoute } from "./route.ts";

const docs = readFileSync(join(resolve(import.meta.dirname, "../.."), "docs/routes.md"), "utf8");

// What docs/routes.md says of each route, by numbers: stages that are made, and the errors that block them.
test.each([
  ["calico-multus-to-flannel", 0, ["strategies/flannel-refused"]],
  ["canal-to-flannel", 0, []],
  ["kube-router-in-place", 7, []],
  ["calico-in-place", 8, []],
  ["calico-blue-green", 3, []],
  ["ovn-live", 0, ["migration/live-refused", "preflight/egress-ip", "source/openshift", "source/shared-gateway"]],
  ["ovn-in-place", 0, ["preflight/egress-ip", "source/openshift", "strategies/refused"]],
  ["ovn-blue-green", 2, ["preflight/egress-ip"]],
])("%s: %d stages, blocked by %j", async (name, stages, errors) => {
  const { migration, findings } = await planRoute(name);
  const codes = findings.filter((finding) => finding.severity === "error").map((finding) => finding.code);

  expect(docs).toContain(`${name}.yaml`);
  expect(migration.stages).toHaveLength(stages);
  expect([...new Set(codes)].sort()).toEqual(errors);
});
