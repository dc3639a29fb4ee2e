import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { capFindings, shownFindings } from "../../lib/inventory/cap-findings.ts";
import { findJsonError } from "../../lib/inventory/find-json-error.ts";
import { objectsOf, positionOf, type RawObject, tryFindObject } from "../../lib/inventory/inventory.ts";
import { readInventory } from "../../lib/inventory/read-inventory.ts";
import { readSourceFiles } from "../../lib/io/read-source-files.ts";
import { brief, plain, readManifestTexts } from "./read-texts.ts";

const root = join(import.meta.dirname, "../..");

describe("the example clusters are read whole", () => {
  const clusters = [
    ["inventory/kind-canal", 5, 34, "v1.32.2"],
    ["test/fixtures/clusters/calico-multus", 6, 46, "v1.30.11"],
    ["test/fixtures/clusters/calico-vxlan-prod", 30, 232, "v1.31.7"],
    ["test/fixtures/clusters/flannel-k3s", 6, 29, "v1.31.6+k3s1"],
    ["test/fixtures/clusters/kube-router", 4, 24, "v1.32.3"],
    ["test/fixtures/clusters/ovn-kubernetes", 6, 44, "v1.30.7"],
  ] as const;

  test.each(clusters)("%s", async (folder, nodes, pods, version) => {
    const files = await readSourceFiles([join(root, folder)]);
    const read = await readInventory(files.value ?? []);
    const objects = [...(read.value?.objects.values() ?? [])].flat();
    const written = readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => readFileSync(join(root, folder, name), "utf8").match(/^- apiVersion/gmu)?.length ?? 0)
      .reduce((sum, count) => sum + count, 0);

    expect(files.findings).toEqual([]);
    expect(
      [...new Set(read.findings.map(({ code }) => code))].filter((code) => code !== "inventory/kind-missing"),
    ).toEqual(folder === "inventory/kind-canal" ? ["inventory/empty-list"] : []);
    expect([read.value?.nodes.length, read.value?.pods.length, read.value?.version?.gitVersion]).toEqual([
      nodes,
      pods,
      version,
    ]);
    expect(nodes + pods + objects.length).toBe(written);
  });

  test("what a cluster lacks is told by kind, what it has none of is told as one", async () => {
    const told = async (folder: string): Promise<readonly string[]> => {
      const files = await readSourceFiles([join(root, folder)]);
      const read = await readInventory(files.value ?? []);
      return read.findings.map(({ severity, data }) => `${severity} ${data?.["kind"] ?? data?.["resources"]}`);
    };

    expect(await told("test/fixtures/clusters/calico-vxlan-prod")).toEqual([
      "warning GlobalNetworkSet",
      "warning HostEndpoint",
      "warning Tier",
    ]);
    expect(await told("inventory/kind-canal")).toEqual([
      `info ${["globalnetworksets", "hostendpoints", "ippools", "networkpolicies", "networksets"].map((kind) => `${kind}.crd.projectcalico.org`)}`,
    ]);
  });
});

