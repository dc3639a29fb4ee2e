import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { renderYaml } from "../../lib/core/yaml.ts";
import { detectSource } from "../../lib/source/detect-source.ts";
import { nodeBatch } from "../../lib/target/node-config.ts";
import { planTarget } from "../../lib/target/plan-target.ts";
import { plan } from "./cluster.ts";
import { clusterFolders, readCluster } from "./read-cluster.ts";

async function targetOf(name: string) {
  const inventory = await readCluster(name);
  const source = detectSource(inventory, "auto");
  return planTarget({ plan: plan(), inventory, source, requiredValues: { nodeSelectorLabels: true } });
}

describe.each(["kind-canal", "calico-vxlan-prod", "flannel-k3s"])("the values file of %s", (name) => {
  test("while both networks run", async () => {
    const { value } = await targetOf(name);

    await expect(value?.migration.text).toMatchFileSnapshot(`golden/${name}/values.migration.yaml`);
  });

  test("for the time after the migration", async () => {
    const { value } = await targetOf(name);

    await expect(value?.final.text).toMatchFileSnapshot(`golden/${name}/values.final.yaml`);
  });

  test("and the node config of its first wave", async () => {
    const { value } = await targetOf(name);

    const canary = nodeBatch("100-canary", ["node-a"], value?.nodeConfigDefaults ?? {}, value?.namespace);

    await expect(renderYaml(canary)).toMatchFileSnapshot(`golden/${name}/ciliumnodeconfig.yaml`);
  });
});

test.each(Object.keys(clusterFolders))("of %s, the text is exactly the values", async (name) => {
  const { value } = await targetOf(name);

  expect(parse(value?.migration.text ?? "")).toEqual(value?.migration.values);
  expect(parse(value?.final.text ?? "")).toEqual(value?.final.values);
});
