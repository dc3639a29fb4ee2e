import { describe, expect, test } from "vitest";
import { getString, type JsonObject } from "../../lib/core/json.ts";
import { waveObjects } from "../../lib/roll/wave-objects.ts";
import { sampleInput } from "./sample.ts";
import {
  applyStage,
  events,
  isCordoned,
  type LabOptions,
  labCluster,
  oneNodeObjects,
  outcome,
  podAddresses,
  reviewedDigest,
  roll,
  stage,
  withEnv,
} from "./stand-in/lab.ts";
import { canRun, runJob } from "./stand-in/run-script.ts";

/*
 * The scripts are run here for their control flow: what they call, in which order, what they leave behind when something
 * fails or they are killed. The cluster is a stand-in in this process. Whether an API server, the Eviction API, a kubelet or
 * a Cilium agent behaves as the stand-in does is judged in conformance/, against the real ones, and by nothing in this file.
 */

describe.skipIf(!canRun)(`roll.sh${canRun ? "" : " (skipped: no sh or mkfifo)"}`, () => {
  test("moves the nodes one after the other and leaves a marker with the digest", async () => {
    const { cluster, run } = await roll(waveObjects(sampleInput));

    expect(run.stderr).toBe("");
    expect(run.ended).toBe(0);
    expect(cluster.marker(stage)).toMatchObject({ state: "done", digest: `sha256:${"0".repeat(64)}`, attempt: "1" });
    expect(podAddresses(cluster, "worker-1").every((address) => address.startsWith("10.245."))).toBe(true);
    const order = events(run).filter((event) => /:(?:cordon|agent|uncordon)$/u.test(event));
    expect(order).toEqual([
      "worker-1:5:cordon",
      "worker-1:7:agent",
      "worker-1:7:agent",
      "worker-1:10:uncordon",
      "worker-2:5:cordon",
      "worker-2:7:agent",
      "worker-2:7:agent",
      "worker-2:10:uncordon",
    ]);
  });

  test("empties a node before it switches it, and touches DaemonSet pods only after", async () => {
    const { cluster } = await roll(oneNodeObjects());

    const at = (pattern: RegExp): number => cluster.calls.findIndex((call) => pattern.test(call));
    const evictions = cluster.calls.flatMap((call, place) => (call.includes("/eviction") ? [{ call, place }] : []));
    const switchAt = at(/^delete pod cilium-/u);
    expect(
      evictions.filter(({ place }) => place < switchAt).map(({ call }) => /pods\/([a-z]+)-/u.exec(call)?.[1]),
    ).toEqual(["web"]);
    expect(
      evictions.filter(({ place }) => place > switchAt).map(({ call }) => /pods\/([a-z-]+)-\d/u.exec(call)?.[1]),
    ).toEqual(["metachron-echo", "agent"]);
  });

  test("does nothing when the marker says done with the same digest", async () => {
    const cluster = labCluster();
    const objects = oneNodeObjects();
    applyStage(cluster, objects);
    cluster.put("configmaps", {
      metadata: { namespace: "metachron", name: `wave-${stage}` },
      data: { state: "done", digest: `sha256:${"0".repeat(64)}` },
    });

    const run = await runJob(cluster, objects);

    expect(run.ended).toBe(0);
    expect(cluster.calls.filter((call) => /^(?:patch|delete)/u.test(call))).toEqual([]);
  });

  test.each<[string, LabOptions]>([
    ["is not done", { previous: { state: "running", digest: reviewedDigest } }],
    [
      "is done with another digest than the reviewed one",
      { previous: { state: "done", digest: `sha256:${"d".repeat(64)}` } },
    ],
  ])("refuses with 20 and touches nothing when the stage before %s", async (_what, options) => {
    const { cluster, run } = await roll(oneNodeObjects(), options);

    expect(run.ended).toBe(20);
    expect(cluster.calls.filter((call) => /^(?:patch node|delete|create --raw)/u.test(call))).toEqual([]);
    expect(cluster.marker(stage)["state"]).toBe("failed");
  });

  test("refuses with 30 when the CiliumNodeConfig in the cluster has another digest", async () => {
    const cluster = labCluster();
    const objects = oneNodeObjects();
    applyStage(cluster, objects, (config) => {
      const metadata = config["metadata"] as JsonObject;
      return { ...config, metadata: { ...metadata, annotations: { "metachron.dev/body-digest": "sha256:old" } } };
    });

    const run = await runJob(cluster, objects);

    expect(run.ended).toBe(30);
    expect(cluster.calls.filter((call) => call.startsWith("patch node"))).toEqual([]);
  });

  test("refuses with 30 when another CiliumNodeConfig sorts later and takes a node of the wave", async () => {
    const cluster = labCluster();
    const objects = oneNodeObjects();
    applyStage(cluster, objects);
    cluster.put("ciliumnodeconfigs", {
      metadata: { namespace: "kube-system", name: "zz-mine" },
      spec: {
        nodeSelector: { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["worker-1"] }] },
        defaults: { "enable-policy": "never" },
      },
    });

    const run = await runJob(cluster, objects);

    expect(run.ended).toBe(30);
    expect(run.log.at(-1)?.["message"]).toContain("zz-mine");
  });

  test("accepts the catch-all that sorts last and takes only nodes that the plan does not know", async () => {
    const cluster = labCluster();
    const objects = oneNodeObjects();
    applyStage(cluster, objects);
    cluster.put("ciliumnodeconfigs", {
      metadata: { namespace: "kube-system", name: "metachron-zz-new-nodes" },
      spec: {
        nodeSelector: {
          matchExpressions: [
            { key: "kubernetes.io/hostname", operator: "NotIn", values: ["ip-10-0-0-2", "worker-1", "worker-3"] },
          ],
        },
        defaults: {},
      },
    });

    expect((await runJob(cluster, objects)).ended).toBe(0);
  });

  test("refuses with 30, before any node is touched, pods that eviction would lose", async () => {
    const cluster = labCluster();
    cluster.addPod("shop", "lonely", "worker-1", { name: "lonely" });
    const objects = oneNodeObjects();
    applyStage(cluster, objects);

    const run = await runJob(cluster, objects);

    expect(run.ended).toBe(30);
    expect(run.log.at(-1)?.["message"]).toBe(
      "eviction would lose these pods or their data for good: shop/lonely(no-controller)",
    );
    expect(isCordoned(cluster, "worker-1")).toBe(false);
  });

  test("asks again as long as a budget refuses", async () => {
    const { cluster, run } = await roll(oneNodeObjects(), { troubles: { budget: { "shop/web": 5, "shop/agent": 3 } } });

    expect(run.ended).toBe(0);
    expect(cluster.calls.filter((call) => /pods\/web-\d+\/eviction/u.test(call))).toHaveLength(6);
  });

  test("does not chase a pod that comes back to a cordoned node: it moves after the switch", async () => {
    const cluster = labCluster();
    cluster.addPod("shop", "clingy", "worker-1", { owner: "ReplicaSet", isSticky: true });
    const objects = withEnv(oneNodeObjects(), "DRAIN_TIMEOUT", "120");
    applyStage(cluster, objects);

    const run = await runJob(cluster, objects);

    expect(run.ended).toBe(0);
    expect(outcome(cluster)).toMatchObject({ oldPods: [] });
  });

  test("stops with 40 and leaves the node cordoned when a budget never allows it", async () => {
    const objects = withEnv(oneNodeObjects(), "DRAIN_TIMEOUT", "60");
    const { cluster, run } = await roll(objects, { troubles: { budget: { "shop/web": 100_000 } } });

    expect(run.ended).toBe(40);
    expect(isCordoned(cluster, "worker-1")).toBe(true);
    expect(cluster.isOnCilium("worker-1")).toBe(false);
  });

  test("stops with 50 and leaves the node cordoned when its agent does not come back", async () => {
    const { cluster, run } = await roll(oneNodeObjects(), { troubles: { lostAgents: ["worker-1"] } });

    expect(run.ended).toBe(50);
    expect(isCordoned(cluster, "worker-1")).toBe(true);
    expect(cluster.marker(stage)).toMatchObject({ state: "failed", message: expect.stringMatching(/^exit 50: /u) });
  });

  test.each([
    ["check", 50],
    ["canary", 60],
    ["probe", 60],
  ])(
    "stops when the helper pod %s fails, with %i, before a workload is evicted after the switch",
    async (helper, code) => {
      const { cluster, run } = await roll(oneNodeObjects(), { troubles: { failingHelpers: [helper] } });

      expect(run.ended).toBe(code);
      expect(cluster.calls.filter((call) => /pods\/agent-\d+\/eviction/u.test(call))).toEqual([]);
      expect(isCordoned(cluster, "worker-1")).toBe(true);
    },
  );

  test("leaves a node cordoned that was cordoned before, also when the run was killed after its own cordon", async () => {
    let isKilled = false;
    const options: LabOptions = { cordoned: ["worker-1"] };
    const cluster = labCluster(options);
    const objects = oneNodeObjects();
    applyStage(cluster, objects);

    const first = await runJob(cluster, objects, {
      afterCall: (call) => {
        if (isKilled || !call.startsWith("patch node")) return undefined;
        isKilled = true;
        return "SIGKILL";
      },
    });
    const second = await runJob(cluster, objects);

    expect([first.ended, second.ended]).toEqual(["SIGKILL", 0]);
    expect(isCordoned(cluster, "worker-1")).toBe(true);
  });

  test.each([
    [false, 0],
    [true, 60],
  ])("asks hostPorts that answered before again after the switch: dead then %s ends with %i", async (isDead, code) => {
    const cluster = labCluster();
    cluster.addPod("ingress", "proxy", "worker-1", { owner: "DaemonSet", hostPort: 443 });
    const objects = oneNodeObjects();
    applyStage(cluster, objects);

    const run = await runJob(cluster, objects, {
      afterCall: (call) => {
        if (call.startsWith("delete pod cilium-")) cluster.deadPorts = isDead;
        return undefined;
      },
    });

    expect(run.ended).toBe(code);
    expect(cluster.marker(stage)["hostports.worker-1"]).toBe("443 ");
  });

  test("on TERM says where, gives the lease back, uncordons nothing and ends with 70", async () => {
    const { cluster, run } = await roll(
      oneNodeObjects(),
      {},
      {
        afterCall: (call) => (call.startsWith("delete pod cilium-") ? "SIGTERM" : undefined),
      },
    );

    expect(run.ended).toBe(70);
    expect(cluster.marker(stage)).toMatchObject({
      state: "running",
      message: "exit 70: told to stop at step 7 of node worker-1",
    });
    expect(isCordoned(cluster, "worker-1")).toBe(true);
    expect(
      getString(cluster.find("leases", "metachron", "roll") as unknown as JsonObject, "spec", "holderIdentity"),
    ).toBe("");
  });

  test("waits for another executor's lease only until it is seen not to be renewed", async () => {
    const cluster = labCluster();
    const objects = oneNodeObjects();
    applyStage(cluster, objects);
    cluster.put("leases", {
      metadata: { namespace: "metachron", name: "roll" },
      spec: { holderIdentity: "somebody", renewTime: "2026-01-01T00:00:00.000000Z" },
    });

    const run = await runJob(cluster, objects);

    expect(run.ended).toBe(0);
    expect(events(run)).toContain(":0:lease");
  });

  test("stops with 11 while another executor renews its lease", async () => {
    const cluster = labCluster();
    const objects = oneNodeObjects();
    const renew = (): void => {
      cluster.put("leases", {
        metadata: { namespace: "metachron", name: "roll" },
        spec: { holderIdentity: "somebody", renewTime: String(cluster.seconds) },
      });
      cluster.after(20, renew);
    };
    renew();

    expect((await runJob(cluster, objects)).ended).toBe(11);
  });

  test("survives an API server that is deaf for every fifth call", async () => {
    const { cluster, run } = await roll(oneNodeObjects(), { troubles: { deafCalls: (call) => call % 5 === 0 } });

    expect(run.ended).toBe(0);
    expect(outcome(cluster)).toMatchObject({ state: "done", oldPods: [], cordoned: [false, false] });
  });

  test("recycles every pod in place in mode recycle, but those of restartPolicy Never", async () => {
    const cluster = labCluster();
    cluster.addPod("shop", "lonely", "worker-1", { name: "lonely" });
    const never = cluster.addPod("shop", "task", "worker-1", { name: "task", restartPolicy: "Never" });
    const objects = oneNodeObjects("recycle");
    applyStage(cluster, objects);
    const before = cluster.list("pods").map((pod) => pod.metadata["uid"]);

    const run = await runJob(cluster, objects);

    const old = podAddresses(cluster, "worker-1").filter((address) => address.startsWith("10.244."));
    expect(run.ended).toBe(0);
    expect(old).toEqual([getString(never as unknown as JsonObject, "status", "podIP")]);
    // Only the agent's pod is another one.
    expect(
      cluster
        .list("pods")
        .filter((pod) => !before.includes(pod.metadata["uid"]))
        .map((pod) => pod["app"]),
    ).toEqual(["cilium"]);
    expect(cluster.calls.filter((call) => call.includes("/eviction") && !call.includes("dryRun=All"))).toEqual([]);
  });
});
