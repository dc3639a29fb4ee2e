import { expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { choosePool } from "../../lib/target/choose-pool.ts";
import { detection, facts, inventory, plan, threeNodes } from "./cluster.ts";

const ciliumConfig: JsonObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "cilium-config", namespace: "kube-system" },
  data: { "cluster-pool-ipv4-cidr": "10.250.0.0/16", "cluster-pool-ipv4-mask-size": "25" },
};

function choose(target: JsonObject, others: readonly JsonObject[], source: "canal" | "cilium" = "canal") {
  return choosePool(plan({ target }), inventory(threeNodes, [], others), detection(source, facts()));
}

test("a plan that names no pool goes on with the installed Cilium's, and is told to write it down", () => {
  expect(choose({}, [ciliumConfig])).toEqual({
    value: { cidrs: ["10.250.0.0/16"], maskSize: { ipv4: 25 } },
    findings: [
      {
        code: "target/pod-cidr-installed",
        severity: "info",
        message: "Cilium is installed with the pool 10.250.0.0/16; the plan goes on with it",
        where: { file: "plans/test.yaml", field: "spec.target.podCIDRs" },
        remedy: "write spec.target.podCIDRs: [10.250.0.0/16] into the plan",
        data: { podCIDRs: ["10.250.0.0/16"] },
      },
    ],
  });
});

test.each([
  ["the plan names the same pool", { podCIDRs: ["10.250.0.0/16"] }, [ciliumConfig], []],
  ["the plan adds a second prefix", { podCIDRs: ["10.250.0.0/16", "10.251.0.0/16"] }, [ciliumConfig], []],
  ["the plan names another", { podCIDRs: ["10.251.0.0/16"] }, [ciliumConfig], ["target/pod-cidr-changed"]],
  ["the plan changes its blocks", { podCIDRMaskSize: 24 }, [ciliumConfig], ["target/pod-cidr-changed"]],
  ["no Cilium is there", {}, [], ["target/pod-cidr-proposed"]],
] as const)("nothing goes on silently where %s", (_name, target, others, codes) => {
  const { findings } = choose(target as unknown as JsonObject, others);

  expect(findings.map(({ code }) => code)).toEqual(codes);
});
