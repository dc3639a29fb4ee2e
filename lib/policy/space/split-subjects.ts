import type { EndSets } from "./end-set.ts";
import type { PacketEnd } from "./packet-end.ts";
import type { EndsHandle, SubjectLeaf } from "./packet-space.ts";

/**
 * Groups the pods by the sets they lie in. A set stored as "everything but" is not walked: what is noted for an end is
 * that it is one of the exceptions.
 */
export function splitSubjects(
  handles: readonly EndsHandle[],
  ends: readonly PacketEnd[],
  sets: EndSets,
  pods: Int32Array,
): Iterable<SubjectLeaf> {
  const noted: (number[] | undefined)[] = new Array<number[] | undefined>(ends.length);
  const broad: number[] = [];
  handles.forEach((handle, place) => {
    const { ends: stored, isNegated } = sets.stored(handle);
    if (isNegated) broad.push(place);
    for (const end of stored) {
      const list = noted[end];
      if (list === undefined) noted[end] = [place];
      else list.push(place);
    }
  });
  const groups = new Map<string, { first: number; weight: number; classes: number }>();
  for (const pod of pods) {
    const key = noted[pod]?.join(",") ?? "";
    const group = groups.get(key);
    const weight = ends[pod]?.weight ?? 0;
    if (group === undefined) groups.set(key, { first: pod, weight, classes: 1 });
    else {
      group.weight += weight;
      group.classes += 1;
    }
  }
  return leaves(groups.values(), noted, broad, handles, ends, sets);
}

function* leaves(
  groups: Iterable<{ first: number; weight: number; classes: number }>,
  noted: readonly (readonly number[] | undefined)[],
  broad: readonly number[],
  handles: readonly EndsHandle[],
  ends: readonly PacketEnd[],
  sets: EndSets,
): Iterable<SubjectLeaf> {
  for (const { first, weight, classes } of groups) {
    const sample = ends[first];
    if (sample === undefined) continue;
    const places = noted[first] ?? [];
    const exceptions = new Set(places.filter((place) => sets.stored(handles[place] ?? sets.none).isNegated));
    const narrow = exceptions.size === 0 ? places : places.filter((place) => !exceptions.has(place));
    const selected =
      broad.length === 0
        ? narrow
        : [...narrow, ...broad.filter((place) => !exceptions.has(place))].sort((a, b) => a - b);
    yield { selected, weight, classes, sample, ...(classes === 1 && { only: first }) };
  }
}
