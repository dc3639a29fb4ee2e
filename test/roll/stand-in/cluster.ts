import { parse } from "yaml";
import {
  getArray,
  getIn,
  getNumber,
  getString,
  getStringMap,
  type JsonObject,
  type JsonValue,
} from "../../../lib/core/json.ts";
import { compareText } from "../../../lib/core/order.ts";
import { renderJsonPath } from "./json-path.ts";
import { type KubectlCall, readCall } from "./kubectl-arguments.ts";

/*
 * A cluster for the control flow of the scripts only: which calls are made, in which order, and what a script does when a
 * call fails, a node does not come back, or it is killed. It is no proof of how an API server, a kubelet or Cilium behaves:
 * that is judged in conformance/, with the real ones.
 */

/** What a call gave. */
export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Objects are kept as plain mutable records here. */
type Stored = Record<string, unknown> & { metadata: Record<string, unknown> };

/** How the cluster misbehaves. */
export interface Troubles {
  /** Pod `namespace/name` to how many evictions a budget refuses first. */
  readonly budget?: Readonly<Record<string, number>>;
  /** Nodes whose agent never comes back. */
  readonly lostAgents?: readonly string[];
  /** Helper kinds that fail. */
  readonly failingHelpers?: readonly string[];
  /** Probes of the pack whose verdict is the opposite of what is wanted. */
  readonly wrongProbes?: readonly string[];
  /** Jobs of the pack whose pods never start. */
  readonly lostProbes?: readonly string[];
  /** Calls of these numbers (1 is the first) that the API server does not answer. */
  readonly deafCalls?: (call: number) => boolean;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Singular and short names of resources, as the scripts write them. */
const plurals: Readonly<Record<string, string>> = {
  pod: "pods",
  node: "nodes",
  configmap: "configmaps",
  lease: "leases",
  daemonset: "daemonsets",
  job: "jobs",
  ciliumnodeconfig: "ciliumnodeconfigs",
  ciliumendpoint: "ciliumendpoints",
};

const kinds: Readonly<Record<string, string>> = { Pod: "pods", ConfigMap: "configmaps", Lease: "leases", Job: "jobs" };

/** The stand-in. Time is its own and moves when a script sleeps. */
export class StandIn {
  seconds = 1000;
  deadPorts = false;
  calls: string[] = [];
  readonly objects = new Map<string, Stored>();
  private readonly timers: Timer[] = [];
  private serial = 0;
  private readonly refused = new Map<string, number>();
  private readonly troubles: Troubles;

  constructor(troubles: Troubles = {}) {
    this.troubles = troubles;
  }

  // --- time ---------------------------------------------------------------------------------------------------------

  advance(seconds: number): void {
    const end = this.seconds + seconds;
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers.splice(this.timers.indexOf(due), 1);
      this.seconds = Math.max(this.seconds, due.at);
      due.run();
    }
    this.seconds = end;
  }

  after(seconds: number, run: () => void): void {
    this.timers.push({ at: this.seconds + seconds, run });
  }

  // --- objects ------------------------------------------------------------------------------------------------------

  put(resource: string, object: JsonObject): Stored {
    const copy = structuredClone(object) as unknown as Stored;
    this.serial += 1;
    copy.metadata["uid"] ??= `uid-${this.serial}`;
    copy.metadata["resourceVersion"] = String(this.serial);
    this.objects.set(keyOf(resource, copy), copy);
    return copy;
  }

  find(resource: string, namespace: string | undefined, name: string): Stored | undefined {
    return this.objects.get(`${resource}/${namespace ?? ""}/${name}`);
  }

  list(resource: string): Stored[] {
    return [...this.objects.entries()]
      .filter(([key]) => key.startsWith(`${resource}/`))
      .sort(([a], [b]) => compareText(a, b))
      .map(([, object]) => object);
  }

  marker(stage: string): Readonly<Record<string, string>> {
    return getStringMap(json(this.find("configmaps", "metachron", `wave-${stage}`)), "data");
  }

  // --- what runs in the cluster -------------------------------------------------------------------------------------

