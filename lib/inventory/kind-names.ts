/** What is known of a kind beforehand: its names for kubectl, and what a plan cannot see without it. */
export interface KnownKind {
  readonly kind: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly plural: string;
  readonly short?: string;
  /** What cannot be checked without objects of this kind; absent where nothing depends on them. */
  readonly consequence?: string;
  /** Asked for only where the cluster shows this network: a kind of the same group, a CRD or a DaemonSet of it. */
  readonly onlyWith?: "calico" | "cilium" | "ovn-kubernetes" | "openshift";
}

const calico = "crd.projectcalico.org";

/** The kinds that planning reads, and some that dumps often hold. */
export const knownKinds: readonly KnownKind[] = [
  { kind: "Node", group: "", plural: "nodes", short: "no" },
  {
    kind: "Pod",
    group: "",
    plural: "pods",
    short: "po",
    consequence: "workloads, addresses, host ports and capacity are unknown, so waves cannot be planned safely",
  },
  {
    kind: "Namespace",
    group: "",
    plural: "namespaces",
    short: "ns",
    consequence: "namespace selectors of policies cannot be resolved",
  },
  {
    kind: "Service",
    group: "",
    plural: "services",
    short: "svc",
    consequence: "service addresses, node ports and load balancers cannot be checked",
  },
  {
    kind: "ConfigMap",
    group: "",
    plural: "configmaps",
    short: "cm",
    consequence: "the settings of the network, of kube-proxy and of kubeadm (CIDRs, MTU, backend) are unknown",
  },
  { kind: "Endpoints", group: "", plural: "endpoints", short: "ep" },
  { kind: "ServiceAccount", group: "", plural: "serviceaccounts", short: "sa" },
  { kind: "PersistentVolume", group: "", plural: "persistentvolumes", short: "pv" },
  { kind: "PersistentVolumeClaim", group: "", plural: "persistentvolumeclaims", short: "pvc" },
  { kind: "Event", group: "", plural: "events", short: "ev" },
  { kind: "Secret", group: "", plural: "secrets" },
  { kind: "ReplicationController", group: "", plural: "replicationcontrollers", short: "rc" },
  { kind: "ResourceQuota", group: "", plural: "resourcequotas", short: "quota" },
  { kind: "LimitRange", group: "", plural: "limitranges", short: "limits" },
  {
    kind: "DaemonSet",
    group: "apps",
    plural: "daemonsets",
    short: "ds",
    consequence: "the network's own DaemonSets cannot be read, only its pods",
  },
  {
    kind: "Deployment",
    group: "apps",
    plural: "deployments",
    short: "deploy",
    consequence: "wanted replica counts are unknown, and workloads are told by the names of their pods",
  },
  {
    kind: "StatefulSet",
    group: "apps",
    plural: "statefulsets",
    short: "sts",
    consequence: "wanted replica counts of stateful workloads are unknown",
  },
  { kind: "ReplicaSet", group: "apps", plural: "replicasets", short: "rs" },
  { kind: "ControllerRevision", group: "apps", plural: "controllerrevisions" },
  { kind: "Job", group: "batch", plural: "jobs" },
  { kind: "CronJob", group: "batch", plural: "cronjobs", short: "cj" },
  {
    kind: "PodDisruptionBudget",
    group: "policy",
    plural: "poddisruptionbudgets",
    short: "pdb",
    consequence: "budgets cannot be checked",
  },
  {
    kind: "NetworkPolicy",
    group: "networking.k8s.io",
    plural: "networkpolicies",
    short: "netpol",
    consequence: "Kubernetes network policies cannot be checked",
  },
  { kind: "Ingress", group: "networking.k8s.io", plural: "ingresses", short: "ing" },
  { kind: "EndpointSlice", group: "discovery.k8s.io", plural: "endpointslices" },
  { kind: "Lease", group: "coordination.k8s.io", plural: "leases" },
  { kind: "StorageClass", group: "storage.k8s.io", plural: "storageclasses", short: "sc" },
  {
    kind: "CustomResourceDefinition",
    group: "apiextensions.k8s.io",
    plural: "customresourcedefinitions",
    short: "crd",
    consequence: "which custom resources the cluster knows is unknown, and so is what else may be left behind",
  },
  {
    kind: "GlobalNetworkPolicy",
    group: calico,
    plural: "globalnetworkpolicies",
    short: "gnp",
    consequence: "Calico's global policies cannot be translated or checked",
    onlyWith: "calico",
  },
  {
    kind: "NetworkPolicy",
    group: calico,
    plural: "networkpolicies",
    consequence: "Calico's namespaced policies cannot be translated or checked",
    onlyWith: "calico",
  },
  {
    kind: "IPPool",
    group: calico,
    plural: "ippools",
    consequence: "the address pools, their encapsulation and NAT are unknown",
    onlyWith: "calico",
  },
  {
    kind: "FelixConfiguration",
    group: calico,
    plural: "felixconfigurations",
    consequence: "Felix's settings (failsafe ports, default action, dataplane, MTU) are unknown",
    onlyWith: "calico",
  },
  {
    kind: "GlobalNetworkSet",
    group: calico,
    plural: "globalnetworksets",
    consequence: "policies that select global network sets cannot be resolved",
    onlyWith: "calico",
  },
  {
    kind: "NetworkSet",
    group: calico,
    plural: "networksets",
    consequence: "policies that select network sets cannot be resolved",
    onlyWith: "calico",
  },
  {
    kind: "HostEndpoint",
    group: calico,
    plural: "hostendpoints",
    consequence: "policies on hosts cannot be checked",
    onlyWith: "calico",
  },
  {
    kind: "Tier",
    group: calico,
    plural: "tiers",
    consequence: "the order of policy tiers is unknown",
    onlyWith: "calico",
  },
  { kind: "ClusterInformation", group: calico, plural: "clusterinformations" },
  { kind: "BGPConfiguration", group: calico, plural: "bgpconfigurations" },
  { kind: "BGPPeer", group: calico, plural: "bgppeers" },
  { kind: "BGPFilter", group: calico, plural: "bgpfilters" },
  { kind: "BlockAffinity", group: calico, plural: "blockaffinities" },
  { kind: "IPAMBlock", group: calico, plural: "ipamblocks" },
  { kind: "IPAMHandle", group: calico, plural: "ipamhandles" },
  { kind: "IPAMConfig", group: calico, plural: "ipamconfigs" },
  { kind: "IPReservation", group: calico, plural: "ipreservations" },
  { kind: "KubeControllersConfiguration", group: calico, plural: "kubecontrollersconfigurations" },
  { kind: "CalicoNodeStatus", group: calico, plural: "caliconodestatuses" },
  { kind: "StagedGlobalNetworkPolicy", group: calico, plural: "stagedglobalnetworkpolicies" },
  { kind: "StagedNetworkPolicy", group: calico, plural: "stagednetworkpolicies" },
  { kind: "StagedKubernetesNetworkPolicy", group: calico, plural: "stagedkubernetesnetworkpolicies" },
  { kind: "Installation", group: "operator.tigera.io", plural: "installations" },
  { kind: "TigeraStatus", group: "operator.tigera.io", plural: "tigerastatuses" },
  { kind: "CiliumNetworkPolicy", group: "cilium.io", plural: "ciliumnetworkpolicies", short: "cnp" },
  {
    kind: "CiliumClusterwideNetworkPolicy",
    group: "cilium.io",
    plural: "ciliumclusterwidenetworkpolicies",
    short: "ccnp",
  },
  { kind: "CiliumNodeConfig", group: "cilium.io", plural: "ciliumnodeconfigs" },
  { kind: "CiliumNode", group: "cilium.io", plural: "ciliumnodes", short: "cn" },
  { kind: "AdminNetworkPolicy", group: "policy.networking.k8s.io", plural: "adminnetworkpolicies", short: "anp" },
  {
    kind: "BaselineAdminNetworkPolicy",
    group: "policy.networking.k8s.io",
    plural: "baselineadminnetworkpolicies",
    short: "banp",
  },
  { kind: "ClusterNetworkPolicy", group: "policy.networking.k8s.io", plural: "clusternetworkpolicies" },
  { kind: "EgressFirewall", group: "k8s.ovn.org", plural: "egressfirewalls" },
  { kind: "EgressIP", group: "k8s.ovn.org", plural: "egressips", short: "eip" },
  {
    kind: "NetworkAttachmentDefinition",
    group: "k8s.cni.cncf.io",
    plural: "network-attachment-definitions",
    short: "net-attach-def",
  },
];

