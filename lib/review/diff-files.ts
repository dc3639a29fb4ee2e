import { byText, sortedUnique } from "../core/order.ts";
import { compareStageIds, placeOf, type TreePlace } from "../delivery/layout.ts";
import { neutralText } from "../delivery/stage-tree.ts";
import { isBodyFile } from "../stages/body-digest.ts";
import type { FileDiff, StageDiff } from "./diff.ts";
import type { DiffSide } from "./diff-sides.ts";

/** Two sides with the stages that change between them. */
export interface ComparedSides {
  readonly before: DiffSide;
  readonly after: DiffSide;
  readonly stages: readonly StageDiff[];
}

/**
 * Every file that differs, and whether the change of state explains it.
 *
 * Opening a stage should change the plan file and one engine object; what else an honest change brings is known as well:
 * pages for people, the release's values when the stage carries any, the Kustomization of the stage before (nobody waits for
 * the one before that any more), the Job of a new attempt, the line of the next stage that names this one's digest. While no
 * state changes, held stages and what people apply once may change freely. Everything else is told as unexpected.
 */
export function diffFiles(sides: ComparedSides): readonly FileDiff[] {
  const { before, after } = sides;
  const paths = sortedUnique([...before.tree.keys(), ...after.tree.keys()]);
  const judge = makeJudge(sides);
  return paths
    .filter((path) => before.tree.get(path) !== after.tree.get(path))
    .map((path) => ({ path, change: changeOf(sides, path), ...judge(path) }))
    .sort(byText((file) => file.path));
}

function changeOf({ before, after }: ComparedSides, path: string): FileDiff["change"] {
  if (!before.tree.has(path)) return "added";
  return after.tree.has(path) ? "changed" : "removed";
}

type Verdict = Pick<FileDiff, "isExpected" | "why">;

const expected = (why: string): Verdict => ({ isExpected: true, why });
const unexpected = (why: string): Verdict => ({ isExpected: false, why });

function makeJudge(sides: ComparedSides): (path: string) => Verdict {
  const { before, after } = sides;
  const order = sortedUnique([...before.stages.keys(), ...after.stages.keys()]).sort(compareStageIds);
  const changed = new Map(sides.stages.map((stage) => [stage.stage, stage]));
  const neighbours = new Set(order.filter((_, at) => changed.has(order[at + 1] ?? "")));
  const carriesRelease = sides.stages.some((stage) => after.stages.get(stage.stage)?.body.has("values.yaml") === true);
  return (path) => {
    const place = placeOf(path);
    switch (place.area) {
      case "page":
        return expected("a page for people");
      case "engine":
        if (changed.has(place.stageId)) return expected(`the engine's object of stage ${place.stageId}`);
        return neighbours.has(place.stageId)
          ? expected("nobody waits for this stage any more, or somebody does again")
          : unexpected(`stage ${place.stageId} does not change its state`);
      case "release":
        return carriesRelease
          ? expected("the stage changes the release")
          : unexpected("no stage that changes the release changes its state");
      case "bootstrap":
        return changed.size === 0
          ? expected("what a person applies once; it has to be applied again")
          : unexpected("what a person applies once changes together with a state");
      case "stage":
        return judgeStageFile(sides, changed.get(place.stageId), place);
    }
  };
}

function judgeStageFile(
  { before, after, stages }: ComparedSides,
  changed: StageDiff | undefined,
  { stageId, file }: TreePlace & { readonly area: "stage" },
): Verdict {
  if (!isBodyFile(file)) return expected("a page for people");
  const old = before.stages.get(stageId);
  const young = after.stages.get(stageId);
  if (old !== undefined && young !== undefined && neutralText(old, file) === neutralText(young, file))
    return expected("only digests differ");
  if (changed !== undefined && changed.before.attempt !== changed.after.attempt)
    return expected("a new attempt of the stage");
  const state = before.standingOf(stageId).state;
  if (state !== "held") return unexpected(`stage ${stageId} is ${state}: its body was reviewed and is frozen`);
  return stages.length === 0
    ? expected("the stage is held")
    : unexpected(`stage ${stageId} is rendered anew together with a change of state`);
}
