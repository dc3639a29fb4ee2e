import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { planMoves } from "../../lib/strategies/blue-green/plan-moves.ts";
import type { Application } from "../../lib/strategies/blue-green/read-applications.ts";
import { page, planRoute, planRouteWith, told } from "./route.ts";

const golden = join(import.meta.dirname, "golden/calico-blue-green");

describe("a second cluster, beside one with Calico", async () => {
  const { migration, tree, findings } = await planRoute("calico-blue-green");
  const root = "calico-blue-green";

  test("makes stages for the second cluster only: chart, policies, validation", () => {
    expect(migration.stages.map((stage) => stage.id)).toEqual(["000-cilium", "030-policies", "820-validate"]);
    expect([...tree.keys()].filter((path) => path.includes("ciliumnodeconfig"))).toEqual([]);
    expect(tree.get(`${root}/stages/000-cilium/values.yaml`)).toMatch(/^ {2}customConf: false$/mu);
  });

  test("nothing of the first cluster's network is in the second's values", () => {
    const values = tree.get(`${root}/stages/000-cilium/values.yaml`) ?? "";

    expect(values).not.toMatch(/cali\+|vxlan\.calico|tunl0|^MTU|^nodeSelector:/mu);
    expect(migration.target.podCIDRs).toEqual(["10.112.0.0/16"]);
  });

  test.each(["MOVES.md", "TRAFFIC.md", "MATRIX.md", "stages/000-cilium/STAGE.md"])("writes %s", async (path) => {
    await expect(page(tree, `${root}/${path}`)).toMatchFileSnapshot(join(golden, path.replaceAll("/", "-")));
  });

  test("PLAN.md says what people do, and that the first cluster is left as it is", () => {
    const text = page(tree, `${root}/PLAN.md`);

    expect(text).toContain("applied **to the second cluster**");
    for (const name of ["MOVES.md", "TRAFFIC.md", "MATRIX.md"]) expect(text).toContain(`[${name}](${name})`);
    expect(text).not.toContain("## Network policy while both networks run");
  });

  test("what only matters while two networks share a node does not block", () => {
    expect(told(findings, /^source\/autodetection$/u)[0]).toMatch(/^info /u);
    expect(told(findings, /^waves\//u)).toEqual([]);
  });
});

describe("what a second cluster must not get from the first", () => {
  test("the address of the first API server is refused until the plan names the second's", async () => {
    const named = await planRoute("ovn-blue-green");
    const taken = await planRoute("ovn-blue-green", [
      "    k8sServiceHost: 192.168.178.161\n    k8sServicePort: 6443\n",
      "",
    ]);

    expect(told(named.findings, /second-address/u)).toEqual([]);
    expect(told(taken.findings, /second-address|service-host-needed/u)).toMatchSnapshot();
  });
});

describe("the order of applications", () => {
  const application = (namespace: string, parts: Partial<Application> = {}): Application => ({
    namespace,
    labels: {},
    workloads: [],
    barePods: [],
    claims: [],
    hostPaths: [],
    entries: [],
    ...parts,
  });
  const claim = { name: "data", size: "1Gi", storageClass: "fast", usedBy: [] };
  const entry = { name: "Ingress/web", known: ["shop.example"] };

  test("goes from those that need nothing to those whose data and traffic change sides at once", () => {
    const moves = planMoves([
      application("both", { claims: [claim], entries: [entry] }),
      application("data", { claims: [claim] }),
      application("entry", { entries: [entry] }),
      application("plain"),
      application("bare", { barePods: ["one"] }),
      application("host", { hostPaths: ["/data"] }),
    ]);

    expect(moves.map((move) => move.applications.map((one) => one.namespace))).toEqual([
      ["plain"],
      ["entry"],
      ["data", "bare", "host"],
      ["both"],
    ]);
  });

  test("a class with nobody in it is no wave", () => {
    expect(planMoves([application("data", { claims: [claim] })]).map((move) => move.number)).toEqual([1]);
    expect(planMoves([])).toEqual([]);
  });
});

describe("an address that the first cluster tells", () => {
  const tells = (endpoint: string) => `apiVersion: v1
kind: ConfigMap
metadata: { name: cluster-info, namespace: kube-public }
data:
  kubeconfig: "server: https://${endpoint}"
`;
  const replaces = ["  policies:", "  target: { kubeProxyReplacement: true }\n  policies:"] as const;

  test("is an error where it would get into the values of the second", async () => {
    const { findings } = await planRouteWith("calico-blue-green", tells("api.first.example:6443"), replaces);

    expect(findings.filter(({ code }) => code === "strategies/second-address")).toEqual([
      {
        code: "strategies/second-address",
        severity: "error",
        message: "k8sServiceHost would be api.first.example, which the inventory of the first cluster tells",
        where: {
          file: "test/strategies/plans/calico-blue-green.yaml",
          field: "spec.target.k8sServiceHost",
        },
        reason: "the agents of the second cluster would ask the first one's API server",
        remedy:
          "write the address of the second cluster's API server into spec.target.k8sServiceHost and k8sServicePort",
      },
    ]);
  });

  test.each([
    ["the plan names the second's", "k8sServiceHost: api.second.example, k8sServicePort: 6443"],
    ["kube-proxy stays", "kubeProxyReplacement: false"],
  ])("is no matter where %s", async (_name, target) => {
    const { findings } = await planRouteWith("calico-blue-green", tells("api.first.example:6443"), [
      "  policies:",
      `  target: { ${target} }\n  policies:`,
    ]);

    expect(told(findings, /second-address/u)).toEqual([]);
  });
});
