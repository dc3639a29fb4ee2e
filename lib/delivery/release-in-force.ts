import type { HelmRelease, Stage } from "../stages/stage.ts";

/** The Helm release that the engines have to hold in the cluster now. */
export interface ReleaseInForce {
  readonly release: HelmRelease;
  /** The stage whose values these are. */
  readonly stageId: string;
  /** Whether the stage that installed it is rolling back: the engine must let go of it before the stage's Job removes it. */
  readonly isSuspended: boolean;
}

/**
 * Which release the stages' states ask for: that of the last stage with a release that is open or done.
 *
 * A stage with a release that rolls back falls back to the release before it; where there is none, its own release stays,
 * suspended. `undefined` while every stage with a release is held.
 * `releases` is keyed by stage id.
 */
export function releaseInForce(
  stages: readonly Stage[],
  releases: ReadonlyMap<string, HelmRelease>,
): ReleaseInForce | undefined {
  let found: ReleaseInForce | undefined;
  for (const stage of stages) {
    const release = releases.get(stage.id);
    if (release === undefined || stage.state === "held") continue;
    if (stage.state !== "rollback") found = { release, stageId: stage.id, isSuspended: false };
    else found ??= { release, stageId: stage.id, isSuspended: true };
  }
  return found;
}