  /** Whether pods that start on the node now get an address of the new network. */
  isOnCilium(node: string): boolean {
    return this.find("nodes", undefined, node)?.["cni"] === "cilium";
  }

  private address(node: string): string {
    this.serial += 1;
    const host = (this.serial % 250) + 2;
    return `${this.isOnCilium(node) ? "10.245" : "10.244"}.${node.length}.${host}`;
  }

  addNode(name: string, options: { hostname?: string; cordoned?: boolean; isOnCilium?: boolean } = {}): void {
    const labels = { "kubernetes.io/hostname": options.hostname ?? name, "kubernetes.io/os": "linux" };
    const object = this.put("nodes", {
      metadata: { name, labels },
      spec: options.cordoned === true ? { unschedulable: true } : {},
      status: {
        conditions: [{ type: "Ready", status: "True" }],
        nodeInfo: { bootID: `boot-${name}` },
        addresses: [{ type: "InternalIP", address: "192.168.0.1" }],
        allocatable: { pods: "110" },
      },
    });
    object["cni"] = options.isOnCilium === true ? "cilium" : "source";
    this.startAgent(name);
    if (options.isOnCilium === true) object["agent"] = "Ok";
    this.addPod("metachron", "metachron-echo", name, {
      labels: { "app.kubernetes.io/name": "metachron-echo" },
      owner: "DaemonSet",
    });
    this.addPod("metachron", "metachron-bridge", name, {
      labels: { "app.kubernetes.io/name": "metachron-bridge" },
      owner: "DaemonSet",
      hostNetwork: true,
    });
    this.addPod("kube-system", "canal", name, { owner: "DaemonSet", hostNetwork: true });
  }

  /** The machine is gone, with its pods. */
  removeNode(name: string): void {
    this.objects.delete(`nodes//${name}`);
    for (const [key, object] of this.objects)
      if (key.startsWith("pods/") && getString(json(object), "spec", "nodeName") === name) this.objects.delete(key);
  }

  addPod(
    namespace: string,
    app: string,
    node: string,
    options: {
      labels?: Readonly<Record<string, string>>;
      owner?: string;
      hostNetwork?: boolean;
      restartPolicy?: string;
      name?: string;
      emptyDir?: boolean;
      hostPort?: number;
      /** Comes back to its node also when that is cordoned. */
      isSticky?: boolean;
    } = {},
  ): Stored {
    this.serial += 1;
    const name = options.name ?? `${app}-${this.serial}`;
    const pod = this.put("pods", {
      metadata: {
        namespace,
        name,
        labels: { ...options.labels },
        ...(options.owner !== undefined && {
          ownerReferences: [{ kind: options.owner, name: app, controller: true }],
        }),
      },
      spec: {
        nodeName: node,
        restartPolicy: options.restartPolicy ?? "Always",
        ...(options.hostNetwork === true && { hostNetwork: true }),
        ...(options.emptyDir === true && { volumes: [{ name: "data", emptyDir: {} }] }),
        containers: [
          {
            name: "main",
            ...(options.hostPort !== undefined && { ports: [{ hostPort: options.hostPort, protocol: "TCP" }] }),
          },
        ],
      },
      status: {
        phase: "Running",
        podIP: options.hostNetwork === true ? "192.168.0.1" : this.address(node),
        conditions: [{ type: "Ready", status: "True" }],
      },
    });
    pod["app"] = app;
    pod["isSticky"] = options.isSticky === true;
    return pod;
  }

  private startAgent(node: string): void {
    const pod = this.addPod("kube-system", "cilium", node, {
      labels: { "k8s-app": "cilium" },
      owner: "DaemonSet",
      hostNetwork: true,
    });
    const spec = pod["spec"] as Record<string, unknown>;
    spec["containers"] = [{ name: "cilium-agent", image: "quay.io/cilium/cilium:v1.20.2@sha256:abc" }];
    const settings = this.settingsOf(node);
    const stored = this.find("nodes", undefined, node);
    if (stored === undefined) return;
    const file = settings["write-cni-conf-when-ready"] ?? "";
    stored["agent"] = file === "" ? "Disabled" : "Ok";
    if (file !== "") stored["cni"] = "cilium";
  }

