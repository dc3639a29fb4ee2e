import { compareText } from "../core/order.ts";
import type { FormedBatch } from "./form-batches.ts";
import type { NodeGroup } from "./group-nodes.ts";
import { letterOf, numberBetween, numberWaves } from "./wave-ids.ts";

/** The batches of one group, in their order. */
export interface GroupBatches {
  readonly group: NodeGroup;
  readonly batches: readonly FormedBatch[];
}

/** A batch with its id. */
export interface NamedBatch extends FormedBatch {
  readonly id: string;
}

/** Ids for every batch, group by group as they came in; the canary's own. */
export interface AssignedIds {
  readonly canary: string;
  readonly groups: readonly (readonly NamedBatch[])[];
  readonly controlPlane: readonly NamedBatch[];
}

/** The parts of a wave id: `110-general-a` gives `110`, `general`, `a`; a canary has no letter. */
export function splitId(id: string): { readonly number: string; readonly slug: string; readonly letter: string } {
  const parts = /^(\d+)-(.+)-([a-z]+)$/.exec(id);
  if (parts !== null && !/^\d+-canary$/.test(id))
    return { number: parts[1] ?? "", slug: parts[2] ?? "", letter: parts[3] ?? "" };
  const dash = id.indexOf("-");
  return { number: id.slice(0, dash), slug: id.slice(dash + 1), letter: "" };
}

/**
 * Gives every batch its id. Batches that were rendered before keep theirs, as do opened waves (`locked`); a new one gets a
 * number after its group's last and before whatever follows, so that no other wave is renamed. Without any rendered wave
 * numbers are laid out afresh.
 */
export function assignIds(
  groups: readonly GroupBatches[],
  controlPlane: GroupBatches,
  canary: string | undefined,
  locked: readonly string[],
): AssignedIds {
  const kept = [...groups, controlPlane].flatMap(({ batches }) => batches.flatMap((batch) => batch.id ?? []));
  const existing = [...kept, ...locked, ...(canary === undefined ? [] : [canary])];
  if (existing.length === 0) return layOutAfresh(groups, controlPlane);

  const digits = Math.min(...existing.map((id) => splitId(id).number.length));
  const used = new Set(existing);
  let last = canary === undefined ? "1".padEnd(digits, "0") : splitId(canary).number;
  const nameGroup = ({ group, batches }: GroupBatches, end: string): readonly NamedBatch[] => {
    last = lastNumber(used, group.slug) ?? last;
    return batches.map((batch) => {
      if (batch.id !== undefined) return { ...batch, id: batch.id };
      const next = [...used]
        .map((id) => splitId(id).number)
        .filter((number) => compareText(`${number}-`, `${last}-`) > 0);
      const after = next.sort((a, b) => compareText(`${a}-`, `${b}-`))[0];
      last = freeNumber(last, after === undefined || compareText(after, end) > 0 ? end : after, digits);
      const id = `${last}-${group.slug}-${nextLetter(used, group.slug)}`;
      used.add(id);
      return { ...batch, id };
    });
  };
  const named = groups.map((group) => nameGroup(group, "7".padEnd(digits, "0")));
  const controlStart = `${"7".padEnd(digits - 1, "0")}0`;
  if (lastNumber(used, controlPlane.group.slug) === undefined && compareText(last, controlStart) < 0)
    last = numberBefore(controlStart);
  return {
    canary: canary ?? `${"1".padEnd(digits, "0")}-canary`,
    groups: named,
    controlPlane: nameGroup(controlPlane, "8".padEnd(digits, "0")),
  };
}

/** A number between two others that is not the one right after the canary, where the stage for new nodes stands. */
function freeNumber(before: string, after: string, digits: number): string {
  const number = numberBetween(before, after);
  const reserved = `${"1".padEnd(digits - 1, "0")}5`;
  return number === reserved ? numberBetween(number, after) : number;
}

function layOutAfresh(groups: readonly GroupBatches[], controlPlane: GroupBatches): AssignedIds {
  const places = ({ group, batches }: GroupBatches) => ({
    slug: group.slug,
    places: batches.map((batch) => batch.place),
  });
  const filled = groups.filter(({ batches }) => batches.length > 0);
  const numbers = numberWaves(filled.map(places), places(controlPlane));
  const name = (batches: readonly FormedBatch[], ids: readonly string[]): readonly NamedBatch[] =>
    batches.map((batch, at) => ({ ...batch, id: ids[at] ?? "" }));
  return {
    canary: numbers.canary,
    groups: groups.map((entry) => name(entry.batches, numbers.groups[filled.indexOf(entry)] ?? [])),
    controlPlane: name(controlPlane.batches, numbers.controlPlane),
  };
}

function lastNumber(ids: ReadonlySet<string>, slug: string): string | undefined {
  const numbers = [...ids].map(splitId).flatMap((parts) => (parts.slug === slug ? [parts.number] : []));
  return numbers.sort((a, b) => compareText(`${a}-`, `${b}-`)).at(-1);
}

function nextLetter(ids: ReadonlySet<string>, slug: string): string {
  const letters = new Set([...ids].map(splitId).flatMap((parts) => (parts.slug === slug ? [parts.letter] : [])));
  let at = letters.size;
  while (letters.has(letterOf(at))) at += 1;
  return letterOf(at);
}

/** A number from which the next ten is the given round one: `690` for `700`. */
function numberBefore(round: string): string {
  return String(Number(round) - 10);
}
