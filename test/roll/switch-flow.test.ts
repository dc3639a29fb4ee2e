import { describe, expect, test } from "vitest";
import { getString, type JsonObject } from "../../lib/core/json.ts";
import { switchObjects } from "../../lib/roll/switch-objects.ts";
import { agentLabel } from "../../lib/target/waiting-values.ts";
import { sampleClean, sampleContext } from "./sample.ts";
import type { StandIn, Troubles } from "./stand-in/cluster.ts";
import { events, labCluster, podAddresses, reviewedDigest } from "./stand-in/lab.ts";
import { canRun, runJob } from "./stand-in/run-script.ts";

// Control flow only, as in roll-flow.test.ts: the cluster is a stand-in, its behaviour is judged in conformance/.

const nodes = ["worker-1", "worker-2", "worker-3"];
const stage = "100-switch";
const canal = {
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  namespace: "kube-system",
  name: "canal",
  step: "agents",
  from: "inventory",
  why: "it runs on the nodes",
} as const;
const objects = switchObjects({
  context: {
    ...sampleContext,
    continuity: "off",
    facts: { ...sampleContext.facts, daemonSets: ["kube-system/canal"] },
  },
  stage: { id: stage, attempt: 1, previous: { id: "100-canary", digest: reviewedDigest } },
  nodes,
  removal: [canal],
  leftovers: sampleClean.leftovers,
  policies: 0,
});

/** A cluster in which everything of Cilium is there but the agents. */
function frozenCluster(options: { troubles?: Troubles; selector?: JsonObject } = {}): StandIn {
  const cluster = labCluster(options.troubles === undefined ? {} : { troubles: options.troubles });
  for (const pod of cluster.list("pods"))
    if (pod["app"] === "cilium") cluster.objects.delete(`pods/kube-system/${String(pod.metadata["name"])}`);
  for (const [namespace, name] of [
    ["kube-system", "cilium"],
    ["metachron", "metachron-images"],
  ] as const)
    cluster.put("daemonsets", {
      metadata: { namespace, name, generation: 1 },
      spec: { template: { spec: { nodeSelector: options.selector ?? { [agentLabel]: "yes" } } } },
      status: { observedGeneration: 1, desiredNumberScheduled: 3, currentNumberScheduled: 3 },
    });
  return cluster;
}

const labelled = (cluster: StandIn): readonly string[] =>
  cluster.calls.filter((call) => call.startsWith("label node ")).map((call) => call.split(" ")[2] ?? "");
const isNew = (address: string): boolean => address.startsWith("10.245.");

describe.skipIf(!canRun)("switch.sh", () => {
  test("takes the first node through everything before the others are touched, then all of them at once", async () => {
    const cluster = frozenCluster();

    const run = await runJob(cluster, objects);

    expect(run.ended).toBe(0);
    expect(cluster.find("daemonsets", "kube-system", "canal")).toBeUndefined();
    expect(labelled(cluster)).toEqual(nodes);
    const order = events(run).filter((event) => /:(clean|agent|pods)$/u.test(event));
    expect(order).toEqual([
      "worker-1:5:clean",
      "worker-1:6:agent",
      "worker-1:7:pods",
      "worker-2:5:clean",
      "worker-3:5:clean",
      "worker-2:6:agent",
      "worker-3:6:agent",
      "worker-2:7:pods",
      "worker-3:7:pods",
    ]);
    expect(nodes.flatMap((node) => podAddresses(cluster, node)).every(isNew)).toBe(true);
    expect(cluster.marker(stage)).toMatchObject({ state: "done", "node.worker-3": "done" });
  });

  test("leaves pods of restartPolicy Never alone, and names them", async () => {
    const cluster = frozenCluster();
    cluster.addPod("shop", "import", "worker-2", { owner: "Job", restartPolicy: "Never", name: "import-1" });

    const run = await runJob(cluster, objects);

    expect(run.ended).toBe(0);
    const left = run.log.find((line) => line["event"] === "left")?.["message"];
    expect(left).toMatch(/^1 pods of restartPolicy Never have no network until they end: shop\/import-1\(10\.244\./u);
  });

  test("touches no node when a manager brings the old network back", async () => {
    const cluster = frozenCluster();
    const [before] = cluster.list("daemonsets").filter((object) => object.metadata["name"] === "canal");

    const run = await runJob(cluster, objects, {
      afterCall: (call) => {
        if (call.startsWith("delete daemonsets.apps canal"))
          cluster.after(10, () => cluster.put("daemonsets", before as unknown as JsonObject));
        return undefined;
      },
    });

    expect(run.ended).toBe(50);
    expect(run.log.at(-1)?.["message"]).toMatch(/^the old network was brought back by its manager/u);
    expect(labelled(cluster)).toEqual([]);
  });

  test("deletes nothing while the agents do not wait for their label", async () => {
    const cluster = frozenCluster({ selector: { "kubernetes.io/os": "linux" } });

    const run = await runJob(cluster, objects);

    expect(run.ended).toBe(30);
    expect(cluster.find("daemonsets", "kube-system", "canal")).toBeDefined();
  });

  test("stops after the first node when its agent does not start, and the others keep what carries their packets", async () => {
    const cluster = frozenCluster({ troubles: { lostAgents: ["worker-1"] } });

    const run = await runJob(cluster, objects);

    expect(run.ended).toBe(50);
    expect(labelled(cluster)).toEqual(["worker-1"]);
    expect(cluster.calls.filter((call) => call.startsWith("delete pod clean-100-switch"))).not.toHaveLength(0);
  });

  test("goes on with the nodes that are not done, wherever it was killed", async () => {
    const kills = ["delete daemonsets.apps canal", "label node worker-1", "label node worker-2", "label node worker-3"];
    for (const kill of kills) {
      const cluster = frozenCluster();

      const first = await runJob(cluster, objects, {
        afterCall: (call) => (call.startsWith(kill) ? "SIGKILL" : undefined),
      });
      const second = await runJob(cluster, objects);

      expect([kill, first.ended, second.ended]).toEqual([kill, "SIGKILL", 0]);
      expect(nodes.flatMap((node) => podAddresses(cluster, node)).every(isNew)).toBe(true);
      expect(
        cluster.list("pods").filter((pod) => getString(pod as never, "metadata", "labels", "metachron.dev/helper")),
      ).toEqual([]);
    }
  });
});