  /** The last CiliumNodeConfig by name wins for each key. */
  private settingsOf(node: string): Readonly<Record<string, string>> {
    const hostname = getStringMap(json(this.find("nodes", undefined, node)), "metadata", "labels")[
      "kubernetes.io/hostname"
    ];
    const settings: Record<string, string> = {};
    for (const config of this.list("ciliumnodeconfigs")) {
      const values = getArray(getArray(json(config), "spec", "nodeSelector", "matchExpressions")[0], "values");
      if (values.includes(hostname ?? "")) Object.assign(settings, getStringMap(json(config), "spec", "defaults"));
    }
    return settings;
  }

  /** A pod goes; its controller makes another one. */
  removePod(pod: Stored): void {
    this.objects.delete(keyOf("pods", pod));
    const node = getString(json(pod), "spec", "nodeName") ?? "";
    const namespace = getString(json(pod), "metadata", "namespace") ?? "";
    const owner = getString(getArray(json(pod), "metadata", "ownerReferences")[0], "kind");
    const app = String(pod["app"] ?? "");
    if (app === "cilium") {
      if (this.troubles.lostAgents?.includes(node) !== true) this.after(4, () => this.startAgent(node));
      return;
    }
    if (owner === undefined) return;
    this.after(2, () => {
      const elsewhere = this.list("nodes").find(
        (other) =>
          getIn(json(other), "spec", "unschedulable") !== true && getString(json(other), "metadata", "name") !== node,
      );
      const isSticky = pod["isSticky"] === true;
      const target =
        owner === "DaemonSet" || isSticky ? node : (getString(json(elsewhere), "metadata", "name") ?? node);
      const hostPort = getNumber(getArray(getArray(json(pod), "spec", "containers")[0], "ports")[0], "hostPort");
      this.addPod(namespace, app, target, {
        owner,
        isSticky,
        labels: getStringMap(json(pod), "metadata", "labels"),
        ...(hostPort !== undefined && { hostPort }),
      });
    });
  }

  private startHelper(pod: Stored): void {
    const kind = getStringMap(json(pod), "metadata", "labels")["metachron.dev/helper"] ?? "";
    const node = getString(json(pod), "spec", "nodeName") ?? "";
    const command = getArray(getArray(json(pod), "spec", "containers")[0], "command").map(String);
    const fails = this.troubles.failingHelpers?.includes(kind) === true;
    const status: Record<string, unknown> = { phase: "Pending" };
    pod["status"] = status;
    this.after(3, () => {
      if (kind === "canary" && !fails) {
        const podIP = this.address(node);
        Object.assign(status, { phase: "Running", podIP, conditions: [{ type: "Ready", status: "True" }] });
        if (this.isOnCilium(node))
          this.put("ciliumendpoints", {
            metadata: { namespace: "metachron", name: String(pod.metadata["name"]) },
            status: { state: "ready", networking: { addressing: [{ ipv4: podIP }] } },
          });
        return;
      }
      status["phase"] = !fails && this.runHelper(kind, node, command) ? "Succeeded" : "Failed";
    });
  }

  /** The pod of a probe's Job: a listener answers after a while, a caller ends with what it found. */
  private startProbe(job: Stored): void {
    const name = String(job.metadata["name"]);
    const namespace = String(job.metadata["namespace"]);
    const variable = getArray(getArray(json(job), "spec", "template", "spec", "containers")[0], "env")[0];
    const pod = this.addPod(namespace, name, "worker-3", { labels: { "job-name": name } });
    const address = getString(json(pod), "status", "podIP") ?? "";
    const status: Record<string, unknown> = { phase: "Pending" };
    pod["status"] = status;
    if (this.troubles.lostProbes?.includes(name) === true) {
      status["containerStatuses"] = [{ ready: false, state: { waiting: { reason: "ImagePullBackOff" } } }];
      return;
    }
    this.after(6, () => {
      Object.assign(status, { phase: "Running", podIP: address, podIPs: [{ ip: address }] });
      status["containerStatuses"] = [{ ready: getString(variable, "name") === "PORTS" }];
      if (getString(variable, "name") === "TARGETS") this.after(20, () => this.endCaller(status, variable));
    });
  }

