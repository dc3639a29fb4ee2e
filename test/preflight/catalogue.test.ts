import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { translationFindings } from "../../lib/policy/translate/findings.ts";
import { catalogue } from "../../lib/preflight/catalogue.ts";
import { preflightFindings } from "../../lib/preflight/findings.ts";
import { notChecked } from "../../lib/preflight/not-checked.ts";
import { renderCatalogue } from "../../lib/preflight/render-catalogue.ts";
import { sourceFindings } from "../../lib/source/findings.ts";
import { strategyFindings } from "../../lib/strategies/findings.ts";
import { targetFindings } from "../../lib/target/findings.ts";
import { valueInvariants } from "../../lib/target/invariants.ts";
import { waveFindings } from "../../lib/waves/findings.ts";
import { pod, port } from "../target/cluster.ts";
import { contextOf } from "./setting.ts";

const root = resolve(import.meta.dirname, "../..");

test("the manual's page is written from the catalogue", async () => {
  await expect(renderCatalogue()).toMatchFileSnapshot(join(root, "docs/preflight.md"));
});

test("ids are unique and made of small letters, digits and dashes", () => {
  const ids = catalogue.map((entry) => entry.id);

  expect(ids.filter((id, index) => ids.indexOf(id) !== index || !/^[a-z0-9]+(?:-[a-z0-9]+)*$/u.test(id))).toEqual([]);
});

test("every code that answers a question exists in the table of its room", () => {
  const tables = [sourceFindings, strategyFindings, waveFindings, targetFindings, translationFindings];
  const known = new Set(tables.flatMap(Object.keys));
  const missing = catalogue
    .flatMap((entry) => (entry.kind === "answered" ? entry.answeredBy : []))
    .filter((code) => !known.has(code));

  expect(missing).toEqual([]);
});

test("every value that settles a question is guarded by an invariant, or by what policies need", () => {
  const guarded = new Set([...valueInvariants.map(({ path }) => path.join(".")), "nodeSelectorLabels"]);

  expect(
    catalogue
      .flatMap((entry) => (entry.kind === "settled" ? entry.settledBy : []))
      .filter((path) => !guarded.has(path)),
  ).toEqual([]);
});

test("the room's table of findings has each check and the exceptions", () => {
  const checks = catalogue.filter((entry) => entry.kind === "check").map((entry) => `preflight/${entry.id}`);

  expect(Object.keys(preflightFindings).sort()).toEqual([...checks, "preflight/acceptance-unused"].sort());
});

test.each([
  [
    "a usual Canal cluster",
    {},
    [
      "rp-filter",
      "iptables-backend",
      "flannel-fdb",
      "port-firewall",
      "mtu-differ",
      "multicast",
      "img-pull",
      "backup",
      "clock",
      "new-node-taint",
      "drift-provider",
      "roll-image",
    ],
  ],
  [
    "hostPorts, and nothing reserved",
    { pods: [pod("web", "10.244.0.5", { ports: [port(80, 8080)] })], spec: { reservedCIDRs: [], newNodes: "source" } },
    [
      "rp-filter",
      "iptables-backend",
      "flannel-fdb",
      "cidr-outside",
      "port-firewall",
      "mtu-differ",
      "hostport-binary",
      "stale-hostport",
      "multicast",
      "img-pull",
      "backup",
      "clock",
      "drift-provider",
      "roll-image",
    ],
  ],
  [
    "blue-green",
    { spec: { strategy: "blue-green" }, facts: { mtu: 1450, encapsulation: "none" as const } },
    ["strategy-blue-green-capacity", "port-firewall", "multicast", "img-pull", "backup", "clock", "drift-provider"],
  ],
])("what is not checked of %s", (_name, setting, ids) => {
  expect(notChecked(contextOf(setting)).map((entry) => entry.id)).toEqual(ids);
});

test("each thing that is not checked says why and names a command of this cluster", () => {
  const entries = notChecked(contextOf({ pods: [pod("web", "10.244.0.5", { ports: [port(80, 8080)] })] }));

  expect(entries.find((entry) => entry.id === "port-firewall")).toEqual({
    id: "port-firewall",
    why: "security groups and firewalls between nodes are in no Kubernetes object; without the overlay's port no new pod reaches another node",
    command:
      "open UDP 8473, TCP 4240, TCP 4244 and ICMP echo between all nodes; from one node: nc -zvu <other node> 8473 && nc -zv <other node> 4240",
  });
  expect(entries.filter((entry) => entry.why === "" || entry.command === "")).toEqual([]);
});
