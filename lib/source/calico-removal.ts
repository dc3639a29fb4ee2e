import { calicoObjects } from "./calico-objects.ts";
import type { ClusterView } from "./cluster-view.ts";
import { accountsOf, definitionsOf, type KnownObject, known, mayExist, ofInventory, rolesOf } from "./removal.ts";

const policyKinds = [
  "GlobalNetworkPolicy",
  "NetworkPolicy",
  "StagedGlobalNetworkPolicy",
  "StagedNetworkPolicy",
  "StagedKubernetesNetworkPolicy",
  "GlobalNetworkSet",
  "NetworkSet",
  "HostEndpoint",
] as const;

/** Calico's own policy objects and sets, to be deleted when Cilium enforces their translation; tiers after what is in them. */
export function calicoPolicyObjects(view: ClusterView): readonly KnownObject[] {
  const why = "Cilium enforces its translation; without agents it would mean nothing";
  const policies = policyKinds.flatMap((kind) => ofInventory(calicoObjects(view, kind), "policies", why));
  const tiers = calicoObjects(view, "Tier").filter((tier) => !fixedTiers.includes(tier.name));
  return [...policies, ...ofInventory(tiers, "policies", "a tier can go when no policy is in it any more")];
}

const fixedTiers = ["default", "adminnetworkpolicy", "baselineadminnetworkpolicy", "kube-admin", "kube-baseline"];

const plurals = [
  "bgpconfigurations",
  "bgpfilters",
  "bgppeers",
  "blockaffinities",
  "caliconodestatuses",
  "clusterinformations",
  "felixconfigurations",
  "globalnetworkpolicies",
  "globalnetworksets",
  "hostendpoints",
  "ipamblocks",
  "ipamconfigs",
  "ipamhandles",
  "ippools",
  "ipreservations",
  "kubecontrollersconfigurations",
  "networkpolicies",
  "networksets",
  "stagedglobalnetworkpolicies",
  "stagedkubernetesnetworkpolicies",
  "stagednetworkpolicies",
  "tiers",
];

/**
 * Calico's definitions, last of all. Those of `policy.networking.k8s.io` stay: they are Kubernetes' and other
 * products serve them.
 */
export function calicoDefinitions(view: ClusterView): readonly KnownObject[] {
  return definitionsOf(
    view,
    ["crd.projectcalico.org", "projectcalico.org"],
    plurals.map((plural) => `${plural}.crd.projectcalico.org`),
    "deleting a definition deletes its objects: last, when no agent reads them and the copy in git is made",
  );
}

/** Definitions of the Tigera operator, after the operator is gone. */
export function operatorDefinitions(view: ClusterView): readonly KnownObject[] {
  return definitionsOf(
    view,
    ["operator.tigera.io"],
    [
      "apiservers.operator.tigera.io",
      "gatewayapis.operator.tigera.io",
      "goldmanes.operator.tigera.io",
      "imagesets.operator.tigera.io",
      "installations.operator.tigera.io",
      "managementclusterconnections.operator.tigera.io",
      "tigerastatuses.operator.tigera.io",
      "whiskers.operator.tigera.io",
    ],
    "the operator's definitions, when the operator and its Installation are gone",
  );
}

/**
 * The operator's resources, in the order in which they are deleted while the operator still runs: it takes away what
 * it installed for each, then the finalizer. Installation goes last: its finalizer waits for the API server's.
 */
export function operatorResources(view: ClusterView): readonly KnownObject[] {
  const why = "the operator takes away what it installed and then its finalizer; without the operator the delete hangs";
  return (["Whisker", "Goldmane", "APIServer", "Installation"] as const)
    .filter((kind) => kind === "Installation" || hasDefinition(view, `${kind.toLowerCase()}s.operator.tigera.io`))
    .map((kind) => ({ ...known("agents", kind, "default", undefined, why), waitUntilGone: true }));
}

function hasDefinition(view: ClusterView, name: string): boolean {
  return mayExist(view, "CustomResourceDefinition", name);
}

/** What Calico's manifests bring beside the agents: controllers, Typha, budgets and rights. */
export function calicoControllers(view: ClusterView, namespace: string): readonly KnownObject[] {
  const only = "only Calico used it";
  return [
    known(
      "controllers",
      "Deployment",
      "calico-kube-controllers",
      namespace,
      "it writes Calico's objects again while it runs",
    ),
    known(
      "controllers",
      "PodDisruptionBudget",
      "calico-kube-controllers",
      namespace,
      "nothing is left for it to protect",
    ),
    ...rolesOf(["calico-cni-plugin", "calico-kube-controllers", "calico-tier-getter"], only),
    ...accountsOf(["calico-cni-plugin", "calico-kube-controllers"], namespace, only),
    ...(mayExist(view, "Deployment", "calico-typha", namespace) ? typhaObjects(view, namespace) : []),
    ...(mayExist(view, "Deployment", "calico-apiserver", "calico-apiserver") ? apiServerObjects() : []),
  ];
}

function typhaObjects(view: ClusterView, namespace: string): readonly KnownObject[] {
  const scaler = "calico-typha-horizontal-autoscaler";
  const why = "it belonged to Typha's autoscaler";
  return [
    known("controllers", "Deployment", "calico-typha", namespace, "only Calico's agents asked it"),
    known("controllers", "Service", "calico-typha", namespace, "only Calico's agents asked it"),
    known("controllers", "PodDisruptionBudget", "calico-typha", namespace, "nothing is left for it to protect"),
    ...(mayExist(view, "Deployment", scaler, namespace)
      ? [
          known("controllers", "Deployment", scaler, namespace, "it scaled Typha"),
          known("configuration", "ConfigMap", scaler, namespace, why),
          ...rolesOf(["typha-cpha"], why),
          known("access", "RoleBinding", "typha-cpha", namespace, why),
          known("access", "Role", "typha-cpha", namespace, why),
          ...accountsOf(["typha-cpha"], namespace, why),
        ]
      : []),
  ];
}

/** Calico's API server as its manifest installs it. Source: Calico v3.31 manifests/apiserver.yaml. */
function apiServerObjects(): readonly KnownObject[] {
  const namespace = "calico-apiserver";
  const why = "it belonged to Calico's API server";
  const slow = "an aggregated API without its server makes every discovery of the API slow";
  return [
    known("controllers", "Deployment", "calico-apiserver", namespace, "it served projectcalico.org/v3"),
    known("controllers", "Service", "calico-api", namespace, why),
    known("controllers", "NetworkPolicy", "allow-apiserver", namespace, why),
    known("webhooks", "APIService", "v3.projectcalico.org", undefined, slow),
    ...["access-crds", "delegate-auth", "webhook-reader"].map((name) =>
      known("access", "ClusterRoleBinding", `calico-apiserver-${name}`, undefined, why),
    ),
    ...rolesOf(["calico-extension-apiserver-auth-access"], why),
    ...["calico-crds", "calico-webhook-reader"].map((name) => known("access", "ClusterRole", name, undefined, why)),
    ...accountsOf(["calico-apiserver"], namespace, why),
  ];
}