  private endCaller(status: Record<string, unknown>, targets: JsonValue | undefined): void {
    const lines = (getString(targets, "value") ?? "").split(" ").filter((word) => word !== "");
    const message = lines
      .map((line) => {
        const [id = "", wanted = ""] = line.split(",");
        const other = wanted === "allow" ? "deny" : "allow";
        return `${id} ${this.troubles.wrongProbes?.includes(id) === true ? other : wanted} 1\n`;
      })
      .join("");
    status["phase"] = "Succeeded";
    status["containerStatuses"] = [{ ready: false, state: { terminated: { message } } }];
  }

  private runHelper(kind: string, node: string, command: readonly string[]): boolean {
    const stored = this.find("nodes", undefined, node);
    if (stored === undefined) return false;
    if (kind === "check") {
      const mode = command.at(-1);
      if (mode === "cilium") return stored["agent"] === "Ok" && stored["cni"] === "cilium";
      if (mode === "source") return stored["agent"] === "Disabled" && stored["cni"] === "source";
      return true;
    }
    if (kind === "restore") {
      if (stored["agent"] !== "Disabled") return false;
      stored["cni"] = "source";
    }
    if (kind === "recycle") {
      const pod = this.find("pods", command.at(-2), command.at(-1) ?? "");
      if (pod !== undefined) (pod["status"] as Record<string, unknown>)["podIP"] = this.address(node);
    }
    if (kind === "restart") this.restartPods(node, (command.at(-1) ?? "").split(" "));
    if (kind === "sentinel")
      this.after(60, () => {
        ((stored["status"] as Record<string, unknown>)["nodeInfo"] as Record<string, unknown>)["bootID"] = "boot-after";
        for (const pod of this.list("pods"))
          if (getString(json(pod), "spec", "nodeName") === node && getIn(json(pod), "spec", "hostNetwork") !== true)
            (pod["status"] as Record<string, unknown>)["podIP"] = this.address(node);
      });
    return true;
  }

  private restartPods(node: string, names: readonly string[]): void {
    for (const word of names) {
      const [namespace = "", name = ""] = word.split("/");
      const pod = this.find("pods", namespace, name);
      if (pod !== undefined) (pod["status"] as Record<string, unknown>)["podIP"] = this.address(node);
    }
  }

  // --- the API ------------------------------------------------------------------------------------------------------

  /** Answers one call of kubectl. */
  answer(args: readonly string[], stdin: string): Answer {
    const call = readCall(args);
    this.calls.push([call.verb, ...call.words, call.raw ?? "", call.patch ?? ""].join(" ").trim());
    if (this.troubles.deafCalls?.(this.calls.length) === true) return fail("Unable to connect to the server: timeout");
    switch (call.verb) {
      case "get":
        return call.raw === "/version" ? ok('{\n  "gitVersion": "v1.36.3"\n}') : this.get(call);
      case "create":
        return call.raw === undefined ? this.create(stdin) : this.evict(call.raw);
      case "replace":
        return this.replace(stdin);
      case "patch":
        return this.patch(call);
      case "delete":
        return this.remove(call);
      case "annotate":
        return this.annotate(call);
      case "label":
        return this.label(call);
      case "logs":
        return ok(this.logOf(call.words[0] ?? ""));
      default:
        throw new Error(`the stand-in does not know the verb ${call.verb}`);
    }
  }

  /** A helper of kind `ports` finds every port open, unless the stand-in is told that ports are dead. */
  private logOf(name: string): string {
    const pod = this.find("pods", "metachron", name);
    const command =
      getArray(getArray(json(pod), "spec", "containers")[0], "command")
        .map(String)
        .at(-1) ?? "";
    if (!name.startsWith("ports-")) return `log of ${name}\n`;
    const ports = command.split(" ").slice(5);
    return this.deadPorts ? "" : ports.map((port) => `answers ${port}\n`).join("");
  }

