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
  for (const container of read.objects(object, "spec", "containers")) add(totals, requestsOf(container, read));
  const sidecars: Record<string, number> = {};
  const largest: Record<string, number> = {};
  for (const container of read.objects(object, "spec", "initContainers")) {
    const requests = requestsOf(container, read);
    if (container["restartPolicy"] === "Always") {
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

/** A container's requests; a limit stands in for a request that is not there, as the API server's defaulting does. */
function requestsOf(container: JsonObject, read: FieldReader): Quantities {
  const limits = read.quantities(container, "resources", "limits");
  return { ...limits, ...read.quantities(container, "resources", "requests") };
}

function add(to: Record<string, number>, from: Quantities): void {
  for (const [name, value] of Object.entries(from)) to[name] = (to[name] ?? 0) + value;
}

function raise(to: Record<string, number>, from: Quantities): void {
  for (const [name, value] of Object.entries(from)) to[name] = Math.max(to[name] ?? 0, value);
}
