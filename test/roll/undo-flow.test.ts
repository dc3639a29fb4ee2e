import { describe, expect, test } from "vitest";
import { undoObjects } from "../../lib/roll/undo-objects.ts";
import { waveObjects } from "../../lib/roll/wave-objects.ts";
import { sampleInput, sampleUndoInput } from "./sample.ts";
import type { StandIn } from "./stand-in/cluster.ts";
import { applyStage, events, isCordoned, labCluster, podAddresses, stage } from "./stand-in/lab.ts";
import { canRun, type Interference, type Run, runJob } from "./stand-in/run-script.ts";

// Control flow only, as in roll-flow.test.ts: the cluster is a stand-in, its behaviour is judged in conformance/.

describe.skipIf(!canRun)("undo.sh", () => {
  const undo = undoObjects(sampleUndoInput);

  async function rolledBack(nodes: number, interference: Interference = {}): Promise<{ cluster: StandIn; run: Run }> {
    const cluster = labCluster();
    const objects = waveObjects(sampleInput);
    applyStage(cluster, objects);
    let switched = 0;
    await runJob(cluster, objects, {
      // Stops the wave in the middle of the node after `nodes` finished ones.
      afterCall: (call) => {
        if (call.startsWith("delete pod cilium-")) switched += 1;
        return switched > nodes && call.startsWith("delete pod cilium-") ? "SIGTERM" : undefined;
      },
    });
    applyStage(cluster, undo);
    return { cluster, run: await runJob(cluster, undo, interference) };
  }

  test("takes a whole wave back, with two restarts of each agent: before the file comes back, and after the pods did", async () => {
    const { cluster, run } = await rolledBack(2);

    expect(run.stderr).toBe("");
    expect(run.ended).toBe(0);
    expect(cluster.marker(stage)["state"]).toBe("undone");
    const addresses = ["worker-1", "worker-2"].flatMap((node) => podAddresses(cluster, node));
    expect(addresses.filter((one) => one.startsWith("10.245."))).toEqual([]);
    const calls = cluster.calls.slice(cluster.calls.findIndex((call) => call.includes('"state":"undoing"')));
    const restarts = calls.flatMap((call, place) => (call.startsWith("delete pod cilium-") ? [place] : []));
    const restore = calls.findIndex((call) => call.startsWith("get pod restore-"));
    expect(restarts).toHaveLength(4);
    expect(restore).toBeGreaterThan(restarts[0] ?? -1);
    expect(restore).toBeLessThan(restarts[1] ?? -1);
  });

  test("uncordons a node that the broken-off roll had cordoned, and only looks at one it never reached", async () => {
    const { cluster, run } = await rolledBack(0);

    expect(run.ended).toBe(0);
    expect(["worker-1", "worker-2"].map((node) => isCordoned(cluster, node))).toEqual([false, false]);
    expect(events(run)).toContain("worker-2:4:skip");
    expect(events(run)).not.toContain("worker-2:5:cordon");
  });

  test("a wave that was rolled back can be rolled again: the object that won over it goes, every node starts anew", async () => {
    const { cluster } = await rolledBack(2);
    const again = waveObjects({ ...sampleInput, stage: { ...sampleInput.stage, attempt: 2 } });
    applyStage(cluster, again);

    const run = await runJob(cluster, again);

    expect(run.ended).toBe(0);
    expect(cluster.find("ciliumnodeconfigs", "kube-system", `metachron-${stage}-undo`)).toBeUndefined();
    expect(cluster.marker(stage)["state"]).toBe("done");
    expect(cluster.isOnCilium("worker-1") && cluster.isOnCilium("worker-2")).toBe(true);
  });
});
