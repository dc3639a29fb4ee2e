import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCommand } from "../cli/run-command.ts";
import { configMap, daemonSet } from "../source/inventories.ts";
import { runScenario } from "./run-scenario.ts";
import { smallCluster } from "./small-cluster.ts";

const sharedGateway = {
  objects: [
    ...smallCluster({ kubeProxy: "none" }),
    daemonSet("ovnkube-node", {
      namespace: "ovn-kubernetes",
      desired: 5,
      containers: [
        { name: "ovnkube-controller", image: "ghcr.io/ovn-kubernetes/ovn-kubernetes/ovn-kube-ubuntu:master" },
      ],
    }),
    configMap("ovn-config", { net_cidr: "10.244.0.0/16/24", svc_cidr: "10.96.0.0/12", mtu: "1400" }, "ovn-kubernetes"),
  ],
};

test("a strategy that the source cannot do is refused, and forced only with a reason, which PLAN.md repeats", async () => {
  const { folder } = await runScenario("ovn", sharedGateway);
  const plan = join(folder, "plans/ovn.yaml");
  const synth = ["synth", "--plan", plan, "--out", join(folder, "dist-of-live")] as const;
  const change = (old: RegExp, young: string): void =>
    writeFileSync(plan, readFileSync(plan, "utf8").replace(old, young));

  change(/^ {2}strategy: in-place$/mu, "  strategy: live");
  const refused = await runCommand(...synth);
  change(
    /^ {4}accept: \[\]\n(?=\n# State)/mu,
    `    accept:
      - { code: migration/live-refused, object: "*", reason: proven in our lab on 3 March, by: ada }
      - { code: source/shared-gateway, object: "*", reason: proven in our lab on 3 March, by: ada }
`,
  );
  const forced = await runCommand(...synth);
  const page = readFileSync(join(folder, "dist-of-live/ovn/PLAN.md"), "utf8");

  expect([refused.exitCode, refused.out]).toEqual([
    1,
    "No stage can be made yet: nothing was written. Follow the remedies above.\n",
  ]);
  expect(refused.error).toContain("migration/live-refused");
  expect(refused.error).toMatch(/do {4}in-place|in-place; blue-green|strategy: in-place/u);
  expect(forced.exitCode).toBe(0);
  expect(forced.error).toContain("strategies/forced");
  expect(page).toContain("proven in our lab on 3 March");
});
