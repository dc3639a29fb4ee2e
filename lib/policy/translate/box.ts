import type { CalicoRule } from "../calico/model.ts";
import { doOverlap, intersectTerms, isSubsetOfTerms, type LabelTerms, subtractTerms } from "../selector/label-term.ts";
import { doL4Overlap, intersectL4, isNoHeader, isSubsetOfL4, type L4, subtractL4 } from "./l4.ts";
import { doPeersOverlap, intersectPeers, isNobody, isSubsetOfPeers, type PeerSet, subtractPeers } from "./peer-set.ts";

/** A set of flows of one direction: of these pods, with these peers, with these headers. */
export interface Box {
  readonly subject: LabelTerms;
  readonly peers: PeerSet;
  readonly l4: L4;
  /** A condition on HTTP requests that stays with the flows of an allow rule. */
  readonly http?: NonNullable<CalicoRule["http"]>;
}

/** Boxes, and whether they are all of what was asked for; a part of it otherwise. */
export interface BoundedBoxes {
  readonly boxes: readonly Box[];
  readonly isComplete: boolean;
}

/** Whether nothing is in the box. */
export function isEmptyBox(box: Box): boolean {
  return box.subject.length === 0 || isNobody(box.peers) || isNoHeader(box.l4);
}

/** Whether some flow may be in both. */
function doBoxesOverlap(a: Box, b: Box): boolean {
  return doOverlap(a.subject, b.subject) && doL4Overlap(a.l4, b.l4) && doPeersOverlap(a.peers, b.peers);
}

/** What is surely in both; `undefined` when that is nothing. */
function intersectBox(a: Box, b: Box): { readonly box: Box | undefined; readonly isComplete: boolean } {
  const l4 = intersectL4(a.l4, b.l4);
  const box: Box = {
    ...a,
    subject: intersectTerms(a.subject, b.subject),
    peers: intersectPeers(a.peers, b.peers),
    l4: l4.l4,
  };
  return { box: isEmptyBox(box) ? undefined : box, isComplete: l4.isComplete };
}

/**
 * What is surely in the box and not in the other, as at most three boxes: other pods, other peers, other headers. The cut by
 * pods comes first, so that the rest of a rule stays as it was written.
 */
function subtractBox(from: Box, taken: Box): BoundedBoxes {
  if (!doBoxesOverlap(from, taken)) return { boxes: [from], isComplete: true };
  const otherPods = subtractTerms(from.subject, taken.subject);
  const subject = intersectTerms(from.subject, taken.subject);
  const otherPeers = subtractPeers(from.peers, taken.peers);
  const peers = intersectPeers(from.peers, taken.peers);
  const otherHeaders = subtractL4(from.l4, taken.l4);
  const boxes: Box[] = [
    { ...from, subject: otherPods.terms },
    { ...from, subject, peers: otherPeers.peers },
    { ...from, subject, peers, l4: otherHeaders.l4 },
  ];
  return {
    boxes: boxes.filter((box) => !isEmptyBox(box)),
    isComplete: otherPods.isComplete && otherPeers.isComplete && otherHeaders.isComplete,
  };
}

/** How many boxes an operation may leave before it stops and says that it is not complete. */
const mostBoxes = 400;

/** What is in the boxes and in none of the taken ones. */
export function subtractBoxes(from: readonly Box[], taken: readonly Box[]): BoundedBoxes {
  let boxes = from;
  let isComplete = true;
  for (const box of taken) {
    if (!boxes.some((own) => doBoxesOverlap(own, box))) continue;
    const parts = boxes.map((own) => subtractBox(own, box));
    isComplete &&= parts.every((part) => part.isComplete);
    const next = parts.flatMap((part) => part.boxes);
    isComplete &&= next.length <= mostBoxes;
    boxes = next.slice(0, mostBoxes);
  }
  return { boxes, isComplete };
}

/** What is in a box of both sides. */
export function intersectBoxes(a: readonly Box[], b: readonly Box[]): BoundedBoxes {
  const parts = a.flatMap((one) =>
    b.filter((other) => doBoxesOverlap(one, other)).map((other) => intersectBox(one, other)),
  );
  return { boxes: parts.flatMap((part) => part.box ?? []), isComplete: parts.every((part) => part.isComplete) };
}

/** Whether some flow may be in both lists. */
export function doBoxListsOverlap(a: readonly Box[], b: readonly Box[]): boolean {
  return a.some((one) => b.some((other) => doBoxesOverlap(one, other)));
}

/** Whether every flow of the first box is in the second. */
export function isInsideBox(inner: Box, outer: Box): boolean {
  return (
    isSubsetOfTerms(inner.subject, outer.subject) &&
    isSubsetOfL4(inner.l4, outer.l4) &&
    isSubsetOfPeers(inner.peers, outer.peers)
  );
}
