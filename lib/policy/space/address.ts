import type { AddressFamily } from "../../core/cidr.ts";

/** An address as a number: a plain number for IPv4, a bigint for IPv6. Comparable with `<` inside one family. */
export type AddressValue = number | bigint;

/** First and last address of a prefix. */
export interface AddressRange {
  readonly family: AddressFamily;
  readonly first: AddressValue;
  readonly last: AddressValue;
}

/** The value of an IPv4 or IPv6 address in text; `undefined` for anything else. */
export function parseAddress(
  text: string,
): { readonly family: AddressFamily; readonly value: AddressValue } | undefined {
  if (text.includes(":")) {
    const value = parseIPv6(text);
    return value === undefined ? undefined : { family: 6, value };
  }
  const value = parseIPv4(text);
  return value === undefined ? undefined : { family: 4, value };
}

/** The addresses of a prefix; a bare address is a prefix of its full length. Host bits are cleared. `undefined` when it is neither. */
export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  const digits = text.slice(slash + 1);
  const length = slash < 0 ? bits : /^\d{1,3}$/u.test(digits) ? Number(digits) : Number.NaN;
  if (!(length <= bits)) return undefined;
  if (typeof address.value === "number") {
    const size = 2 ** (32 - length);
    const first = Math.floor(address.value / size) * size;
    return { family: 4, first, last: first + size - 1 };
  }
  const hostBits = BigInt(128 - length);
  const first = (address.value >> hostBits) << hostBits;
  return { family: 6, first, last: first + (1n << hostBits) - 1n };
}

/** The family of an address or prefix in text; `undefined` when it is neither. Made for lists of fifty thousand. */
export function familyOf(text: string): AddressFamily | undefined {
  return parseRange(text)?.family;
}

/** `10.0.0.0/8` for `10.1.2.3/8`, `192.0.2.7/32` for `192.0.2.7`; `undefined` when the text is neither prefix nor address. */
export function canonicalPrefix(text: string): string | undefined {
  const range = parseRange(text);
  if (range === undefined) return undefined;
  const slash = text.indexOf("/");
  const length = slash < 0 ? (range.family === 4 ? 32 : 128) : Number(text.slice(slash + 1));
  return `${printAddress(range.first)}/${length}`;
}

/** An address in text: dotted for IPv4, the canonical short form for IPv6. */
export function printAddress(value: AddressValue): string {
  if (typeof value === "number") return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn);
  return shortenIPv6(groups.map((group) => group.toString(16)));
}

/** The next address. */
export function nextAddress(value: AddressValue): AddressValue {
  return typeof value === "number" ? value + 1 : value + 1n;
}

function parseIPv4(text: string): number | undefined {
  let value = 0;
  let part = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 46) {
      if (part < 0) return undefined;
      value = value * 256 + part;
      part = -1;
      dots += 1;
    } else if (code >= 48 && code <= 57) {
      part = (part < 0 ? 0 : part * 10) + code - 48;
      if (part > 255) return undefined;
    } else return undefined;
  }
  return dots === 3 && part >= 0 ? value * 256 + part : undefined;
}

function parseIPv6(text: string): bigint | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/u.exec(text);
  if (dotted !== null) {
    const low = parseIPv4(dotted[2] ?? "");
    if (low === undefined) return undefined;
    const groups = `${Math.floor(low / 65_536).toString(16)}:${(low % 65_536).toString(16)}`;
    return parseIPv6(`${dotted[1] ?? ""}${groups}`);
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const before = head ?? [];
  const after = tail ?? [];
  const missing = 8 - before.length - after.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...before, ...Array.from({ length: missing }, () => "0"), ...after]) {
    if (!/^[0-9a-fA-F]{1,4}$/u.test(group)) return undefined;
    value = (value << 16n) + BigInt(`0x${group}`);
  }
  return value;
}

function shortenIPv6(groups: readonly string[]): string {
  const text = groups.join(":");
  const runs = [...text.matchAll(/\b0(?::0)+\b/gu)].sort((a, b) => b[0].length - a[0].length || a.index - b.index);
  const longest = runs[0];
  if (longest === undefined) return text;
  const before = text.slice(0, longest.index).replace(/:$/u, "");
  const after = text.slice(longest.index + longest[0].length).replace(/^:/u, "");
  return `${before}::${after}`;
}
