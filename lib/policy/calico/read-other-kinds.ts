import { isAddress } from "../../core/cidr.ts";
import { isJsonObject } from "../../core/json.ts";
import type { CalicoHostEndpoint, CalicoNetworkSet, CalicoPolicySet } from "./model.ts";
import { readNets } from "./read-nets.ts";
import { checkName, labelsOf, objectFields } from "./read-policy.ts";
import { readProtocol } from "./read-ports.ts";
import { readRules } from "./read-rule.ts";
import {
  type Reading,
  readList,
  readNumber,
  readRecord,
  readText,
  report,
  reportUnknownFields,
  textOf,
} from "./reading.ts";

/** A GlobalNetworkSet or NetworkSet. Findings: POL001 to POL003, POL005, POL038. */
export function readNetworkSet(reading: Reading): CalicoNetworkSet {
  const { object, identity } = reading;
  checkName(reading);
  reportUnknownFields(reading, object.object, "", objectFields);
  const spec = readRecord(reading, object.object, "spec", "spec") ?? {};
  reportUnknownFields(reading, spec, "spec", ["nets", "allowedEgressDomains"]);
  if (spec["allowedEgressDomains"] !== undefined)
    report(reading, "POL038", "spec.allowedEgressDomains belongs to Calico Enterprise", "spec.allowedEgressDomains", {
      reason: "open-source Calico drops the field; the set then holds its nets only",
      remedy: "write a CiliumNetworkPolicy with toFQDNs and a DNS rule by hand, or remove the field",
    });
  const labels = labelsOf(reading);
  if (Object.hasOwn(labels, "projectcalico.org/namespace"))
    report(
      reading,
      "POL002",
      "the label projectcalico.org/namespace is not allowed on a network set",
      "metadata.labels",
      {
        reason: "Calico sets it itself, and ignores a set that has it",
        remedy: "remove the label",
      },
    );
  const nets = readNets(reading, spec, "nets", "spec.nets") ?? [];
  return { identity, position: object.position, labels, nets: [...new Set(nets)] };
}

/** A HostEndpoint. Findings: POL001 to POL003. */
export function readHostEndpoint(reading: Reading): CalicoHostEndpoint {
  const { object, identity } = reading;
  checkName(reading);
  reportUnknownFields(reading, object.object, "", objectFields);
  const spec = readRecord(reading, object.object, "spec", "spec") ?? {};
  reportUnknownFields(reading, spec, "spec", ["node", "interfaceName", "expectedIPs", "profiles", "ports"]);
  const node = readText(reading, spec, "node", "spec.node") ?? "";
  const interfaceName = readText(reading, spec, "interfaceName", "spec.interfaceName");
  const expectedIPs = readTexts(reading, spec, "expectedIPs");
  for (const [index, address] of expectedIPs.entries())
    if (!isAddress(address))
      report(
        reading,
        "POL002",
        `spec.expectedIPs[${index}] ${JSON.stringify(address)} is no address`,
        `spec.expectedIPs[${index}]`,
        {
          remedy: "write an IPv4 or IPv6 address",
        },
      );
  if (node === "") report(reading, "POL002", "spec.node is missing", "spec.node", { remedy: "name the node" });
  if (interfaceName === undefined && expectedIPs.length === 0)
    report(reading, "POL002", "spec names neither an interface nor an address", "spec", {
      remedy: "write interfaceName or expectedIPs",
    });
  readEndpointPorts(reading, spec);
  return {
    identity,
    position: object.position,
    labels: labelsOf(reading),
    node,
    ...(interfaceName !== undefined && { interfaceName }),
    expectedIPs,
    profiles: readTexts(reading, spec, "profiles"),
  };
}

function readTexts(reading: Reading, spec: Parameters<typeof readList>[1], key: string): readonly string[] {
  return readList(reading, spec, key, `spec.${key}`).flatMap(
    (item, index) => textOf(reading, item, `spec.${key}[${index}]`) ?? [],
  );
}

function readEndpointPorts(reading: Reading, spec: Parameters<typeof readList>[1]): void {
  for (const [index, item] of readList(reading, spec, "ports", "spec.ports").entries()) {
    const field = `spec.ports[${index}]`;
    if (!isJsonObject(item)) continue;
    reportUnknownFields(reading, item, field, ["name", "protocol", "port"]);
    readText(reading, item, "name", `${field}.name`);
    readProtocol(reading, item, "protocol", `${field}.protocol`);
    readNumber(reading, item, "port", `${field}.port`);
  }
}

/** A Profile that somebody wrote. Those that Calico makes for namespaces and accounts are not read. Findings: POL001 to POL006. */
export function readProfile(reading: Reading): CalicoPolicySet["profiles"][number] {
  const { object, identity } = reading;
  reportUnknownFields(reading, object.object, "", objectFields);
  const spec = readRecord(reading, object.object, "spec", "spec") ?? {};
  reportUnknownFields(reading, spec, "spec", ["labelsToApply", "ingress", "egress"]);
  return {
    name: identity.name,
    ingress: readRules(reading, spec, "ingress", {}),
    egress: readRules(reading, spec, "egress", {}),
  };
}
