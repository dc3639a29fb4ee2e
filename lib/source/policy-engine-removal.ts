import { objectsOf } from "../inventory/inventory.ts";
import {
  calicoControllers,
  calicoDefinitions,
  calicoPolicyObjects,
  operatorDefinitions,
  operatorResources,
} from "./calico-removal.ts";
import type { ClusterView } from "./cluster-view.ts";
import { kubeRouterChains, kubeRouterSets } from "./kube-router-config.ts";
import { findPolicyEngines, type PolicyEngine } from "./policy-engines.ts";
import { accountsOf, type KnownObject, known, ofWorkloads, planRemoval, rolesOf } from "./removal.ts";
import { type NodeLeftovers, type RemovalObject, removalSteps, type SourceFacts } from "./source.ts";

/** The source's removal with that of the policy engines on top of it, in the order of the steps. */
export function withEngines(
  view: ClusterView,
  facts: SourceFacts,
  own: readonly RemovalObject[],
): readonly RemovalObject[] {
  const engines = findPolicyEngines(view).filter((engine) => facts.policyEngines.includes(engine.name));
  const extra = planRemoval(
    view,
    engines.flatMap((engine) => engineObjects(view, engine)),
  );
  const said = new Set(own.map((object) => `${object.kind}/${object.namespace ?? ""}/${object.name}`));
  const all = [
    ...own,
    ...extra.filter((object) => !said.has(`${object.kind}/${object.namespace ?? ""}/${object.name}`)),
  ];
  return removalSteps.flatMap((step) => all.filter((object) => object.step === step));
}

function engineObjects(view: ClusterView, engine: PolicyEngine): readonly KnownObject[] {
  const [agent] = engine.agents;
  if (agent === undefined) return [];
  const why = `${engine.name} only enforced policy; Cilium does now`;
  const agents = ofWorkloads(engine.agents, "agents", why);
  const own = [
    ...rolesOf([agent.serviceAccountName ?? agent.name], why),
    ...accountsOf([agent.serviceAccountName ?? agent.name], agent.namespace, why),
  ];
  if (engine.name !== "calico") return [...agents, ...own];
  const isOperator = objectsOf(view.inventory, "Installation", "operator.tigera.io").length > 0;
  return [
    ...calicoPolicyObjects(view),
    ...(isOperator
      ? [
          ...operatorResources(view),
          known(
            "controllers",
            "Deployment",
            "tigera-operator",
            "tigera-operator",
            "only when its resources are gone, or their finalizers never go",
          ),
          ...operatorDefinitions(view),
        ]
      : [
          ...agents,
          ...calicoControllers(view, agent.namespace),
          ...rolesOf(["calico-node"], why),
          ...accountsOf(["calico-node"], agent.namespace, why),
          known("configuration", "ConfigMap", "calico-config", agent.namespace, why),
        ]),
    ...calicoDefinitions(view),
  ];
}

/** The source's leftovers with those of the policy engines. */
export function withEngineLeftovers(facts: SourceFacts, own: NodeLeftovers): NodeLeftovers {
  const hasCalico = facts.policyEngines.includes("calico");
  const hasRouter = facts.policyEngines.includes("kube-router");
  const join = (list: readonly string[], ...more: readonly string[]) => [...new Set([...list, ...more])];
  const chains = [...(hasCalico ? ["cali-"] : []), ...(hasRouter ? kubeRouterChains : [])];
  const sets = [...(hasCalico ? ["cali4", "cali6"] : []), ...(hasRouter ? kubeRouterSets : [])];
  return {
    ...own,
    iptablesChainPrefixes: join(own.iptablesChainPrefixes, ...chains),
    iptablesRuleTags: hasCalico ? join(own.iptablesRuleTags, "cali:") : own.iptablesRuleTags,
    ipsetPrefixes: join(own.ipsetPrefixes, ...sets),
    files: hasCalico ? join(own.files, "/var/lib/calico", "/var/run/calico", "/var/log/calico") : own.files,
    nodeAnnotationPrefixes: hasCalico
      ? join(own.nodeAnnotationPrefixes, "projectcalico.org/")
      : own.nodeAnnotationPrefixes,
  };
}
