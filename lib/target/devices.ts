import type { JsonValue } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import type { Plan } from "../plan/plan.ts";
import type { SourceDetection } from "../source/source.ts";
import type { ChartMinor } from "./known-values.ts";

/** The value of `devices` and whether detection goes on beside it. */
export interface Devices {
  readonly value: JsonValue;
  readonly detects: boolean;
  readonly why: string;
}

/** Prefixes that Cilium's detection never takes (cilium/cilium v1.20.2 pkg/defaults/node.go). */
const neverDetected = ["cilium_", "lo", "lxc", "cni", "docker"];

/**
 * Devices of the source that Cilium's detection could take for uplinks, as patterns, sorted.
 *
 * Pod devices (`cali+`) count: with any list given, detection no longer skips veth devices without a default route.
 * Source: cilium/cilium v1.20.2 pkg/datapath/linux/devices_controller.go isSelectedDevice.
 */
export function sourceDevices(source: SourceDetection): string[] {
  return sortedUnique(source.facts.devices.filter((name) => !neverDetected.some((prefix) => name.startsWith(prefix))));
}

/**
 * Which devices Cilium attaches to: the plan's list, the interfaces that the source was told to use, or
 * everything that it detects but the source's own devices.
 *
 * `undefined` when the source has none that could be taken, and for Cilium 1.18, which knows no exclusion: there a
 * list in the plan is needed (`target/devices-needed`).
 * Source: cilium/cilium v1.20.2 pkg/datapath/tables/device.go DeviceFilter.Match; measured: detection selects
 * `flannel.1` and takes its MTU.
 */
export function chooseDevices(plan: Plan, source: SourceDetection, minor: ChartMinor): Devices | undefined {
  if (plan.spec.target.devices.length > 0)
    return {
      value: [...plan.spec.target.devices],
      detects: false,
      why: "the uplinks from the plan, so that no device of the source is taken for one",
    };
  const uplinks = source.facts.uplinks ?? [];
  if (uplinks.length > 0)
    return {
      value: [...uplinks],
      detects: false,
      why: `the interfaces that ${source.source} was told to use, so that no device of the source is taken for one`,
    };
  const excluded = sourceDevices(source);
  if (excluded.length === 0 || minor === "1.18") return undefined;
  return {
    value: excluded.map((name) => `!${name}`),
    detects: true,
    why: `devices of ${source.source} are no uplinks: detection would take them and their smaller MTU`,
  };
}
