import { describe, expect, test } from "vitest";
import { getStringMap, type JsonObject } from "../../lib/core/json.ts";
import { type AgentsInput, agentObjects } from "../../lib/roll/agent-objects.ts";
import { executors } from "../../lib/roll/executors.ts";
import { gateObjects } from "../../lib/roll/gate-objects.ts";
import { cleanObjects, removalObjects } from "../../lib/roll/removal-objects.ts";
import { newNodesConfig } from "../../lib/target/node-config.ts";
import { sampleClean, sampleContext, sampleInput, sampleRemoval } from "./sample.ts";
import type { StandIn } from "./stand-in/cluster.ts";
import {
  applyStage,
  events,
  labCluster,
  moveByHand,
  moveEverything,
  replaceMachine,
  reviewedDigest,
  stage,
  withEnv,
} from "./stand-in/lab.ts";
import { canRun, runJob } from "./stand-in/run-script.ts";

// Control flow only, as in roll-flow.test.ts: the cluster is a stand-in, its behaviour is judged in conformance/.

const nodes = ["worker-1", "worker-2", "worker-3"];
const after = (id: string) => ({ id, attempt: 1, previous: { id: "100-canary", digest: reviewedDigest } });
const deletions = (cluster: StandIn): readonly string[] => cluster.calls.filter((call) => call.startsWith("delete "));

describe.skipIf(!canRun)("gate.sh", () => {
  const gate = gateObjects({
    context: sampleContext,
    stage: after("010-cilium"),
    checks: ["agents", "dormant", "echo", "bridge"],
    patienceSeconds: 60,
  });

  test("leaves the marker when every check holds", async () => {
    const cluster = labCluster();

    const run = await runJob(cluster, gate);

    expect(run.ended).toBe(0);
    expect(events(run).slice(2, 6)).toEqual([":3:agents", ":3:dormant", ":3:echo", ":3:bridge"]);
    expect(cluster.marker("010-cilium")["state"]).toBe("done");
  });

  test("ends with 61 when a pod is on the new network before any wave", async () => {
    const cluster = labCluster();
    const pod = cluster.addPod("shop", "early", "worker-1", { owner: "ReplicaSet", name: "early" });
    (pod["status"] as Record<string, unknown>)["podIP"] = "10.245.1.1";

    const run = await runJob(cluster, gate);

    expect(run.ended).toBe(61);
    expect(run.log.at(-1)?.["message"]).toBe("1 pods are on the new network before any wave: shop/early(10.245.1.1)");
  });

  test("counts policies and names those that are not Valid", async () => {
    const cluster = labCluster();
    const policy = (name: string, status: string): JsonObject => ({
      kind: "CiliumNetworkPolicy",
      metadata: { namespace: "shop", name },
      status: { conditions: [{ type: "Valid", status, message: "why" }] },
    });
    cluster.put("ciliumnetworkpolicies", policy("good", "True"));
    cluster.put("ciliumnetworkpolicies", policy("bad", "False"));

    const run = await runJob(
      cluster,
      gateObjects({
        context: sampleContext,
        stage: after("030-policies"),
        checks: ["policies"],
        policies: 2,
        patienceSeconds: 60,
      }),
    );

    expect(run.ended).toBe(60);
    expect(run.log.at(-1)?.["message"]).toBe(
      "of 2 Cilium policies 1 are Valid; not Valid: CiliumNetworkPolicy/shop/bad|False|why ",
    );
  });
});

describe.skipIf(!canRun)("agents.sh", () => {
  const input: AgentsInput = {
    context: sampleContext,
    stage: after("800-finalise"),
    kind: "finalise",
    nodes,
    expectedConfig: { "cni-exclusive": "true", "custom-cni-conf": "" },
    nodeConfigs: ["metachron-110-general-a"],
  };
  const withValues = (cluster: StandIn): StandIn => {
    cluster.put("configmaps", {
      metadata: { namespace: "kube-system", name: "cilium-config" },
      data: { "cni-exclusive": "true" },
    });
    return cluster;
  };

  test("refuses with 30 while a node is there that no wave took", async () => {
    const cluster = withValues(labCluster());
    moveEverything(cluster);
    cluster.addNode("new-1");

    const run = await runJob(cluster, agentObjects(input));

    expect(run.ended).toBe(30);
    expect(run.log.at(-1)?.["message"]).toBe("nodes that no done wave took would be taken over: new-1 ");
    expect(deletions(cluster)).toEqual([]);
  });

  test("refuses with 61 while a pod is on the old network", async () => {
    const cluster = withValues(labCluster());

    expect((await runJob(cluster, agentObjects(input))).ended).toBe(61);
    expect(deletions(cluster)).toEqual([]);
  });

  test("restarts every agent once, deletes the node configurations before, and goes on where it was killed", async () => {
    const cluster = withValues(labCluster());
    moveEverything(cluster);
    let restarts = 0;

    const first = await runJob(cluster, agentObjects(input), {
      afterCall: (call) => {
        if (!call.startsWith("delete pod cilium-")) return undefined;
        restarts += 1;
        return restarts === 2 ? "SIGKILL" : undefined;
      },
    });
    const second = await runJob(cluster, agentObjects(input));

    expect([first.ended, second.ended]).toEqual(["SIGKILL", 0]);
    expect(deletions(cluster).filter((call) => call.startsWith("delete pod cilium-"))).toHaveLength(3);
    expect(deletions(cluster)[0]).toMatch(/^delete ciliumnodeconfig metachron-110-general-a/u);
  });
});

