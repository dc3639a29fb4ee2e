import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { CalicoPort } from "./model.ts";
import { type Reading, readList, report, textOf } from "./reading.ts";

/** Names of IP protocols that Calico's API knows, in lower case, by number. */
const protocolNumbers: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  icmp: 1,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
};
/** TCP, UDP and SCTP: the protocols whose rules may name ports. */
const protocolsWithPorts: ReadonlySet<number> = new Set([6, 17, 132]);

/**
 * A protocol field as an IP protocol number; `undefined` when missing, and after a finding.
 * Source: projectcalico/calico v3.32.1 api/pkg/lib/numorstring/protocol.go.
 */
export function readProtocol(reading: Reading, parent: JsonObject, key: string, field: string): number | undefined {
  const value = parent[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number") {
    if (Number.isInteger(value) && value >= 1 && value <= 255) return value;
    report(reading, "POL002", `${field} ${value} is no IP protocol number`, field, {
      remedy: "write a number from 1 to 255",
    });
    return undefined;
  }
  const text = textOf(reading, value, field);
  if (text === undefined) return undefined;
  const number = protocolNumbers[text.toLowerCase()];
  if (number === undefined)
    report(reading, "POL002", `${field} ${JSON.stringify(text)} is no protocol that Calico knows`, field, {
      remedy: "write TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite or a number from 1 to 255 without quotes",
    });
  return number;
}

/** The ports at a key; `undefined` when there are none. Findings: POL001, POL002, POL006. */
export function readPorts(
  reading: Reading,
  parent: JsonObject,
  key: string,
  field: string,
): readonly CalicoPort[] | undefined {
  const items = readList(reading, parent, key, field);
  const ports = items.flatMap((item, index) => readPort(reading, item, `${field}[${index}]`) ?? []);
  return ports.length === 0 ? undefined : ports;
}

function readPort(reading: Reading, item: JsonValue, field: string): CalicoPort | undefined {
  if (typeof item === "number") return rangeOf(reading, item, item, field);
  const text = textOf(reading, item, field);
  if (text === undefined) return undefined;
  const numbers = /^(\d+)(?::(\d+))?$/u.exec(text);
  if (numbers !== null) return rangeOf(reading, Number(numbers[1]), Number(numbers[2] ?? numbers[1]), field);
  if (!/^[A-Za-z0-9_.-]{1,128}$/u.test(text)) {
    report(reading, "POL002", `${field} ${JSON.stringify(text)} is neither a port, a range nor a port name`, field, {
      remedy: "write a number, a range such as 8080:8090, or the name of a container port",
    });
    return undefined;
  }
  if (/^\d+-\d+$/u.test(text))
    report(reading, "POL006", `${field} ${text} is read as the name of a port, not as a range`, field, {
      reason: "Calico writes ranges with a colon; a name with a hyphen between numbers is no error",
      remedy: `write ${text.replace("-", ":")}, if a range was meant`,
    });
  return { kind: "name", name: text };
}

function rangeOf(reading: Reading, from: number, to: number, field: string): CalicoPort | undefined {
  if (Number.isInteger(from) && Number.isInteger(to) && from >= 1 && to <= 65_535 && from <= to)
    return { kind: "range", from, to };
  const shown = from === to ? String(from) : `${from}:${to}`;
  report(reading, "POL002", `${field} ${shown} is no port or range of ports`, field, {
    remedy: from > to ? `write ${to}:${from}` : "write ports from 1 to 65535",
  });
  return undefined;
}

/**
 * Ports need a protocol that has them (POL004). The stored form may carry a port name alone, which then holds for every
 * protocol; the Calico API refuses that, too.
 */
export function checkPorts(
  reading: Reading,
  protocol: number | undefined,
  ports: readonly CalicoPort[] | undefined,
  field: string,
): void {
  if (ports === undefined || (protocol !== undefined && protocolsWithPorts.has(protocol))) return;
  const areNamesOnly = ports.every((port) => port.kind === "name");
  if (protocol === undefined && areNamesOnly && reading.group !== "v3") return;
  if (protocol === undefined)
    report(reading, "POL004", `${field} has ports, but the rule has no protocol`, field, {
      reason: "the API refuses such a rule; where it is stored already, the data planes differ in what they match",
      remedy: "add protocol: TCP, UDP or SCTP to the rule",
    });
  else
    report(reading, "POL002", `${field} has ports, but protocol ${protocol} has none`, field, {
      reason: "only TCP, UDP and SCTP have ports; Calico ignores the policy",
      remedy: "remove the ports, or correct the protocol",
    });
}
