import { getString, getStringMap } from "../core/json.ts";
import { objectsOf } from "../inventory/inventory.ts";
import type { ClusterView } from "./cluster-view.ts";
import { isImage } from "./images.ts";
import { readYaml } from "./text-formats.ts";
import type { Workload } from "./workload.ts";

/** Whether a DaemonSet is Antrea's agent. */
export function isAntreaDaemon(workload: Workload): boolean {
  if (!workload.isHostNetwork) return false;
  return workload.containers.some(
    (one) => one.name === "antrea-agent" || isImage(one.image, /(?:^|\/)antrea-agent(?:-ubuntu|-ubi)?$/u),
  );
}

/**
 * Antrea's `trafficEncapMode`: `encap` (the default), `noEncap`, `hybrid` or `networkPolicyOnly`.
 * Source: Antrea v2.6 build/yamls/antrea.yml, antrea-agent.conf.
 */
export function antreaModeOf(view: ClusterView): string {
  const map = objectsOf(view.inventory, "ConfigMap", "").find((one) => /^antrea-config(?:-|$)/u.test(one.name));
  const reading = readYaml(getStringMap(map?.object, "data")["antrea-agent.conf"] ?? "{}");
  return ("value" in reading && getString(reading.value, "trafficEncapMode")) || "encap";
}
