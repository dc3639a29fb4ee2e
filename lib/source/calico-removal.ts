import { getArray } from "../core/json.ts";
import type { RawObject } from "../inventory/inventory.ts";
import { calicoObjects } from "./calico-config.ts";
import type { ClusterView } from "./cluster-view.ts";
import { definitionsOf, type KnownObject, known, ofInventory } from "./removal.ts";

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

/** The operator's resources: they carry finalizers that only the running operator takes away. */
export function operatorResources(view: ClusterView): readonly KnownObject[] {
  const why = "the operator takes away what it installed and then its finalizer; without the operator the delete hangs";
  const kinds = ["Whisker", "Goldmane", "APIServer", "Installation"] as const;
  return kinds
    .map((kind) => ({
      ...known("manager", kind, "default", undefined, why),
      waitUntilGone: true,
    }))
    .filter((object) => isOfOperator(view, object));
}

function isOfOperator(view: ClusterView, object: KnownObject): boolean {
  const dumped = view.inventory.objects.get(object.kind) ?? [];
  return (
    dumped.some((one) => one.apiVersion.startsWith("operator.tigera.io/")) ||
    object.kind === "Installation" ||
    object.kind === "APIServer"
  );
}

/** Objects of the inventory that carry finalizers, by kind: deleting their definition waits for them. */
export function withFinalizers(objects: readonly RawObject[]): readonly RawObject[] {
  return objects.filter((object) => getArray(object.object, "metadata", "finalizers").length > 0);
}
