import type { Checked, Where } from "../core/finding.ts";
import { identityOf, printIdentity } from "../core/identity.ts";
import { createFieldFinder } from "../inventory/find-field-position.ts";
import { type EndSide, explainMixed, type MixedState } from "../policy/bridge/explain-mixed.ts";
import { explainFlow, type FlowExplanation, type FlowQuestion, resolveFlow } from "../policy/prove/explain-flow.ts";
import type { FlowEnd } from "../policy/prove/proof.ts";
import type { PlannedMigration } from "../stages/planned-migration.ts";
import { planPolicies, sidesOf } from "./plan-policies.ts";
import { mixedSidesOf } from "./prove-mixed.ts";

/** A state of the mixed phase, with the stages after which it holds for these two pods, where they run in the inventory. */
export interface DuringState extends MixedState {
  /**
   * Ids of stages in their order: it holds once the first of them is done. Empty where the pods are in it only if one of them
   * is evicted to a node on the other side, and for neighbours: two networks share a node only while its wave is under way.
   */
  readonly stages: readonly string[];
  /** Id of the stage that ends it. */
  readonly until?: string;
}

/** A flow before, during and after a migration. */
export interface MigrationFlow extends FlowExplanation {
  /** Empty when neither end is a pod, or the two networks never share the cluster. */
  readonly during: readonly DuringState[];
}

/**
 * Which rule decides a flow before, while both networks run, and after, by the plan's stages. Rules of objects that the plan
 * emits are placed in the stage's files, below `tree`.
 *
 * Findings: those of `explainFlow`.
 */
export function explainMigration(
  migration: PlannedMigration,
  question: Omit<FlowQuestion, "before" | "after" | "world">,
  tree: string,
): Checked<MigrationFlow> {
  const sides = sidesOf(migration);
  const explained = explainFlow({ ...question, ...sides });
  if (explained.value === undefined) return { value: undefined, findings: explained.findings };
  const during = duringOf(migration, { ...question, world: sides.world });
  const flow: MigrationFlow = { ...explained.value, during };
  return { value: withPlaces(flow, placesOf(migration, tree)), findings: explained.findings };
}

function duringOf(
  migration: PlannedMigration,
  question: Omit<FlowQuestion, "before" | "after">,
): readonly DuringState[] {
  const { continuity, plan, inventory, source, target, waves } = migration;
  if (plan.spec.strategy !== "live" || target.podCIDRs.length === 0 || waves.waves.length === 0) return [];
  const planned = planPolicies({ inventory, source, target });
  const sides = mixedSidesOf({ planned, inventory, source, target }, continuity);
  const flow = resolveFlow(question).value;
  if (sides === undefined || flow === undefined) return [];
  const drops = continuity === "exact" || continuity === "bridge";
  const states = explainMixed({
    flow,
    sides: { sourceDuring: sides.sourceDuring, targetDuring: drops ? sides.targetDuring : { engine: "none" } },
    world: sides.world,
    keepsAddresses: continuity === "exact",
  });
  const timeline = timelineOf(migration, question.world, flow.from, flow.to);
  return states.map((state) => {
    const isHeld = ({ from, to }: TimelineEntry): boolean =>
      state.place !== "same node" && from === state.from && to === state.to;
    const stages = timeline.filter(isHeld).map(({ stage }) => stage);
    const last = migration.stages.findIndex(({ id }) => id === stages.at(-1));
    const until = last < 0 ? undefined : migration.stages[last + 1]?.id;
    return { ...state, stages, ...(until !== undefined && { until }) };
  });
}

interface TimelineEntry {
  readonly stage: string;
  readonly from: EndSide | undefined;
  readonly to: EndSide | undefined;
}

/** On which side the pods are once each stage is done, by the nodes that they run on in the inventory. */
function timelineOf(
  { stages, source, newNodes }: PlannedMigration,
  world: FlowQuestion["world"],
  from: FlowEnd,
  to: FlowEnd,
): readonly TimelineEntry[] {
  const moved = new Set([...(source.hybrid?.migratedNodes ?? []), ...newNodes.joined]);
  const sideOf = (end: FlowEnd): EndSide | undefined => {
    if (end.kind !== "pod") return undefined;
    const node = world.pods.find(({ namespace, name }) => `${namespace}/${name}` === end.name)?.node;
    return node !== undefined && moved.has(node) ? "cilium" : "source";
  };
  // Where the source's controller is switched off, it is from the first stage on.
  const first =
    source.switchedOffFilters === undefined
      ? stages.findIndex(({ kind }) => kind === "policies" || kind === "wave")
      : 0;
  const end = stages.findIndex(({ kind }) => kind === "finalise");
  return stages.slice(Math.max(0, first), end < 0 ? undefined : end).map((stage) => {
    if (stage.kind === "wave") for (const node of stage.nodes) moved.add(node);
    return { stage: stage.id, from: sideOf(from), to: sideOf(to) };
  });
}

/** Finds the place of a rule in an emitted object. */
type Places = (where: Where) => Where;

/** Emitted objects by name in the files that hold them; a place elsewhere stays as it is. */
function placesOf({ stages }: PlannedMigration, tree: string): Places {
  const finders = new Map<string, (field: string) => Where>();
  for (const stage of stages.filter(({ kind }) => kind === "policies"))
    for (const { file, object } of stage.objects) {
      const path = `${tree}/stages/${stage.id}/${file}`;
      const finder = createFieldFinder(stage.texts.get(file) ?? "", { file: path, line: 1, column: 1 });
      finders.set(`emitted ${printIdentity(identityOf(object))}`, finder);
    }
  return (where) => {
    const finder = where.file === undefined ? undefined : finders.get(where.file);
    return finder === undefined ? where : { ...where, ...finder(where.field ?? "spec") };
  };
}

function withPlaces(flow: MigrationFlow, place: Places): MigrationFlow {
  type Half = MigrationFlow["halves"][number]["before"];
  const placed = (half: Half): Half => ({
    ...half,
    ...(half.where !== undefined && { where: place(half.where) }),
    lookedAt: half.lookedAt.map((entry) => ({ ...entry, where: place(entry.where) })),
  });
  return {
    ...flow,
    halves: flow.halves.map((half) => ({ ...half, before: placed(half.before), after: placed(half.after) })),
    during: flow.during.map((state) => ({
      ...state,
      halves: state.halves.map((half) => ({ ...half, decision: placed(half.decision) })),
    })),
  };
}