describe.skipIf(!canRun)("remove-source.sh", () => {
  const removal = removalObjects({ ...sampleRemoval, nodes });

  test("refuses with 61, and deletes nothing, while a pod uses the old network", async () => {
    const cluster = labCluster();

    expect((await runJob(cluster, removal)).ended).toBe(61);
    expect(deletions(cluster)).toEqual([]);
  });

  test("refuses with 61 while a pod has no Cilium endpoint", async () => {
    const cluster = labCluster();
    moveEverything(cluster);
    const pod = cluster.addPod("shop", "odd", "worker-1", { owner: "ReplicaSet", name: "odd" });
    (pod["status"] as Record<string, unknown>)["podIP"] = "10.99.0.1";

    const run = await runJob(cluster, removal);

    expect(run.ended).toBe(61);
    expect(run.log.at(-1)?.["message"]).toBe("pods have no Cilium endpoint: shop/odd ");
  });

  test("deletes object by object in the order of its list, and waits for the pods of a DaemonSet", async () => {
    const cluster = labCluster();
    moveEverything(cluster);
    cluster.put("globalnetworkpolicies", { metadata: { name: "deny-rest" } });

    const run = await runJob(cluster, removal);

    expect(run.ended).toBe(0);
    expect(
      run.log
        .filter((line) => line["event"] === "remove" && !String(line["message"]).startsWith("part"))
        .map((line) => String(line["message"]).split(".")[0]),
    ).toEqual([
      "ciliumclusterwidenetworkpolicies",
      "globalnetworkpolicies",
      "globalnetworkpolicies",
      "daemonsets",
      "clusterroles",
      "configmaps kube-system/canal-config",
      "customresourcedefinitions",
      "daemonsets",
    ]);
    expect(cluster.list("pods").filter((pod) => pod["app"] === "canal")).toEqual([]);
  });
});

describe.skipIf(!canRun)("clean-nodes.sh", () => {
  const clean = cleanObjects({ ...sampleClean, nodes });

  test("refuses with 30 while the old network runs", async () => {
    const cluster = labCluster();
    moveEverything(cluster);

    expect((await runJob(cluster, clean)).ended).toBe(30);
  });

  test("cleans node after node and takes the old network's annotations away, no others", async () => {
    const cluster = labCluster();
    moveEverything(cluster);
    cluster.objects.delete("daemonsets/kube-system/canal");
    const node = cluster.find("nodes", undefined, "worker-2") as unknown as { metadata: Record<string, unknown> };
    node.metadata["annotations"] = { "flannel.alpha.coreos.com/backend-data": "x", "example.com/mine": "y" };

    const run = await runJob(cluster, clean);

    expect(run.ended).toBe(0);
    expect(getStringMap(node as unknown as JsonObject, "metadata", "annotations")).toEqual({ "example.com/mine": "y" });
    expect(nodes.map((name) => cluster.marker("910-clean-nodes")[`node.${name}`])).toEqual(["done", "done", "done"]);
  });
});

describe.skipIf(!canRun)("wave-gate.sh", () => {
  test("waits until somebody moved the nodes, lets each pass the gates, and leaves the marker", async () => {
    const cluster = labCluster();
    const objects = executors.manual.objects(sampleInput);
    applyStage(cluster, objects);
    moveByHand(cluster, "worker-2", 100);
    moveByHand(cluster, "worker-1", 300);

    const run = await runJob(cluster, objects);

    expect(run.ended).toBe(0);
    expect(events(run).filter((event) => event.endsWith(":passed"))).toEqual([
      "worker-2:11:passed",
      "worker-1:11:passed",
    ]);
    expect(cluster.marker(stage)["state"]).toBe("done");
  });

  const replaced = executors["cluster-api"].objects({
    ...sampleInput,
    wave: { ...sampleInput.wave, mode: "replace" },
  });
  const withCatchAll = (cluster: StandIn): StandIn => {
    const known = ["worker-1", "ip-10-0-0-2", "worker-3"];
    cluster.put("ciliumnodeconfigs", newNodesConfig(known, { "cni-exclusive": "false" }, "kube-system"));
    return cluster;
  };

  test("waits until the machines of the wave are gone and as many new ones are on Cilium", async () => {
    const cluster = withCatchAll(labCluster());
    applyStage(cluster, replaced);
    replaceMachine(cluster, "worker-1", "new-1", 100);
    replaceMachine(cluster, "worker-2", "new-2", 300);

    const run = await runJob(cluster, replaced);

    expect(run.ended).toBe(0);
    expect(events(run).filter((event) => event.endsWith(":passed"))).toEqual(["new-1:11:passed", "new-2:11:passed"]);
    expect(cluster.marker(stage)["state"]).toBe("done");
  });

  test("takes a machine that came back under its old name for a new one", async () => {
    const cluster = withCatchAll(labCluster());
    applyStage(cluster, replaced);
    moveByHand(cluster, "worker-1", 100);
    replaceMachine(cluster, "worker-2", "new-2", 300);

    const run = await runJob(cluster, replaced);

    expect(run.ended).toBe(0);
    expect(events(run).filter((event) => event.endsWith(":passed"))).toEqual(["worker-1:11:passed", "new-2:11:passed"]);
  });

  test("ends with 50 and says what is missing when one machine does not come", async () => {
    const cluster = withCatchAll(labCluster());
    const hasty = withEnv(replaced, "PATIENCE", "600");
    applyStage(cluster, hasty);
    replaceMachine(cluster, "worker-1", "new-1", 100);

    const run = await runJob(cluster, hasty);

    expect(run.ended).toBe(50);
    expect(run.log.at(-1)?.["message"]).toBe("not replaced in 600 s: worker-2(still-there)");
  });
});
