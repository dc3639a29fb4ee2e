import { getArray, getIn, getNumber, getString, type JsonValue } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { type Inventory, objectsOf } from "../inventory/inventory.ts";

const templateKinds = ["DaemonSet", "Deployment", "StatefulSet", "ReplicaSet"];

/**
 * What needs a hostPort through the CNI: `Pod/namespace/name 8080/TCP` and `DaemonSet/…`, sorted, each once.
 *
 * Pods on the host network are left out (they bind the port themselves), finished pods too. Templates of workloads are
 * read as well, because one that is scaled to nothing today has its hostPort tomorrow.
 */
export function hostPortsThroughCNI(inventory: Inventory): string[] {
  const ofPods = inventory.pods
    .filter((pod) => !pod.isHostNetwork && pod.phase !== "Succeeded" && pod.phase !== "Failed")
    .flatMap((pod) =>
      pod.ports.flatMap((port) =>
        port.hostPort === undefined ? [] : [`Pod/${pod.namespace}/${pod.name} ${port.hostPort}/${port.protocol}`],
      ),
    );
  const ofTemplates = templateKinds.flatMap((kind) =>
    objectsOf(inventory, kind).flatMap((workload) =>
      templateHostPorts(getIn(workload.object, "spec", "template", "spec")).map(
        (port) => `${kind}/${workload.namespace}/${workload.name} ${port}`,
      ),
    ),
  );
  return sortedUnique([...ofPods, ...ofTemplates]);
}

function templateHostPorts(podSpec: JsonValue | undefined): string[] {
  if (getIn(podSpec, "hostNetwork") === true) return [];
  return getArray(podSpec, "containers").flatMap((container) =>
    getArray(container, "ports").flatMap((port) => {
      const hostPort = getNumber(port, "hostPort");
      return hostPort === undefined ? [] : [`${hostPort}/${getString(port, "protocol") ?? "TCP"}`];
    }),
  );
}
