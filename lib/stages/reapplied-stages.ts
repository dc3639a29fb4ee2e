/**
 * Stages that can be applied again while later ones are done: their Jobs only look, and their objects may be applied any number
 * of times. Scripts change with a release of metachron, policies with the cluster.
 */
const reapplied: ReadonlySet<string> = new Set(["000-prepare", "030-policies"]);

/** Whether a stage that is done may be opened again with its next attempt. */
export function canApplyAgain(stageId: string): boolean {
  return reapplied.has(stageId);
}
