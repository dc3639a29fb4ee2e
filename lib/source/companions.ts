import { printIdentity } from "../core/identity.ts";
import { getStringMap } from "../core/json.ts";
import { byText } from "../core/order.ts";
import { tryFindObject } from "../inventory/inventory.ts";
import type { ClusterView } from "./cluster-view.ts";
import { isImage } from "./images.ts";
import { isKubeRouter, kubeRouterRole } from "./kube-router-config.ts";
import { isRunning, mountedConfigMaps, readWorkloadFlag, type Workload } from "./workload.ts";

/** A product in front of or beside the network, which stays when the network goes. */
export interface Companion {
  readonly name: "multus" | "istio-cni" | "istio-ambient" | "linkerd-cni" | "kube-router";
  readonly workload: Workload;
}

interface CompanionMark {
  readonly name: Companion["name"];
  readonly names: RegExp;
  readonly images: RegExp;
}

const marks: readonly CompanionMark[] = [
  {
    name: "multus",
    names: /^(?:kube-multus-ds(?:-.+)?|multus|rke2-multus|rke2-multus-ds)$/u,
    images: /(?:^|\/)(?:multus-cni|multus|hardened-multus-cni|multus-thick|hardened-multus-thick)$/u,
  },
  { name: "istio-cni", names: /^istio-cni-node$/u, images: /(?:^|\/)(?:install-cni|istio-cni)$/u },
  { name: "istio-ambient", names: /^ztunnel$/u, images: /(?:^|\/)ztunnel$/u },
  { name: "linkerd-cni", names: /^linkerd-cni$/u, images: /(?:^|\/)linkerd\/cni-plugin$/u },
];

/** The companions that run, by name; each product once. */
export function findCompanions(view: ClusterView): readonly Companion[] {
  const found: readonly Companion[] = marks.flatMap((mark) => {
    const workload = view.daemonSets.find((one) => isOf(mark, one) && (one.desired === undefined || isRunning(one)));
    return workload === undefined ? [] : [{ name: mark.name, workload }];
  });
  // Kube-router beside another network, as service proxy or BGP speaker only.
  const router = view.daemonSets.find((one) => isKubeRouter(one) && isRunning(one) && isBeside(one));
  const all = router === undefined ? found : [...found, { name: "kube-router" as const, workload: router }];
  return [...all].sort(byText((companion) => companion.name));
}

function isBeside(workload: Workload): boolean {
  const role = kubeRouterRole(workload);
  return !role.connects && !role.filters;
}

function isOf(mark: CompanionMark, workload: Workload): boolean {
  return (
    mark.names.test(workload.name) || workload.containers.some((container) => isImage(container.image, mark.images))
  );
}

/** How Multus was set up, as far as its objects tell. */
export interface MultusSetup {
  readonly object: string;
  /** The file that Multus takes as its master when it was told one; absent when it takes the first of the folder. */
  readonly masterFile?: string;
  /** A file that Multus waits for before it answers: it must be one that Cilium writes after the switch. */
  readonly readinessFile?: string;
  readonly isThick: boolean;
}

/**
 * Reads Multus' arguments and its daemon-config.json or conf template.
 * Source: multus-cni v4.3 docs/how-to-use.md, docs/thick-plugin.md.
 */
export function readMultus(view: ClusterView, workload: Workload): MultusSetup {
  const texts = mountedConfigMaps(workload).flatMap((name) =>
    Object.values(getStringMap(tryFindObject(view.inventory, "ConfigMap", name, workload.namespace)?.object, "data")),
  );
  const readinessFile =
    readWorkloadFlag(workload, "readiness-indicator-file") ??
    field(texts, "readinessindicatorfile") ??
    field(texts, "readinessIndicatorFile");
  const masterFile =
    readWorkloadFlag(workload, "multus-master-cni-file-name") ??
    field(texts, "multusMasterCNI") ??
    field(texts, "clusterNetwork");
  const isThick = workload.containers.some((container) =>
    container.words.some((word) => word.endsWith("multus-daemon")),
  );
  return {
    object: printIdentity(workload),
    ...(masterFile !== undefined && masterFile !== "" && { masterFile }),
    ...(readinessFile !== undefined && readinessFile !== "" && { readinessFile }),
    isThick,
  };
}

// The texts are JSON with or without shell variables in them, so one field is looked for and not the whole parsed.
function field(texts: readonly string[], name: string): string | undefined {
  return texts
    .map((text) => new RegExp(`"${name}"\\s*:\\s*"([^"]*)"`, "u").exec(text)?.[1])
    .find((value) => value !== undefined);
}
