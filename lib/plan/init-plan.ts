import type { InitFacts } from "./init-facts.ts";
import type { PlanSpec } from "./plan-schema.ts";

/** A group of a plan and why `init` wrote it. */
export interface ProposedGroup {
  readonly group: NonNullable<NonNullable<PlanSpec["spec"]["waves"]>["groups"]>[number];
  readonly why: string;
}

/**
 * The groups that `init` proposes: ordinary pools first, then the others; before a pool the nodes of it that have to be
 * recycled, since the first group that selects a node takes it.
 */
export function proposeGroups(facts: InitFacts): readonly ProposedGroup[] {
  const workers = facts.pools.filter((pool) => !pool.isControlPlane);
  // The control plane needs a group only to say that it is not drained.
  const control = facts.pools.filter((pool) => pool.isControlPlane && pool.mode !== undefined);
  const ordered = [
    ...workers.filter((pool) => pool.isOrdinary),
    ...workers.filter((pool) => !pool.isOrdinary),
    ...control,
  ];
  return ordered.flatMap((pool) => {
    const nodes = pool.nodes === 1 ? "1 node" : `${pool.nodes} nodes`;
    const traits = pool.traits.length === 0 ? "" : `, ${pool.traits.join(", ")}`;
    const described = `${nodes}${traits}; ${pool.sizeWhy}`;
    return [
      ...(pool.recycle.names.length === 0
        ? []
        : [
            {
              group: { names: [...pool.recycle.names], size: 1, roll: { mode: "recycle" as const } },
              why: `Nodes of the pool ${pool.name} that cannot be drained: ${pool.recycle.why}`,
            },
          ]),
      {
        group: {
          pool: pool.name,
          size: pool.size,
          ...(pool.mode !== undefined && { roll: { mode: pool.mode.name } }),
        },
        why: pool.mode === undefined ? described : `${described}; ${pool.mode.name}: ${pool.mode.why}`,
      },
    ];
  });
}

/**
 * A whole plan for a cluster, as `init` proposes it: the canary from the most ordinary pool, a group for each pool, policy
 * continuity `exact` where it can hold and `bridge` elsewhere, the executor `job` with the mode `evict`. What is left out has
 * the default of the schema.
 */
export function initPlan(facts: InitFacts): PlanSpec {
  const ordinary = facts.pools.find((pool) => pool.isOrdinary);
  return {
    apiVersion: "metachron.dev/v1alpha1",
    kind: "MigrationPlan",
    metadata: { name: facts.name },
    spec: {
      inventory: facts.inventory,
      source: facts.source.confidence === "unsure" || facts.source.name === "unknown" ? "auto" : facts.source.name,
      target: {
        cni: "cilium",
        ...(facts.version !== undefined && { version: facts.version }),
        podCIDRs: [...facts.podCIDRs],
        ...(facts.podCIDRMaskSize !== undefined && { podCIDRMaskSize: facts.podCIDRMaskSize }),
        ...(facts.podCIDRMaskSizeIPv6 !== undefined && { podCIDRMaskSizeIPv6: facts.podCIDRMaskSizeIPv6 }),
        ...(facts.devices !== undefined && { devices: [...facts.devices] }),
        ...(facts.kubeProxyReplacementWhy !== undefined && { kubeProxyReplacement: true }),
        ...(facts.k8sServiceHost !== undefined && { k8sServiceHost: facts.k8sServiceHost }),
        ...(facts.k8sServicePort !== undefined && { k8sServicePort: facts.k8sServicePort }),
      },
      strategy: facts.strategy?.name ?? "live",
      waves: {
        canary: { nodes: 1, from: ordinary === undefined ? {} : { pool: ordinary.name } },
        groups: proposeGroups(facts).map(({ group }) => group),
      },
      roll: {
        executor: "job",
        mode: "evict",
        ...(facts.rollImage !== undefined && { image: facts.rollImage }),
        ...(facts.goldpingerURL !== undefined && { goldpinger: { url: facts.goldpingerURL } }),
        ...(facts.prometheusURL !== undefined && { prometheus: { url: facts.prometheusURL } }),
      },
      policies: { continuity: facts.exactBlockers.length === 0 ? "exact" : "bridge" },
      delivery: {
        engines: facts.engines.length === 0 ? ["argocd", "flux"] : [...facts.engines],
        ...(facts.repoURL !== undefined && { repoURL: facts.repoURL }),
      },
    },
  };
}
