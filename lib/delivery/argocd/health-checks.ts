import { apiGroup } from "../../core/identity.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Stage } from "../../stages/stage.ts";
import type { DeliveryFile } from "../delivery-file.ts";

/**
 * Reads the condition `Valid` that Cilium's operator sets. Cilium accepts an invalid policy through the API and then
 * ignores it, so this condition is the only sign in the cluster; Argo CD knows no health check of its own for the kind.
 */
const policyHealth = `hs = {status = "Progressing", message = "no Valid condition yet"}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, c in ipairs(obj.status.conditions) do
    if c.type == "Valid" then
      hs.status = c.status == "True" and "Healthy" or "Degraded"
      hs.message = c.message or ""
    end
  end
end
return hs
`;

const nodeConfigHealth = `return {status = "Healthy", message = "read by agents at their next start"}
`;

/**
 * Health checks for Argo CD's own ConfigMap, as a fragment for the team that owns the Argo CD installation (Helm value
 * `configs.cm`). Not applied by any Application: the ConfigMap is not ours.
 * The keys take no wildcards, so each kind has its own. Jobs are left to Argo CD, which maps Failed to Degraded.
 * `rules` are those of the executors' own kinds; the same rule may come with every wave.
 * Source: argoproj/argo-cd 3.5, docs/operator-manual/health.md.
 */
export function healthChecks(plan: Plan, rules: Stage["health"]): DeliveryFile {
  const key = "resource.customizations.health.";
  const ofExecutors = rules.map((rule) => [`${key}${apiGroup(rule.apiVersion)}_${rule.kind}`, rule.argocdLua] as const);
  return {
    path: `${plan.name}/argocd/argocd-cm.fragment.yaml`,
    object: {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: "argocd-cm",
        namespace: plan.spec.delivery.argocd.namespace,
        labels: { "app.kubernetes.io/part-of": "argocd" },
      },
      data: {
        [`${key}cilium.io_CiliumClusterwideNetworkPolicy`]: policyHealth,
        [`${key}cilium.io_CiliumNetworkPolicy`]: policyHealth,
        [`${key}cilium.io_CiliumNodeConfig`]: nodeConfigHealth,
        ...Object.fromEntries(ofExecutors),
      },
    },
    comment: `Merge these keys into the argocd-cm of your Argo CD installation; do not apply this file over it.
Without them a policy that Cilium refuses looks healthy.`,
  };
}
