import { afterAll, describe, expect, test } from "vitest";
import { inventoryFindings } from "../../lib/inventory/findings.ts";
import { brief, readInventoryTexts, readManifestTexts } from "./read-texts.ts";

const configMap = (name: string, data = "{}"): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: a\ndata: ${data}\n`;
const policy = (spec: string): string =>
  `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n  namespace: a\nspec:\n${spec}`;
const item = (name: string): string => configMap(name).trimEnd().replaceAll("\n", "\n  ").replace(/^/u, "- ");
const list = (...items: readonly string[]): string => `apiVersion: v1\nitems:\n${items.join("\n")}\nkind: List\n`;
const json = (value: unknown): string => JSON.stringify(value, null, 2);
const bomb = `${configMap("bomb", "\n  a: &a [x,x,x,x,x,x,x,x,x,x]")}${["b", "c", "d", "e", "f", "g"]
  .map((name, index) => `  ${name}: &${name} [${`*${"abcdef"[index]},`.repeat(9)}*${"abcdef"[index]}]\n`)
  .join("")}`;

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly findings: readonly string[];
  /** Names of the objects that are read all the same; `undefined` where nothing useful can be made. */
  readonly objects: readonly string[] | undefined;
}

const reached = new Set<string>();

const cases: readonly Case[] = [
  { name: "no file at all", files: {}, findings: ["error inventory/empty"], objects: undefined },
  { name: "an empty file", files: { "a.yaml": "" }, findings: ["error inventory/empty"], objects: undefined },
  {
    name: "a file of comments",
    files: { "a.yaml": "# nothing\n---\n# here\n" },
    findings: ["error inventory/empty"],
    objects: undefined,
  },
  {
    name: "YAML that does not parse costs its own document only",
    files: { "a.yaml": `${configMap("one")}---\nkind: [\n---\n${configMap("two")}` },
    findings: ["error inventory/syntax a.yaml:8:7"],
    objects: ["one", "two"],
  },
  {
    name: "an item of a list that does not parse costs that item only",
    files: { "a.yaml": list(item("one"), '- kind: "Pod', item("two")) },
    findings: ["error inventory/syntax a.yaml:9:12"],
    objects: ["one", "two"],
  },
  {
    name: "a tab as indentation",
    files: { "a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: x\n" },
    findings: ["error inventory/empty", "error inventory/syntax a.yaml:4:1"],
    objects: undefined,
  },
  {
    name: "JSON that does not parse",
    files: { "a.json": '{"apiVersion": "v1",\n "kind": nonsense!\n}\n{"apiVersion": "v1"}' },
    findings: [
      "error inventory/empty",
      "error inventory/syntax a.json:2:10",
      "warning inventory/not-kubernetes a.json:4:1",
    ],
    objects: undefined,
  },
  {
    name: "a YAML list that ends in the middle of an item",
    files: {
      "a.yaml": `apiVersion: v1\nitems:\n${item("one")}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: tw`,
    },
    findings: ["error inventory/truncated a.yaml:9:3"],
    objects: ["one"],
  },
  {
    name: "a list cut off, and another list behind it in the same file",
    files: { "a.yaml": `apiVersion: v1\nitems:\n${item("one")}\n${item("half")}\n${list(item("two"))}` },
    findings: ["error inventory/truncated a.yaml:9:3", "info inventory/missing-separator a.yaml:15:1"],
    objects: ["one", "two"],
  },
  {
    name: "a list cut off in its last lines",
    files: { "a.yaml": `apiVersion: v1\nitems:\n${item("one")}\n${item("last")}\nkin` },
    findings: ["error inventory/truncated a.yaml:9:3"],
    objects: ["one"],
  },
  {
    name: "items at two indentations",
    files: { "a.yaml": `apiVersion: v1\nitems:\n${item("one").replace(/^/gmu, "  ")}\n${item("two")}\nkind: List\n` },
    findings: ["error inventory/syntax a.yaml:9:1"],
    objects: ["one"],
  },
  {
    name: "a document with items that are no objects",
    files: { "a.yaml": "items:\n- name: a\n- name: b\n", "b.yaml": configMap("one") },
    findings: ["warning inventory/not-kubernetes a.yaml:2:3"],
    objects: ["one"],
  },
  {
    name: "a JSON list that ends in the middle of an item",
    files: {
      "a.json": `${json({ apiVersion: "v1", kind: "List", items: [{ apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "a" } }] }).slice(0, -6)},{"kind": "Po`,
    },
    findings: ["error inventory/truncated a.json:12:1"],
    objects: ["p"],
  },
  {
    name: "a JSON object that ends in a text",
    files: { "a.json": '{"apiVersion": "v1", "kind": "Po' },
    findings: ["error inventory/empty", "error inventory/truncated a.json:1:1"],
    objects: undefined,
  },
  {
    name: "binary data",
    files: { "a.yaml": "\u007fELF\0\0\0" },
    findings: ["error inventory/empty", "error inventory/not-text a.yaml:1:1"],
    objects: undefined,
  },
  {
    name: "a NUL later on keeps what came before",
    files: { "a.yaml": `${configMap("one")}---\n${configMap("two")}`, "b.yaml": `a: 1\nb: \0` },
    findings: ["error inventory/not-text b.yaml:2:1"],
    objects: ["one", "two"],
  },
  {
    name: "bytes that are not UTF-8",
    files: { "a.yaml": configMap("one", "{ a: \uFFFD }") },
    findings: ["warning inventory/not-utf8 a.yaml:6:1"],
    objects: ["one"],
  },
  {
    name: "an alias bomb",
    files: { "a.yaml": `${bomb}---\n${configMap("one")}` },
    findings: ["error inventory/alias-bomb a.yaml:11:31"],
    objects: ["one"],
  },
  {
    name: "an alias without an anchor",
    files: { "a.yaml": configMap("one", "*nowhere") },
    findings: ["error inventory/empty", "error inventory/syntax a.yaml:6:7"],
    objects: undefined,
  },
  {
    name: "an alias inside its own anchor",
    files: { "a.yaml": configMap("one", "&a [*a]") },
    findings: ["error inventory/empty", "error inventory/syntax a.yaml:6:11"],
    objects: undefined,
  },
  {
    name: "bottomless nesting in YAML",
    files: { "a.yaml": configMap("one", `${"[".repeat(3000)}${"]".repeat(3000)}`) },
    findings: ["error inventory/empty", "error inventory/too-deep a.yaml:6:207"],
    objects: undefined,
  },
  {
    name: "bottomless nesting that the YAML package itself cannot take",
    files: { "a.yaml": configMap("one", `${"[".repeat(100_000)}${"]".repeat(100_000)}`) },
    findings: ["error inventory/empty", "error inventory/too-deep a.yaml:6:207"],
    objects: undefined,
  },
  {
    name: "bottomless nesting in JSON",
    files: { "a.json": `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}` },
    findings: ["error inventory/empty", "error inventory/too-deep a.json:1:1"],
    objects: undefined,
  },
  {
    name: "a __proto__ key in YAML",
    files: { "a.yaml": configMap("one", "\n  __proto__:\n    polluted: yes please\n  constructor: kept") },
    findings: ["error inventory/unsafe-key a.yaml:7:3"],
    objects: ["one"],
  },
  {
    name: "a __proto__ key in JSON",
    files: {
      "a.json":
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"},"data":{"__proto__":"x","constructor":"kept"}}',
    },
    findings: ["error inventory/unsafe-key a.json:1:73"],
    objects: ["one"],
  },
  {
    name: "a key twice in YAML",
    files: { "a.yaml": policy("  ingress: []\n  podSelector: {}\n  ingress: []\n") },
    findings: ["error inventory/duplicate-key a.yaml:9:3"],
    objects: ["p"],
  },
  {
    name: "a key twice in JSON",
    files: {
      "a.json": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"},\n "data":{"a":"1","a":"2:{}"}}',
    },
    findings: ["error inventory/duplicate-key a.json:2:18"],
    objects: ["one"],
  },
  {
    name: "a tag that Kubernetes does not know",
    files: { "a.yaml": configMap("one", "{ a: !vault secret/x }") },
    findings: ["warning inventory/unknown-tag a.yaml:6:19"],
    objects: ["one"],
  },
  {
    name: "scalars that two versions of YAML read differently",
    files: {
      "a.yaml": policy("  podSelector:\n    matchLabels:\n      enabled: yes\n      port: 0123\n      fine: 'no'\n"),
    },
    findings: ["warning inventory/ambiguous-scalar a.yaml:9:16", "warning inventory/ambiguous-scalar a.yaml:10:13"],
    objects: ["p"],
  },
  {
    name: "a null item and an item that is a text",
    files: { "a.yaml": list("- null", item("one"), "- text", "-") },
    findings: [
      "warning inventory/null-item a.yaml:3:3",
      "warning inventory/null-item a.yaml:10:3",
      "warning inventory/null-item a.yaml:11:1",
    ],
    objects: ["one"],
  },
  {
    name: "null items in JSON",
    files: {
      "a.json":
        '{"apiVersion":"v1","kind":"List","items":[null,\n {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"}}, 7]}',
    },
    findings: ["warning inventory/null-item a.json:1:43", "warning inventory/null-item a.json:2:68"],
    objects: ["one"],
  },
  {
    name: "documents that are no Kubernetes objects are counted once for each file",
    files: { "values.yaml": `replicas: 2\n---\nimage: x\n---\n${configMap("one")}`, "b.yaml": "- a\n- b\n" },
    findings: ["warning inventory/not-kubernetes b.yaml:1:1", "warning inventory/not-kubernetes values.yaml:1:1"],
    objects: ["one"],
  },
  {
    name: "an object without a name",
    files: { "a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  generateName: x-\n" },
    findings: ["error inventory/no-name a.yaml:1:1"],
    objects: [],
  },
  {
    name: "a Helm template",
    files: { "a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n" },
    findings: ["error inventory/empty", "error inventory/helm-template a.yaml:4:9"],
    objects: undefined,
  },
  {
    name: "a Helm template that starts with a directive",
    files: { "a.yaml": "{{- if .Values.enabled }}\napiVersion: v1\nkind: ConfigMap\n{{- end }}\n" },
    findings: ["error inventory/empty", "error inventory/helm-template a.yaml:1:1"],
    objects: undefined,
  },
  {
    name: "a variable that nobody has replaced, in a policy and in a name; templates in data are its own",
    files: {
      "a.yaml": policy('  podSelector: {}\n  ingress:\n  - from:\n    - ipBlock:\n        cidr: "${NODE_CIDR}"\n'),
      "b.yaml": configMap("cm-${CLUSTER}").replace("cm-${CLUSTER}", '"cm-${CLUSTER:=x}"'),
      "c.yaml": configMap("one", '{ a: "${HOME} {{ .x }}" }'),
    },
    findings: ["error inventory/unresolved-variable a.yaml:1:1", "error inventory/unresolved-variable b.yaml:1:1"],
    objects: ["cm-${CLUSTER:=x}", "one", "p"],
  },
  {
    name: "a kustomization",
    files: {
      "kustomization.yaml": "resources:\n- a.yaml\n",
      "x.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
    },
    findings: [
      "error inventory/empty",
      "warning inventory/kustomization kustomization.yaml:1:1",
      "warning inventory/kustomization x.yaml:1:1",
    ],
    objects: undefined,
  },
  {
    name: "an object twice with the same content, status and versions aside",
    files: {
      "a.yaml": `${configMap("one").replace("metadata:", 'metadata:\n  resourceVersion: "5"')}status: { a: 1 }\n`,
      "b.yaml": configMap("one"),
    },
    findings: ["info inventory/duplicate-object b.yaml:1:1"],
    objects: ["one"],
  },
  {
    name: "an object twice with different content",
    files: { "a.yaml": configMap("one", "{ a: '1' }"), "b.yaml": configMap("one", "{ a: '2' }") },
    findings: ["error inventory/conflicting-object b.yaml:1:1"],
    objects: ["one"],
  },
  {
    name: "the kube-system namespaces of two clusters",
    files: {
      "a.yaml": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: kube-system\n  uid: 11111111-1111\n",
      "b.yaml": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: kube-system\n  uid: 22222222-2222\n",
    },
    findings: ["error inventory/two-clusters b.yaml:1:1"],
    objects: ["kube-system"],
  },
  {
    name: "two kubeadm configurations",
    files: {
      "a.yaml": configMap("kubeadm-config", "{ ClusterConfiguration: a }").replace(
        "namespace: a",
        "namespace: kube-system",
      ),
      "b.yaml": configMap("kubeadm-config", "{ ClusterConfiguration: b }").replace(
        "namespace: a",
        "namespace: kube-system",
      ),
    },
    findings: ["error inventory/two-clusters b.yaml:1:1"],
    objects: ["kubeadm-config"],
  },
  {
    name: "two server versions",
    files: { "a.yaml": "serverVersion:\n  gitVersion: v1.32.2\n", "b.yaml": "serverVersion:\n  gitVersion: v1.31.0\n" },
    findings: ["error inventory/two-clusters b.yaml:1:1"],
    objects: [],
  },
  {
    name: "two kubectl outputs in one file without a separator",
    files: { "a.yaml": `${list(item("one"))}metadata:\n  resourceVersion: ""\n${list(item("two"))}` },
    findings: ["info inventory/missing-separator a.yaml:12:1"],
    objects: ["one", "two"],
  },
  {
    name: "items without a list",
    files: { "a.yaml": list(item("one")).replace("kind: List", "kind: Bundle") },
    findings: ["warning inventory/items-without-list a.yaml:1:1"],
    objects: ["one"],
  },
  {
    name: "a list with items twice",
    files: { "a.yaml": `${list(item("one"))}items:\n- lost\n` },
    findings: ["error inventory/duplicate-key a.yaml:1:1"],
    objects: ["one"],
  },
  {
    name: "the table of kubectl get",
    files: {
      "pods.yaml":
        "NAMESPACE     NAME        READY   STATUS    RESTARTS   AGE\nkube-system   canal-x     2/2     Running   0          1d\n",
    },
    findings: ["error inventory/empty", "error inventory/kubectl-table pods.yaml:1:1"],
    objects: undefined,
  },
  {
    name: "a Table object",
    files: { "a.json": '{"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":[]}' },
    findings: ["error inventory/empty", "error inventory/kubectl-table a.json:1:1"],
    objects: undefined,
  },
  {
    name: "the output of kubectl describe",
    files: {
      "a.yaml":
        "Name:         canal-5hgxp\nNamespace:    kube-system\nLabels:       k8s-app=canal\n              tier=x\n",
    },
    findings: ["error inventory/empty", "error inventory/kubectl-describe a.yaml:1:1"],
    objects: undefined,
  },
  {
    name: "an error message of kubectl",
    files: { "a.yaml": 'Error from server (Forbidden): nodes is forbidden: User "x" cannot list resource "nodes"\n' },
    findings: ["error inventory/empty", "error inventory/kubectl-message a.yaml:1:1"],
    objects: undefined,
  },
  {
    name: "an error answer of the API server",
    files: { "a.json": '{"kind":"Status","apiVersion":"v1","status":"Failure","message":"nodes is forbidden"}' },
    findings: ["error inventory/empty", "error inventory/kubectl-message a.json:1:1"],
    objects: undefined,
  },
  {
    name: "Secrets are counted and dropped",
    files: {
      "a.yaml": list(
        item("one"),
        "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: s\n  data:\n    password: aHVudGVyMg==",
        "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: t",
      ),
    },
    findings: ["info inventory/secret-skipped a.yaml:9:3"],
    objects: ["one"],
  },
  {
    name: "events and leases are counted and left out",
    files: {
      "a.yaml":
        "apiVersion: v1\nkind: Event\nmetadata:\n  name: e\n---\napiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata:\n  name: l\n",
    },
    findings: ["info inventory/kind-not-kept a.yaml:1:1", "info inventory/kind-not-kept a.yaml:6:1"],
    objects: [],
  },
  {
    name: "an empty list says its kind by the file's name or the command in its first comment; these are told as one",
    files: {
      "prod/poddisruptionbudgets.yaml": "apiVersion: v1\nitems: []\nkind: List\n",
      "a.yaml": "# kubectl get nodes -o yaml\napiVersion: v1\nitems: []\nkind: List\n",
      "b.json": json({ apiVersion: "v1", items: [], kind: "List" }),
      "gnp.txt": "No resources found\n",
    },
    findings: ["info inventory/empty-list a.yaml:1:1", "info inventory/empty-list b.json:1:1"],
    objects: [],
  },
  {
    name: "fields of a pod that the API does not allow",
    files: {
      "a.yaml":
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  namespace: a\n  labels: { a: 1 }\nspec:\n  nodeName: 7\n  containers:\n  - resources: { requests: { cpu: lots } }\n",
    },
    findings: [
      "warning inventory/bad-field a.yaml:6:13",
      "warning inventory/bad-field a.yaml:8:3",
      "warning inventory/bad-field a.yaml:10:30",
    ],
    objects: ["p"],
  },
  {
    name: "a pod without a namespace",
    files: { "a.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n" },
    findings: ["warning inventory/no-namespace a.yaml:1:1"],
    objects: ["p"],
  },
];

