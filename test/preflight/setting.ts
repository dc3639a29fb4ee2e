import type { JsonObject } from "../../lib/core/json.ts";
import type { Node, Pod } from "../../lib/inventory/inventory.ts";
import type { PreflightContext } from "../../lib/preflight/catalogue-entry.ts";
import type { SourceDetection, SourceFacts } from "../../lib/source/source.ts";
import { planTarget } from "../../lib/target/plan-target.ts";
import { detection, facts, inventory, plan, threeNodes } from "../target/cluster.ts";

/** What a test changes in the usual cluster: Canal on three ordinary nodes, Goldpinger planned, nothing wrong. */
export interface Setting {
  readonly source?: SourceDetection["source"];
  readonly live?: SourceDetection["live"];
  readonly facts?: Partial<SourceFacts>;
  readonly nodes?: readonly Node[];
  readonly pods?: readonly Pod[];
  readonly objects?: readonly JsonObject[];
  readonly spec?: JsonObject;
  /** Helm values that translated policies need. */
  readonly required?: JsonObject;
}

/** The whole context of the preflight for a setting; target values come from the target itself. */
export function contextOf(setting: Setting): PreflightContext {
  const ownPlan = plan({
    reservedCIDRs: ["10.0.0.0/16"],
    observability: { goldpinger: true },
    roll: { image: "docker.io/alpine/k8s:1.34.1" },
    ...setting.spec,
  });
  const own = inventory(setting.nodes ?? threeNodes, setting.pods, setting.objects);
  const source = {
    ...detection(
      setting.source ?? "canal",
      facts({ serviceProxy: { kind: "kube-proxy", mode: "iptables" }, ...setting.facts }),
    ),
    ...(setting.live !== undefined && { live: setting.live }),
  };
  const target = planTarget({ plan: ownPlan, inventory: own, source, requiredValues: setting.required ?? {} }).value;
  if (target === undefined) throw new Error("the setting has no target");
  return {
    plan: ownPlan,
    inventory: own,
    source,
    target,
    waves: { waves: [], excluded: [], findings: [] },
  };
}

/** An object of any kind in the namespace default. */
export function object(apiVersion: string, kind: string, name: string, rest: JsonObject = {}): JsonObject {
  const { metadata, ...others } = rest;
  return {
    apiVersion,
    kind,
    metadata: { namespace: "default", name, ...(metadata as JsonObject | undefined) },
    ...others,
  };
}

/** The same without a namespace. */
export function global(apiVersion: string, kind: string, name: string, rest: JsonObject = {}): JsonObject {
  const { metadata, ...others } = rest;
  return { apiVersion, kind, metadata: { name, ...(metadata as JsonObject | undefined) }, ...others };
}

/** A workload with one container. */
export function workload(kind: string, name: string, image: string, podSpec: JsonObject = {}): JsonObject {
  return object("apps/v1", kind, name, {
    spec: {
      template: {
        spec: {
          containers: [{ name: "main", image, ...(podSpec["container"] as JsonObject | undefined) }],
          ...podSpec,
        },
      },
    },
  });
}
