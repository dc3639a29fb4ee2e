import { compareText } from "../core/order.ts";

/** Batches of one group that need an id, and the places that they want in it. */
export interface GroupToNumber {
  readonly slug: string;
  /** From 0, rising; places can be missing. */
  readonly places: readonly number[];
}

/** Where the waves of a plan begin and end: `100` to `799`, compared as text, so that more digits fit between. */
const firstHundred = 1;
const lastHundred = 7;

/**
 * Ids of waves that have none yet: `110-general-a`, `120-general-b`, … in steps of ten, so that a wave can be put between.
 *
 * Every group begins at a round hundred and the control plane at 700, so that a wave which joins one group renames no wave of
 * another. Where that does not fit, groups follow each other without gaps (seventy waves fit into three digits), then the
 * same with four digits, and so on. Ids are compared as text: `1100-…` stands between `100-…` and `110-…` would not, so all
 * ids of a plan are made with one number of digits.
 */
export function numberWaves(
  groups: readonly GroupToNumber[],
  controlPlane: GroupToNumber,
): {
  readonly canary: string;
  readonly groups: readonly (readonly string[])[];
  readonly controlPlane: readonly string[];
} {
  for (let digits = 3; ; digits += 1)
    for (const isAligned of [true, false]) {
      const numbers = layOut(groups, controlPlane, digits, isAligned);
      if (numbers === undefined) continue;
      return {
        canary: `${String(firstHundred).padEnd(digits, "0")}-canary`,
        groups: groups.map((group, at) => nameBatches(group, numbers.groups[at] ?? [])),
        controlPlane: nameBatches(controlPlane, numbers.controlPlane),
      };
    }
}

function nameBatches(group: GroupToNumber, numbers: readonly number[]): readonly string[] {
  return numbers.map((number, at) => `${number}-${group.slug}-${letterOf(group.places[at] ?? at)}`);
}

/** Numbers for each batch with a given number of digits; `undefined` when they do not fit. */
function layOut(
  groups: readonly GroupToNumber[],
  controlPlane: GroupToNumber,
  digits: number,
  isAligned: boolean,
): { readonly groups: readonly (readonly number[])[]; readonly controlPlane: readonly number[] } | undefined {
  const unit = 10 ** (digits - 2);
  const align = (number: number): number => Math.ceil(number / 100) * 100;
  let next = firstHundred * 10 * unit + 10;
  const laid: (readonly number[])[] = [];
  for (const [at, { places }] of groups.entries()) {
    const start = isAligned && at > 0 ? align(next) : next;
    const numbers = places.map((place, rank) => start + 10 * (isAligned ? place : rank));
    laid.push(numbers);
    next = (numbers.at(-1) ?? start - 10) + 10;
  }
  const controlStart = isAligned ? lastHundred * 10 * unit : next;
  if (isAligned && next > controlStart) return undefined;
  const control = controlPlane.places.map((place, rank) => controlStart + 10 * (isAligned ? place : rank));
  const end = (control.at(-1) ?? controlStart - 10) + 10;
  return end <= (lastHundred + 1) * 10 * unit ? { groups: laid, controlPlane: control } : undefined;
}

/** `a` to `z`, then `aa`, `ab`, …: 0 is `a`. */
export function letterOf(at: number): string {
  let rest = at;
  let letters = "";
  do {
    letters = String.fromCharCode(97 + (rest % 26)) + letters;
    rest = Math.floor(rest / 26) - 1;
  } while (rest >= 0);
  return letters;
}

/**
 * A number between two others as text: the next ten, else the middle, else with one digit more (`130`, `140` give `135`;
 * `130`, `131` give `1305`). `before` and `after` are numbers of ids, `after` the larger.
 */
export function numberBetween(before: string, after: string): string {
  const ten = String(Number(before) + 10);
  if (ten.length === before.length && compareText(ten, after) < 0) return ten;
  const digits = Math.max(before.length, after.length) + 1;
  const low = BigInt(before.padEnd(digits, "0"));
  const high = BigInt(after.padEnd(digits, "0"));
  const middle = ((low + high) / 2n).toString().padStart(digits, "0");
  for (let length = before.length; length <= digits; length += 1) {
    const candidate = middle.slice(0, length);
    // Nothing fits between 130 and 1300, so no longer number ends in 0.
    if (length > before.length && candidate.endsWith("0")) continue;
    if (compareText(`${before}-`, `${candidate}-`) < 0 && compareText(`${candidate}-`, `${after}-`) < 0)
      return candidate;
  }
  return middle;
}

/** A text as part of an id: lower-case letters, digits and dashes, at most 24 signs; `group` when nothing is left. */
export function slugOf(text: string): string {
  const slug = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 24)
    .replace(/-+$/, "");
  return slug === "" ? "group" : slug;
}
