import type { JsonObject, JsonValue } from "../../../lib/core/json.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";

/** The other end of a packet: a pod of the world, another node, the pod's own node, or an address outside. */
export type NaivePeer =
  | { readonly kind: "pod"; readonly pod: WorldPod }
  | { readonly kind: "node" | "host"; readonly node: World["nodes"][number]; readonly address: string }
  | { readonly kind: "address"; readonly address: string };

/** One packet at one pod, in one direction. */
export interface NaiveFlow {
  readonly half: "ingress" | "egress";
  readonly subject: WorldPod;
  readonly peer: NaivePeer;
  readonly family: 4 | 6;
  readonly protocol: number;
  /** Destination port; absent for protocols without one. */
  readonly port?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly sourcePort?: number;
}

/** The value of an address and its family, by arithmetic over its parts. */
export function addressValue(text: string): { readonly family: 4 | 6; readonly value: bigint } {
  if (!text.includes(":"))
    return { family: 4, value: text.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
  const [left = "", right] = text.split("::");
  const head = left === "" ? [] : left.split(":");
  const tail = right === undefined || right === "" ? [] : right.split(":");
  const groups = right === undefined ? head : [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail];
  return { family: 6, value: groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n) };
}

/** Whether an address lies in a prefix; a prefix without a length is one address. */
export function inCIDR(address: string, cidr: string): boolean {
  const [base = "", length] = cidr.split("/");
  const a = addressValue(address);
  const b = addressValue(base);
  if (a.family !== b.family) return false;
  const bits = a.family === 4 ? 32 : 128;
  const shift = BigInt(bits - Number(length ?? bits));
  return a.value >> shift === b.value >> shift;
}

/** The address of a pod in a family. */
export function podAddress(pod: WorldPod, family: 4 | 6): string | undefined {
  return pod.addresses.find((address) => addressValue(address).family === family);
}

/** The address of a peer in a family. */
export function peerAddress(peer: NaivePeer, family: 4 | 6): string | undefined {
  if (peer.kind === "pod") return podAddress(peer.pod, family);
  return addressValue(peer.address).family === family ? peer.address : undefined;
}

/** A field of a raw object, by keys; `undefined` when a step is missing. */
export function field(value: JsonValue | undefined, ...keys: readonly string[]): JsonValue | undefined {
  return keys.reduce<JsonValue | undefined>(
    (current, key) =>
      current !== null && typeof current === "object" && !Array.isArray(current)
        ? (current as JsonObject)[key]
        : undefined,
    value,
  );
}

/** A list of a raw object; empty when it is missing. */
export function list(value: JsonValue | undefined, ...keys: readonly string[]): readonly JsonValue[] {
  const found = field(value, ...keys);
  return Array.isArray(found) ? found : [];
}
