import { getStringMap } from "../../core/json.ts";
import type { RawObject } from "../../inventory/inventory.ts";
import { canonicalPrefix } from "../space/address.ts";
import type { Requirement } from "./read-selector.ts";
import { type Reading, readList, readObject, readText, reject } from "./reading.ts";

/** A CiliumCIDRGroup: named, labelled prefixes. */
export interface CidrGroup {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly cidrs: readonly string[];
}

/** All groups of a set of objects. */
export type CidrGroups = readonly CidrGroup[];

/** Reads one CiliumCIDRGroup; prefixes that Cilium refuses are left out with a finding. */
export function readCidrGroup(reading: Reading, raw: RawObject): CidrGroup {
  const spec = readObject(reading, raw.object["spec"], "spec");
  const items = spec === undefined ? [] : (readList(reading, spec, "externalCIDRs", "spec") ?? []);
  const cidrs = items.flatMap((item, index) => {
    const path = `spec.externalCIDRs[${index}]`;
    const text = readText(reading, item, path);
    if (text === undefined) return [];
    const cidr = canonicalPrefix(text);
    if (cidr === undefined)
      reject(
        reading,
        "cilium/cidr",
        path,
        `${JSON.stringify(text)} is no prefix`,
        "write a prefix such as 192.0.2.0/24",
      );
    return cidr ?? [];
  });
  return { name: raw.name, labels: getStringMap(raw.object, "metadata", "labels"), cidrs };
}

/** The groups of a name, or those whose labels meet all requirements. */
export function groupsMatching(groups: CidrGroups, wanted: string | readonly Requirement[]): CidrGroups {
  if (typeof wanted === "string") return groups.filter(({ name }) => name === wanted);
  return groups.filter(({ labels }) => wanted.every((requirement) => meets(labels, requirement)));
}

function meets(labels: Readonly<Record<string, string>>, { key, operator, values }: Requirement): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
  }
}