  private get(call: KubectlCall): Answer {
    const [resource = "", name] = call.words;
    const plural = pluralOf(resource);
    if (name !== undefined) {
      const found = this.find(plural, clusterScoped(plural) ? undefined : call.namespace, name);
      if (found !== undefined && call.output?.startsWith("go-template=") === true)
        return ok(
          Object.keys(getStringMap(json(found), "metadata", "annotations"))
            .map((key) => `${key}\n`)
            .join(""),
        );
      if (found === undefined)
        return call.ignoreNotFound ? ok("") : fail(`Error from server (NotFound): ${plural} "${name}" not found`);
      return ok(renderJsonPath(path(call), json(found) as JsonValue));
    }
    const items = resource
      .split(",")
      .flatMap((one) => this.list(pluralOf(one)))
      .filter((object) => matches(json(object), call));
    return ok(renderJsonPath(path(call), { items: items.map((item) => json(item) as JsonValue) }));
  }

  private create(stdin: string): Answer {
    const object = parse(stdin) as JsonObject;
    const plural = kinds[getString(object, "kind") ?? ""];
    if (plural === undefined) throw new Error(`the stand-in creates no ${getString(object, "kind")}`);
    const name = getString(object, "metadata", "name") ?? "";
    if (this.find(plural, getString(object, "metadata", "namespace"), name) !== undefined)
      return fail(`Error from server (AlreadyExists): ${plural} "${name}" already exists`);
    const stored = this.put(plural, object);
    if (plural === "pods") this.startHelper(stored);
    if (plural === "jobs") this.startProbe(stored);
    return ok("");
  }

  private replace(stdin: string): Answer {
    const object = parse(stdin) as JsonObject;
    const plural = kinds[getString(object, "kind") ?? ""] ?? "";
    const before = this.find(
      plural,
      getString(object, "metadata", "namespace"),
      getString(object, "metadata", "name") ?? "",
    );
    const version = getString(object, "metadata", "resourceVersion");
    if (before === undefined) return fail("Error from server (NotFound)");
    if (version !== "" && version !== before.metadata["resourceVersion"])
      return fail("Error from server (Conflict): the object has been modified");
    this.put(plural, object);
    return ok("");
  }

  private patch(call: KubectlCall): Answer {
    const [resource = "", name = ""] = call.words;
    const plural = pluralOf(resource);
    const found = this.find(plural, clusterScoped(plural) ? undefined : call.namespace, name);
    if (found === undefined) return fail(`Error from server (NotFound): ${plural} "${name}" not found`);
    mergeInto(found, JSON.parse(call.patch ?? "{}") as Record<string, unknown>);
    return ok("");
  }

  private annotate(call: KubectlCall): Answer {
    const [resource = "", name = "", ...changes] = call.words;
    const plural = pluralOf(resource);
    const found = this.find(plural, clusterScoped(plural) ? undefined : call.namespace, name);
    if (found === undefined) return fail(`Error from server (NotFound): ${plural} "${name}" not found`);
    const annotations = (found.metadata["annotations"] ?? {}) as Record<string, unknown>;
    for (const change of changes) if (change.endsWith("-")) delete annotations[change.slice(0, -1)];
    return ok("");
  }

  /** The label that lets the agent of a node start, which takes the node over at once. */
  private label(call: KubectlCall): Answer {
    const [, name = "", change = ""] = call.words;
    const node = this.find("nodes", undefined, name);
    if (node === undefined) return fail(`Error from server (NotFound): nodes "${name}" not found`);
    const [key = "", value = ""] = change.split("=");
    node.metadata["labels"] = { ...getStringMap(json(node), "metadata", "labels"), [key]: value };
    if (this.troubles.lostAgents?.includes(name) !== true)
      this.after(20, () => {
        this.startAgent(name);
        Object.assign(node, { cni: "cilium", agent: "Ok" });
      });
    return ok("");
  }

