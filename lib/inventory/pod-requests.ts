import type { JsonObject } from "../core/json.ts";
import { roundQuantity } from "./parse-quantity.ts";
import type { FieldReader } from "./read-fields.ts";

type Quantities = Readonly<Record<string, number>>;

/**
 * What the scheduler counts for a pod: the containers and sidecars together, or the largest init container (with the
 * sidecars started before it) where that is more; `spec.resources.requests` in place of both where the pod has it; plus
 * `spec.overhead`. Units: cores, bytes, counts.
 * Source: Kubernetes component-helpers resource.PodRequests (v1.32, KEP-753 sidecars, KEP-2837 pod level resources).
 */
export function podRequests(object: JsonObject, read: FieldReader): Quantities {
  const totals: Record<string, number> = {};
  for (const { requests } of requestsOf(object, "containers", read)) add(totals, requests);
  const sidecars: Record<string, number> = {};
  const largest: Record<string, number> = {};
  for (const { requests, isSidecar } of requestsOf(object, "initContainers", read)) {
    if (isSidecar) {
      add(sidecars, requests);
      raise(largest, sidecars);
    } else {
      const together = { ...sidecars };
      add(together, requests);
      raise(largest, together);
    }
  }
  add(totals, sidecars);
  raise(totals, largest);
  Object.assign(totals, read.quantities(object, "spec", "resources", "requests"));
  add(totals, read.quantities(object, "spec", "overhead"));
  return Object.fromEntries(Object.entries(totals).map(([name, value]) => [name, roundQuantity(value)]));
}

interface ContainerRequests {
  readonly requests: Quantities;
  readonly isSidecar: boolean;
}

/** The containers' requests; a limit stands in for a request that is not there, as the API server's defaulting does. */
function requestsOf(
  object: JsonObject,
  list: "containers" | "initContainers",
  read: FieldReader,
): readonly ContainerRequests[] {
  return read.items(object, ["spec", list], (container) => {
    const limits = read.quantities(container, "resources", "limits");
    const requests = { ...limits, ...read.quantities(container, "resources", "requests") };
    return [{ requests, isSidecar: container["restartPolicy"] === "Always" }];
  });
}

function add(to: Record<string, number>, from: Quantities): void {
  for (const [name, value] of Object.entries(from)) to[name] = (to[name] ?? 0) + value;
}

function raise(to: Record<string, number>, from: Quantities): void {
  for (const [name, value] of Object.entries(from)) to[name] = Math.max(to[name] ?? 0, value);
}