describe("bad input gives a finding with its place, and costs no more than it must", () => {
  test.each(cases)("$name", async ({ files, findings, objects }) => {
    const read = await readManifestTexts(files);

    for (const { code } of read.findings) reached.add(code);
    expect(read.findings.map(brief)).toEqual(findings);
    const names = read.value && [
      ...read.value.nodes.map(({ name }) => name),
      ...read.value.pods.map(({ name }) => name),
      ...[...read.value.objects.values()].flat().map(({ name }) => name),
    ];
    expect(names?.sort()).toEqual(objects);
  });

  test.each([1, 2, 3, 7, 64])("the same in chunks of %i", async (chunkSize) => {
    for (const { name, files, findings } of cases) {
      const total = Object.values(files).join("").length;
      if (total > 10_000) continue;
      const read = await readManifestTexts(files, chunkSize);
      expect([name, read.findings.map(brief)]).toEqual([name, findings]);
    }
  });
});

test("a Secret leaves no trace of its content anywhere", async () => {
  const secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData: { a: hunter2, a: hunter2 }\n";
  const read = await readManifestTexts({
    "a.yaml": `${secret}---\n${configMap("one")}`,
    "b.json": '{"kind":"Secret","data":{"p":"hunter2"',
  });

  expect(JSON.stringify([read.findings, [...(read.value?.objects ?? [])]])).not.toContain("hunter2");
});

