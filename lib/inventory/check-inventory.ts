import { type Finding, whereOf } from "../core/finding.ts";
import { apiGroup } from "../core/identity.ts";
import { getString } from "../core/json.ts";
import { byText, sortedUnique } from "../core/order.ts";
import { inventoryFinding } from "./findings.ts";
import { type Inventory, objectsOf, type Pod, positionOf } from "./inventory.ts";
import { type KnownKind, knownKinds, qualifiedKind } from "./kind-names.ts";

/**
 * What a whole cluster has and this inventory lacks, and the signs that it is of more than one cluster.
 * Findings: `inventory/no-nodes`, `inventory/kind-missing`, `inventory/unknown-node`, `inventory/shared-pod-ip`,
 * `inventory/shared-pod-cidr`, `inventory/two-clusters`.
 */
export function checkInventory(inventory: Inventory): Finding[] {
  return [
    ...checkNodes(inventory),
    ...checkKinds(inventory),
    ...checkPodNodes(inventory),
    ...checkPodAddresses(inventory),
    ...checkPodCIDRs(inventory),
    ...checkCertificates(inventory),
    ...checkClusterGUIDs(inventory),
  ];
}

function checkNodes(inventory: Inventory): Finding[] {
  if (inventory.nodes.length > 0) return [];
  return [
    inventoryFinding("inventory/no-nodes", {
      message: "the inventory has no Node",
      reason: "a migration goes from node to node, and addresses, zones and kernels are told by Node objects",
      remedy: "add `kubectl get nodes -o yaml > nodes.yaml`",
    }),
  ];
}

function checkKinds(inventory: Inventory): Finding[] {
  const networks = networksOf(inventory);
  return knownKinds
    .filter((known) => known.consequence !== undefined && !isSeen(inventory, known))
    .filter((known) => known.onlyWith === undefined || networks.has(known.onlyWith))
    .map(kindMissing);
}

function isSeen(inventory: Inventory, known: KnownKind): boolean {
  if (inventory.kindsSeen.has(qualifiedKind(known.kind, known.group))) return true;
  // Calico's API server shows the same objects under its own group.
  return known.onlyWith === "calico" && inventory.kindsSeen.has(qualifiedKind(known.kind, "projectcalico.org"));
}

function kindMissing(known: KnownKind): Finding {
  const resource = known.group === "" || known.onlyWith === undefined ? known.plural : `${known.plural}.${known.group}`;
  const name =
    known.onlyWith === undefined ? `${known.kind}s`.replace(/ys$/u, "ies") : `${known.kind} (${known.group})`;
  return inventoryFinding("inventory/kind-missing", {
    ...(known.kind === "Pod" && { severity: "error" as const }),
    message: `no ${name} in the inventory: ${known.consequence ?? ""}`,
    reason: "nothing in the input says whether the cluster has none or nobody asked",
    remedy: `add \`kubectl get ${resource} -A -o yaml > ${resource}.yaml\`; an empty list in a file of that name says that there are none`,
    data: { kind: known.kind, group: known.group },
  });
}

/** The networks that the inventory shows, as far as they decide which kinds should be in it. */
function networksOf(inventory: Inventory): ReadonlySet<KnownKind["onlyWith"]> {
  const groups = new Set<string>();
  for (const objects of inventory.objects.values())
    for (const { apiVersion } of objects) groups.add(apiGroup(apiVersion));
  for (const crd of objectsOf(inventory, "CustomResourceDefinition"))
    groups.add(getString(crd.object, "spec", "group") ?? "");
  const hasCalicoNode = objectsOf(inventory, "DaemonSet").some(({ name }) =>
    /^(?:calico-node|canal|rke2-canal)$/u.test(name),
  );
  const isCalico = hasCalicoNode || [...groups].some((group) => /(?:^|\.)projectcalico\.org$/u.test(group));
  return new Set(isCalico ? (["calico"] as const) : []);
}

/** How many names a message shows before it only counts. */
const shownNames = 5;

function showNames(names: readonly string[]): string {
  const shown = names.slice(0, shownNames).join(", ");
  return names.length > shownNames ? `${shown} and ${names.length - shownNames} more` : shown;
}

function checkPodNodes(inventory: Inventory): Finding[] {
  if (inventory.nodes.length === 0) return [];
  const known = new Set(inventory.nodes.map(({ name }) => name));
  const strayPods = inventory.pods.filter(({ nodeName }) => nodeName !== undefined && !known.has(nodeName));
  const [first] = strayPods;
  if (first === undefined) return [];
  const names = sortedUnique(strayPods.flatMap(({ nodeName }) => nodeName ?? []));
  return [
    inventoryFinding("inventory/unknown-node", {
      message: `${strayPods.length} ${strayPods.length === 1 ? "pod runs on a node" : "pods run on nodes"} that the inventory does not have: ${showNames(names)}`,
      where: whereOf(first, first.position, "spec.nodeName"),
      reason: "the pods are of another cluster, or the nodes came or went between the two dumps",
      remedy: "dump nodes and pods of the same cluster again, one right after the other",
      data: { nodes: names, pods: strayPods.length },
    }),
  ];
}

