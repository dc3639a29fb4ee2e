import { getIn, getString, type JsonObject } from "../core/json.ts";
import type { Continuity, Plan } from "../plan/plan.ts";
import type { SourceFacts } from "../source/source.ts";

/** What every object of the roll is made from: the same for all stages of one plan. */
export interface RollContext {
  readonly plan: Plan;
  readonly facts: SourceFacts;
  /** The continuity that holds, which may be less than the plan asked for. */
  readonly continuity: Continuity;
  /** Prefixes of the new pods, one per family. */
  readonly podCIDRs: readonly string[];
  /** Namespace of the Cilium agents. */
  readonly ciliumNamespace: string;
  /** Image of the agents, as the chart will write it: see `ciliumImage`. */
  readonly ciliumImage: string;
}

/** Whether the plan has a bridge DaemonSet whose rules every wave's gate asks for. */
export function hasBridge(context: Pick<RollContext, "continuity">): boolean {
  return context.continuity === "exact";
}

/**
 * The image of the agents that the chart's values give: `image.override`, or repository, tag and digest.
 *
 * Helper pods do not use this: they read the image from the node's own agent pod, so that it is there to the letter. The
 * bridge DaemonSet stands in git and needs a text; where the node has the image under another reference it is pulled once,
 * before any pod moves.
 * Source: cilium/cilium v1.20.2 install/kubernetes/cilium/values.yaml, key `image`, and templates/_helpers.tpl.
 */
export function ciliumImage(values: JsonObject, version: string): string {
  const override = getString(values, "image", "override");
  if (override !== undefined && override !== "") return override;
  const repository = getString(values, "image", "repository") ?? "quay.io/cilium/cilium";
  const tag = getString(values, "image", "tag") ?? `v${version}`;
  const digest = getString(values, "image", "digest");
  const usesDigest = digest !== undefined && digest !== "" && getIn(values, "image", "useDigest") !== false;
  return `${repository}:${tag}${usesDigest ? `@${digest}` : ""}`;
}

/** Where Jobs find the API server when the plan says so: nothing where the Service is good enough. */
export function apiServerOf(plan: Plan): { readonly host: string; readonly port: number } | undefined {
  const { k8sServiceHost, k8sServicePort } = plan.spec.target;
  return k8sServiceHost === undefined ? undefined : { host: k8sServiceHost, port: k8sServicePort ?? 6443 };
}