/** `Kind`, or `Kind.group` outside the core group: the second form under which `Inventory.kindsSeen` holds a kind. */
export function qualifiedKind(kind: string, group: string): string {
  return group === "" ? kind : `${kind}.${group}`;
}

/**
 * The kind of an empty list, by the name of its file (`poddisruptionbudgets.yaml`, `prod-pdb.json.gz`,
 * `networkpolicies.crd.projectcalico.org.yaml`) or by a comment at its top that quotes the kubectl command.
 * `undefined` when neither names exactly one kind.
 */
export function guessKindOfEmptyList(fileName: string, header: string): KnownKind | undefined {
  const asked = /kubectl\s+(?:[^\n]*?\s)?get\s+([\w.-]+)/u.exec(header)?.[1];
  if (asked !== undefined) return findByResource(asked);
  const base = (fileName.split(/[/\\]/u).at(-1) ?? "").replace(/(?:\.(?:ya?ml|json|ndjson|jsonl|gz|txt))+$/u, "");
  return findByResource(base) ?? findByWord(base);
}

function findByResource(resource: string): KnownKind | undefined {
  const [name = "", ...group] = resource.toLowerCase().split(".");
  const wanted = group.join(".");
  return knownKinds.find(
    (known) =>
      (known.plural === name || known.short === name || known.kind.toLowerCase() === name) &&
      (wanted === "" || known.group === wanted || known.group.startsWith(`${wanted}.`)),
  );
}

function findByWord(base: string): KnownKind | undefined {
  const words = base.toLowerCase().split(/[^a-z0-9]+/u);
  const found = knownKinds.filter(
    (known) => words.includes(known.plural) || words.includes(known.short ?? known.plural),
  );
  const group = found.filter((known) => known.group !== "" && base.toLowerCase().includes(known.group));
  return group[0] ?? found[0];
}
