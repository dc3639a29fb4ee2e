import type { AddressFamily } from "../../core/cidr.ts";
import {
  type AddressRange,
  type AddressValue,
  canonicalPrefix,
  nextAddress,
  parseAddress,
  parseRange,
  printAddress,
} from "./address.ts";

/**
 * The address space of one family cut at a list of prefixes. Two addresses lie in one cell when every prefix contains
 * both or neither. Prefixes nest or are disjoint, so a cell is "the longest prefix around the address"; cell 0 lies
 * outside all of them.
 */
export interface AddressCells {
  readonly family: AddressFamily;
  readonly count: number;
  /** The cell of an address given as text; `undefined` for another family or no address. */
  readonly cellOf: (address: string) => number | undefined;
  /** First and last cell (both included) whose addresses the prefix contains; `undefined` when it is not one of the list. */
  readonly cellsOf: (prefix: string) => { readonly first: number; readonly last: number } | undefined;
  /** The longest prefix around the cell, as it was given; `undefined` for cell 0. */
  readonly prefixOf: (cell: number) => string | undefined;
  /**
   * An address of the cell that is none of `taken` and lies in none of `avoided` prefixes; `undefined` when there is
   * none. Prefers an address of the documentation ranges (RFC 5737, RFC 3849), then the lowest but one.
   */
  readonly freeAddressOf: (
    cell: number,
    taken: ReadonlySet<AddressValue>,
    avoided: readonly AddressRange[],
  ) => string | undefined;
}

interface Prefix extends AddressRange {
  readonly text: string;
  /** Index of the last prefix nested in this one, itself included. */
  end: number;
}

/**
 * Cuts the addresses of a family at the given prefixes; prefixes of the other family are left out, duplicates count once.
 *
 * Cost: O(n log n) to build, O(log n) for `cellOf`.
 */
export function cutAddresses(texts: Iterable<string>, family: AddressFamily): AddressCells {
  const prefixes = sortPrefixes(texts, family);
  const indexOf = new Map(prefixes.map((prefix, index) => [prefix.text, index]));
  const { starts, cells } = sweep(prefixes, family);

  return {
    family,
    count: prefixes.length + 1,
    cellOf: (address) => {
      const parsed = parseAddress(address);
      return parsed?.family === family ? (cells[searchStart(starts, parsed.value)] ?? 0) : undefined;
    },
    cellsOf: (text) => {
      const canonical = canonicalPrefix(text);
      const index = canonical === undefined ? undefined : indexOf.get(canonical);
      const prefix = index === undefined ? undefined : prefixes[index];
      return index === undefined || prefix === undefined ? undefined : { first: index + 1, last: prefix.end + 1 };
    },
    prefixOf: (cell) => prefixes[cell - 1]?.text,
    freeAddressOf: (cell, taken, avoided) => findFree(cell, { starts, cells, family, taken, avoided }),
  };
}

function sortPrefixes(texts: Iterable<string>, family: AddressFamily): Prefix[] {
  const unique = new Map<string, Prefix>();
  for (const given of texts) {
    const range = parseRange(given);
    const text = canonicalPrefix(given);
    if (range === undefined || text === undefined || range.family !== family) continue;
    unique.set(text, { ...range, text, end: 0 });
  }
  const sorted = [...unique.values()].sort((a, b) => {
    if (a.first !== b.first) return a.first < b.first ? -1 : 1;
    return a.last === b.last ? 0 : a.last > b.last ? -1 : 1;
  });
  const open: Prefix[] = [];
  sorted.forEach((prefix, index) => {
    while (open.length > 0 && (open.at(-1)?.last ?? 0) < prefix.first) open.pop();
    for (const outer of open) outer.end = index;
    prefix.end = index;
    open.push(prefix);
  });
  return sorted;
}

/** Start of every stretch of the line, and the cell it belongs to. */
function sweep(prefixes: readonly Prefix[], family: AddressFamily): { starts: AddressValue[]; cells: number[] } {
  const zero: AddressValue = family === 4 ? 0 : 0n;
  const starts: AddressValue[] = [zero];
  const cells: number[] = [0];
  const open: number[] = [];
  const enter = (start: AddressValue, cell: number): void => {
    if (starts.at(-1) === start) cells[cells.length - 1] = cell;
    else {
      starts.push(start);
      cells.push(cell);
    }
  };
  const closeUntil = (limit: AddressValue | undefined): void => {
    for (let index = open.at(-1); index !== undefined; index = open.at(-1)) {
      const last = prefixes[index]?.last ?? zero;
      if (limit !== undefined && last >= limit) return;
      open.pop();
      const outer = open.at(-1);
      enter(nextAddress(last), outer === undefined ? 0 : outer + 1);
    }
  };
  prefixes.forEach((prefix, index) => {
    closeUntil(prefix.first);
    enter(prefix.first, index + 1);
    open.push(index);
  });
  closeUntil(undefined);
  return { starts, cells };
}

function searchStart(starts: readonly AddressValue[], value: AddressValue): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

interface FreeSearch {
  readonly starts: readonly AddressValue[];
  readonly cells: readonly number[];
  readonly family: AddressFamily;
  readonly taken: ReadonlySet<AddressValue>;
  readonly avoided: readonly AddressRange[];
}

const documentation = ["203.0.113.7", "198.51.100.7", "192.0.2.7", "2001:db8::7"];

function findFree(cell: number, search: FreeSearch): string | undefined {
  const end: AddressValue = search.family === 4 ? 2 ** 32 : 1n << 128n;
  for (const text of documentation) {
    const parsed = parseAddress(text);
    if (parsed?.family !== search.family) continue;
    const found = search.cells[searchStart(search.starts, parsed.value)] === cell;
    if (found && skip(parsed.value, search) === parsed.value) return text;
  }
  for (let at = 0; at < search.starts.length; at += 1) {
    if (search.cells[at] !== cell) continue;
    const start = search.starts[at] ?? 0;
    const stop = search.starts[at + 1] ?? end;
    // The first address of a network is an odd example; the one after it reads better, where there is one.
    const second = skip(nextAddress(start), search);
    if (second < stop) return printAddress(second);
    const first = skip(start, search);
    if (first < stop) return printAddress(first);
  }
  return undefined;
}

/** The first address from `value` on that is neither taken nor avoided. */
function skip(value: AddressValue, search: FreeSearch): AddressValue {
  let current = value;
  for (;;) {
    const at = current;
    const blocked = search.avoided.find(
      (range) => range.family === search.family && range.first <= at && at <= range.last,
    );
    if (blocked !== undefined) current = nextAddress(blocked.last);
    else if (search.taken.has(current)) current = nextAddress(current);
    else return current;
  }
}
