import { expect, test } from "vitest";
import {
  detectSource,
  findNodeLeftovers,
  planSourcePreparation,
  planSourceRemoval,
} from "../../lib/source/detect-source.ts";
import { readCluster } from "./inventories.ts";

const clusters = ["kind-canal", "calico-vxlan-prod", "calico-multus", "flannel-k3s", "kube-router", "ovn-kubernetes"];

test.each(clusters)("the whole answer for %s is the reviewed one", async (name) => {
  const inventory = await readCluster(name);

  const detection = detectSource(inventory, "auto");

  const answer = {
    detection,
    preparation: planSourcePreparation(inventory, detection),
    removal: planSourceRemoval(inventory, detection).map(
      (one) => `${one.step}: ${one.kind} ${one.namespace ?? ""}/${one.name} (${one.from})`,
    ),
    leftovers: findNodeLeftovers(inventory, detection),
  };
  await expect(`${JSON.stringify(answer, undefined, 2)}\n`).toMatchFileSnapshot(`golden/${name}.json`);
});

test.each(clusters)("%s named in the plan is the same answer as found by itself", async (name) => {
  const inventory = await readCluster(name);
  const found = detectSource(inventory, "auto");

  expect(detectSource(inventory, found.source)).toEqual(found);
});