function checkPodAddresses(inventory: Inventory): Finding[] {
  const holders = new Map<string, Pod>();
  const clashes: (readonly [string, Pod, Pod])[] = [];
  for (const pod of inventory.pods) {
    if (pod.isHostNetwork || pod.phase !== "Running" || pod.isTerminating === true) continue;
    for (const address of pod.podIPs) {
      const holder = holders.get(address);
      if (holder === undefined) holders.set(address, pod);
      else clashes.push([address, holder, pod]);
    }
  }
  const [first] = clashes;
  if (first === undefined) return [];
  const [address, a, b] = first;
  return [
    inventoryFinding("inventory/shared-pod-ip", {
      message: `${a.namespace}/${a.name} and ${b.namespace}/${b.name} both have the address ${address}${clashes.length > 1 ? `, and ${clashes.length - 1} more addresses are shared` : ""}`,
      where: whereOf(b, b.position, "status.podIP"),
      related: [{ message: "the other pod", where: whereOf(a, a.position, "status.podIP") }],
      reason: "two running pods never share an address: the dumps are of different times or clusters",
      remedy: "dump all pods again in one command",
      data: { addresses: sortedUnique(clashes.map(([shared]) => shared)).slice(0, 100) },
    }),
  ];
}

function checkPodCIDRs(inventory: Inventory): Finding[] {
  const holders = new Map<string, Inventory["nodes"][number]>();
  return inventory.nodes.flatMap((node) =>
    node.podCIDRs.flatMap((podCIDR) => {
      const holder = holders.get(podCIDR);
      if (holder === undefined) {
        holders.set(podCIDR, node);
        return [];
      }
      return [
        inventoryFinding("inventory/shared-pod-cidr", {
          message: `the nodes ${holder.name} and ${node.name} both have the pod CIDR ${podCIDR}`,
          where: whereOf(node, node.position, "spec.podCIDRs"),
          related: [{ message: "the other node", where: whereOf(holder, holder.position, "spec.podCIDRs") }],
          reason:
            "the controller manager gives each node a range of its own: these are nodes of two clusters or two dumps",
          remedy: "put the dumps of each cluster in a folder of its own",
        }),
      ];
    }),
  );
}

const certificateField = 'data["ca.crt"]';

/** Every namespace of a cluster has the same root certificate. */
function checkCertificates(inventory: Inventory): Finding[] {
  const maps = objectsOf(inventory, "ConfigMap").filter(({ name }) => name === "kube-root-ca.crt");
  const [first] = maps;
  const certificate = getString(first?.object, "data", "ca.crt");
  const other = maps.find(({ object }) => getString(object, "data", "ca.crt") !== certificate);
  if (first === undefined || other === undefined) return [];
  return [
    inventoryFinding("inventory/two-clusters", {
      message: `the input mixes two clusters: the root certificates of the namespaces ${first.namespace ?? ""} and ${other.namespace ?? ""} differ`,
      where: whereOf(other, positionOf(other, certificateField), certificateField),
      related: [
        {
          message: "the other certificate",
          where: whereOf(first, positionOf(first, certificateField), certificateField),
        },
      ],
      reason: "the controller manager writes one and the same certificate into every namespace",
      remedy: "put the dumps of each cluster in a folder of its own",
    }),
  ];
}

/** Calico's ClusterInformation may be read under both of Calico's groups; its GUID must be one. */
function checkClusterGUIDs(inventory: Inventory): Finding[] {
  const found = [...objectsOf(inventory, "ClusterInformation")]
    .sort(byText(({ apiVersion }) => apiVersion))
    .filter(({ object }) => getString(object, "spec", "clusterGUID") !== undefined);
  const [first] = found;
  const guid = getString(first?.object, "spec", "clusterGUID");
  const other = found.find(({ object }) => getString(object, "spec", "clusterGUID") !== guid);
  if (first === undefined || other === undefined) return [];
  return [
    inventoryFinding("inventory/two-clusters", {
      message: "the input mixes two clusters: there are two values of spec.clusterGUID",
      where: whereOf(other, positionOf(other, "spec.clusterGUID"), "spec.clusterGUID"),
      related: [
        { message: "the other one", where: whereOf(first, positionOf(first, "spec.clusterGUID"), "spec.clusterGUID") },
      ],
      reason: "Calico gives each cluster one clusterGUID",
      remedy: "put the dumps of each cluster in a folder of its own",
    }),
  ];
}
