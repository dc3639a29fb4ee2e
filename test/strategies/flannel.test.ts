import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { page, planRoute, told } from "./route.ts";

const golden = join(import.meta.dirname, "golden/canal-to-flannel");
const accepted = `  preflight:
    accept:
      - { code: strategies/protection-lost, object: "*", reason: a laboratory without tenants, by: platform team }
`;

describe("from Canal to flannel alone", async () => {
  const { migration, tree } = await planRoute("canal-to-flannel");

  test("is pages for people and no stage", () => {
    expect(migration.stages).toEqual([]);
    expect([...tree.keys()]).toEqual([
      "canal-to-flannel/PLAN.md",
      "canal-to-flannel/policies.md",
      "canal-to-flannel/flannel/10-configmap.yaml",
      "canal-to-flannel/flannel/20-daemonset.yaml",
    ]);
  });

  test.each(["PLAN.md", "policies.md", "flannel/10-configmap.yaml", "flannel/20-daemonset.yaml"])(
    "writes %s",
    async (path) => {
      await expect(page(tree, `canal-to-flannel/${path}`)).toMatchFileSnapshot(join(golden, path.replaceAll("/", "-")));
    },
  );

  test("keeps flannel to the letter and nothing of Calico", () => {
    const text = page(tree, "canal-to-flannel/flannel/20-daemonset.yaml");
    const pod = parse(text).spec.template.spec;

    expect(pod.containers.map((one: { name: string }) => one.name)).toEqual(["kube-flannel"]);
    expect(pod.volumes.map((one: { name: string }) => one.name).sort()).toEqual([
      "flannel-cfg",
      "metachron-cni-bin",
      "metachron-cni-net",
      "metachron-config",
      "xtables-lock",
    ]);
    expect(text).not.toMatch(/calico/u);
    expect(parse(text).spec.updateStrategy).toEqual({ type: "OnDelete" });
  });

  test("keeps the name of the CNI network, and so the folder of its leases", () => {
    const config = parse(page(tree, "canal-to-flannel/flannel/10-configmap.yaml")).data["cni-conf.json"];

    expect(JSON.parse(config)).toMatchObject({
      name: "k8s-pod-network",
      plugins: [{ type: "flannel" }, { type: "portmap" }],
    });
  });
});

describe("what is lost, and what there is no way to", () => {
  test("every policy blocks until a person accepts that nobody enforces it", async () => {
    const { findings } = await planRoute("canal-to-flannel", [accepted, ""]);
    const lost = told(findings, /protection-lost/u);

    expect(lost.length).toBeGreaterThan(5);
    expect(lost.every((line) => line.startsWith("error ") && line.includes(" -> nothing: "))).toBe(true);
    expect(lost[0]).toMatchSnapshot();
  });

  test.each([
    ["Calico, also not through Multus", "calico-multus-to-flannel", []],
    ["Canal in place", "canal-to-flannel", [["  target:", "  strategy: in-place\n  target:"]]],
    ["Kube-Router", "kube-router-in-place", [["  target:\n", "  target:\n    cni: flannel\n"]]],
  ] as const)("%s is refused with what next", async (_name, plan, changes) => {
    const { findings, tree } = await planRoute(plan, ...changes);

    expect(tree.size).toBe(0);
    expect(told(findings, /flannel-refused/u)).toMatchSnapshot();
  });
});