test("the key __proto__ reaches no object, and constructor is a label like any other", async () => {
  const text =
    '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n","labels":{"__proto__":"x","constructor":"kept"}}}';
  const read = await readManifestTexts({ "a.json": text });
  const namespace = read.value?.objects.get("Namespace")?.[0];

  expect(namespace?.labels["constructor"]).toBe("kept");
  expect(namespace?.labels["toString"]).toBeUndefined();
  expect(Object.keys(namespace?.labels ?? {})).toEqual(["constructor"]);
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
});

test("a part over the limit is told and left out, and the rest is read", async () => {
  const huge = "x".repeat(1024 * 1024);
  function* chunks(): Generator<string> {
    yield "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: huge\n  data:\n    a: |\n";
    for (let count = 0; count < 65; count += 1) yield `      ${huge}\n`;
    yield `${item("one")}\nkind: List\n`;
  }
  const { readManifests } = await import("../../lib/inventory/read-inventory.ts");
  const read = await readManifests([{ name: "a.yaml", chunks: { [Symbol.iterator]: chunks } }]);

  for (const { code } of read.findings) reached.add(code);
  expect(read.findings.map(brief)).toEqual(["error inventory/too-large a.yaml:3:1"]);
  expect(read.value?.objects.get("ConfigMap")?.map(({ name }) => name)).toEqual(["one"]);
});

