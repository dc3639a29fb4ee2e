import { printIdentity } from "../core/identity.ts";
import { getArray, getIn, getNumber, getString, type JsonValue } from "../core/json.ts";
import { onceFor } from "../core/once-for.ts";
import { byAll, compareText } from "../core/order.ts";
import { type Inventory, objectsOf } from "../inventory/inventory.ts";

/** A hostPort that the CNI has to serve. */
export interface HostPort {
  readonly port: number;
  readonly protocol: string;
  /** `Kind/namespace/name` of the workload, or of the pod when it has none: so that a further replica changes nothing. */
  readonly owner: string;
}

const templateKinds = ["DaemonSet", "Deployment", "StatefulSet"];

/**
 * Every hostPort that goes through the CNI, with its owner: by port, protocol and owner, each once.
 *
 * Pods on the host network are left out (they bind the port themselves), finished pods too. Templates of workloads are
 * read as well, because one that is scaled to nothing today has its hostPort tomorrow.
 */
export const hostPortsThroughCNI: (inventory: Inventory) => readonly HostPort[] = onceFor(findHostPorts);

function findHostPorts(inventory: Inventory): readonly HostPort[] {
  const ofPods = inventory.pods
    .filter((pod) => !pod.isHostNetwork && pod.phase !== "Succeeded" && pod.phase !== "Failed")
    .flatMap((pod) => {
      const owner = printIdentity(
        pod.workload === undefined
          ? pod
          : { ...pod.workload, ...(pod.namespace !== undefined && { namespace: pod.namespace }) },
      );
      return pod.ports.flatMap(({ hostPort, protocol }) =>
        hostPort === undefined ? [] : [{ port: hostPort, protocol: protocol as string, owner }],
      );
    });
  const ofTemplates = templateKinds.flatMap((kind) =>
    objectsOf(inventory, kind).flatMap((workload) =>
      templateHostPorts(getIn(workload.object, "spec", "template", "spec")).map((port) => ({
        ...port,
        owner: printIdentity(workload),
      })),
    ),
  );
  const seen = new Map(
    [...ofPods, ...ofTemplates].map((item) => [`${item.port}/${item.protocol} ${item.owner}`, item]),
  );
  return [...seen.values()].sort(
    byAll(
      (a, b) => a.port - b.port,
      (a, b) => compareText(a.protocol, b.protocol),
      (a, b) => compareText(a.owner, b.owner),
    ),
  );
}

/** The ports alone, each once, in words: `80/TCP, 443/TCP`; the sixth and further ones as a count. */
export function hostPortText(ports: readonly HostPort[]): string {
  const distinct = [...new Set(ports.map(({ port, protocol }) => `${port}/${protocol}`))];
  const shown = distinct.slice(0, 5).join(", ");
  return distinct.length > 5 ? `${shown} and ${distinct.length - 5} more` : shown;
}

function templateHostPorts(podSpec: JsonValue | undefined): { port: number; protocol: string }[] {
  if (getIn(podSpec, "hostNetwork") === true) return [];
  return getArray(podSpec, "containers").flatMap((container) =>
    getArray(container, "ports").flatMap((port) => {
      const hostPort = getNumber(port, "hostPort");
      return hostPort === undefined ? [] : [{ port: hostPort, protocol: getString(port, "protocol") ?? "TCP" }];
    }),
  );
}
