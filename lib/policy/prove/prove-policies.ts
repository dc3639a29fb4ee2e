import { closedEnds } from "../space/closed-ends.ts";
import { createClosedSpace } from "../space/closed-space.ts";
import { openEnds } from "../space/open-ends.ts";
import { createOpenSpace } from "../space/open-space.ts";
import type { PacketSpace } from "../space/packet-space.ts";
import type { Vocabulary } from "../space/vocabulary.ts";
import type { World } from "../space/world.ts";
import { type Coverage, compareHalf } from "./compare.ts";
import { compileSide, labelledAddresses, vocabularyOf } from "./compile-side.ts";
import {
  addToGroups,
  type DifferenceGroup,
  type DifferenceGroups,
  differencesOf,
  foldDivergences,
} from "./difference-groups.ts";
import {
  commonBoundaries,
  comparedHeaders,
  type divergences as declared,
  divergences,
  setAside,
} from "./divergences.ts";
import { compareHealth } from "./health.ts";
import type { PolicySide } from "./policy-side.ts";
import type { Proof } from "./proof.ts";

/** Number of a declared divergence, as in reference policy 4.6. */
export type DivergenceId = keyof typeof declared;

/** What is compared. */
export interface ProofInput {
  readonly before: PolicySide;
  readonly after: PolicySide;
  readonly world: World;
  /** `closed`: the pods of the inventory; `open`: any labels that a pod may ever carry. */
  readonly mode: "closed" | "open";
  /** Divergences that somebody has accepted: they are counted in `intended` instead of held against the result. */
  readonly accept?: readonly DivergenceId[];
  /** Stop after so many groups of differences; the proof is then unequal and its counts are lower bounds. */
  readonly stopAfter?: number;
}

/**
 * Compares what two policy sets decide, for both halves of every flow: all pairs of ends, IP protocols, ports, ICMP types
 * and codes, and, where a rule looks at them, source ports and HTTP requests.
 *
 * `equal` means that no packet is decided differently, apart from the divergences that are listed and counted in
 * `intended`. Differences are grouped by the pair of rules that decide, each with one witness that replays
 * (`replayWitness`). A proof that had to be given up for its size is never equal and says so in `world.isTruncated`.
 * The result depends on nothing but the input. Shares no code with the translator beyond the models.
 */
export function provePolicies(input: ProofInput): Proof {
  const groups: DifferenceGroups = new Map();
  const coverage: Coverage = { flows: 0 };
  const onLimit = (): void => {
    coverage.isGivenUp = true;
  };
  const sizes: PacketSpace["size"][] = [];
  const vocabulary = vocabularyOf([input.before, input.after], input.world);
  for (const space of spacesOf(input, vocabulary, onLimit)) {
    sizes.push(space.size);
    compareInSpace(input, space, groups, coverage);
  }
  if (!isFull(input, groups)) compareHealth(input, vocabulary, groups, coverage);
  const proof = proofOf(input, foldDivergences(groups), coverage, sizes);
  return coverage.isGivenUp === true ? { ...proof, equal: false, world: { ...proof.world, isTruncated: true } } : proof;
}

function compareInSpace(input: ProofInput, space: PacketSpace, groups: DifferenceGroups, coverage: Coverage): void {
  for (const half of ["ingress", "egress"] as const) {
    const cells = compareHalf(
      {
        space,
        half,
        before: compileSide(input.before, space, input.world, half),
        after: compileSide(input.after, space, input.world, half),
        headers: comparedHeaders(half, space.family, [input.before, input.after]),
        cuts: commonBoundaries,
      },
      coverage,
    );
    for (const cell of cells) {
      addToGroups(groups, cell);
      if (isFull(input, groups)) return;
    }
  }
}

function isFull(input: ProofInput, groups: DifferenceGroups): boolean {
  return input.stopAfter !== undefined && heldAgainst(input, groups.values()).length >= input.stopAfter;
}

function spacesOf(
  { before, after, world, mode }: ProofInput,
  vocabulary: Vocabulary,
  onLimit: () => void,
): PacketSpace[] {
  const labelled = labelledAddresses([before, after]);
  return world.families.map((family) =>
    mode === "closed"
      ? createClosedSpace(closedEnds(world, family, vocabulary, labelled), vocabulary)
      : createOpenSpace({ ...openEnds(world, family, vocabulary, labelled), world, vocabulary, onLimit }),
  );
}

function isAccepted(input: ProofInput, group: DifferenceGroup): boolean {
  return input.accept?.some((id) => id === group.divergence) === true;
}

function heldAgainst(input: ProofInput, groups: Iterable<DifferenceGroup>): DifferenceGroup[] {
  return [...groups].filter((group) => !isAccepted(input, group));
}

function proofOf(
  input: ProofInput,
  groups: readonly DifferenceGroup[],
  coverage: Coverage,
  sizes: readonly PacketSpace["size"][],
): Proof {
  const differences = differencesOf(heldAgainst(input, groups), input.before, input.after, input.world);
  const largest = (key: keyof PacketSpace["size"]): number => Math.max(0, ...sizes.map((size) => size[key]));
  return {
    equal: differences.length === 0,
    differences,
    intended: intendedOf(input, groups, coverage),
    world: {
      kind: input.mode,
      pods: largest("pods"),
      classes: largest("classes"),
      cells: largest("cells"),
      flows: coverage.flows,
    },
  };
}

function intendedOf(input: ProofInput, groups: readonly DifferenceGroup[], coverage: Coverage): Proof["intended"] {
  const accepted = groups.filter((group) => isAccepted(input, group));
  const flowsOf = (id: string): number =>
    accepted.filter(({ divergence }) => divergence === id).reduce((sum, { flows }) => sum + flows, 0);
  const isMigration = input.before.engine !== input.after.engine;
  const aside = setAside([input.before, input.after]);
  const entries: { id: DivergenceId; flows: number; isListed: boolean }[] = [
    { id: "D1", flows: flowsOf("D1"), isListed: input.accept?.includes("D1") === true },
    { id: "D5", flows: 0, isListed: isMigration },
    { id: "D6", flows: 0, isListed: true },
    { id: "D7", flows: 0, isListed: isMigration && input.before.engine === "calico" },
    { id: "D8", flows: flowsOf("D8"), isListed: input.accept?.includes("D8") === true },
    { id: "D9", flows: aside.D9, isListed: aside.D9 > 0 },
    { id: "D10", flows: aside.D10, isListed: aside.D10 > 0 },
    { id: "D12", flows: 0, isListed: isMigration },
    { id: "D13", flows: coverage.toTunnels ?? 0, isListed: (coverage.toTunnels ?? 0) > 0 },
  ];
  return entries.filter(({ isListed }) => isListed).map(({ id, flows }) => ({ ...divergences[id], flows }));
}
