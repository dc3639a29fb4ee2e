import type { CalicoPort, CalicoRule } from "../calico/model.ts";
import { type Intervals, intersectIntervals, noNumbers, subtractIntervals, uniteIntervals } from "./intervals.ts";
import {
  everyHeader,
  icmpHeaders,
  ip,
  isNoHeader,
  type L4,
  type NamedPort,
  noHeader,
  portProtocols,
  portRange,
  subtractL4,
  wholeProtocol,
} from "./l4.ts";
import { type Approximation, between, exactly, type Note } from "./note.ts";

/**
 * The protocols and ports that a rule means.
 *
 * Source ports cannot be said in Cilium and leave bounds (POL029); names that no container port can have are left out
 * (POL024).
 */
export function resolveL4(rule: CalicoRule, notes: Note[]): Approximation<L4> {
  const protocols = protocolPoints(rule);
  const ports = rule.destination.ports;
  const wanted: L4 = ports === undefined ? { points: protocols, names: [] } : portsOf(ports, rule, protocols, notes);
  const bounds = withoutPorts(wanted, rule, notes);
  return limitSourcePorts(bounds, rule, notes);
}

function protocolPoints(rule: CalicoRule): Intervals {
  let points = rule.protocol === undefined ? everyHeader.points : wholeProtocol(rule.protocol);
  if (rule.notProtocol !== undefined) points = subtractIntervals(points, wholeProtocol(rule.notProtocol));
  const protocol = rule.protocol ?? ip.icmp;
  if (rule.icmp?.type !== undefined)
    points = intersectIntervals(points, icmpHeaders(protocol, rule.icmp.type, rule.icmp.code));
  if (rule.notICMP?.type !== undefined)
    points = subtractIntervals(points, icmpHeaders(protocol, rule.notICMP.type, rule.notICMP.code));
  return points;
}

function portsOf(ports: readonly CalicoPort[], rule: CalicoRule, protocols: Intervals, notes: Note[]): L4 {
  let points: Intervals = noNumbers;
  const names: NamedPort[] = [];
  for (const port of ports) {
    if (port.kind === "range") {
      if (rule.protocol !== undefined) points = uniteIntervals(points, portRange(rule.protocol, port.from, port.to));
    } else if (isPortName(port.name)) names.push({ name: port.name, protocol: namedProtocol(rule.protocol) });
    else
      notes.push({
        code: "POL024",
        effect: "none",
        message: `no container port can be called ${JSON.stringify(port.name)}; the name is left out`,
        reason: "port names of Kubernetes are lower-case IANA service names of at most 15 characters",
        remedy: "correct the name, or remove it",
      });
  }
  return { points: intersectIntervals(points, protocols), names };
}

function namedProtocol(protocol: number | undefined): NamedPort["protocol"] {
  return portProtocols.find((known) => known === protocol);
}

/** Whether a container port can have the name. Source: k8s.io/apimachinery pkg/util/validation IsValidPortName. */
function isPortName(name: string): boolean {
  return name.length <= 15 && /^[a-z0-9]+(-[a-z0-9]+)*$/u.test(name) && /[a-z]/u.test(name);
}

function withoutPorts(wanted: L4, rule: CalicoRule, notes: Note[]): Approximation<L4> {
  const { notPorts } = rule.destination;
  if (notPorts === undefined) return exactly(wanted);
  const taken = portsOf(notPorts, rule, everyHeader.points, notes);
  const rest = subtractL4(wanted, taken);
  if (rest.isComplete) return exactly(rest.l4);
  notes.push({
    code: "POL034",
    effect: "inexact",
    field: "destination.notPorts",
    message: "a port name in notPorts cannot be taken out of a range of port numbers",
    reason: "what the name stands for differs from pod to pod",
    remedy: "write the port's number in notPorts",
  });
  return between(rest.l4, { points: subtractIntervals(wanted.points, taken.points), names: wanted.names });
}

function limitSourcePorts(bounds: Approximation<L4>, rule: CalicoRule, notes: Note[]): Approximation<L4> {
  const { ports, notPorts } = rule.source;
  const isEveryPort =
    ports === undefined || ports.some((port) => port.kind === "range" && port.from <= 1 && port.to >= 65_535);
  if ((isEveryPort && notPorts === undefined) || isNoHeader(bounds.over)) return bounds;
  notes.push({
    code: "POL029",
    effect: "inexact",
    field: ports === undefined ? "source.notPorts" : "source.ports",
    message: "the rule matches the port that the connection comes from, which Cilium cannot",
    reason: "Cilium policies know destination ports only",
    remedy: "remove the source ports: whoever opens a connection chooses them freely, so they protect little",
  });
  return between(noHeader, bounds.over);
}
