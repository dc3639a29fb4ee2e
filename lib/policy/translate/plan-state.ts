import type { Box } from "./box.ts";
import type { Cluster } from "./cluster.ts";
import type { Direction, OrderTie, PlannedRule, RuleEntry, SourcePolicy } from "./order-plan.ts";
import { addToIndex, createIndex, type SubjectIndex } from "./subject-index.ts";

/** An allow that has been planned already, with the flows that it lets through in Cilium. */
export interface PlannedAllow {
  readonly entry: RuleEntry;
  readonly boxes: readonly Box[];
}

/** A deny that is written as the absence of allows: later allows leave its flows out. */
export interface Restriction {
  readonly entry: RuleEntry;
  readonly boxes: readonly Box[];
  /** Whether these are the flows of the deny and no more. */
  readonly isExact: boolean;
}

/** What one direction's planning knows so far. */
export interface PlanState {
  readonly direction: Direction;
  readonly cluster: Cluster;
  readonly bridgedCIDRs: readonly string[];
  readonly rules: PlannedRule[];
  readonly allows: SubjectIndex<PlannedAllow>;
  readonly restrictions: SubjectIndex<Restriction>;
  /** Flows that written denies stop for good. */
  readonly denied: SubjectIndex<Restriction>;
  /** Every Allow and Pass rule of the direction: what a deny may have to stop. */
  readonly openers: SubjectIndex<RuleEntry>;
  readonly passes: SubjectIndex<RuleEntry>;
  /** Policies of each tier that govern the direction, by the pods they select. */
  readonly walls: readonly SubjectIndex<SourcePolicy>[];
  /** By the policy that comes second. */
  readonly ties: Map<SourcePolicy, OrderTie>;
}

/** What planning is told beside the rules. */
export interface PlanOptions {
  readonly direction: Direction;
  readonly cluster: Cluster;
  readonly bridgedCIDRs: readonly string[];
}

/** The state before the first rule: what opens, what passes, and which policies of each tier govern the direction. */
export function createState(
  policies: readonly SourcePolicy[],
  entries: readonly RuleEntry[],
  options: PlanOptions,
): PlanState {
  const openers = createIndex<RuleEntry>();
  const passes = createIndex<RuleEntry>();
  for (const entry of entries) {
    if (entry.rule.action !== "Allow" && entry.rule.action !== "Pass") continue;
    addToIndex(openers, entry.owner.subject.over, entry);
    if (entry.rule.action === "Pass") addToIndex(passes, entry.owner.subject.over, entry);
  }
  const walls: SubjectIndex<SourcePolicy>[] = [];
  for (const owner of policies) {
    while (walls.length <= owner.tierRank) walls.push(createIndex());
    const wall = walls[owner.tierRank];
    if (wall !== undefined && owner.policy.governs[options.direction]) addToIndex(wall, owner.subject.over, owner);
  }
  return {
    ...options,
    rules: [],
    allows: createIndex(),
    restrictions: createIndex(),
    denied: createIndex(),
    openers,
    passes,
    walls,
    ties: new Map(),
  };
}