describe("what is no whole cluster is told", () => {
  const node = (name: string, podCIDR: string): string =>
    `apiVersion: v1\nkind: Node\nmetadata:\n  name: ${name}\nspec:\n  podCIDR: ${podCIDR}\n`;
  const pod = (name: string, nodeName: string, podIP: string): string =>
    `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\n  namespace: a\nspec:\n  nodeName: ${nodeName}\nstatus:\n  phase: Running\n  podIP: ${podIP}\n`;
  const empty = (kinds: readonly string[]): Record<string, string> =>
    Object.fromEntries(kinds.map((kind) => [`${kind}.yaml`, "apiVersion: v1\nitems: []\nkind: List\n"]));
  const rest = empty(
    "namespaces services configmaps daemonsets deployments statefulsets poddisruptionbudgets networkpolicies customresourcedefinitions".split(
      " ",
    ),
  );

  test.each([
    ["a whole cluster has none", { "a.yaml": node("w1", "10.0.0.0/24"), "b.yaml": pod("p", "w1", "10.0.0.1") }, []],
    ["no nodes", { "b.yaml": pod("p", "w1", "10.0.0.1") }, ["error inventory/no-nodes"]],
    ["no pods", { "a.yaml": node("w1", "10.0.0.0/24") }, ["error inventory/kind-missing"]],
    [
      "pods on a node of another cluster",
      {
        "a.yaml": node("w1", "10.0.0.0/24"),
        "b.yaml": `${pod("p", "w1", "10.0.0.1")}---\n${pod("q", "w3", "10.0.0.2")}`,
      },
      ["warning inventory/unknown-node b.yaml:12:1"],
    ],
    [
      "two pods with one address",
      {
        "a.yaml": node("w1", "10.0.0.0/24"),
        "b.yaml": `${pod("p", "w1", "10.0.0.1")}---\n${pod("q", "w1", "10.0.0.1")}`,
      },
      ["warning inventory/shared-pod-ip b.yaml:12:1"],
    ],
    [
      "two nodes with one pod CIDR",
      {
        "a.yaml": `${node("w1", "10.0.0.0/24")}---\n${node("w2", "10.0.0.0/24")}`,
        "b.yaml": pod("p", "w1", "10.0.0.1"),
      },
      ["error inventory/shared-pod-cidr a.yaml:8:1"],
    ],
    [
      "two root certificates",
      {
        "a.yaml": `${node("w1", "10.0.0.0/24")}---\n${pod("p", "w1", "10.0.0.1")}`,
        "c.yaml": `${configMap("kube-root-ca.crt", "{ ca.crt: a }")}---\n${configMap("kube-root-ca.crt", "{ ca.crt: b }").replace("namespace: a", "namespace: b")}`,
      },
      ["error inventory/two-clusters c.yaml:13:9"],
    ],
    [
      "two cluster GUIDs under Calico's two groups",
      {
        "a.yaml": `${node("w1", "10.0.0.0/24")}---\n${pod("p", "w1", "10.0.0.1")}`,
        "c.yaml": ["crd.projectcalico.org/v1", "projectcalico.org/v3"]
          .map(
            (group, index) =>
              `apiVersion: ${group}\nkind: ClusterInformation\nmetadata:\n  name: default\nspec:\n  clusterGUID: ${index}a\n`,
          )
          .join("---\n"),
        ...empty(
          "globalnetworkpolicies networkpolicies.crd.projectcalico.org ippools felixconfigurations globalnetworksets networksets hostendpoints tiers".split(
            " ",
          ),
        ),
      },
      ["error inventory/two-clusters c.yaml:13:3"],
    ],
  ])("%s", async (_name, files, findings) => {
    const read = await readInventoryTexts({ ...rest, ...files });
    const told = read.findings.filter(({ code }) => code !== "inventory/empty-list");

    for (const { code } of told) reached.add(code);
    expect(told.map(brief)).toEqual(findings);
  });

  test("a kind that is missing is told once with what cannot be checked; an empty list of it is an answer", async () => {
    const files = { "a.yaml": node("w1", "10.0.0.0/24"), "b.yaml": pod("p", "w1", "10.0.0.1") };
    const { "poddisruptionbudgets.yaml": budgets = "", ...without } = rest;
    const read = await readInventoryTexts({ ...without, ...files });
    const asked = await readInventoryTexts({ ...without, ...files, "poddisruptionbudgets.yaml": budgets });

    expect(read.findings.filter(({ code }) => code === "inventory/kind-missing")).toEqual([
      {
        code: "inventory/kind-missing",
        severity: "warning",
        message: "no PodDisruptionBudgets in the inventory: budgets cannot be checked",
        reason: "nothing in the input says whether the cluster has none or nobody asked",
        remedy:
          "add `kubectl get poddisruptionbudgets -A -o yaml > poddisruptionbudgets.yaml`; an empty list in a file of that name says that there are none",
        data: { kind: "PodDisruptionBudget", group: "policy" },
      },
    ]);
    expect(asked.findings.filter(({ code }) => code === "inventory/kind-missing")).toEqual([]);
  });
});

afterAll(() => {
  expect(Object.keys(inventoryFindings).filter((code) => !reached.has(code))).toEqual([]);
});
