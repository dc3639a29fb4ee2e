import type { Finding } from "../../core/finding.ts";
import { getArray, getString, isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { byAll, byText, compareText } from "../../core/order.ts";
import { renderYaml } from "../../core/yaml.ts";
import { knownKinds } from "../../inventory/kind-names.ts";
import { runProgram } from "../../io/run-program.ts";
import { writeTextFiles } from "../../io/write-text-files.ts";
import type { ExitCode } from "../exit-code.ts";
import { endWithoutResult, printFindingsBeside, printJson } from "../print-report.ts";
import { withProgress } from "../progress.ts";
import type { Streams } from "../streams.ts";

interface SnapshotOptions {
  readonly out: string;
  readonly context?: string;
  readonly format: "text" | "json";
}

/** Kinds that a dump may hold and that planning does not read; Secrets are never asked for. */
const notTaken: ReadonlySet<string> = new Set(["secrets", "events", "leases", "controllerrevisions", "endpoints"]);

/** Groups whose custom resources say how a network works; every kind of theirs that the cluster serves is taken. */
const networkGroups: readonly RegExp[] = [
  /(?:^|\.)projectcalico\.org$/u,
  /(?:^|\.)tigera\.io$/u,
  /(?:^|\.)cilium\.io$/u,
  /(?:^|\.)k8s\.ovn\.org$/u,
  /(?:^|\.)antrea\.io$/u,
  /^k8s\.cni\.cncf\.io$/u,
  /^policy\.networking\.k8s\.io$/u,
  /^helm\.cattle\.io$/u,
  /(?:^|\.)config\.openshift\.io$/u,
  /^operator\.openshift\.io$/u,
  /^karpenter\.sh$/u,
  /^cluster\.x-k8s\.io$/u,
];

/** ConfigMaps of these namespaces configure the network; those of workloads are nobody's business. */
const networkNamespaces: readonly string[] = [
  "kube-system",
  "kube-flannel",
  "calico-system",
  "tigera-operator",
  "ovn-kubernetes",
  "openshift-ovn-kubernetes",
  "metachron",
  "cilium",
];

/** `metachron snapshot`: a live cluster into small, sorted files, through the user's kubectl; nothing is changed. */
export async function snapshot(
  _operands: readonly string[],
  options: SnapshotOptions,
  streams: Streams,
): Promise<ExitCode> {
  const kubectl = (args: readonly string[]) =>
    runProgram("kubectl", [...(options.context === undefined ? [] : ["--context", options.context]), ...args], {
      timeoutSeconds: 300,
    });
  const version = await kubectl(["version", "-o", "json"]);
  if (version.value === undefined || version.value.exitCode !== 0) {
    const findings = version.value === undefined ? version.findings : [noCluster(version.value.stderr)];
    return endWithoutResult(findings, 2, options, streams);
  }
  const resources = await namesOfResources(kubectl);
  const files = new Map<string, string>([["version.yaml", renderYaml(parse(version.value.stdout))]]);
  const counts = new Map<string, number>();
  const findings: Finding[] = [...resources.findings];
  for (const resource of resources.names) {
    const listed = await withProgress(`reading ${resource}`, streams, () =>
      kubectl(["get", resource, "-A", "-o", "json"]),
    );
    const problem =
      listed.value === undefined ? listed.findings[0]?.message : listed.value.stderr.trim().split("\n")[0];
    if (listed.value === undefined || listed.value.exitCode !== 0) findings.push(notRead(resource, problem ?? ""));
    else {
      const list = listOf(parse(listed.value.stdout), resource);
      counts.set(`${resource}.yaml`, getArray(list, "items").length);
      files.set(`${resource}.yaml`, renderYaml(list));
    }
  }
  findings.push(...(await writeTextFiles(options.out, files)));
  if (findings.some((finding) => finding.severity === "error")) return endWithoutResult(findings, 2, options, streams);
  if (options.format === "json") {
    printJson(
      "InventorySnapshot",
      {
        folder: options.out,
        files: [...files.keys()].map((file) => ({ file, objects: counts.get(file) ?? 1 })),
        findings,
      },
      streams,
    );
    return 0;
  }
  printFindingsBeside(findings, streams);
  streams.out(
    `${files.size} files in ${options.out}. Commit them, then: metachron init --inventory ${options.out}\n(metachron synth where a plan names this folder already)\n`,
  );
  return 0;
}

type Kubectl = (args: readonly string[]) => ReturnType<typeof runProgram>;

/** What to ask for: the kinds that planning reads and the custom resources of networks, as far as the cluster serves them. */
async function namesOfResources(
  kubectl: Kubectl,
): Promise<{ readonly names: readonly string[]; readonly findings: readonly Finding[] }> {
  const served = await kubectl(["api-resources", "--verbs=list", "-o", "name"]);
  if (served.value === undefined) return { names: [], findings: served.findings };
  const known = new Set(
    knownKinds
      .filter((kind) => !notTaken.has(kind.plural))
      .map((kind) => (kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`)),
  );
  const names = served.value.stdout
    .split("\n")
    .filter((name) => name !== "")
    .filter((name) => known.has(name) || networkGroups.some((group) => group.test(name.slice(name.indexOf(".") + 1))))
    .sort(compareText);
  const partial =
    served.value.exitCode === 0 ? [] : [notRead("some API groups", served.value.stderr.trim().split("\n")[0] ?? "")];
  return { names, findings: partial };
}

function parse(text: string): JsonObject {
  return JSON.parse(text) as JsonObject;
}

function listOf(list: JsonObject, resource: string): JsonObject {
  const items = getArray(list, "items")
    .filter(isJsonObject)
    .filter(isTaken)
    .map((item) => trim(item, resource));
  const order = byAll<JsonObject>(
    byText((item) => getString(item, "metadata", "namespace") ?? ""),
    byText((item) => getString(item, "metadata", "name") ?? ""),
  );
  return { apiVersion: "v1", kind: "List", items: items.sort(order) };
}

function isTaken(item: JsonObject): boolean {
  if (item["kind"] !== "ConfigMap") return true;
  const namespace = getString(item, "metadata", "namespace") ?? "";
  return networkNamespaces.includes(namespace);
}

/** Leaves out what changes at every look and says nothing: managed fields, versions, cached images, schemas. */
function trim(item: JsonObject, resource: string): JsonObject {
  const {
    managedFields: _managed,
    resourceVersion: _version,
    generation: _generation,
    selfLink: _link,
    ...metadata
  } = isJsonObject(item["metadata"]) ? item["metadata"] : {};
  const { [lastApplied]: _applied, ...annotations } = isJsonObject(metadata["annotations"])
    ? metadata["annotations"]
    : {};
  const trimmed: JsonObject = {
    ...item,
    metadata: { ...metadata, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
  };
  if (resource === "nodes" && isJsonObject(item["status"])) {
    const { images: _images, ...status } = item["status"];
    return { ...trimmed, status };
  }
  return resource.startsWith("customresourcedefinitions") ? withoutSchemas(trimmed) : trimmed;
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

function withoutSchemas(definition: JsonObject): JsonObject {
  const spec = isJsonObject(definition["spec"]) ? definition["spec"] : {};
  const versions = getArray(spec, "versions")
    .filter(isJsonObject)
    .map(({ schema: _schema, additionalPrinterColumns: _columns, ...version }): JsonValue => version);
  const { conversion: _conversion, ...rest } = spec;
  return { ...definition, spec: { ...rest, versions } };
}

function noCluster(stderr: string): Finding {
  return {
    code: "cli/no-cluster",
    severity: "error",
    message: `kubectl cannot reach the cluster: ${stderr.trim().split("\n").at(-1) ?? ""}`,
    remedy: "check kubectl config current-context, or name another with --context",
  };
}

function notRead(resource: string, why: string): Finding {
  return {
    code: "cli/kind-not-read",
    severity: "warning",
    message: `${resource} could not be read: ${why}`,
    remedy: "let the user of this kubeconfig list them; nothing is ever changed",
  };
}
