import { getArray, getNumber, getString, getStringMap, type JsonValue } from "../../core/json.ts";
import { byText, compareText, sortedUnique } from "../../core/order.ts";
import { type Inventory, objectsOf, type RawObject } from "../../inventory/inventory.ts";
import type { SourceDetection } from "../../source/source.ts";

/** A claim of a volume, with what the first cluster holds behind it. */
export interface Claim {
  readonly name: string;
  readonly size: string;
  readonly storageClass: string;
  /** Workloads that mount it, `Kind/name`; empty when nobody does now. */
  readonly usedBy: readonly string[];
}

/** Something through which traffic comes in. */
export interface Entry {
  /** `Service/web (LoadBalancer)`, `Ingress/web`. */
  readonly name: string;
  /** Host names, addresses and ports that the outside knows. */
  readonly known: readonly string[];
}

/** A workload, with how many pods it wants. */
export interface Workload {
  /** `Deployment/web`. */
  readonly name: string;
  readonly replicas: number;
}

/** What moves together: a namespace that is not the platform's own. */
export interface Application {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly workloads: readonly Workload[];
  /** Pods that nothing creates a second time. */
  readonly barePods: readonly string[];
  readonly claims: readonly Claim[];
  /** Host folders that pods mount: data that is on one machine. */
  readonly hostPaths: readonly string[];
  readonly entries: readonly Entry[];
}

const controllers = ["Deployment", "StatefulSet", "DaemonSet", "CronJob"] as const;
const platform = /^(?:kube-.*|openshift-.*|calico-.*|tigera-operator|cilium.*|metachron)$/u;

/** The applications of the first cluster, by namespace; the platform's own namespaces are left out. */
export function readApplications(inventory: Inventory, source: SourceDetection): readonly Application[] {
  const own = new Set(source.facts.daemonSets.map((name) => name.split("/")[0]));
  const used = inventory.pods.filter((pod) => !pod.isMirror).map((pod) => pod.namespace);
  const ofObjects = controllers.flatMap((kind) => objectsOf(inventory, kind).map((object) => object.namespace ?? ""));
  return sortedUnique([...used, ...ofObjects])
    .filter((namespace) => namespace !== "" && !platform.test(namespace) && !own.has(namespace))
    .map((namespace) => readApplication(inventory, namespace));
}

/** The other namespaces that hold pods: set up with the second cluster, not moved. */
export function platformNamespaces(inventory: Inventory, applications: readonly Application[]): readonly string[] {
  const moved = new Set(applications.map((application) => application.namespace));
  return sortedUnique(inventory.pods.map((pod) => pod.namespace)).filter((namespace) => !moved.has(namespace));
}

function readApplication(inventory: Inventory, namespace: string): Application {
  const pods = inventory.pods.filter((pod) => pod.namespace === namespace && !pod.isMirror);
  const paths = pods.flatMap((pod) => pod.volumes.flatMap((volume) => (volume.kind === "hostPath" ? volume.path : [])));
  const space = objectsOf(inventory, "Namespace").find((object) => object.name === namespace);
  return {
    namespace,
    labels: space?.labels ?? {},
    workloads: controllers
      .flatMap((kind) => within(inventory, kind, namespace))
      .map((object) => ({
        name: `${object.kind}/${object.name}`,
        replicas: getNumber(object.object, "spec", "replicas") ?? 1,
      })),
    barePods: pods
      .filter((pod) => pod.owner === undefined && pod.phase === "Running")
      .map((pod) => pod.name)
      .sort(compareText),
    claims: readClaims(inventory, namespace),
    hostPaths: sortedUnique(paths),
    entries: [...readServices(inventory, namespace), ...readRoutes(inventory, namespace)],
  };
}

function within(inventory: Inventory, kind: string, namespace: string): readonly RawObject[] {
  return objectsOf(inventory, kind)
    .filter((object) => object.namespace === namespace)
    .toSorted(byText((object) => object.name));
}

