import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { getArray, getIn, getString, getStringMap, type JsonObject } from "../../lib/core/json.ts";
import { gateObjects } from "../../lib/roll/gate-objects.ts";
import type { Pack } from "../../lib/roll/probe-objects.ts";
import { sampleContext } from "./sample.ts";
import type { StandIn, Troubles } from "./stand-in/cluster.ts";
import { labCluster, reviewedDigest } from "./stand-in/lab.ts";
import { canRun, runJob } from "./stand-in/run-script.ts";

// Control flow only, as in roll-flow.test.ts: the cluster is a stand-in, its behaviour is judged in conformance/.

const pack: Pack = {
  pods: [
    { id: "01", namespace: "shop", labels: { app: "web" }, namedPorts: [] },
    {
      id: "02",
      namespace: "shop",
      serviceAccount: "db",
      labels: { app: "db" },
      namedPorts: [{ name: "sql", protocol: "TCP", port: 5432 }],
    },
  ],
  probes: [
    probe("p01", "01", "02", "TCP", 5432, "allow"),
    probe("p02", "01", "02", "UDP", 53, "deny"),
    probe("p03", "02", "02", "TCP", 5432, "deny"),
  ],
};

function probe(
  id: string,
  from: string,
  to: string,
  protocol: "TCP" | "UDP",
  port: number,
  expected: "allow" | "deny",
): Pack["probes"][number] {
  const name = (pod: string): string => (pod === "01" ? "shop/Deployment/web" : "shop/StatefulSet/db");
  const packet = `${name(from)} -> ${name(to)} ${protocol} ${port}`;
  return { id, from, to, protocol, port, family: 4, expected, packet, decidedBy: "NetworkPolicy/shop/db ingress[0]" };
}

const stage = "040-probes";
const objects = gateObjects({
  context: sampleContext,
  stage: { id: stage, attempt: 1, previous: { id: "100-canary", digest: reviewedDigest } },
  kind: "validate",
  checks: ["probes"],
  pack,
});

const objectOf = (kind: string): JsonObject => {
  const found = objects.find(({ object }) => object["kind"] === kind)?.object;
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
};

const jobOf = (id: string): JsonObject => parse(getStringMap(objectOf("ConfigMap"), "data")[`${id}.yaml`] ?? "");