describe("an object and its fields are found in the file where a person sees them", () => {
  const policy = (name: string): string =>
    `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: ${name}\nspec:\n  ingress:\n  - from:\n    - ipBlock:\n        cidr: 10.0.0.0/8\n`;
  const item = (name: string): string => `- ${policy(name).trimEnd().replaceAll("\n", "\n  ")}\n`;
  const field = "spec.ingress[0].from[0].ipBlock.cidr";

  test.each<[string, string, readonly number[], readonly number[]]>([
    ["a document", `# comment\n${policy("x")}`, [2, 1], [10, 9]],
    ["a later document", `${policy("a")}---\n${policy("x")}`, [11, 1], [19, 9]],
    ["a document in the line of its separator", `--- # here\n${policy("x")}`, [2, 1], [10, 9]],
    ["an item of a List", `apiVersion: v1\nitems:\n${item("a")}${item("x")}kind: List\n`, [12, 3], [20, 11]],
    [
      "an item that is indented",
      `kind: List\napiVersion: v1\nitems:\n${item("x").replaceAll(/^/gmu, "  ").trimEnd()}\n`,
      [4, 5],
      [12, 13],
    ],
    [
      "an item whose dash stands alone",
      `items:\n-\n  ${policy("x").trimEnd().replaceAll("\n", "\n  ")}\nkind: List\napiVersion: v1\n`,
      [3, 3],
      [11, 11],
    ],
    [
      "an item of a List that cannot be cut",
      `{ apiVersion: v1, kind: List, items: [ { apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: { name: x },\n spec: { ingress: [ { from: [ { ipBlock: { cidr: 10.0.0.0/8 } } ] } ] } } ] }\n`,
      [1, 40],
      [2, 44],
    ],
    [
      "a JSON object",
      `\n{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"x"},\n"spec":{"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8"}}]}]}}`,
      [2, 1],
      [3, 41],
    ],
    [
      "an item of a JSON List",
      `{"kind":"List","apiVersion":"v1","items":[\n  7,\n  {"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"x"},\n"spec":{"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8"}}]}]}}]}`,
      [3, 3],
      [4, 41],
    ],
  ])("%s", async (_name, text, object, at) => {
    for (const chunkSize of [1, 5, 1000]) {
      const read = await readManifestTexts({ "p.yaml": text }, chunkSize);
      const found = read.value === undefined ? undefined : tryFindObject(read.value, "NetworkPolicy", "x");

      expect(found?.position).toEqual({ file: "p.yaml", line: object[0], column: object[1] });
      expect(positionOf(found as RawObject, field)).toEqual({ file: "p.yaml", line: at[0], column: at[1] });
    }
  });

  test("kinds that come by the thousand keep no text and give the object's place", async () => {
    const text = "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata:\n  name: r\n  namespace: a\nspec:\n  replicas: 1\n";
    const read = await readManifestTexts({ "r.yaml": text });
    const [found] = read.value === undefined ? [] : objectsOf(read.value, "ReplicaSet");

    expect(found?.locate).toBeUndefined();
    expect(positionOf(found as RawObject, "spec.replicas")).toEqual({ file: "r.yaml", line: 1, column: 1 });
  });
});

describe("lists of one kind", () => {
  const pods = {
    apiVersion: "v1",
    items: [{ metadata: { name: "p", namespace: "a" }, spec: { nodeName: "w1" } }],
    kind: "PodList",
    metadata: {},
  };

  test.each([
    [
      "with the kind before the items, as `kubectl get --raw` prints it",
      JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata: {}, items: pods.items }),
    ],
    ["with the kind behind them", JSON.stringify({ apiVersion: "v1", items: pods.items, kind: "PodList" })],
    [
      "in YAML",
      "apiVersion: v1\nitems:\n- metadata:\n    name: p\n    namespace: a\n  spec:\n    nodeName: w1\nkind: PodList\n",
    ],
  ])("give their kind to items without one, %s", async (_name, text) => {
    const read = await readManifestTexts({ "a.yaml": text });

    expect(read.findings.map(brief)).toEqual([]);
    expect(read.value?.pods.map(({ name, namespace, nodeName }) => [namespace, name, nodeName])).toEqual([
      ["a", "p", "w1"],
    ]);
  });

  test("count as asked for, also where they are empty", async () => {
    const read = await readManifestTexts({
      "a.json": '{"kind":"PodDisruptionBudgetList","apiVersion":"policy/v1","items":[]}',
      "b.yaml": "apiVersion: crd.projectcalico.org/v1\nkind: GlobalNetworkPolicyList\nitems: []\n",
    });

    expect([...(read.value?.kindsSeen ?? [])]).toEqual([
      "GlobalNetworkPolicy",
      "GlobalNetworkPolicy.crd.projectcalico.org",
      "PodDisruptionBudget",
      "PodDisruptionBudget.policy",
    ]);
  });

  test("may lie in lists", async () => {
    const read = await readManifestTexts({
      "a.json": JSON.stringify({ apiVersion: "v1", kind: "List", items: [pods, pods.items[0]] }),
    });

    expect(read.value?.pods.map(({ name }) => name)).toEqual(["p"]);
    expect(read.findings.map(brief)).toEqual(["warning inventory/not-kubernetes a.json:1:171"]);
  });
});