  private remove(call: KubectlCall): Answer {
    const [resource = "", name = ""] = call.words;
    const plural = pluralOf(resource);
    const found = this.find(plural, clusterScoped(plural) ? undefined : call.namespace, name);
    if (found === undefined) return call.ignoreNotFound ? ok("") : fail("Error from server (NotFound)");
    if (plural === "pods") this.removePod(found);
    else this.objects.delete(keyOf(plural, found));
    if (plural === "jobs") this.after(3, () => this.collectPodsOf(name));
    if (plural === "daemonsets") this.after(5, () => this.collectPodsOf(name));
    return ok("");
  }

  private collectPodsOf(daemonSet: string): void {
    for (const pod of this.list("pods")) if (pod["app"] === daemonSet) this.objects.delete(keyOf("pods", pod));
  }

  private evict(raw: string): Answer {
    const [, namespace = "", name = "", query] =
      /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/eviction(.*)$/u.exec(raw) ?? [];
    const pod = this.find("pods", namespace, name);
    if (pod === undefined) return fail(`Error from server (NotFound): pods "${name}" not found`);
    const key = `${namespace}/${String(pod["app"])}`;
    const refused = this.refused.get(key) ?? 0;
    if (refused < (this.troubles.budget?.[key] ?? 0)) {
      this.refused.set(key, refused + 1);
      return fail(
        "Error from server (TooManyRequests): Cannot evict pod as it would violate the pod's disruption budget.",
      );
    }
    if (query === "") this.removePod(pod);
    return ok("");
  }
}

function path(call: KubectlCall): string {
  const output = call.output ?? "";
  if (!output.startsWith("jsonpath=")) throw new Error(`the stand-in prints no ${output}`);
  return output.slice("jsonpath=".length);
}

/** `daemonsets.apps`, `daemonset` and `daemonsets` are one. */
function pluralOf(resource: string): string {
  const [first = ""] = resource.split(".");
  return plurals[first] ?? first;
}

const clusterScopedPlurals = [
  "nodes",
  "ciliumnodes",
  "ciliumclusterwidenetworkpolicies",
  "globalnetworkpolicies",
  "clusterroles",
];

function clusterScoped(plural: string): boolean {
  return clusterScopedPlurals.includes(plural) || plural === "customresourcedefinitions";
}

function keyOf(resource: string, object: Stored): string {
  return `${resource}/${String(object.metadata["namespace"] ?? "")}/${String(object.metadata["name"])}`;
}

function json(object: Stored | undefined): JsonObject | undefined {
  return object as unknown as JsonObject | undefined;
}

function matches(object: JsonObject | undefined, call: KubectlCall): boolean {
  const labels = getStringMap(object, "metadata", "labels");
  const inNamespace =
    call.allNamespaces || call.namespace === undefined || getString(object, "metadata", "namespace") === call.namespace;
  const byLabels = (call.labels ?? "").split(",").every((term) => {
    const [key = "", value] = term.split("=");
    if (key.endsWith("!")) return labels[key.slice(0, -1)] !== value;
    return term === "" || (value === undefined ? key in labels : labels[key] === value);
  });
  const byFields = (call.fields ?? "").split(",").every((term) => {
    const [, field = "", operator, value] = /^([^!=]+)(!?=)(.*)$/u.exec(term) ?? [];
    if (term === "") return true;
    const isEqual = getString(object, ...field.split(".")) === value;
    return operator === "=" ? isEqual : !isEqual;
  });
  return inNamespace && byLabels && byFields;
}

function mergeInto(target: Record<string, unknown>, patch: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete target[key];
    else if (typeof value === "object" && !Array.isArray(value)) {
      target[key] ??= {};
      mergeInto(target[key] as Record<string, unknown>, value as Record<string, unknown>);
    } else target[key] = value;
  }
}

function ok(stdout: string): Answer {
  return { code: 0, stdout, stderr: "" };
}

function fail(stderr: string): Answer {
  return { code: 1, stdout: "", stderr: `${stderr}\n` };
}
