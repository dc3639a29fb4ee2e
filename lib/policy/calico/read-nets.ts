import { addressFamily, normaliseCIDR } from "../../core/cidr.ts";
import type { JsonObject } from "../../core/json.ts";
import { type Reading, readList, report, textOf } from "./reading.ts";

/** The prefixes at a key, normalised; `undefined` when there are none. Findings: POL001, POL002, POL005. */
export function readNets(
  reading: Reading,
  parent: JsonObject,
  key: string,
  field: string,
): readonly string[] | undefined {
  const nets: string[] = [];
  for (const [index, item] of readList(reading, parent, key, field).entries()) {
    const path = `${field}[${index}]`;
    const text = textOf(reading, item, path);
    if (text === undefined) continue;
    const net = normaliseCIDR(text);
    if (net === undefined)
      report(reading, "POL002", `${path} ${JSON.stringify(text)} is no address or prefix`, path, {
        reason: "Calico ignores a policy with a prefix that it cannot read",
        remedy: "write an IPv4 or IPv6 prefix such as 10.0.0.0/8",
      });
    else {
      if (text.includes("/") && hasHostBits(text, net))
        report(reading, "POL005", `${path} ${text} is read as ${net}`, path, {
          reason: "the address has bits behind the prefix length; Calico reads the network it lies in",
          remedy: `write ${net}, or ${text.split("/")[0]}${addressFamily(text) === 4 ? "/32" : "/128"} if one address was meant`,
        });
      nets.push(net);
    }
  }
  return nets.length === 0 ? undefined : nets;
}

function hasHostBits(text: string, net: string): boolean {
  const address = text.split("/")[0] ?? "";
  return normaliseCIDR(address)?.split("/")[0] !== net.split("/")[0];
}

/** The families that prefixes belong to. */
export function familiesOf(nets: readonly string[] | undefined): ReadonlySet<4 | 6> {
  return new Set((nets ?? []).map((net) => addressFamily(net) ?? 4));
}