test("what is kept of an object is what was read, without the managed fields, whole schemas and templates that repeat", async () => {
  const read = await readManifestTexts({
    "a.ndjson": [
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "c", namespace: "a", managedFields: [{ x: 1 }], uid: "u" },
        data: { a: "b" },
      },
      {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: {
          name: "r",
          namespace: "a",
          ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name: "d" }],
        },
        spec: { replicas: 1, template: { spec: {} } },
      },
      {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "x.y" },
        spec: { group: "y", versions: [{ name: "v1", served: true, schema: { openAPIV3Schema: {} } }] },
      },
    ]
      .map((object) => JSON.stringify(object))
      .join("\n"),
  });

  expect([...(read.value?.objects.values() ?? [])].flat().map(({ object }) => object)).toEqual([
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: "a", uid: "u" }, data: { a: "b" } },
    {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "x.y" },
      spec: { group: "y", versions: [{ name: "v1", served: true }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: "r",
        namespace: "a",
        ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name: "d" }],
      },
      spec: { replicas: 1 },
    },
  ]);
});

test("of two readings of an object the one with the higher resource version is kept, in any order", async () => {
  const configMap = (version: string, value: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  resourceVersion: "${version}"\ndata:\n  a: ${value}\n`;
  const older = configMap("99", "older");
  const newer = configMap("100", "newer");

  const once = await readManifestTexts({ "a.yaml": older, "b.yaml": newer });
  const again = await readManifestTexts({ "b.yaml": newer, "a.yaml": older });
  const swapped = await readManifestTexts({ "a.yaml": newer, "b.yaml": older });

  expect(once.value?.objects.get("ConfigMap")?.[0]?.object["data"]).toEqual({ a: "newer" });
  expect([again.findings, plain(again.value)]).toEqual([once.findings, plain(once.value)]);
  expect(plain(swapped.value)).toEqual(plain(once.value));
  expect(
    once.findings.map(({ code, where, related }) => [code, where?.file, where?.field, related?.[0]?.where.file]),
  ).toEqual([["inventory/conflicting-object", "b.yaml", "data.a", "a.yaml"]]);
});

test.each([
  ['{"a": nonsense}', 6, "a value is expected here"],
  ['{"a" 1}', 5, "a colon is expected here"],
  ['{"a": 1 "b": 2}', 8, "a comma or a closing bracket is expected here"],
  ['{"a": 1,}', 8, "a key in double quotes is expected here"],
  ["{a: 1}", 1, "a key in double quotes or } is expected here"],
  ["[1, 2", 4, "the JSON text ends too early"],
  ["[1, ]", 4, "a value is expected here"],
  ['{"a": "b\n"}', 6, "a value is expected here"],
  ["[01]", 1, "a value or ] is expected here"],
  ["[1] 2", 4, "the JSON text goes on behind its end"],
  ["[1}", 2, "a comma or a closing bracket is expected here"],
  ["", 0, "the JSON text ends too early"],
])("the first error of the JSON text %j is found", (text, offset, message) => {
  expect(() => JSON.parse(text)).toThrow();
  expect(findJsonError(text)).toEqual({ offset, message });
});

test("one mistake in each of many objects is listed up to a limit, and the rest is counted", () => {
  const finding = (code: string, file: string, line: number) => ({
    code,
    severity: "warning" as const,
    message: "m",
    where: { file, line },
  });
  const many = Array.from({ length: shownFindings + 7 }, (_none, line) => finding("x/y", "a", line));

  const capped = capFindings([...many, finding("x/y", "b", 1), finding("x/z", "a", 1)]);

  expect(capped).toEqual([
    ...many.slice(0, shownFindings),
    finding("x/y", "b", 1),
    finding("x/z", "a", 1),
    {
      code: "x/y",
      severity: "warning",
      message: "the same holds for 7 more places in a that are not listed",
      where: { file: "a" },
      data: { hidden: 7 },
    },
  ]);
});
