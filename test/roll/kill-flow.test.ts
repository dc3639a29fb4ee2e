import { describe, expect, test } from "vitest";
import { applyStage, labCluster, oneNodeObjects, outcome } from "./stand-in/lab.ts";
import { canRun, runJob } from "./stand-in/run-script.ts";

// Control flow only, as in roll-flow.test.ts: the cluster is a stand-in, its behaviour is judged in conformance/.

/** Calls that change something: a run may be killed right after any of them. Lease and image pulls of helpers aside. */
const isChange = (call: string): boolean => /^(?:create|patch|delete)/u.test(call);

/** METACHRON_FULL=yes kills after every change in both modes; otherwise after every fifth kind of change in one. */
const isFull = process.env["METACHRON_FULL"] === "yes";

describe.skipIf(!canRun).each<["evict" | "recycle"]>(isFull ? [["evict"], ["recycle"]] : [["evict"]])(
  "a killed roll in mode %s",
  (mode) => {
    test("comes to the same end, whichever change it was killed after", async () => {
      const changes = new Map<number, string>();
      const whole = labCluster();
      applyStage(whole, oneNodeObjects(mode));
      await runJob(whole, oneNodeObjects(mode), {
        beforeCall: (call, count) => {
          if (isChange(call)) changes.set(count, kindOf(call));
          return undefined;
        },
      });
      const firsts = [...changes].filter(([, kind], at, all) => all.findIndex((other) => other[1] === kind) === at);
      const points = isFull ? [...changes] : firsts.filter((_point, at) => at % 5 === 0);

      const ends = await inParallel(points, async ([number, kind]) => {
        const cluster = labCluster();
        applyStage(cluster, oneNodeObjects(mode));
        const first = await runJob(cluster, oneNodeObjects(mode), {
          afterCall: (_call, count) => (count === number ? "SIGKILL" : undefined),
        });
        const second = await runJob(cluster, oneNodeObjects(mode));
        return { kind, killed: first.ended, ended: second.ended, outcome: outcome(cluster) };
      });

      expect(points.length).toBeGreaterThan(2);
      expect(ends).toEqual(points.map(([, kind]) => ({ kind, killed: "SIGKILL", ended: 0, outcome: outcome(whole) })));
    });
  },
);

/** A call without the names that differ from run to run: `patch configmap node.worker-1 step 7`, `delete pod canary`. */
function kindOf(call: string): string {
  const step = /"step\\":(\d+)/u.exec(call)?.[1] ?? "";
  const words = call.split(" ").filter((word) => !word.startsWith("-") && !word.startsWith("{"));
  return `${words
    .slice(0, 3)
    .join(" ")
    .replace(/-[0-9].*$/u, "")} ${step}`.trim();
}

/** Two at a time: the machines that run the tests have two cores. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as T);
  };
  await Promise.all([worker(), worker()]);
  return results;
}