describe("a pod of the pack", () => {
  test("is a Job's, is never ready, and ends by itself", () => {
    const spec = getIn(jobOf("l02"), "spec") as JsonObject;

    expect([spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]]).toEqual([
      0, 900, 120,
    ]);
    expect(getIn(spec, "template", "spec", "readinessGates")).toEqual([{ conditionType: "metachron.dev/never-ready" }]);
  });

  test("has the labels that policies ask for, the account and the named ports", () => {
    const template = getIn(jobOf("l02"), "spec", "template") as JsonObject;

    expect(getStringMap(template, "metadata", "labels")).toEqual({ app: "db", "metachron.dev/probe": "pack" });
    expect(getString(template, "spec", "serviceAccountName")).toBe("db");
    expect(getIn(getArray(template, "spec", "containers")[0] as JsonObject, "ports")).toEqual([
      { name: "sql", protocol: "TCP", containerPort: 5432 },
    ]);
  });

  test("names no variable that the kubelet would expand in its script", () => {
    const command = getArray(getArray(jobOf("c01"), "spec", "template", "spec", "containers")[0], "command").map(
      String,
    );

    expect(command[2]).not.toMatch(/\$\$|\$\((?!\()/u);
    expect(command[2]).not.toContain("@");
  });
});

test("the Job may make and delete Jobs of its own in the namespaces of the pack, and nothing else there", () => {
  const roles = objects.filter(({ object }) => object["kind"] === "Role").map(({ object }) => object);
  const rules = roles.find((role) => getString(role, "metadata", "namespace") === "shop")?.["rules"];

  expect(rules).toEqual([
    { apiGroups: ["batch"], resources: ["jobs"], verbs: ["create"] },
    {
      apiGroups: ["batch"],
      resources: ["jobs"],
      verbs: ["delete", "get"],
      resourceNames: ["metachron-probe-c01", "metachron-probe-c02", "metachron-probe-l02"],
    },
  ]);
});

/** Jobs and pods of the pack that are still there. */
const left = (cluster: StandIn): readonly string[] =>
  [...cluster.list("jobs"), ...cluster.list("pods")]
    .map(({ metadata }) => String(metadata["name"]))
    .filter((name) => name.startsWith("metachron-probe-"));

const run = async (troubles: Troubles = {}) => {
  const cluster = labCluster({ troubles });
  return { cluster, run: await runJob(cluster, objects) };
};

describe.skipIf(!canRun)("the pack in a gate", () => {
  test("prints a table, leaves the marker and no pod", async () => {
    const { cluster, run: whole } = await run();

    expect(whole.stderr).toBe("");
    expect(whole.table).toEqual([
      "probe wanted seen   tries  packet",
      "p01   allow  allow  1      shop/Deployment/web -> shop/StatefulSet/db TCP 5432, by NetworkPolicy/shop/db ingress[0]",
      "p02   deny   deny   1      shop/Deployment/web -> shop/StatefulSet/db UDP 53, by NetworkPolicy/shop/db ingress[0]",
      "p03   deny   deny   1      shop/StatefulSet/db -> shop/StatefulSet/db TCP 5432, by NetworkPolicy/shop/db ingress[0]",
    ]);
    expect(whole.ended).toBe(0);
    expect(cluster.marker(stage)).toMatchObject({ state: "done", probes: "3 of 3 as expected" });
    expect(left(cluster)).toEqual([]);
  });

  test("ends with 63 when one verdict is another, names it, and leaves no pod", async () => {
    const { cluster, run: wrong } = await run({ wrongProbes: ["p02"] });

    expect(wrong.ended).toBe(63);
    expect(wrong.table[2]).toBe(
      "p02   deny   allow  1      shop/Deployment/web -> shop/StatefulSet/db UDP 53, by NetworkPolicy/shop/db ingress[0]  <-- WRONG",
    );
    expect(wrong.log.at(-1)?.["message"]).toBe(
      "not as expected; p02 shop/Deployment/web -> shop/StatefulSet/db UDP 53: wanted deny by NetworkPolicy/shop/db ingress[0], seen allow",
    );
    expect(cluster.marker(stage)["state"]).toBe("failed");
    expect(left(cluster)).toEqual([]);
  });

  test.each([
    ["metachron-probe-l02", "listen"],
    ["metachron-probe-c01", "end"],
  ])("ends with 60 when %s does not come up, says why, and leaves no pod", async (lost, what) => {
    const { cluster, run: stuck } = await run({ lostProbes: [lost] });

    expect(stuck.ended).toBe(60);
    const message = String(stuck.log.at(-1)?.["message"]);
    expect(message.replaceAll(" )", ")").trim()).toBe(
      `pods of the pack do not ${what}: shop/${lost}(Pending ImagePullBackOff)`,
    );
    expect(left(cluster)).toEqual([]);
  });

  test("told to stop, takes its pods away", async () => {
    const cluster = labCluster();

    const stopped = await runJob(cluster, objects, {
      afterCall: (call) =>
        call.startsWith("get pods -n shop -l job-name=metachron-probe-l02") ? "SIGTERM" : undefined,
    });
    cluster.advance(10);

    expect(stopped.ended).toBe(70);
    expect(left(cluster)).toEqual([]);
  });

  test("killed after any change, comes to the same end at the next run", async () => {
    const changes: number[] = [];
    await runJob(labCluster(), objects, {
      beforeCall: (call, count) => {
        if (/^(?:create|patch|delete)/u.test(call)) changes.push(count);
        return undefined;
      },
    });
    const ends: unknown[] = [];
    for (const number of changes.filter((_number, at) => at % 3 === 0)) {
      const cluster = labCluster();
      const first = await runJob(cluster, objects, {
        afterCall: (_call, count) => (count === number ? "SIGKILL" : undefined),
      });
      const second = await runJob(cluster, objects);
      ends.push([first.ended, second.ended, cluster.marker(stage)["state"], left(cluster)]);
    }

    expect(ends.length).toBeGreaterThan(4);
    expect(ends).toEqual(ends.map(() => ["SIGKILL", 0, "done", []]));
  });
});
