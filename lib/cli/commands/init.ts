import { access } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { compareFindings, type Finding } from "../../core/finding.ts";
import { type Inventory, objectsOf } from "../../inventory/inventory.ts";
import { writeTextFiles } from "../../io/write-text-files.ts";
import { checkPlanSpec } from "../../plan/define-plan.ts";
import type { InitFacts } from "../../plan/init-facts.ts";
import { initPlan } from "../../plan/init-plan.ts";
import type { Plan } from "../../plan/plan.ts";
import { renderPlan } from "../../plan/render-plan.ts";
import { kubernetesMinor, newestTestedCilium } from "../../preflight/tested-versions.ts";
import { detectSource } from "../../source/detect-source.ts";
import type { SourceDetection } from "../../source/source.ts";
import { planTarget } from "../../target/plan-target.ts";
import { describePools } from "../../waves/describe-pools.ts";
import type { ExitCode } from "../exit-code.ts";
import { loadInventory } from "../load-inventory.ts";
import { endWithoutResult, printFindingsBeside, printJson, wrongUse } from "../print-report.ts";
import type { Streams } from "../streams.ts";

interface InitOptions {
  readonly inventory?: readonly string[];
  readonly plan?: string;
  readonly name?: string;
  readonly force: boolean;
  readonly format: "text" | "json";
}

/** `metachron init`: a plan file with every choice explained, ready for synth. */
export async function init(_operands: readonly string[], options: InitOptions, streams: Streams): Promise<ExitCode> {
  const [path] = options.inventory ?? [];
  if (path === undefined || path === "-" || options.inventory?.length !== 1) {
    const use = wrongUse(
      "init reads one folder or file",
      "name it: metachron init --inventory inventory/prod-eu (metachron snapshot makes one)",
    );
    return endWithoutResult([use], 2, options, streams);
  }
  const name = options.name ?? planName(path);
  const file = options.plan ?? join("plans", `${name}.yaml`);
  if (!options.force && (await exists(file))) {
    const use = wrongUse(`${file} is there already`, "name another file with --plan, or write over it with --force");
    return endWithoutResult([use], 2, options, streams);
  }
  const loaded = await loadInventory([path], "cluster", streams);
  if (loaded.value === undefined || loaded.value.nodes.length === 0) {
    return endWithoutResult(loaded.findings, 2, options, streams);
  }
  const source = detectSource(loaded.value, "auto");
  const facts = factsOf(name, relativePath(dirname(file), path), loaded.value, source);
  const written = await writeTextFiles(dirname(file), new Map([[basename(file), renderPlan(facts)]]));
  if (written.length > 0) {
    return endWithoutResult(written, 2, options, streams);
  }
  const findings = [...loaded.findings, ...source.findings].toSorted(compareFindings);
  if (options.format === "json")
    printJson("PlanProposal", { plan: file, source: source.source, confidence: source.confidence, findings }, streams);
  else tell(file, source, findings, streams);
  return 0;
}

function tell(file: string, source: SourceDetection, findings: readonly Finding[], streams: Streams): void {
  printFindingsBeside(
    findings.filter((finding) => finding.severity === "error"),
    streams,
  );
  streams.out(
    [
      `${source.source} (${source.confidence}): ${file} is written, every choice explained in it.`,
      "",
      ...(source.live.kind === "refused"
        ? [`No live migration from here: ${source.live.reason}. Instead: ${source.live.alternatives.join("; ")}.`, ""]
        : []),
      `Read it, change what you know better, then:`,
      `  metachron synth --plan ${file}`,
      "",
    ].join("\n"),
  );
}

