import type { JsonObject } from "../../../lib/core/json.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import { naiveCalico } from "../naive/naive-calico.ts";
import { naiveCilium } from "../naive/naive-cilium.ts";
import { field, list, type NaiveFlow } from "../naive/naive-flow.ts";

/** Objects of the three parties and the pods that have moved. */
export interface NaiveMixed {
  readonly source: readonly JsonObject[];
  readonly mirrors: readonly JsonObject[];
  readonly target: readonly JsonObject[];
  readonly bridge: readonly JsonObject[];
  readonly world: World;
  readonly moved: ReadonlySet<WorldPod>;
}

/** A packet between two pods. */
export type NaivePair = Omit<NaiveFlow, "half" | "subject" | "peer"> & {
  readonly from: WorldPod;
  readonly to: WorldPod;
};

/** What was decided before anything moved: both halves by Calico, at today's addresses. */
export function naiveBefore({ source, world }: NaiveMixed, pair: NaivePair): "allow" | "deny" {
  const { from, to, ...packet } = pair;
  const halves = [
    naiveCalico(source, world, { ...packet, half: "egress", subject: from, peer: { kind: "pod", pod: to } }),
    naiveCalico(source, world, { ...packet, half: "ingress", subject: to, peer: { kind: "pod", pod: from } }),
  ];
  return halves.includes("deny") ? "deny" : "allow";
}

/** What the mixed phase decides: each half by the engine at its end, with what that engine knows of the other one. */
export function naiveDuring(mixed: NaiveMixed, pair: NaivePair): "allow" | "deny" {
  const { from, to, ...packet } = pair;
  const halves = [
    naiveHalf(mixed, from, to, { ...packet, half: "egress" }),
    naiveHalf(mixed, to, from, { ...packet, half: "ingress" }),
  ];
  return halves.includes("deny") ? "deny" : "allow";
}

function naiveHalf(
  mixed: NaiveMixed,
  subject: WorldPod,
  peer: WorldPod,
  packet: Omit<NaiveFlow, "subject" | "peer">,
): "allow" | "deny" {
  const { source, mirrors, target, bridge, world, moved } = mixed;
  if (!moved.has(subject)) {
    const pod = moved.has(peer) ? withNewAddress(peer) : peer;
    return naiveCalico([...source, ...mirrors], world, { ...packet, subject, peer: { kind: "pod", pod } });
  }
  const objects = [...target, ...bridge];
  if (moved.has(peer)) return naiveCilium(objects, world, { ...packet, subject, peer: { kind: "pod", pod: peer } });
  return againstOld(objects, mixed, { ...packet, subject }, peer);
}

/** The address that a moved pod has; its number among the pods is kept. */
function withNewAddress(pod: WorldPod): WorldPod {
  return {
    ...pod,
    addresses: pod.addresses.filter((text) => !text.includes(":")).map((text) => `10.245.7.${text.split(".")[3] ?? 1}`),
  };
}

/**
 * Cilium's verdict on an old pod: `unmanaged` on the same node and for ingress from anywhere, on another node an address of
 * the outside. Entities that speak of `unmanaged` are turned into ones that the judge knows, everything about
 * endpoints is taken away.
 */
function againstOld(
  objects: readonly JsonObject[],
  { world }: NaiveMixed,
  flow: Omit<NaiveFlow, "peer">,
  peer: WorldPod,
): "allow" | "deny" {
  const isRemote = flow.half === "egress" && flow.subject.node !== peer.node;
  const address = peer.addresses.find((text) => text.includes(":") === (flow.family === 6)) ?? "";
  if (isRemote) return naiveCilium(objects, world, { ...flow, peer: { kind: "address", address } });
  // An address that no CIDR rule of a test holds, and entities renamed so that only those which mean `unmanaged` match it.
  const nowhere = flow.family === 4 ? "233.252.0.1" : "2001:db8:ffff::1";
  return naiveCilium(objects.map(seenByUnmanaged), world, { ...flow, peer: { kind: "address", address: nowhere } });
}

const directions = ["ingress", "egress", "ingressDeny", "egressDeny"] as const;

function seenByUnmanaged(object: JsonObject): JsonObject {
  if (!String(object["apiVersion"]).startsWith("cilium.io/")) return withoutBlocks(object);
  const specs = [field(object, "spec"), ...list(object, "specs")].filter((spec) => spec !== undefined) as JsonObject[];
  const { spec: _spec, specs: _specs, ...rest } = object;
  return { ...rest, specs: specs.map((spec) => unmanagedSpec(spec)) };
}

function unmanagedSpec(spec: JsonObject): JsonObject {
  const sections = directions.flatMap((direction) =>
    spec[direction] === undefined
      ? []
      : [[direction, list(spec, direction).map((element) => unmanagedElement(element as JsonObject))] as const],
  );
  return { ...spec, ...Object.fromEntries(sections) };
}

function unmanagedElement(element: JsonObject): JsonObject {
  const entries = Object.entries(element).map(([key, value]): [string, unknown] => {
    if (!/^(?:from|to)(?:Entities|CIDR|CIDRSet)$/u.test(key)) return [key, value];
    if (!key.endsWith("Entities")) return [key, []];
    const names = (value as string[]).filter((name) => ["all", "cluster", "unmanaged"].includes(name));
    return [key, names.length > 0 ? ["world"] : []];
  });
  return Object.fromEntries(entries) as JsonObject;
}

/** An ipBlock never matches an unmanaged pod. */
function withoutBlocks(object: JsonObject): JsonObject {
  return JSON.parse(
    JSON.stringify(object, (_key, value: unknown) =>
      typeof value === "object" && value !== null && "ipBlock" in value
        ? { ipBlock: { cidr: "255.255.255.255/32" } }
        : value,
    ),
  ) as JsonObject;
}
