import { compileSide } from "../prove/compile-side.ts";
import type { Half, PolicySide } from "../prove/policy-side.ts";
import type { World } from "../space/world.ts";
import { createDeciders, type Deciders } from "./deciders.ts";
import { createHalfTable, type HalfTable } from "./half-table.ts";
import type { MixedClass, MixedEnds } from "./mixed-ends.ts";
import type { MixedRow } from "./mixed-proof.ts";

/** Who decides what in the mixed phase. */
export interface MixedSides {
  /** The source's engine before the first object of the bridge. */
  readonly source: PolicySide;
  /** The same engine beside the mirrors. */
  readonly sourceDuring: PolicySide;
  /** The translation alone: what Cilium will decide in the end. */
  readonly target: PolicySide;
  /** The translation beside the bridge policy; `none` where Cilium drops nothing yet. */
  readonly targetDuring: PolicySide;
}

/** One end of a leg: pods of a class on one side, or a node or outside address. */
export interface Party {
  /** Place of the class; absent for nodes and the outside. */
  readonly index?: number;
  readonly other?: number;
}

/** One half of a leg: where it is decided, and what the decider's engine sees at the other end. Absent: no pod decides. */
export interface HalfView {
  readonly table: HalfTable;
  readonly side: PolicySide;
  readonly subject: (own: Party) => number;
  readonly peer: (other: Party) => number;
}

/** One way from one kind of end to another, with both halves before and during. */
export interface Leg {
  readonly row: MixedRow;
  readonly place?: "same node" | "other node";
  /** One of several looks of the same pairs: not counted a second time for a wave. */
  readonly isRepeated?: boolean;
  readonly from: "pods" | "others";
  readonly to: "pods" | "others";
  readonly before: { readonly egress?: HalfView; readonly ingress?: HalfView };
  readonly during: { readonly egress?: HalfView; readonly ingress?: HalfView };
}

/** What the legs are made from. */
export interface LegsInput {
  readonly sides: MixedSides;
  readonly world: World;
  readonly ends: MixedEnds;
  /** Whether pods keep their addresses across the two networks: the node rules are in place. */
  readonly keepsAddresses: boolean;
}

type Place = (party: Party) => number;

/**
 * Every leg of the four rows, one for each way in which an end may look different to the engine at the other one.
 *
 * Source: reference of the exact bridge, section 1; pilot, "Sources and identities".
 */
export function mixedLegs(input: LegsInput): { readonly legs: readonly Leg[]; readonly deciders: Deciders } {
  const deciders = createDeciders();
  const { ends, keepsAddresses } = input;
  const classAt = (party: Party): MixedClass | undefined => ends.classes[party.index ?? -1];
  const other: Place = (party) => party.other ?? -1;
  const old: Place = (party) => classAt(party)?.old ?? other(party);
  const remote: Place = (party) => classAt(party)?.remote ?? -1;
  const translatedOld: Place = () => ends.translatedOld;
  const tables = createTables(input, deciders);
  const view = (half: Half, side: keyof MixedSides, subject: Place, peer: Place): HalfView => ({
    table: tables[side][half],
    side: input.sides[side],
    subject,
    peer,
  });
  const youngs = youngPlaces(ends, classAt, other);
  const hidden: readonly Place[] = keepsAddresses
    ? youngs
    : ends.translatedYoung.map(
        (place): Place =>
          () =>
            place,
      );
  const before = { egress: view("egress", "source", old, old), ingress: view("ingress", "source", old, old) };
  const pods = { from: "pods", to: "pods" } as const;
  const first = youngs[0] ?? old;
  return {
    deciders,
    legs: [
      {
        ...pods,
        row: "old-to-old",
        before,
        during: {
          egress: view("egress", "sourceDuring", old, old),
          ingress: view("ingress", "sourceDuring", old, old),
        },
      },
      ...withOthers("old-to-old", before, view, "sourceDuring", old),
      {
        ...pods,
        row: "new-to-new",
        before: { egress: view("egress", "target", first, first), ingress: view("ingress", "target", first, first) },
        during: {
          egress: view("egress", "targetDuring", first, first),
          ingress: view("ingress", "targetDuring", first, first),
        },
      },
      ...withOthers(
        "new-to-new",
        { egress: view("egress", "target", first, other), ingress: view("ingress", "target", first, other) },
        view,
        "targetDuring",
        first,
      ),
      ...youngs.map(
        (young, part): Leg => ({
          ...pods,
          row: "old-to-new",
          isRepeated: part > 0,
          before,
          during: {
            egress: view("egress", "sourceDuring", old, young),
            ingress: view("ingress", "targetDuring", young, keepsAddresses ? old : translatedOld),
          },
        }),
      ),
      ...hidden.flatMap((young, part): Leg[] =>
        (
          [
            ["same node", old],
            ["other node", remote],
          ] as const
        ).map(([place, seen]) => ({
          ...pods,
          row: "new-to-old",
          place,
          // Once a wave is done no pod has a neighbour on the other side.
          isRepeated: part > 0 || place === "same node",
          before,
          during: {
            egress: view("egress", "targetDuring", first, seen),
            ingress: view("ingress", "sourceDuring", old, young),
          },
        })),
      ),
    ],
  };
}

/** The ends that a moved pod may be: one for every part of the new pool that policies tell apart. */
function youngPlaces(ends: MixedEnds, classAt: (party: Party) => MixedClass | undefined, other: Place): Place[] {
  const parts = ends.classes[0]?.young.length ?? 0;
  return Array.from(
    { length: parts },
    (_, part): Place =>
      (party) =>
        classAt(party)?.young[part] ?? other(party),
  );
}

/** Traffic with nodes and the outside: only the pod's own half is decided. */
function withOthers(
  row: MixedRow,
  before: { readonly egress: HalfView; readonly ingress: HalfView },
  view: (half: Half, side: keyof MixedSides, subject: Place, peer: Place) => HalfView,
  during: keyof MixedSides,
  own: Place,
): Leg[] {
  const other: Place = (party) => party.other ?? -1;
  return [
    {
      row,
      from: "pods",
      to: "others",
      before: { egress: { ...before.egress, peer: other } },
      during: { egress: view("egress", during, own, other) },
    },
    {
      row,
      from: "others",
      to: "pods",
      before: { ingress: { ...before.ingress, peer: other } },
      during: { ingress: view("ingress", during, own, other) },
    },
  ];
}

type Tables = Readonly<Record<keyof MixedSides, Readonly<Record<Half, HalfTable>>>>;

function createTables({ sides, world, ends }: LegsInput, deciders: Deciders): Tables {
  const { space } = ends;
  const ownNodes = ends.others.flatMap(({ place, shown }) => (shown.kind === "host" ? [place] : []));
  const oldPods = ends.classes.map(({ old }) => old);
  const youngPods = ends.classes.flatMap(({ young }) => young);
  const table = (name: keyof MixedSides, half: Half): HalfTable =>
    createHalfTable({
      side: compileSide(sides[name], space, world, half),
      half,
      space,
      subjects: name === "source" || name === "sourceDuring" ? oldPods : youngPods,
      size: ends.ends.length,
      ownNodes,
      deciders,
    });
  const both = (name: keyof MixedSides): Readonly<Record<Half, HalfTable>> => ({
    ingress: table(name, "ingress"),
    egress: table(name, "egress"),
  });
  return {
    source: both("source"),
    sourceDuring: both("sourceDuring"),
    target: both("target"),
    targetDuring: both("targetDuring"),
  };
}