/** Claims that were dumped, and those that only show in the pods that mount them. */
function readClaims(inventory: Inventory, namespace: string): readonly Claim[] {
  const users = new Map<string, Set<string>>();
  for (const pod of inventory.pods)
    for (const volume of pod.volumes) {
      if (pod.namespace !== namespace || volume.kind !== "persistentVolumeClaim") continue;
      const owner = pod.workload ?? { kind: "Pod", name: pod.name };
      users.set(volume.claimName, (users.get(volume.claimName) ?? new Set()).add(`${owner.kind}/${owner.name}`));
    }
  const dumped = new Map(
    within(inventory, "PersistentVolumeClaim", namespace).map((object) => [object.name, object.object]),
  );
  return sortedUnique([...users.keys(), ...dumped.keys()]).map((name) => ({
    name,
    size: getString(dumped.get(name), "spec", "resources", "requests", "storage") ?? "unknown",
    storageClass: getString(dumped.get(name), "spec", "storageClassName") ?? "unknown",
    usedBy: sortedUnique(users.get(name) ?? []),
  }));
}

function readServices(inventory: Inventory, namespace: string): readonly Entry[] {
  return within(inventory, "Service", namespace).flatMap((object) => {
    const type = getString(object.object, "spec", "type") ?? "ClusterIP";
    const external = texts(getArray(object.object, "spec", "externalIPs"));
    if (type !== "LoadBalancer" && type !== "NodePort" && external.length === 0) return [];
    const given = getArray(object.object, "status", "loadBalancer", "ingress").flatMap(
      (one) => getString(one, "ip") ?? getString(one, "hostname") ?? [],
    );
    const ports = getArray(object.object, "spec", "ports").flatMap((port) => {
      const nodePort = getNumber(port, "nodePort");
      const name = `${getString(port, "protocol") ?? "TCP"} ${getNumber(port, "port") ?? "?"}`;
      return [nodePort === undefined ? name : `${name} (NodePort ${nodePort})`];
    });
    return [{ name: `Service/${object.name} (${type})`, known: [...given, ...external, ...ports] }];
  });
}

function readRoutes(inventory: Inventory, namespace: string): readonly Entry[] {
  const ingresses = within(inventory, "Ingress", namespace).map((object) => ({
    name: `Ingress/${object.name}`,
    known: sortedUnique(getArray(object.object, "spec", "rules").flatMap((rule) => getString(rule, "host") ?? "*")),
  }));
  const routes = ["HTTPRoute", "GRPCRoute", "TLSRoute", "Route"].flatMap((kind) =>
    within(inventory, kind, namespace).map((object) => ({
      name: `${kind}/${object.name}`,
      known: sortedUnique([
        ...texts(getArray(object.object, "spec", "hostnames")),
        getString(object.object, "spec", "host") ?? "",
      ]).filter((host) => host !== ""),
    })),
  );
  return [...ingresses, ...routes];
}

function texts(values: readonly JsonValue[]): readonly string[] {
  return values.filter((value): value is string => typeof value === "string");
}

/** Definitions of custom resources that are neither the source's nor Cilium's, with how many objects of each were dumped (unknown without the kind). */
export function readDefinitions(
  inventory: Inventory,
): readonly { readonly name: string; readonly objects: number | undefined }[] {
  const ofNetworks =
    /(?:^|\.)(?:projectcalico\.org|operator\.tigera\.io|cilium\.io|k8s\.ovn\.org|antrea\.io|k8s\.cni\.cncf\.io)$/u;
  return objectsOf(inventory, "CustomResourceDefinition")
    .map((object) => ({
      object,
      group: getString(object.object, "spec", "group") ?? object.name.replace(/^[^.]+\./u, ""),
    }))
    .filter(({ group }) => !ofNetworks.test(group))
    .map(({ object, group }) => {
      const kind = getString(object.object, "spec", "names", "kind");
      return { name: object.name, objects: kind === undefined ? undefined : objectsOf(inventory, kind, group).length };
    })
    .toSorted(byText((one) => one.name));
}

/** Labels of a namespace that somebody set: those that Kubernetes sets itself are left out. */
export function ownLabels(application: Application): readonly string[] {
  return Object.entries(getStringMap({ labels: application.labels }, "labels"))
    .filter(([key]) => key !== "kubernetes.io/metadata.name")
    .map(([key, value]) => `${key}=${value}`)
    .sort(compareText);
}
