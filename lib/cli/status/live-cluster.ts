import type { Checked, Finding } from "../../core/finding.ts";
import { getArray, getNumber, getString, isJsonObject, type JsonObject } from "../../core/json.ts";
import { ownNamespace } from "../../core/own-namespace.ts";
import { runProgram } from "../../io/run-program.ts";

/** A stage's Job as the cluster has it. */
export interface LiveJob {
  readonly name: string;
  readonly uid: string;
  readonly state: "waiting" | "running" | "complete" | "failed";
  /** Kubernetes' reason of a failure: `DeadlineExceeded`, `BackoffLimitExceeded`, … */
  readonly reason?: string;
  /** When it started, and when it ended: times as Kubernetes writes them. */
  readonly started?: string;
  readonly ended?: string;
}

/** A node that needs a look: it is not Ready, or takes no pods. */
export interface TroubledNode {
  readonly name: string;
  readonly isReady: boolean;
  readonly isSchedulable: boolean;
  /** Since when it is Ready or not. */
  readonly since?: string;
}

/** What `status` reads of a cluster. */
export interface LiveCluster {
  /** Data of the stages' markers, by stage id. */
  readonly markers: ReadonlyMap<string, JsonObject>;
  /** By name; absent where the Jobs could not be read. */
  readonly jobs?: ReadonlyMap<string, LiveJob>;
  /** By name; absent where the Nodes could not be read. */
  readonly nodes?: readonly TroubledNode[];
}

/**
 * Reads markers, Jobs and Nodes through the user's kubectl. Without markers there is no value; without Jobs or Nodes less
 * can be told, and a finding says so.
 *
 * Findings: `cli/no-cluster`, `cli/status-partial`.
 */
export async function readLiveCluster(context: string | undefined): Promise<Checked<LiveCluster>> {
  const kubectl = (args: readonly string[]): Promise<Checked<string>> =>
    ask([...(context === undefined ? [] : ["--context", context]), "get", ...args]);
  const [markers, jobs, nodes] = await Promise.all([
    kubectl(["configmaps", "-n", ownNamespace, "-o", "json"]),
    kubectl(["jobs", "-n", ownNamespace, "-o", "json"]),
    // Whole Nodes carry a list of images each: a large cluster's are not wanted here.
    kubectl(["nodes", "-o", nodeColumns]),
  ]);
  if (markers.value === undefined) return { value: undefined, findings: markers.findings.map(noCluster) };
  const findings = [
    ...jobs.findings.map((finding) => partial("Jobs", finding)),
    ...nodes.findings.map((finding) => partial("Nodes", finding)),
  ];
  return {
    value: {
      markers: markersByStage(itemsOf(markers.value)),
      ...(jobs.value !== undefined && {
        jobs: new Map(
          itemsOf(jobs.value)
            .map(liveJob)
            .map((job) => [job.name, job]),
        ),
      }),
      ...(nodes.value !== undefined && { nodes: troubledNodes(nodes.value) }),
    },
    findings,
  };
}

const nodeColumns =
  'jsonpath={range .items[*]}{.metadata.name}|{.spec.unschedulable}|{.status.conditions[?(@.type=="Ready")].status}|{.status.conditions[?(@.type=="Ready")].lastTransitionTime}{"\\n"}{end}';

/** What kubectl printed, or what it said where it failed. */
async function ask(args: readonly string[]): Promise<Checked<string>> {
  const read = await runProgram("kubectl", [...args, "--request-timeout=20s"]);
  if (read.value === undefined) return { value: undefined, findings: read.findings };
  if (read.value.exitCode === 0) return { value: read.value.stdout, findings: [] };
  const message = read.value.stderr.trim().split("\n").at(-1) ?? "";
  return { value: undefined, findings: [{ code: "cli/no-cluster", severity: "error", message }] };
}

function itemsOf(text: string): readonly JsonObject[] {
  const list: unknown = JSON.parse(text);
  return isJsonObject(list) ? getArray(list, "items").filter(isJsonObject) : [];
}

function noCluster(finding: Finding): Finding {
  if (finding.code !== "cli/no-cluster") return finding;
  return {
    ...finding,
    message: `the markers cannot be read: ${finding.message}`,
    remedy:
      "check kubectl config current-context, or name another with --context; ConfigMaps and Jobs of namespace metachron and the Nodes are read, nothing else",
  };
}

function partial(kind: string, finding: Finding): Finding {
  return {
    code: "cli/status-partial",
    severity: "warning",
    message: `the ${kind} cannot be read: ${finding.message}`,
    reason: kind === "Jobs" ? "whether a stage's Job still runs is not known" : "whether a node is Ready is not known",
    remedy: `let the user of this kubeconfig list ${kind.toLowerCase()}${kind === "Jobs" ? ` in namespace ${ownNamespace}` : ""}`,
  };
}

function markersByStage(items: readonly JsonObject[]): ReadonlyMap<string, JsonObject> {
  return new Map(
    items.flatMap((item): [string, JsonObject][] => {
      const name = getString(item, "metadata", "name") ?? "";
      const data = item["data"];
      return name.startsWith("wave-") && isJsonObject(data) ? [[name.slice("wave-".length), data]] : [];
    }),
  );
}

function liveJob(job: JsonObject): LiveJob {
  const ended = getArray(job, "status", "conditions")
    .filter(isJsonObject)
    .find((condition) => condition["status"] === "True" && isEnd(getString(condition, "type")));
  const isFailed = getString(ended, "type") === "Failed";
  const [started, endedAt, reason] = [
    getString(job, "status", "startTime"),
    getString(ended, "lastTransitionTime"),
    getString(ended, "reason"),
  ];
  // Clusters before 1.24 do not count ready pods.
  const isRunning = (getNumber(job, "status", "ready") ?? getNumber(job, "status", "active") ?? 0) > 0;
  return {
    name: getString(job, "metadata", "name") ?? "",
    uid: getString(job, "metadata", "uid") ?? "",
    state: ended !== undefined ? (isFailed ? "failed" : "complete") : isRunning ? "running" : "waiting",
    ...(isFailed && reason !== undefined && { reason }),
    ...(started !== undefined && { started }),
    ...(endedAt !== undefined && { ended: endedAt }),
  };
}

function isEnd(type: string | undefined): boolean {
  return type === "Complete" || type === "Failed";
}

/** Lines of `name|unschedulable|Ready's status|since`. */
function troubledNodes(lines: string): readonly TroubledNode[] {
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [name = "", unschedulable = "", ready = "", since = ""] = line.split("|");
      return {
        name,
        isReady: ready === "True",
        isSchedulable: unschedulable !== "true",
        ...(since !== "" && { since }),
      };
    })
    .filter((node) => !(node.isReady && node.isSchedulable));
}