/** A name that Kubernetes and folders take, from the inventory's folder. */
function planName(path: string): string {
  const last = basename(resolve(path)).replace(/\.(?:ya?ml|json|ndjson|jsonl)(?:\.gz)?$/u, "");
  const name = last
    .toLowerCase()
    .replace(/[^a-z0-9-]+/gu, "-")
    .replace(/^-+|-+$/gu, "")
    .slice(0, 40);
  return name === "" ? "cluster" : name;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function relativePath(from: string, to: string): string {
  const path = relative(from, to).split(sep).join("/");
  return path === "" ? "." : path;
}

function factsOf(name: string, inventoryPath: string, inventory: Inventory, source: SourceDetection): InitFacts {
  const draft: InitFacts = {
    name,
    inventory: inventoryPath,
    source: {
      name: source.source,
      confidence: source.confidence,
      evidence: source.evidence.slice(0, 4).map((entry) => `${entry.object} ${entry.field}: ${entry.value}`),
      podCIDRs: source.facts.podCIDRs,
    },
    exactBlockers: [],
    podCIDRs: [],
    nodes: inventory.nodes.length,
    pools: describePools(inventory),
    engines: enginesOf(inventory),
    ...signals(inventory),
    ...versionsOf(inventory),
    ...strategyOf(source),
    ...(source.facts.serviceProxy.kind === "source" && {
      kubeProxyReplacementWhy: `${source.source} answers for Services and goes, so that somebody has to take over`,
    }),
  };
  const plan = checkPlanSpec(initPlan({ ...draft }), "init");
  const target =
    plan.value === undefined
      ? undefined
      : planTarget({ plan: plan.value, inventory, source, requiredValues: {} }).value;
  if (target === undefined) return draft;
  const { ipv4, ipv6 } = target.podCIDRMaskSize;
  return {
    ...draft,
    podCIDRs: target.podCIDRs,
    ...(ipv4 !== undefined && { podCIDRMaskSize: ipv4 }),
    ...(ipv6 !== undefined && { podCIDRMaskSizeIPv6: ipv6 }),
    exactBlockers: target.continuity.conditions
      .filter((condition) => !condition.holds)
      .map((condition) => condition.why),
  };
}

/** Releases that fit the cluster's Kubernetes, where the newest do not. */
function versionsOf(inventory: Inventory): Pick<InitFacts, "version" | "versionWhy" | "rollImage"> {
  const kubelets = inventory.nodes.map((node) => node.nodeInfo.kubeletVersion ?? "");
  // Kubelets are never newer than the API server, so the newest of them stands in for it.
  const [newest] = kubelets.toSorted((a, b) => (kubernetesMinor(b) ?? 0) - (kubernetesMinor(a) ?? 0));
  const server = inventory.version?.gitVersion ?? newest;
  const versions = [...kubelets, server ?? ""];
  const minors = [...new Set(versions.flatMap((version) => kubernetesMinor(version) ?? []))].sort((a, b) => a - b);
  const version = minors.length === 0 ? undefined : newestTestedCilium(minors);
  const release = /^v(1\.\d+\.\d+)/u.exec(server ?? "")?.[1];
  return {
    ...(version !== undefined && {
      version,
      versionWhy: `${version} is the newest of them that is tested with Kubernetes ${minors.map((minor) => `1.${minor}`).join(" and ")}.`,
    }),
    ...(release !== undefined && { rollImage: `docker.io/alpine/k8s:${release}` }),
  };
}

/** The first strategy that the source's alternatives name; none where they name none, as there is nothing to migrate. */
function strategyOf(source: SourceDetection): Pick<InitFacts, "strategy"> {
  if (source.live.kind !== "refused") return {};
  const [name] = source.live.alternatives.flatMap((entry) => /\b(?:in-place|blue-green)\b/u.exec(entry)?.[0] ?? []);
  if (name !== "in-place" && name !== "blue-green") return {};
  return { strategy: { name, why: source.live.reason } };
}

/** Engines that run in the cluster, seen by their controllers. */
function enginesOf(inventory: Inventory): Plan["spec"]["delivery"]["engines"] {
  const names = [...objectsOf(inventory, "Deployment"), ...objectsOf(inventory, "StatefulSet")].map(
    (object) => object.name,
  );
  return [
    ...(names.some((name) => name.startsWith("argocd-")) ? (["argocd"] as const) : []),
    ...(names.includes("kustomize-controller") ? (["flux"] as const) : []),
  ];
}

/** Addresses of Goldpinger and Prometheus inside the cluster, where a Service of that name shows one. */
function signals(inventory: Inventory): Pick<InitFacts, "goldpingerURL" | "prometheusURL"> {
  const services = objectsOf(inventory, "Service");
  const urlOf = (names: readonly string[]): string | undefined => {
    const service = services.find((object) => names.includes(object.name));
    if (service === undefined) return undefined;
    const spec = service.object["spec"] as { readonly ports?: readonly { readonly port?: number }[] } | undefined;
    return `http://${service.name}.${service.namespace}.svc:${spec?.ports?.[0]?.port ?? 80}`;
  };
  const goldpinger = urlOf(["goldpinger"]);
  const prometheus = urlOf(["prometheus", "prometheus-server", "prometheus-operated", "prometheus-k8s"]);
  return {
    ...(goldpinger !== undefined && { goldpingerURL: goldpinger }),
    ...(prometheus !== undefined && { prometheusURL: prometheus }),
  };
}
