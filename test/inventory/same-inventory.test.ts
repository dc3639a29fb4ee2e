import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import type { JsonObject } from "../../lib/core/json.ts";
import { plain, readManifestTexts } from "./read-texts.ts";

const name = fc.constantFrom("alpha", "beta", "gamma", "delta-1", "true", "1e3", "null", "~", "0123");
/** Texts that every printer must quote or fold somewhere. */
const text = fc.oneof(
  fc.constantFrom(
    "",
    " lead",
    "trail ",
    "a: b",
    "a #b",
    "- x",
    "#",
    "yes",
    "010",
    "1_0",
    "=",
    "<<",
    "'",
    '"',
    "\\",
    "{}",
    "[",
    "*a",
    "&a",
    "!t",
    "%",
    "@",
    "`",
    "|",
    ">",
    "2025-01-01",
    "10:20",
    "line\nline",
    "\nline\n\n",
    "  indented\nnot",
    "tab\there",
    "a\\nb",
    "é ü 漢字 🙂",
    "very long ".repeat(20),
  ),
  fc.string({ maxLength: 12 }).filter((value) => !value.includes("\0") && !value.includes("\uFFFD")),
);
const labels = fc.dictionary(fc.constantFrom("app", "tier", "constructor", "app.kubernetes.io/name", "y", "no"), text, {
  maxKeys: 3,
});

const pod = fc
  .record({
    name,
    namespace: name,
    labels,
    node: name,
    cpu: fc.constantFrom("100m", "2", 3, "0.5"),
    port: fc.integer({ min: 1, max: 65535 }),
  })
  .map(
    ({ name, namespace, labels, node, cpu, port }): JsonObject => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name,
        namespace,
        labels,
        ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "rs", controller: true }],
      },
      spec: {
        nodeName: node,
        containers: [{ name: "c", image: "i:1", ports: [{ containerPort: port }], resources: { requests: { cpu } } }],
        tolerations: [],
      },
      status: { phase: "Running", podIPs: [{ ip: "10.0.0.1" }], conditions: [{ type: "Ready", status: "True" }] },
    }),
  );
const node = fc.record({ name, labels }).map(
  ({ name, labels }): JsonObject => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels },
    spec: {},
    status: { allocatable: { memory: "1Gi" } },
  }),
);
const configMap = fc
  .record({ name, namespace: name, data: fc.dictionary(fc.constantFrom("a", "b", "conf.yaml", "n"), text) })
  .map(
    ({ name, namespace, data }): JsonObject => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace },
      data,
    }),
  );
const policy = fc
  .record({
    name,
    namespace: name,
    nets: fc.array(fc.constantFrom("10.0.0.0/8", "::/0"), { minLength: 1 }),
    order: fc.oneof(fc.integer(), fc.constant(12.5)),
  })
  .map(
    ({ name, namespace, nets, order }): JsonObject => ({
      apiVersion: "crd.projectcalico.org/v1",
      kind: "NetworkPolicy",
      metadata: { name, namespace },
      spec: {
        order,
        ingress: [{ action: "Allow", source: { nets }, destination: {} }, { action: "Deny" }],
        types: ["Ingress"],
        empty: [],
        nothing: null,
      },
    }),
  );
const objects = fc.uniqueArray(fc.oneof(pod, node, configMap, policy), {
  maxLength: 8,
  minLength: 1,
  selector: (object) =>
    JSON.stringify([
      object["kind"],
      (object["metadata"] as JsonObject)["namespace"] ?? "",
      (object["metadata"] as JsonObject)["name"],
    ]),
});

type Texts = Readonly<Record<string, string>>;

const yaml = (value: unknown, indentSeq = false): string =>
  stringify(value, { version: "1.1", indentSeq, lineWidth: 80 });
const listOf = (items: readonly JsonObject[]): JsonObject => ({
  apiVersion: "v1",
  items,
  kind: "List",
  metadata: { resourceVersion: "" },
});
const folder = (items: readonly JsonObject[], print: (item: JsonObject) => string, ending: string): Texts =>
  Object.fromEntries(items.map((item, index) => [`f${index}.${ending}`, print(item)]));

/** Every form in which people have a dump. */
const forms: Readonly<Record<string, (items: readonly JsonObject[]) => Texts>> = {
  "a YAML List in kubectl's layout": (items) => ({ "a.yaml": yaml(listOf(items)) }),
  "a YAML List with indented items": (items) => ({ "a.yaml": yaml(listOf(items), true) }),
  "a YAML List with its kind first": (items) => ({ "a.yaml": yaml({ kind: "List", apiVersion: "v1", items }) }),
  "a YAML List on Windows": (items) => ({ "a.yaml": yaml(listOf(items)).replaceAll("\n", "\r\n") }),
  "a YAML List in flow layout": (items) => ({
    "a.yaml": stringify(listOf(items), { version: "1.1", collectionStyle: "flow", lineWidth: 80 }).replace(
      /^\{/u,
      " # flow\n{",
    ),
  }),
  "documents of one file": (items) => ({ "a.yaml": items.map((item) => yaml(item)).join("---\n") }),
  "a JSON List as kubectl prints it": (items) => ({ "a.json": `${JSON.stringify(listOf(items), null, 4)}\n` }),
  "a JSON List in one line": (items) => ({ "a.json": JSON.stringify(listOf(items)) }),
  "a JSON list without a head": (items) => ({ "a.json": JSON.stringify(items) }),
  NDJSON: (items) => ({ "a.ndjson": items.map((item) => `${JSON.stringify(item)}\n`).join("") }),
  "JSON objects one after the other": (items) => ({
    "a.json": items.map((item) => JSON.stringify(item, null, 2)).join(""),
  }),
  "a folder of YAML files": (items) => folder(items, yaml, "yaml"),
  "a folder of JSON files": (items) => folder(items, (item) => JSON.stringify(item, null, 1), "json"),
  "two YAML Lists one after the other": (items) => ({
    "a.yaml": [items.slice(0, 3), items.slice(3)]
      .filter((part) => part.length > 0)
      .map((part) => yaml(listOf(part)))
      .join(""),
  }),
};

test.each(Object.entries(forms))("%s gives the inventory that its objects are", async (_form, print) => {
  await fc.assert(
    fc.asyncProperty(
      objects,
      fc.infiniteStream(fc.nat()),
      fc.integer({ min: 1, max: 200 }),
      async (items, dice, chunkSize) => {
        const plainly = await readManifestTexts(forms["a folder of JSON files"]?.(items) ?? {});
        const shuffled = [...items]
          .map((item) => [dice.next().value ?? 0, item] as const)
          .sort(([a], [b]) => a - b)
          .map(([, item]) => item);

        const read = await readManifestTexts(print(shuffled), chunkSize);

        expect(read.findings.filter(({ code }) => code !== "inventory/missing-separator")).toEqual([]);
        expect(plain(read.value)).toEqual(plain(plainly.value));
      },
    ),
    { numRuns: 20 },
  );
});

test("what is read is what was written, field by field", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(configMap, { selector: (item) => JSON.stringify(item["metadata"]) }),
      async (items) => {
        const read = await readManifestTexts({ "a.yaml": yaml(listOf(items)) });
        const found = (read.value?.objects.get("ConfigMap") ?? []).map(({ object }) => object);

        const key = (item: JsonObject): string => JSON.stringify(item["metadata"]);
        expect([...found].sort((a, b) => (key(a) < key(b) ? -1 : 1))).toEqual(
          [...items].sort((a, b) => (key(a) < key(b) ? -1 : 1)),
        );
      },
    ),
    { numRuns: 30 },
  );
});
