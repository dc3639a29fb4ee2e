import { containsCidr, mergeCidr, overlapCidr, parseCidr } from "cidr-tools";
import ipaddr from "ipaddr.js";

/** The address family of an address or prefix. */
export type AddressFamily = 4 | 6;

/** Whether a text is a valid IPv4 or IPv6 prefix with its length (`10.0.0.0/8`); a bare address is not. */
export function isCIDR(text: string): boolean {
  return ipaddr.isValidCIDR(text);
}

/** Whether a text is a valid IPv4 (four parts) or IPv6 address. */
export function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
}

/** The family of a valid address or prefix; `undefined` for anything else. */
export function addressFamily(text: string): AddressFamily | undefined {
  const address = text.split("/")[0] ?? "";
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return 4;
  return ipaddr.IPv6.isValid(address) ? 6 : undefined;
}

/** The prefix in canonical form with its host bits cleared; `undefined` when it is not a prefix or an address. */
export function normaliseCIDR(text: string): string | undefined {
  const isPrefix = text.includes("/");
  if (!isPrefix && !isAddress(text)) return undefined;
  // Asking one family only: the library's own question tries IPv6 first and throws for every IPv4 prefix.
  const family = text.includes(":") ? ipaddr.IPv6 : ipaddr.IPv4;
  const cidr = isPrefix ? text : `${text}/${family === ipaddr.IPv6 ? 128 : 32}`;
  if (!family.isValidCIDR(cidr)) return undefined;
  return `${family.networkAddressFromCIDR(cidr).toString()}/${Number(cidr.slice(cidr.indexOf("/") + 1))}`;
}

/** Whether two prefixes (or addresses) share an address. False across families. */
export function overlaps(a: string, b: string): boolean {
  return overlapCidr(a, b);
}

/** Whether the first prefix covers every address of the second. False across families. */
export function covers(outer: string, inner: string): boolean {
  return containsCidr(outer, inner);
}

/** The fewest prefixes that cover exactly the same addresses, sorted by cidr-tools (IPv4 first). */
export function mergeCIDRs(cidrs: readonly string[]): string[] {
  return mergeCidr([...cidrs]);
}

/** The length of a prefix in bits: 16 for `10.0.0.0/16`. */
export function prefixLength(cidr: string): number {
  return ipaddr.parseCIDR(cidr)[1];
}

/**
 * A test for many addresses against the same prefixes: each prefix is parsed once, each address once per call.
 * What is no address is in no prefix.
 */
export function addressMatcher(cidrs: readonly string[]): (address: string) => boolean {
  const ranges = cidrs.filter(isCIDR).map((cidr) => ipaddr.parseCIDR(cidr));
  return (address) => {
    if (!isAddress(address)) return false;
    const parsed = ipaddr.parse(address);
    return ranges.some(([base, bits]) => parsed.kind() === base.kind() && parsed.match(base, bits));
  };
}

/** The addresses of a prefix as numbers: `first` and `last` are inclusive. */
export interface AddressRange {
  readonly family: AddressFamily;
  readonly first: bigint;
  readonly last: bigint;
}

/** The first and last address of a valid prefix or address, host bits cleared. */
export function rangeOf(cidr: string): AddressRange {
  const { version, start, end } = parseCidr(cidr);
  return { family: version, first: start, last: end };
}

/** The prefix that starts at an address given as a number: `prefixAt(4, 0x0af50000n, 16)` is `10.245.0.0/16`. */
export function prefixAt(family: AddressFamily, first: bigint, length: number): string {
  const size = family === 4 ? 4 : 16;
  const bytes = Array.from({ length: size }, (_, index) => Number((first >> BigInt((size - 1 - index) * 8)) & 0xffn));
  return `${ipaddr.fromByteArray(bytes).toString()}/${length}`;
}
